//go:build !windows

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/demo"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

func TestFirstSignalCancelsWithItsCause(t *testing.T) {
	ctx, stop := withInterrupt(t.Context(), io.Discard)
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, failure.ErrInterrupted) || !errors.Is(cause, context.Canceled) {
		t.Errorf("cause %v: want the interrupt, as a cancellation", cause)
	}
}

func TestInterruptedPushSavesAndGoesOn(t *testing.T) {
	environment := map[string]string{"ACRKIT_DATA": t.TempDir(), "HOME": t.TempDir()}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/large", bytes.Repeat([]byte("0123456789abcdef"), 1<<19), 0o644); err != nil {
		t.Fatal(err)
	}
	layers := []demo.Layer{{What: "large", Roots: []string{dir + "/large"}, Dir: "data"}}
	if _, err := demo.BuildImage(t.Context(), dir+"/img", "1", layers, func(demo.BuiltLayer) {}); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	stderr := &watcher{when: `"step":"progress"`, do: func() { cancel(failure.ErrInterrupted) }}
	a, stdout := testApp(environment, stderr)
	code := a.run(ctx, []string{"push", "oci:" + dir + "/img", "local/app:1", "--progress", "json", "--limit-rate", "1M"})
	if code != failure.ExitResumable {
		t.Fatalf("exit code %d, want %d\n%s", code, failure.ExitResumable, &stderr.all)
	}
	for _, want := range []string{"interrupted", "acrkit transfers resume "} {
		if !strings.Contains(stderr.all.String(), want) {
			t.Errorf("standard error lacks %q:\n%s", want, &stderr.all)
		}
	}
	if stdout.Len() > 0 {
		t.Errorf("a result of an interrupted push: %s", stdout)
	}

	_, id, _ := strings.Cut(stderr.all.String(), "acrkit transfers resume ")
	id, _, _ = strings.Cut(id, " ")
	stderr = &watcher{}
	a, stdout = testApp(environment, stderr)
	if code := a.run(t.Context(), []string{"transfers", "resume", id}); code != failure.ExitDone {
		t.Fatalf("resume: exit code %d\n%s", code, &stderr.all)
	}
	if !strings.HasPrefix(stdout.String(), "local/app@sha256:") {
		t.Errorf("resume printed %q", stdout)
	}
}

func TestInterruptedListingIsNoFailureOfItsOwn(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(failure.ErrInterrupted)
	stderr := &watcher{}
	a, _ := testApp(map[string]string{"ACRKIT_DATA": t.TempDir()}, stderr)
	if code := a.run(ctx, []string{"ls", "local"}); code != failure.ExitInterrupted {
		t.Errorf("exit code %d, want %d\n%s", code, failure.ExitInterrupted, &stderr.all)
	}
}

func TestInterruptedTourLeavesNothing(t *testing.T) {
	goroot, temporary := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	if err := os.MkdirAll(goroot+"/src", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(goroot+"/src/main.go", bytes.Repeat([]byte("package main\n"), 1<<16), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stderr := &watcher{when: "missing there", do: func() { cancel(failure.ErrInterrupted) }}
	a, _ := testApp(map[string]string{"GOROOT": goroot, "HOME": t.TempDir()}, stderr)
	if code := a.run(ctx, []string{"demo", "--progress", "plain"}); code != failure.ExitInterrupted {
		t.Errorf("exit code %d, want %d", code, failure.ExitInterrupted)
	}
	if told := stderr.all.String(); !strings.Contains(told, "demo: interrupted") || strings.Contains(told, "resume") {
		t.Errorf("it says %q", told)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
