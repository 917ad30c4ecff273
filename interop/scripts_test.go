package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rogpeppe/go-internal/testscript"
)

// clients is the folder of the strangers' own commands: crane, oras, notation and
// regctl, as their projects released them (clients/go.mod).
var clients = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(filepath.Dir(acrkit), "clients")
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "tool")
	build.Dir = "clients"
	build.Env = append(os.Environ(), "GOWORK=off") // they are no part of our workspace
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the clients: %w\n%s", err, output)
	}
	return dir, nil
})

// packaged are the programs that a package manager brings, by where they come
// from. CI has all of them; elsewhere a missing one leaves its scripts out.
var packaged = map[string]string{
	"skopeo": "apt-get install skopeo", "umoci": "apt-get install umoci", "chromium": "apt-get install chromium", "docker-registry": "apt-get install docker-registry",
	"docker": "apt-get install docker.io", "dockerd": "apt-get install docker.io", "buildah": "apt-get install buildah", "runc": "apt-get install runc", "podman": "apt-get install podman",
	"node": "apt-get install nodejs npm", "javascript/node_modules": "npm ci, in interop/javascript",
}

// installed reports whether a program of packaged is there, and fails the test
// under CI when it is not.
func installed(name string) (bool, error) {
	var err error
	if strings.Contains(name, "/") {
		_, err = os.Stat(name)
	} else {
		_, err = exec.LookPath(name)
	}
	if err != nil && os.Getenv("CI") == "true" {
		return false, fmt.Errorf("%s is missing: %s", name, packaged[name])
	}
	return err == nil, nil
}

// need leaves the test out when a program of packaged is missing, except under
// CI.
func need(t *testing.T, name string) {
	t.Helper()
	there, err := installed(name)
	if err != nil {
		t.Fatal(err)
	}
	if !there {
		t.Skipf("%s is missing; CI has it: %s", name, packaged[name])
	}
}

// TestStrangersAtTheCommandLine runs the scripts of testdata/script: each tool
// begins with the very lines that "acrkit emulator" prints for it, and then
// does its day's work with the login that those made.
func TestStrangersAtTheCommandLine(t *testing.T) {
	for name := range packaged {
		if _, err := installed(name); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("http", func(t *testing.T) { strangersAtWork(t, startEmulator(t)) })
	t.Run("https", func(t *testing.T) { strangersAtWork(t, startEmulator(t, "--tls")) })
}

// strangersAtWork runs the scripts against a server.
func strangersAtWork(t *testing.T, s server) {
	t.Helper()
	bin, err := clients()
	if err != nil {
		t.Fatal(err)
	}
	suite, err := filepath.Abs("javascript")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", strings.Join([]string{filepath.Dir(acrkit), bin, os.Getenv("PATH")}, string(filepath.ListSeparator)))
			env.Setenv("REGISTRY", s.host)
			env.Setenv("ENDPOINT", s.endpoint)
			env.Setenv("USERNAME", s.username)
			env.Setenv("PASSWORD", s.password)
			env.Setenv("JAVASCRIPT", suite)
			if err := setFlags(env, s); err != nil {
				return err
			}
			return setHome(env)
		},
		Condition: func(condition string) (bool, error) {
			if condition == "https" {
				return s.authority != "", nil
			}
			name, ok := strings.CutPrefix(condition, "installed:")
			if !ok || packaged[name] == "" {
				return false, fmt.Errorf("unknown condition %q", condition)
			}
			return installed(name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"paste":   func(ts *testscript.TestScript, neg bool, args []string) { paste(ts, s, args) },
			"image":   func(ts *testscript.TestScript, neg bool, args []string) { image(t, ts, args) },
			"capture": capture,
		},
	})
}

