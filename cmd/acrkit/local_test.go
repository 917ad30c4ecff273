package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/emulator"
)

func TestCommandsOnTheEmbeddedRegistryTakeTurns(t *testing.T) {
	environment := map[string]string{"ACRKIT_DATA": t.TempDir()}
	stderr := &watcher{when: "waiting for process"}
	a, _ := testApp(environment, stderr)
	dir, err := a.RegistryDir()
	if err != nil {
		t.Fatal(err)
	}
	other, err := emulator.New(session.LocalOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	closeOther := sync.OnceValue(other.Close)
	stderr.do = func() {
		if err := closeOther(); err != nil {
			t.Error(err)
		}
	}
	if code := a.run(t.Context(), []string{"ls", "local"}); code != failure.ExitDone {
		t.Errorf("exit code %d\n%s", code, &stderr.all)
	}
	if stderr.all.Len() == 0 {
		t.Error("it didn't wait for the other process, or didn't say so")
	}
	if err := closeOther(); err != nil {
		t.Error(err)
	}
}

// TestDataFolderIsAnEmulatorsOwn sets ACRKIT_DATA to what an emulator was given
// by --dir: no folder may come into its data.
func TestDataFolderIsAnEmulatorsOwn(t *testing.T) {
	dir := t.TempDir()
	e, err := emulator.New(&emulator.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, args := range [][]string{{"ls", "local"}, {"doctor", "local"}, {"emulator", "--addr", "127.0.0.1:0"}} {
		stderr := &watcher{}
		a, _ := testApp(map[string]string{"ACRKIT_DATA": dir}, stderr)
		if code := a.run(t.Context(), args); code != failure.ExitUsage || !strings.Contains(stderr.all.String(), "ACRKIT_DATA") {
			t.Errorf("%v: exit code %d\n%s", args, code, &stderr.all)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "registry")); err == nil {
		t.Error("a folder came into the emulator's data")
	}
}

func TestDataFolder(t *testing.T) {
	for _, c := range []struct {
		environment map[string]string
		want        string
	}{
		{map[string]string{"ACRKIT_DATA": "/a", "XDG_DATA_HOME": "/x", "HOME": "/h"}, "/a"},
		{map[string]string{"XDG_DATA_HOME": "/x", "HOME": "/h"}, "/x/acrkit"},
	} {
		a, _ := testApp(c.environment, &watcher{})
		if got, err := a.DataDir(); err != nil || got != c.want {
			t.Errorf("%v: %s, %v; want %s", c.environment, got, err, c.want)
		}
	}
	a, _ := testApp(nil, &watcher{})
	if got, err := a.DataDir(); err == nil {
		t.Errorf("without a home: %s, want an error", got)
	}
}
