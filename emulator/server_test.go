package emulator_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator"
)

// serve starts a server on a free loopback port, and ends it with the test.
func serve(t *testing.T, options emulator.ServerOptions) (*emulator.Server, *http.Client) {
	t.Helper()
	options.Address = "127.0.0.1:0"
	options.AdminUser = len(options.Emulator.Registries) == 0
	if options.Emulator.Dir == "" {
		options.Emulator.Dir = t.TempDir()
	}
	options.Emulator.NoSync = true
	server, err := emulator.StartServer(&options)
	if err != nil {
		t.Fatal(err)
	}
	running := server.Running()
	client, err := running.HTTPClient()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		if err := server.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return server, client
}

func TestServerPushAndPullOverTwoOrigins(t *testing.T) {
	for _, withTLS := range []bool{false, true} {
		server, client := serve(t, emulator.ServerOptions{TLS: withTLS})
		user, password := server.AdminUser()
		if user != "acrkit" || len(password) != 52 {
			t.Fatalf("admin user %q, password of %d characters", user, len(password))
		}
		authorization := basic(user, password)
		host := strings.TrimPrefix(strings.TrimPrefix(server.Endpoint(), "https://"), "http://")
		scheme, _, _ := strings.Cut(server.Endpoint(), ":")
		got := send(t, client, http.MethodGet, server.Endpoint()+"/v2/", "")
		if want := `Bearer realm="` + scheme + "://" + host + `/oauth2/token",service="` + host + `"`; got.challenge() != want {
			t.Errorf("challenge %s, want %s", got.challenge(), want)
		}
		start := send(t, client, http.MethodPost, server.Endpoint()+"/v2/a/blobs/uploads/", "", "Authorization", authorization)
		data := strings.Repeat("blob", 5<<20/4)
		digest := digestOf([]byte(data))
		put := send(t, client, http.MethodPut, server.Endpoint()+start.Header.Get("Location")+"&digest="+url.QueryEscape(digest), data, "Authorization", authorization)
		if put.StatusCode != http.StatusCreated {
			t.Fatalf("put: %s %s", put.Status, put.body)
		}
		pulled := send(t, client, http.MethodGet, server.Endpoint()+"/v2/a/blobs/"+digest, "", "Authorization", authorization)
		if pulled.StatusCode != http.StatusOK || pulled.body != data {
			t.Fatalf("pull: %s, %d bytes", pulled.Status, len(pulled.body))
		}
		if origin := pulled.Request.URL; origin.Hostname() != "localhost" || origin.Scheme != scheme {
			t.Errorf("the blob came from %s", origin.Host)
		}
		if leaked := send(t, client, http.MethodGet, pulled.Request.URL.String(), "", "Authorization", authorization); leaked.StatusCode != http.StatusBadRequest {
			t.Errorf("storage took an Authorization header: %s", leaked.Status)
		}
	}
}

func TestServerKeepsItsSecretsToTheUser(t *testing.T) {
	dir := t.TempDir()
	server, client := serve(t, emulator.ServerOptions{Emulator: emulator.Options{Dir: dir}, TLS: true})
	// The first token that is looked at makes the signing key.
	send(t, client, http.MethodGet, server.Endpoint()+"/v2/", "", "Authorization", "Bearer x")
	for _, name := range []string{"running.json", "admin-password", "ca-key.pem", "signing-key.pem"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

func TestServerCertificateIsGoodForItsNames(t *testing.T) {
	server, _ := serve(t, emulator.ServerOptions{TLS: true, Hosts: []string{"registry.test"}})
	running := server.Running()
	pem, err := os.ReadFile(running.AuthorityFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	address := strings.TrimPrefix(server.Endpoint(), "https://")
	for _, name := range []string{"localhost", "127.0.0.1", "acrkit.localhost", "acrkit.azurecr.io", "registry.test"} {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: name})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		conn.Close()
	}
	if conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: "mcr.microsoft.com"}); err == nil {
		conn.Close()
		t.Error("the certificate is good for a foreign name")
	}
}

func TestAuthorityAndTokensOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	options := emulator.ServerOptions{Emulator: emulator.Options{Dir: dir, NoSync: true}, Address: "127.0.0.1:0", AdminUser: true, TLS: true}
	var authorities, passwords []string
	for range 2 {
		server, err := emulator.StartServer(&options)
		if err != nil {
			t.Fatal(err)
		}
		pem, err := os.ReadFile(server.Running().AuthorityFile)
		if err != nil {
			t.Error(err)
		}
		authorities = append(authorities, string(pem))
		_, password := server.AdminUser()
		passwords = append(passwords, password)
		if err := server.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if authorities[0] != authorities[1] || passwords[0] != passwords[1] {
		t.Error("the authority or the admin password changed")
	}
}

func TestFindRunning(t *testing.T) {
	dir := t.TempDir()
	if running, err := emulator.FindRunning(t.Context(), dir); running != nil || err != nil {
		t.Fatalf("no server: %v, %v", running, err)
	}
	for _, withTLS := range []bool{false, true} {
		server, err := emulator.StartServer(&emulator.ServerOptions{
			Emulator: emulator.Options{Dir: dir, NoSync: true, Registries: []emulator.RegistryOptions{{
				// Nobody but the folder's owner gets in.
				Name: "closed", Policies: emulator.Policies{OtherIdentities: []emulator.RoleAssignment{}},
			}}},
			Address: "127.0.0.1:0", TLS: withTLS,
		})
		if err != nil {
			t.Fatal(err)
		}
		running, err := emulator.FindRunning(t.Context(), dir)
		if err != nil || running == nil {
			t.Fatalf("running server: %v, %v", running, err)
		}
		client, err := running.HTTPClient()
		if err != nil {
			t.Fatal(err)
		}
		got := send(t, client, http.MethodGet, running.Endpoint+"/acr/v1/_catalog", "", "Authorization", basic(running.Username, running.Password))
		if got.StatusCode != http.StatusOK {
			t.Errorf("catalog: %s %s", got.Status, got.body)
		}
		client.CloseIdleConnections()
		_, err = emulator.StartServer(&emulator.ServerOptions{Emulator: emulator.Options{Dir: dir}, Address: "127.0.0.1:0"})
		if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), running.Endpoint) {
			t.Errorf("second server: %v", err)
		}
		left, err := os.ReadFile(filepath.Join(dir, "running.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "running.json")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the file is left behind: %v", err)
		}
		// What a killed server leaves behind does not mislead.
		for _, content := range [][]byte{left, []byte("{"), nil} {
			if err := os.WriteFile(filepath.Join(dir, "running.json"), content, 0o600); err != nil {
				t.Fatal(err)
			}
			if running, err := emulator.FindRunning(t.Context(), dir); running != nil || err != nil {
				t.Errorf("stale file %q: %v, %v", content, running, err)
			}
		}
	}
}

func TestServerNamesTheAddressInUse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, err = emulator.StartServer(&emulator.ServerOptions{Address: listener.Addr().String(), Emulator: emulator.Options{Dir: t.TempDir()}})
	if err == nil || !strings.Contains(err.Error(), listener.Addr().String()) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v", err)
	}
	if _, err := emulator.StartServer(&emulator.ServerOptions{Address: "nonsense"}); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("got %v", err)
	}
}