// setFlags sets what each tool wants to hear about http, or about the
// authority that it should trust.
func setFlags(env *testscript.Env, s server) error {
	flags := map[string]string{
		"CRANE_TLS": "--insecure", "REGCTL_TLS": "--tls=disabled",
		"ORAS_TLS": "--plain-http", "ORAS_FROM": "--from-plain-http", "ORAS_TO": "--to-plain-http",
	}
	if s.authority != "" {
		pem, err := os.ReadFile(s.authority)
		if err != nil {
			return err
		}
		flags = map[string]string{
			"CRANE_TLS": "--insecure=false", "REGCTL_TLS": "--cacert=" + string(pem),
			"ORAS_TLS": "--ca-file=" + s.authority, "ORAS_FROM": "--from-ca-file=" + s.authority, "ORAS_TO": "--to-ca-file=" + s.authority,
		}
	}
	for name, value := range flags {
		env.Setenv(name, value)
	}
	return nil
}

// setHome gives the tools a home of their own, where their logins go.
func setHome(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, ".home")
	for name, dir := range map[string]string{
		"HOME": home, "DOCKER_CONFIG": filepath.Join(home, ".docker"), "XDG_RUNTIME_DIR": filepath.Join(home, ".run"),
	} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		env.Setenv(name, dir)
	}
	env.Setenv("REGCTL_CONFIG", filepath.Join(home, "regctl.json"))
	// What skopeo's package brings as /etc/containers/policy.json.
	policy := filepath.Join(home, ".config", "containers", "policy.json")
	if err := os.MkdirAll(filepath.Dir(policy), 0o700); err != nil {
		return err
	}
	return os.WriteFile(policy, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o600)
}

// paste gives a shell the lines printed for the tool, and keeps the variables
// that they export. Where they name a layout to push, there is one. A last
// line that is no shell's becomes the variable EXPRESSION.
func paste(ts *testscript.TestScript, s server, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: paste TOOL")
	}
	for _, hint := range s.tools {
		if hint.Tool != args[0] && !strings.HasPrefix(hint.Tool, args[0]+":") {
			continue
		}
		lines := hint.Lines
		if last := lines[len(lines)-1]; hint.Tool != args[0] {
			ts.Setenv("EXPRESSION", last)
			lines = lines[:len(lines)-1]
		}
		before := ts.MkAbs(".environment")
		script := "set -euo pipefail\n" + strings.Join(lines, "\n") + "\nenv -0 >'" + before + "'\n"
		script = strings.ReplaceAll(script, "oci:DIR:TAG", "oci:source:v1")
		ts.Check(ts.Exec("bash", "-c", script))
		for entry := range strings.SplitSeq(ts.ReadFile(".environment"), "\x00") {
			name, value, ok := strings.Cut(entry, "=")
			// What the shell itself sets is none of the lines' doing.
			if ok && name != "_" && name != "SHLVL" && name != "PWD" && name != "OLDPWD" {
				ts.Setenv(name, value)
			}
		}
		return
	}
	ts.Fatalf("acrkit emulator prints no lines for %s", args[0])
}

// image writes an OCI layout of one image, tagged v1.
func image(t *testing.T, ts *testscript.TestScript, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: image DIR")
	}
	path, err := layout.Write(ts.MkAbs(args[0]), empty.Index)
	ts.Check(err)
	ts.Check(path.AppendImage(ociImage(t), layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "v1"})))
}

// ociImage is a fixed image in OCI's own types, which older tools insist on in
// a layout.
func ociImage(t *testing.T) v1.Image {
	t.Helper()
	made := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	layers, err := fixedImage(t, 1).Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		if made, err = mutate.Append(made, mutate.Addendum{Layer: layer, MediaType: types.OCILayer}); err != nil {
			t.Fatal(err)
		}
	}
	config, err := made.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Architecture, config.OS = "amd64", "linux"
	if made, err = mutate.ConfigFile(made, config); err != nil {
		t.Fatal(err)
	}
	return made
}

// capture sets a variable to what the last command printed.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: capture NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}
