package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/demo"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// trouble is a failure that a command meets, and what is promised of the command
// lines that its message tells a person to type.
type trouble struct {
	code string
	// before are command lines that succeed, before the policies and the fault
	// are in force: $REG is the registry, $NAME what a line "NAME=LINE" printed.
	before      []string
	policies    string // JSON; "" for a registry that asks nobody who he is
	fault       string // a preset, or the JSON of rules
	softDelete  bool
	unreachable bool     // nobody listens at $REG any more
	as          string   // user:password, as docker's configuration keeps them
	files       []string // NAME=TEXT
	stdin       string
	line        string // what fails; "" where the command is another program's
	// seen is what another program prints of its failure, which acrkit explain reads.
	seen string
	// identity has docker's configuration keep a refresh token of nobody's.
	identity bool
	// secret is what a person types where a fix reads it.
	secret string
	// fill are what a person puts in the place of <NAME>.
	fill map[string]string
	// shows are patterns of what the command of a fix prints, by its words, and
	// exits its exit code where that isn't 0. A doctor that is not here has to
	// find the failure itself, or doctor.
	shows  map[string]string
	exits  map[string]int
	doctor string
	// over says that the failure is gone when the fixes were typed.
	over bool
}

// troubled is a registry on loopback in trouble, and a person's folder.
type troubled struct {
	t      *testing.T
	words  map[string]string
	env    map[string]string
	emu    *emulator.Emulator
	server *httptest.Server
}

func newTroubled(t *testing.T, softDelete bool) *troubled {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	o := emulator.RegistryOptions{Name: "acrkit", LoginServer: address, Policies: emulator.Policies{NoAuthentication: true}}
	if softDelete {
		o.SoftDelete = 24 * time.Hour
	}
	e, err := emulator.New(&emulator.Options{Registries: []emulator.RegistryOptions{o}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(e)
	if err := server.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	server.Listener, server.Config.ConnContext = listener, emulator.ConnContext
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	t.Chdir(dir)
	w := &troubled{
		t: t, emu: e, server: server, words: map[string]string{"REG": address},
		env: map[string]string{"ACRKIT_DATA": "data", "HOME": "home", "DOCKER_CONFIG": "home/docker"},
	}
	if err := os.MkdirAll("home/docker", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"1", "2"} {
		file := filepath.Join(dir, "file"+tag)
		if err := os.WriteFile(file, []byte(strings.Repeat("what is in image "+tag+"\n", 9000)), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := demo.BuildImage(t.Context(), "img"+tag, tag, []demo.Layer{{What: file, Roots: []string{file}, Dir: "data"}}, func(demo.BuiltLayer) {}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *troubled) run(line, stdin string) (code int, stdout, stderr string) {
	w.t.Helper()
	errs := &watcher{}
	a, out := testApp(w.env, errs)
	a.Stdin = strings.NewReader(stdin)
	code = a.run(w.t.Context(), shellWords(line))
	return code, out.String(), errs.all.String()
}

// shellWords are those of a command line, as a shell splits it.
func shellWords(line string) []string {
	var list []string
	for _, m := range regexp.MustCompile(`"([^"]*)"|'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		list = append(list, m[1]+m[2]+m[3])
	}
	return list
}

func (w *troubled) expand(text string) string {
	return os.Expand(text, func(name string) string { return w.words[name] })
}

// begin makes the trouble.
func (w *troubled) begin(c trouble) {
	w.t.Helper()
	for _, line := range append([]string{"push oci:img1 $REG/team/app:1", "IMG=show $REG/team/app:1 --jq .item.digest"}, c.before...) {
		name, rest, keeps := strings.Cut(line, "=")
		if keeps = keeps && strings.ToUpper(name) == name && !strings.Contains(name, " "); keeps {
			line = rest
		}
		code, stdout, stderr := w.run(w.expand(line)+" --progress none", "")
		if code != failure.ExitDone {
			w.t.Fatalf("%s: exit code %d\n%s", line, code, stderr)
		}
		if keeps {
			w.words[name] = strings.TrimSpace(stdout)
		}
	}
	for _, file := range c.files {
		name, text, _ := strings.Cut(file, "=")
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(w.expand(text)), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	if c.as != "" || c.identity {
		stored := map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(c.as))}
		if c.identity {
			stored = map[string]string{"identitytoken": "eyJhbGciOiJSUzI1NiJ9.eyJncmFudF90eXBlIjoicmVmcmVzaF90b2tlbiIsImV4cCI6NDEwMjQ0NDgwMH0.c2ln"}
		}
		config, err := json.Marshal(map[string]any{"auths": map[string]any{w.words["REG"]: stored}})
		if err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile("home/docker/config.json", config, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	if c.policies != "" {
		var p emulator.Policies
		if err := json.Unmarshal([]byte(c.policies), &p); err != nil {
			w.t.Fatal(err)
		}
		if err := w.emu.SetPolicies("acrkit", p); err != nil {
			w.t.Fatal(err)
		}
	}
	if c.fault != "" {
		rules := []emulator.Fault{{Preset: c.fault}}
		if strings.HasPrefix(c.fault, "{") {
			var err error
			if rules, err = emulator.ParseFaults([]byte(`{"faults":[` + c.fault + `]}`)); err != nil {
				w.t.Fatal(err)
			}
		}
		if err := w.emu.SetFaults(rules...); err != nil {
			w.t.Fatal(err)
		}
	}
	if c.unreachable {
		w.server.Close()
	}
}

// told is what a command's failure says, or acrkit explain of another program's,
// as a program reads it.
func (w *troubled) told(c trouble) failure.Object {
	w.t.Helper()
	if c.seen != "" {
		code, stdout, stderr := w.run("explain - -o json", w.expand(c.seen))
		var list struct{ Items []failure.Object }
		if err := json.Unmarshal([]byte(stdout), &list); err != nil || len(list.Items) == 0 {
			w.t.Fatalf("explain: exit code %d, %v\n%s\n%s", code, err, stdout, stderr)
		}
		return list.Items[0]
	}
	code, stdout, stderr := w.run(w.expand(c.line)+" -o json --progress none --retries 0", c.stdin)
	var object failure.Object
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &object); err != nil || code == failure.ExitDone {
		w.t.Fatalf("%s: exit code %d, %v\n%s\n%s", c.line, code, err, stdout, stderr)
	}
	return object
}

// interruptedPull leaves a transfer that can go on, and returns its id.
func (w *troubled) interruptedPull() string {
	w.t.Helper()
	ctx, cancel := context.WithCancelCause(w.t.Context())
	errs := &watcher{when: `"step":"progress"`, do: func() { cancel(failure.ErrInterrupted) }}
	a, _ := testApp(w.env, errs)
	a.run(ctx, strings.Fields(w.expand("pull $REG/team/app:1 oci:pulled --progress json --limit-rate 500K")))
	_, id, _ := strings.Cut(errs.all.String(), "acrkit transfers resume ")
	id, _, found := strings.Cut(id, " ")
	if !found {
		w.t.Fatalf("nothing to resume:\n%s", &errs.all)
	}
	return id
}

// fixLine is the command of a fix: what follows a colon, or stands between
// other words.
func fixLine(fix string) string {
	fix = shellComment.ReplaceAllString(fix, "")
	if m := afterColon.FindStringSubmatch(fix); m != nil {
		return m[1]
	}
	if _, piped, found := strings.Cut(fix, "| acrkit "); found {
		return "acrkit " + piped
	}
	if m := within.FindStringSubmatch(fix); m != nil {
		return prose.ReplaceAllString(m[1], "")
	}
	return ""
}