func TestShutdownBreaksStalledRequests(t *testing.T) {
	server, err := emulator.StartServer(&emulator.ServerOptions{
		Address: "127.0.0.1:0", Emulator: emulator.Options{Dir: t.TempDir(), Faults: []emulator.Fault{{Preset: "stall"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	client := &http.Client{Transport: &http.Transport{}}
	go func() {
		response, err := client.Get(server.Endpoint() + "/v2/")
		if err == nil {
			response.Body.Close()
		}
		failed <- err
	}()
	for len(server.Emulator().Faults()) > 0 && server.Emulator().Faults()[0].Applied == 0 {
		select {
		case err := <-failed:
			t.Fatalf("answered early: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-failed; err == nil {
		t.Error("the stalled request was answered")
	}
}

func TestRequestLogHoldsNoSecrets(t *testing.T) {
	var out syncBuffer
	server, client := serve(t, emulator.ServerOptions{Emulator: emulator.Options{Logger: newTextLogger(&out)}})
	user, password := server.AdminUser()
	token := send(t, client, http.MethodGet, server.Endpoint()+"/oauth2/token?service="+strings.TrimPrefix(server.Endpoint(), "http://")+"&scope=repository:a:pull,push", "", "Authorization", basic(user, password))
	var body map[string]string
	if err := json.Unmarshal([]byte(token.body), &body); err != nil {
		t.Fatal(err)
	}
	start := send(t, client, http.MethodPost, server.Endpoint()+"/v2/a/blobs/uploads/", "", "Authorization", "Bearer "+body["access_token"])
	send(t, client, http.MethodPut, server.Endpoint()+start.Header.Get("Location")+"&digest="+url.QueryEscape(digestOf([]byte("x"))), "x", "Authorization", "Bearer "+body["access_token"])
	pulled := send(t, client, http.MethodGet, server.Endpoint()+"/v2/a/blobs/"+digestOf([]byte("x")), "", "Authorization", "Bearer "+body["access_token"])
	text := out.String()
	if !strings.Contains(text, "route=finish-upload") || !strings.Contains(text, "granted=repository:a:pull,push") || !strings.Contains(text, "route=data") {
		t.Errorf("log: %s", text)
	}
	signature := pulled.Request.URL.Query().Get("sig")
	_, state, _ := strings.Cut(start.Header.Get("Location"), "_state=")
	for name, secret := range map[string]string{
		"password": password, "access token": body["access_token"], "upload state": state, "signature": signature, "escaped signature": url.QueryEscape(signature),
		"control token": server.Running().ControlToken,
	} {
		if secret == "" || strings.Contains(text, secret) {
			t.Errorf("the log holds the %s, or there was none", name)
		}
	}
}

func TestControlEndpoint(t *testing.T) {
	server, client := serve(t, emulator.ServerOptions{})
	running := server.Running()
	token := "Bearer " + running.ControlToken
	call := func(method, path, body string) answer {
		return send(t, client, method, running.ControlURL+path, body, "Authorization", token)
	}
	if got := send(t, client, http.MethodGet, running.ControlURL+"ready", ""); got.StatusCode != 200 {
		t.Errorf("ready: %s", got.Status)
	}
	for name, header := range map[string][]string{
		"no token":     nil,
		"wrong token":  {"Authorization", "Bearer x"},
		"a web page":   {"Authorization", token, "Origin", "https://evil.example"},
		"foreign host": {"Authorization", token, "Host", "evil.example"},
	} {
		if got := send(t, client, http.MethodPut, running.ControlURL+"faults", `{"faults":[{"preset":"throttled"}]}`, header...); got.StatusCode/100 != 4 {
			t.Errorf("%s: %s", name, got.Status)
		}
	}
	if len(server.Emulator().Faults()) != 0 {
		t.Fatal("somebody without the right changed the faults")
	}
	if got := call(http.MethodPut, "faults", `{"faults":[{"preset":"throttled","count":1}]}`); got.StatusCode != 200 {
		t.Errorf("put faults: %s %s", got.Status, got.body)
	}
	if got := send(t, client, http.MethodGet, server.Endpoint()+"/v2/", ""); got.StatusCode != 429 {
		t.Errorf("with a fault: %s", got.Status)
	}
	if got := call(http.MethodPost, "faults", `{"faults":[{"preset":"nope"}]}`); got.StatusCode != 400 || !strings.Contains(got.body, "no such preset") {
		t.Errorf("unknown preset: %s %s", got.Status, got.body)
	}
	if got := call(http.MethodGet, "faults", ""); !strings.Contains(got.body, `"applied":1`) {
		t.Errorf("faults: %s", got.body)
	}
	if got := call(http.MethodDelete, "faults", ""); got.StatusCode != 204 || len(server.Emulator().Faults()) != 0 {
		t.Errorf("delete faults: %s", got.Status)
	}
	if got := call(http.MethodPost, "clock", `{"freeze":"2030-01-02T03:04:05Z","advance":"1h"}`); got.body != `{"now":"2030-01-02T04:04:05Z"}`+"\n" {
		t.Errorf("clock: %s", got.body)
	}
	if got := call(http.MethodPost, "clock", `{"reset":true}`); got.StatusCode != 200 || time.Since(server.Emulator().Clock().Now()).Abs() > time.Hour {
		t.Errorf("clock reset: %s %s", got.Status, got.body)
	}
	if got := call(http.MethodGet, "requests", ""); !strings.Contains(got.body, `"faults":["throttled"]`) {
		t.Errorf("requests: %s", got.body)
	}
	if got := call(http.MethodDelete, "requests", ""); got.StatusCode != 204 || len(server.Emulator().Requests()) != 0 {
		t.Errorf("delete requests: %s", got.Status)
	}
	if got := call(http.MethodPost, "tokens/expire", ""); got.StatusCode != 204 {
		t.Errorf("expire tokens: %s", got.Status)
	}
	if got := call(http.MethodPost, "gc", `{"grace":"1m"}`); got.body != `{"uploads":0,"manifests":0,"links":0,"blobs":0,"bytes":0}`+"\n" {
		t.Errorf("collect garbage: %s %s", got.Status, got.body)
	}
	if got := call(http.MethodPost, "gc", `{"grace":"-1m"}`); got.StatusCode != 400 || !strings.Contains(got.body, "grace") {
		t.Errorf("collect with a negative grace: %s %s", got.Status, got.body)
	}
	if got := call(http.MethodPut, "policies/acrkit", `{"anonymousPull":true}`); got.StatusCode != 204 {
		t.Errorf("policies: %s %s", got.Status, got.body)
	}
	if got := call(http.MethodPut, "policies/acrkit", `{"anonymousPul":true}`); got.StatusCode != 400 || !strings.Contains(got.body, "anonymousPul") {
		t.Errorf("misspelt policies: %s %s", got.Status, got.body)
	}
	if got := call(http.MethodPut, "faults", strings.Repeat(" ", 5<<20)); got.StatusCode != 400 {
		t.Errorf("5 MiB of faults: %s", got.Status)
	}
	if got := call(http.MethodGet, "nothing", ""); got.StatusCode != 404 {
		t.Errorf("unknown path: %s", got.Status)
	}
}

func TestServerSpeaksForSeveralRegistries(t *testing.T) {
	options, err := emulator.ParseConfig([]byte(`{"registries":[
		{"name":"first","admin":{"passwords":["p1"]}},
		{"name":"second","admin":{"passwords":["p2"]}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	server, client := serve(t, emulator.ServerOptions{Emulator: *options})
	for _, test := range []struct {
		host, user, password string
		status               int
	}{
		{"127.0.0.1", "first", "p1", 200},
		{"first.localhost", "first", "p1", 200},
		{"second.localhost", "second", "p2", 200},
		{"second.azurecr.io", "second", "p2", 200},
		{"second.localhost", "first", "p1", 401},
	} {
		got := send(t, client, http.MethodGet, server.Endpoint()+"/v2/", "", "Host", test.host, "Authorization", basic(test.user, test.password))
		if got.StatusCode != test.status {
			t.Errorf("%s as %s: %s", test.host, test.user, got.Status)
		}
	}
	if user, _ := server.AdminUser(); user != "" {
		t.Errorf("an admin user %q was made up", user)
	}
}

func TestSlowBodyOfABrokenClientIsCutNotWaitedFor(t *testing.T) {
	server, _ := serve(t, emulator.ServerOptions{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(server.Endpoint(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	// Half a form, and then nothing more: the server must not wait for it
	// when it is told to end, which the cleanup does.
	if _, err := io.Copy(conn, bytes.NewReader([]byte("POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nabc"))); err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
