package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/demo"
	"github.com/acrkit/azcontainerregistry/emulator"
)

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scripts: %v", len(files), err)
	}
	if testing.Short() {
		files = everyNth(files, 3)
	}
	testscript.Run(t, testscript.Params{
		Files:               files,
		Setup:               setupScript,
		Cmds:                scriptCommands(),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

// setupScript gives a script a home, a data folder and a clean environment.
func setupScript(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	env.Setenv("HOME", home)
	env.Setenv("USERPROFILE", home)
	env.Setenv("ACRKIT_DATA", filepath.Join(env.WorkDir, "data"))
	env.Setenv("XDG_DATA_HOME", filepath.Join(env.WorkDir, "xdg"))
	env.Setenv("DOCKER_CONFIG", filepath.Join(home, ".docker"))
	env.Setenv("TERM", "dumb")
	env.Setenv("GORACE", os.Getenv("GORACE")) // how long a command waits at its end for races to be told of
	return nil
}

func scriptCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"exits":     exits,
		"image":     makeImage,
		"multi":     multiImage,
		"signed":    signedImage,
		"registry":  startRegistry,
		"saved":     makeSaved,
		"private":   private,
		"corrupt":   corrupt,
		"holed":     holed,
		"digests":   digests,
		"waitready": waitReady,
		"word":      word,
		"truncated": truncated,
	}
}

// exits runs a command and checks its exit code: exits CODE COMMAND ARGUMENT...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGUMENT...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exited, ok := err.(*exec.ExitError); ok {
		code = exited.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v: %v", args[1:], err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("%v: exit code %d, want %s\nstdout: %s\nstderr: %s", args[1:], code, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// makeImage writes an OCI layout with one image: image DIR TAG FILE...; each
// file is a layer, the last one gzipped.
func makeImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: image DIR TAG FILE...")
	}
	var layers []demo.Layer
	for i, file := range args[2:] {
		layers = append(layers, demo.Layer{What: file, Roots: []string{ts.MkAbs(file)}, Dir: "data", Zip: i == len(args)-3})
	}
	_, err := demo.BuildImage(context.Background(), ts.MkAbs(args[0]), args[1], layers, func(demo.BuiltLayer) {})
	ts.Check(err)
}

// startRegistry serves an emulator on loopback for the rest of the script, and
// names its address in a variable: registry NAME [POLICIES [FAULTS]].
func startRegistry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 3 {
		ts.Fatalf("usage: registry NAME [POLICIES [FAULTS]]")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	address := listener.Addr().String()
	o := &emulator.Options{Registries: []emulator.RegistryOptions{{Name: "acrkit", LoginServer: address}}}
	if len(args) > 1 {
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &o.Registries[0].Policies))
	}
	if len(args) > 2 {
		o.Faults, err = emulator.ParseFaults([]byte(ts.ReadFile(args[2])))
		ts.Check(err)
	}
	e, err := emulator.New(o)
	ts.Check(err)
	server := httptest.NewUnstartedServer(e)
	ts.Check(server.Listener.Close())
	server.Listener = listener
	server.Config.ConnContext = emulator.ConnContext
	server.Start()
	ts.Defer(func() {
		server.Close()
		ts.Check(e.Close())
	})
	ts.Setenv(args[0], address)
}

// private checks that only the owner may read a file.
func private(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if shared := info.Mode().Perm()&0o077 != 0; shared != neg {
			ts.Fatalf("%s: mode %v", name, info.Mode())
		}
	}
}

// corrupt changes a byte in the middle of the largest blob of a layout folder.
func corrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: corrupt DIR")
	}
	blobs, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "blobs", "sha256", "*"))
	ts.Check(err)
	var largest string
	var size int64
	for _, blob := range blobs {
		info, err := os.Stat(blob)
		ts.Check(err)
		if info.Size() > size {
			largest, size = blob, info.Size()
		}
	}
	data, err := os.ReadFile(largest)
	ts.Check(err)
	data[len(data)/2] ^= 1
	ts.Check(os.WriteFile(largest, data, 0o644))
}

// holed removes a blob of a layout folder: holed DIR DIGEST.
func holed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: holed DIR DIGEST")
	}
	ts.Check(os.Remove(filepath.Join(ts.MkAbs(args[0]), "blobs", strings.Replace(args[1], ":", "/", 1))))
}

// digests sets a variable to a word of the last standard output: digests NAME.
// The word is the first that is a digest.
func digests(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: digests NAME")
	}
	text := ts.ReadFile("stdout")
	start := strings.Index(text, "sha256:")
	const length = len("sha256:") + 64
	if start < 0 || len(text) < start+length {
		ts.Fatalf("no digest in %q", text)
	}
	ts.Setenv(args[0], text[start:start+length])
}

// word sets a variable to the first word of the last standard output: word NAME.
func word(ts *testscript.TestScript, neg bool, args []string) {
	words := strings.Fields(ts.ReadFile("stdout"))
	if neg || len(args) != 1 || len(words) == 0 {
		ts.Fatalf("usage: word NAME, after a command that printed something")
	}
	ts.Setenv(args[0], words[0])
}

// truncated takes the last byte from the largest file below a folder.
func truncated(ts *testscript.TestScript, neg bool, args []string) {
	var largest string
	var size int64
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Size() > size {
			largest, size = path, info.Size()
		}
		return err
	}))
	ts.Check(os.Chmod(largest, 0o600))
	ts.Check(os.Truncate(largest, size-1))
}
