package emulator_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

const (
	acrScope = "https://containerregistry.azure.net/.default"
	armScope = "https://management.azure.com/.default"
	guidA    = "aaaaaaaa-0000-4000-8000-000000000001"
	guidB    = "bbbbbbbb-0000-4000-8000-000000000002"
	guidC    = "cccccccc-0000-4000-8000-000000000003"
	nullGUID = "00000000-0000-0000-0000-000000000000"
)

// desk is a registry with what a test of its wire needs.
type desk struct {
	*emulatortest.Registry
	t      *testing.T
	client *http.Client
}

func start(t *testing.T, policies emulator.Policies, change ...func(*emulator.Options)) *desk {
	t.Helper()
	options := &emulator.Options{Registries: []emulator.RegistryOptions{{Name: "acrkit", Policies: policies}}}
	for _, f := range change {
		f(options)
	}
	registry := emulatortest.Start(t, options)
	return &desk{Registry: registry, t: t, client: registry.HTTPClient()}
}

// answer is a response whose body was read.
type answer struct {
	*http.Response
	body string
}

func (a answer) challenge() string { return a.Header.Get("WWW-Authenticate") }

func (d *desk) do(method, path, authorization string, body io.Reader, header ...string) answer {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), method, d.Endpoint+path, body)
	if err != nil {
		d.t.Fatal(err)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := d.client.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return answer{response, string(text)}
}

func (d *desk) post(path string, form url.Values) answer {
	d.t.Helper()
	return d.do(http.MethodPost, path, "", strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func (d *desk) entra(id, scope string) string {
	d.t.Helper()
	token, err := d.NewCredential(id).GetToken(d.t.Context(), policy.TokenRequestOptions{Scopes: []string{scope}})
	if err != nil {
		d.t.Fatal(err)
	}
	return token.Token
}

func (d *desk) exchange(entraToken string) answer {
	d.t.Helper()
	return d.post("/oauth2/exchange?api-version=2021-07-01", url.Values{
		"grant_type": {"access_token"}, "service": {d.LoginServer}, "access_token": {entraToken},
	})
}

func (d *desk) member(a answer, name string) string {
	d.t.Helper()
	if a.StatusCode != http.StatusOK {
		d.t.Fatalf("got %s %s", a.Status, a.body)
	}
	members := map[string]string{}
	if err := json.Unmarshal([]byte(a.body), &members); err != nil || len(members) != 1 {
		d.t.Fatalf("got %s, want one member", a.body)
	}
	return members[name]
}

func (d *desk) refreshToken(id string) string {
	d.t.Helper()
	return d.member(d.exchange(d.entra(id, acrScope)), "refresh_token")
}

func (d *desk) accessToken(refreshToken string, scopes ...string) string {
	d.t.Helper()
	return d.member(d.post("/oauth2/token", url.Values{
		"grant_type": {"refresh_token"}, "service": {d.LoginServer}, "refresh_token": {refreshToken}, "scope": scopes,
	}), "access_token")
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func send(t *testing.T, client *http.Client, method, target, body string, header ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			request.Host = header[i+1]
			continue
		}
		request.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response, string(text)}
}

// syncBuffer is a buffer that a server may write to while a test reads it.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newTextLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// claims decodes a token's payload the way the official Go library does: with
// the standard alphabet.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token has %d parts", len(parts))
	}
	payload, err := base64.RawStdEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatalf("payload is not standard base64: %v", err)
	}
	got := map[string]any{}
	if err := json.Unmarshal(payload, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// withoutID is the body of an error of the token endpoints without the id at
// the end of its message.
func withoutID(body string) string { return correlationSuffix.ReplaceAllString(body, `"`) }

// accessTokenOf is the access token of a response that may hold more.
func accessTokenOf(t *testing.T, body string) string {
	t.Helper()
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || got.Token == "" {
		t.Fatalf("no access token in %s: %v", body, err)
	}
	return got.Token
}

// grants lists what an access token allows, as scopes.
func grants(t *testing.T, token string) []string {
	t.Helper()
	got := []string{}
	for _, entry := range claims(t, token)["access"].([]any) {
		e := entry.(map[string]any)
		actions := []string{}
		for _, action := range e["Actions"].([]any) {
			actions = append(actions, action.(string))
		}
		got = append(got, e["Type"].(string)+":"+e["Name"].(string)+":"+strings.Join(actions, ","))
	}
	return got
}
