package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/demo"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// wiretap remembers every secret that passes a server, in either direction.
type wiretap struct {
	next http.Handler

	mu      sync.Mutex
	secrets map[string]string // what it is, by its value
}

func (w *wiretap) remember(what, secret string) {
	if len(secret) < 8 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.secrets == nil {
		w.secrets = map[string]string{}
	}
	for _, form := range []string{secret, url.QueryEscape(secret)} {
		w.secrets[form] = what
	}
	for i, part := range strings.Split(secret, ".") {
		// A token's header is the same in all, and no secret.
		if i > 0 && len(part) > 40 {
			w.secrets[part] = "a part of " + what
		}
	}
}

func (w *wiretap) address(u *url.URL) {
	for _, name := range []string{"_state", "sig"} {
		w.remember(name, u.Query().Get(name))
	}
}

func (w *wiretap) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	if scheme, value, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		w.remember("authorization", value)
		if decoded, err := base64.StdEncoding.DecodeString(value); err == nil && scheme == "Basic" {
			_, password, _ := strings.Cut(string(decoded), ":")
			w.remember("password", password)
		}
	}
	w.address(r.URL)
	login := strings.HasPrefix(r.URL.Path, "/oauth2/")
	if login {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(data))
		if form, err := url.ParseQuery(string(data)); err == nil {
			for _, name := range []string{"access_token", "refresh_token", "password"} {
				w.remember(name, form.Get(name))
			}
		}
	}
	w.next.ServeHTTP(&tapped{ResponseWriter: to, tap: w, login: login}, r)
}

// tapped is the answer on its way out.
type tapped struct {
	http.ResponseWriter
	tap   *wiretap
	login bool
}

