package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

// requestWatch is a standard error that counts the requests for blobs that --debug
// tells, and does something at one of them.
type requestWatch struct {
	watcher
	at int
}

func (w *requestWatch) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("/blobs/")) {
		if w.at--; w.at == 0 {
			w.do()
		}
	}
	return w.watcher.Write(p)
}

// TestAnInterruptedCheckGoesOn interrupts a check at each of some of its reads: the
// next run reads what is left, and together they read all.
func TestAnInterruptedCheckGoesOn(t *testing.T) {
	environment := map[string]string{"ACRKIT_DATA": t.TempDir(), "HOME": t.TempDir()}
	const blobs = 12
	push := []string{"artifact", "push", "local/app:1"}
	for i := range blobs {
		file := filepath.Join(t.TempDir(), fmt.Sprintf("file%d", i))
		if err := os.WriteFile(file, fmt.Appendf(nil, "content %d", i), 0o644); err != nil {
			t.Fatal(err)
		}
		push = append(push, file)
	}
	a, _ := testApp(environment, &watcher{})
	if code := a.run(t.Context(), push); code != failure.ExitDone {
		t.Fatalf("push: exit code %d", code)
	}
	read := func(text string) int {
		m := regexp.MustCompile(`read (\d+) manifests and blobs`).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no count in\n%s", text)
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	state := filepath.Join(t.TempDir(), "check.state")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	stderr := &requestWatch{at: 7}
	stderr.do = func() { cancel(failure.ErrInterrupted) }
	a, _ = testApp(environment, &watcher{})
	a.Stderr = stderr
	if code := a.run(ctx, []string{"check", "local", "--state", state, "--debug"}); code != failure.ExitResumable {
		t.Fatalf("interrupted: exit code %d, want %d\n%s", code, failure.ExitResumable, &stderr.all)
	}
	if !bytes.Contains(stderr.all.Bytes(), []byte("the same command again resumes it")) {
		t.Errorf("it doesn't say how to go on:\n%s", &stderr.all)
	}
	data, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	noted := bytes.Count(data, []byte("\nsha256:"))
	if noted == 0 || noted > blobs {
		t.Fatalf("%d blobs are noted:\n%s", noted, data)
	}
	// A line that the interruption cut is read again.
	if err := os.WriteFile(state, data[:len(data)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	errs := &watcher{}
	a, _ = testApp(environment, errs)
	if code := a.run(t.Context(), []string{"check", "local", "--state", state}); code != failure.ExitDone {
		t.Fatalf("again: exit code %d\n%s", code, &errs.all)
	}
	// A manifest and a config, whose two bytes may be among what was noted.
	if got, all := read(errs.all.String()), blobs+2; got < all-noted || got > all-noted+2 {
		t.Errorf("it read %d of %d, and %d were noted", got, all, noted)
	}
}
