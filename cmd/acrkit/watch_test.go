package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// TestAWatchOfTheEmbeddedRegistryLetsOthersWork watches local/... in virtual time
// while other commands push, move and delete, and ends it by ctrl-c.
func TestAWatchOfTheEmbeddedRegistryLetsOthersWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		environment := map[string]string{"ACRKIT_DATA": t.TempDir(), "HOME": t.TempDir()}
		must := func(args ...string) {
			t.Helper()
			stderr := &watcher{}
			a, _ := testApp(environment, stderr)
			if code := a.run(t.Context(), args); code != failure.ExitDone {
				t.Fatalf("%v: exit code %d\n%s", args, code, &stderr.all)
			}
		}
		push := func(tag string) {
			t.Helper()
			a, _ := testApp(environment, &watcher{})
			r, err := a.Open(strict.Context(t.Context()), reference.Host{Name: reference.Local, Scheme: "https"})
			if err != nil {
				t.Fatal(err)
			}
			repository, err := artifact.NewRepository(r.Client, r.Blobs, "team/app")
			if err != nil {
				t.Fatal(err)
			}
			pushEmpty(strict.Context(t.Context()), t, repository, tag)
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
		}
		push("1")
		ctx, interrupt := context.WithCancelCause(t.Context())
		defer interrupt(nil)
		ended := make(chan int)
		stderr := &watcher{}
		a, stdout := testApp(environment, stderr)
		go func() { ended <- a.run(ctx, []string{"watch", "local", "--interval", "10s"}) }()
		time.Sleep(15 * time.Second)
		push("2")
		time.Sleep(10 * time.Second)
		must("copy", "local/team/app:2", "local/team/app:1", "--progress", "none")
		time.Sleep(10 * time.Second)
		must("repo", "delete", "local/team/app", "--yes")
		time.Sleep(10 * time.Second)
		interrupt(failure.ErrInterrupted)
		if code := <-ended; code != failure.ExitDone || stderr.all.Len() > 0 {
			t.Errorf("exit code %d\n%s", code, &stderr.all)
		}
		var told []string
		for line := range strings.Lines(stdout.String()) {
			words := strings.Fields(line)
			told = append(told, words[1]+" "+strings.Split(words[2], "@")[0])
		}
		want := "pushed local/team/app:2, moved local/team/app:1, deleted local/team/app, deleted local/team/app, deleted local/team/app:1, deleted local/team/app:2"
		if got := strings.Join(told, ", "); got != want {
			t.Errorf("told\n%s, want\n%s", got, want)
		}
	})
}