func (t *tapped) WriteHeader(status int) {
	if location, err := url.Parse(t.Header().Get("Location")); err == nil {
		t.tap.address(location)
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *tapped) Write(data []byte) (int, error) {
	var tokens map[string]any
	if t.login && json.Unmarshal(data, &tokens) == nil {
		for _, name := range []string{"access_token", "refresh_token"} {
			if token, ok := tokens[name].(string); ok {
				t.tap.remember(name, token)
			}
		}
	}
	return t.ResponseWriter.Write(data)
}

func (t *tapped) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// lockedBuffer is a buffer for several writers.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestNoOutputOfAnyCommandShowsASecret does a day's work by the command line,
// with every way to make it talk, and looks for each secret that went over the
// wire in all that came out: results, progress, debugging, errors, reports,
// plans, journals, bundles, and the emulator's own log and request list.
func TestNoOutputOfAnyCommandShowsASecret(t *testing.T) {
	const password, wrong = "marked-password-of-the-admin", "marked-password-that-is-wrong"
	work := t.TempDir()
	t.Chdir(work)
	serverLog := &lockedBuffer{}
	tap := &wiretap{}
	server := httptest.NewUnstartedServer(tap)
	address := server.Listener.Addr().String()
	e, err := emulator.New(&emulator.Options{
		Logger: slog.New(slog.NewTextHandler(serverLog, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registries: []emulator.RegistryOptions{{
			Name: "acrkit", LoginServer: address,
			Policies: emulator.Policies{Admin: &emulator.AdminUser{Passwords: []string{password}}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	tap.next = e
	server.Config.ConnContext = emulator.ConnContext
	server.Start()
	t.Cleanup(server.Close)

	if err := os.WriteFile("layer", bytes.Repeat([]byte("a layer\n"), 40_000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := demo.BuildImage(t.Context(), "img", "1", []demo.Layer{{What: "layer", Roots: []string{"layer"}, Dir: "data"}}, func(demo.BuiltLayer) {}); err != nil {
		t.Fatal(err)
	}

	outputs := map[string]string{}
	environment := map[string]string{
		"HOME": work, "ACRKIT_DATA": filepath.Join(work, "data"), "DOCKER_CONFIG": filepath.Join(work, "docker"), "TERM": "dumb",
		"AZURE_CLIENT_SECRET": "marked-secret-of-the-environment", "HTTPS_PROXY": "http://me:marked-password-of-the-proxy@proxy.example:3128",
	}
	tap.remember("the environment's secret", environment["AZURE_CLIENT_SECRET"])
	tap.remember("the proxy's password", "marked-password-of-the-proxy")
	command := func(want bool, secret string, args ...string) {
		t.Helper()
		var stdout, stderr lockedBuffer
		a := &app{Session: &session.Session{
			Stdin: strings.NewReader(secret), Stdout: &stdout, Stderr: &stderr, Now: time.Now,
			Getenv: func(name string) string { return environment[name] }, LocalOptions: session.LocalOptions,
		}}
		if secret != "" {
			args = append(args, "--username", "acrkit", "--password-stdin")
		}
		code := a.run(t.Context(), args)
		if (code == failure.ExitDone) != want {
			t.Errorf("acrkit %s: exit %d\n%s%s", strings.Join(args, " "), code, stdout.String(), stderr.String())
		}
		outputs["acrkit "+strings.Join(args, " ")] = stdout.String() + stderr.String()
	}
	image := address + "/team/app:1"
	for _, args := range [][]string{
		{"push", "oci:img", image, "--debug=trace", "--progress", "json"},
		{"push", "oci:img", address + "/team/other:1", "--debug", "--progress", "bar"},
		{"pull", image, "oci:out", "--debug=trace", "--progress", "plain", "-o", "json"},
		{"pull", image, "oci:again.tar", "--debug=file:debug.log", "--progress", "json"},
		{"copy", image, address + "/team/copy:1", "--debug=trace", "--progress", "json"},
		{"sync", address + "/team/app", "oci:all", "--debug=trace", "--progress", "json"},
		{"ls", address, "-o", "json", "--debug=trace"},
		{"show", image, "-o", "json", "--debug=trace"},
		{"tree", image, "--debug=trace"},
		{"whoami", address, "-o", "json", "--debug=trace"},
		{"blob", "put", "layer", address + "/team/app", "--debug=trace"},
		{"tag", "lock", image, "--debug=trace"},
		{"tag", "unlock", image, "--debug=trace"},
		{"tag", "delete", address + "/team/copy:1", "--plan", "plan.json", "--debug=trace"},
		{"tag", "delete", "--apply", "plan.json", "--yes", "--debug=trace"},
		{"doctor", address + "/team/app", "--push-probe", "--bundle", "ticket.json", "-o", "json"},
		{"doctor", address + "/team/app", "--push-probe", "-o", "table"},
	} {
		command(true, password, args...)
	}
	// What fails shows more than what succeeds.
	command(false, wrong, "ls", address, "--debug=trace", "-o", "json")
	command(false, wrong, "doctor", address, "--bundle", "refused.json")
	command(false, password, "pull", address+"/team/app:none", "oci:none", "--debug=trace")
	for _, preset := range []string{"blob-upload-invalid", "reset-upload", "storage-auth", "expired-signed-url", "reset-download", "dead-data-host", "corrupt-download", "half-json", "foreign-location"} {
		if err := e.SetFaults(emulator.Fault{Preset: preset}); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			{"push", "oci:img", address + "/faulty/" + preset + ":1", "--debug=trace", "--progress", "json", "--retries", "0"},
			{"pull", image, "oci:faulty-" + preset, "--debug=trace", "--progress", "plain", "--retries", "0"},
		} {
			var stdout, stderr lockedBuffer
			a := &app{Session: &session.Session{
				Stdin: strings.NewReader(password), Stdout: &stdout, Stderr: &stderr, Now: time.Now,
				Getenv: func(name string) string { return environment[name] }, LocalOptions: session.LocalOptions,
			}}
			a.run(t.Context(), append(args, "--username", "acrkit", "--password-stdin"))
			outputs[preset+": acrkit "+strings.Join(args, " ")] = stdout.String() + stderr.String()
		}
	}
	if err := e.SetFaults(); err != nil {
		t.Fatal(err)
	}
	command(true, "", "transfers", "list", "-o", "json")

	outputs["the emulator's log"] = serverLog.String()
	requests, err := json.Marshal(e.Requests())
	if err != nil {
		t.Fatal(err)
	}
	outputs["the emulator's list of requests"] = string(requests)
	files := 0
	private := map[string]bool{} // files of the journal, which only the user may read
	if err := filepath.WalkDir(work, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		files++
		if strings.HasPrefix(path, filepath.Join(work, "data", "transfers")) {
			if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("others may read %s: %v", path, info.Mode())
			}
			private["file "+path] = true
		}
		outputs["file "+path] = string(data)
		return nil
	}); err != nil {
		t.Fatal(err)
	}

	kinds := map[string]bool{}
	for secret, what := range tap.secrets {
		kinds[what] = true
		for where, text := range outputs {
			// Another process can't go on with an upload without its state.
			if what == "_state" && private[where] {
				continue
			}
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s shows %s: …%s", where, what, text[max(0, i-80):i+8])
			}
		}
	}
	for _, what := range []string{"authorization", "password", "access_token", "_state", "sig"} {
		if !kinds[what] {
			t.Errorf("no %s went over the wire: the work does not cover it", what)
		}
	}
	for _, where := range []string{"the emulator's log", "file " + filepath.Join(work, "ticket.json"), "file " + filepath.Join(work, "plan.json"), "file " + filepath.Join(work, "debug.log")} {
		if outputs[where] == "" {
			t.Errorf("nothing came out in %s", where)
		}
	}
	if len(private) == 0 {
		t.Errorf("no journal is among the %d files", files)
	}
}
