package interop

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd" // the password access controller
	_ "github.com/distribution/distribution/v3/registry/auth/token"    // the token access controller
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory" // the storage driver
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"
)

const (
	tokenIssuer      = "interop"
	registryUser     = "builder"
	registryPassword = "correct horse"
)

// startDistribution runs the distribution project's registry in this process,
// in memory. It lets everyone in, or asks for passwords ("htpasswd") or tokens
// ("token"); those it trusts from a token service of the test's own, which
// stands at the same origin, as ACR's does.
func startDistribution(t *testing.T, authentication string) server {
	t.Helper()
	config := &configuration.Configuration{
		Version: configuration.CurrentVersion,
		Storage: configuration.Storage{"inmemory": nil, "delete": configuration.Parameters{"enabled": true}, "maintenance": configuration.Parameters{
			"uploadpurging": map[any]any{"enabled": false},
		}},
	}
	config.Log.Level = "panic"
	config.Log.AccessLog.Disabled = true
	config.HTTP.Secret = "interop"
	logrus.SetOutput(io.Discard)

	var app *handlers.App
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { app.ServeHTTP(w, r) })
	web := httptest.NewServer(mux)
	s := serverAt(t, web.URL)
	if authentication != "" {
		s.username, s.password = registryUser, registryPassword
	}
	switch authentication {
	case "htpasswd":
		config.Auth = configuration.Auth{"htpasswd": configuration.Parameters{"realm": "interop", "path": writePasswords(t)}}
	case "token":
		service := newTokenService(t)
		mux.Handle("/oauth2/token", service)
		config.Auth = configuration.Auth{"token": configuration.Parameters{
			"realm": s.endpoint + "/oauth2/token", "service": s.host, "issuer": tokenIssuer, "rootcertbundle": service.bundle,
		}}
	}
	ctx, cancel := context.WithCancel(context.Background())
	app = handlers.NewApp(ctx, config)
	t.Cleanup(func() {
		web.Close()
		if err := app.Shutdown(); err != nil {
			t.Error(err)
		}
		cancel()
	})
	return s
}

// writePasswords writes a file as htpasswd does.
func writePasswords(t *testing.T) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(registryPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "passwords")
	if err := os.WriteFile(path, fmt.Appendf(nil, "%s:%s\n", registryUser, hash), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// startDockerRegistry runs the registry that Debian packages, an older release
// of distribution, with its files on disk and passwords.
func startDockerRegistry(t *testing.T) server {
	t.Helper()
	need(t, "docker-registry")
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, `version: 0.1
log: {level: info, formatter: json, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}
http: {addr: "127.0.0.1:0", secret: interop}
auth: {htpasswd: {realm: interop, path: %s}}
`, filepath.Join(dir, "data"), writePasswords(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(context.WithoutCancel(t.Context()), "docker-registry", "serve", config)
	log, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	go func() {
		defer close(address)
		// To the end, for it would stop when the pipe is full.
		for lines := bufio.NewScanner(log); lines.Scan(); {
			if match := listening.FindStringSubmatch(lines.Text()); match != nil {
				address <- match[1]
			}
		}
	}()
	t.Cleanup(func() {
		// It has no graceful end that its exit code would tell of.
		_ = c.Process.Kill()
		for range address {
		}
		_ = c.Wait()
	})
	host, ok := <-address
	if !ok {
		t.Fatal("docker-registry ended before it listened")
	}
	s := serverAt(t, "http://"+host)
	s.username, s.password = registryUser, registryPassword
	return s
}

// listening is what docker-registry logs when it is ready.
var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)

// tokenService answers as the distribution project's token specification
// says, for one user.
type tokenService struct {
	t      *testing.T
	key    *ecdsa.PrivateKey
	der    []byte
	bundle string
}

func newTokenService(t *testing.T) *tokenService {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: tokenIssuer},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	bundle := filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tokenService{t: t, key: key, der: der, bundle: bundle}
}

func (s *tokenService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	user, password, ok := r.BasicAuth()
	if !ok {
		user, password = r.Form.Get("username"), r.Form.Get("password")
	}
	if user != registryUser || password != registryPassword {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	type access struct {
		Type    string   `json:"type"`
		Name    string   `json:"name"`
		Actions []string `json:"actions"`
	}
	granted := []access{}
	for _, field := range r.Form["scope"] {
		for scope := range strings.FieldsSeq(field) {
			parts := strings.Split(scope, ":")
			if len(parts) == 3 {
				granted = append(granted, access{parts[0], parts[1], strings.Split(parts[2], ",")})
			}
		}
	}
	now := time.Now()
	token, err := s.sign(map[string]any{
		"iss": tokenIssuer, "sub": user, "aud": r.Form.Get("service"), "jti": "1",
		"iat": now.Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(time.Hour).Unix(), "access": granted,
	})
	if err != nil {
		s.t.Error(err)
	}
	w.Header().Set("Content-Type", "application/json")
	// As docker's own specification has it, where ACR's says access_token.
	_, _ = fmt.Fprintf(w, `{"token":%q,"expires_in":3600,"issued_at":%q}`, token, now.UTC().Format(time.RFC3339))
}

// sign makes an ES256 token that carries its certificate.
func (s *tokenService) sign(claims map[string]any) (string, error) {
	header, err := json.Marshal(map[string]any{"typ": "JWT", "alg": "ES256", "x5c": []string{base64.StdEncoding.EncodeToString(s.der)}})
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode(header) + "." + encode(payload)
	sum := sha256.Sum256([]byte(signed))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return signed + "." + encode(signature), nil
}
