package main

import (
	"bytes"
	"context"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

// interruptions are how densely the moments of TestInterruptedAtEveryMoment lie:
// each command is ended at so many of its moments, spread over all of them, others
// for each. All of them are tried where ACRKIT_INTERRUPT_ALL is set, one where
// tests are to be short.
const interruptions = 2

// interrupted runs a command and interrupts it when it has told of so many
// requests and steps of its progress. last is how many it had to tell in all.
func (w *world) interrupted(c writing, at int) (code int, stderr string, last int) {
	w.t.Helper()
	ctx, cancel := context.WithCancelCause(w.t.Context())
	defer cancel(nil)
	errs := &watcher{when: "\n"}
	errs.do = func() {
		if last++; last == at {
			cancel(failure.ErrInterrupted)
		}
	}
	if at == 0 {
		cancel(failure.ErrInterrupted)
	}
	a, _ := testApp(map[string]string{"ACRKIT_DATA": "data", "HOME": "home", "DOCKER_CONFIG": "home/docker"}, errs)
	a.LocalOptions = worldOptions
	if c.stdin != "" {
		data, err := os.ReadFile(c.stdin)
		if err != nil {
			w.t.Fatal(err)
		}
		a.Stdin = bytes.NewReader(data)
	}
	line := os.Expand(c.line, func(name string) string { return w.words[name] })
	code = a.run(ctx, append(strings.Fields(line), "--progress", "json", "--debug"))
	return code, errs.all.String(), last
}

// TestInterruptedAtEveryMoment ends each writing command at a request and at a
// step of its progress, one after the other. It ends with a documented exit code
// and says so; no tag names what isn't there; and the same command again, or
// transfers resume where that was offered, comes to what an undisturbed one
// comes to.
func TestInterruptedAtEveryMoment(t *testing.T) {
	w := newWorld(t)
	w.t = t
	for i, c := range tried(writings) {
		t.Run(strings.ReplaceAll(c.line, "/", "_"), func(t *testing.T) {
			w.t = t
			w.restore()
			code, stderr, moments := w.interrupted(c, -1)
			if code != failure.ExitDone {
				t.Fatalf("undisturbed: exit code %d\n%s", code, stderr)
			}
			want := w.lasting()
			step := max(1, (moments+interruptions)/interruptions)
			switch {
			case os.Getenv("ACRKIT_INTERRUPT_ALL") != "":
				step = 1
			case testing.Short():
				step = moments + 1
			}
			for at := i % step; at <= moments; at += step {
				w.restore()
				code, stderr, _ := w.interrupted(c, at)
				w.endedInOrder(at, code, stderr)
				if code != failure.ExitDone && !w.goOn(c, at, stderr) {
					continue
				}
				if diff := cmp.Diff(want, w.lasting()); diff != "" {
					t.Errorf("interrupted at moment %d of %d, and gone on with, it comes to something else (-undisturbed +resumed):\n%s", at, moments, diff)
				}
			}
		})
	}
}

// endedInOrder checks what an interrupted command says.
func (w *world) endedInOrder(at, code int, stderr string) {
	w.t.Helper()
	switch code {
	case failure.ExitDone:
		return // it was done already
	case failure.ExitResumable:
		if !strings.Contains(stderr, "acrkit transfers resume ") {
			w.t.Errorf("moment %d: exit code 11 without how to go on:\n%s", at, stderr)
		}
	case failure.ExitInterrupted, failure.ExitPartly:
	default:
		w.t.Errorf("moment %d: exit code %d\n%s", at, code, stderr)
	}
	if code != failure.ExitPartly && !strings.Contains(stderr, "interrupted") {
		w.t.Errorf("moment %d: it doesn't say that it was interrupted:\n%s", at, stderr)
	}
	for _, leak := range []string{"goroutine ", "panic", "context canceled"} {
		if strings.Contains(stderr, leak) {
			w.t.Errorf("moment %d: standard error has %q:\n%s", at, leak, stderr)
		}
	}
}

// offered are the deletions that a message says do the rest.
var offered = regexp.MustCompile(`(?m)^  (?:fix)? +acrkit ((?:manifest delete|tag untag) \S+)$`)

// goOn does what the message says, or the same command again. It reports false
// where that refused the first of several things, which was done before.
func (w *world) goOn(c writing, at int, stderr string) bool {
	w.t.Helper()
	if _, offer, offered := strings.Cut(stderr, "acrkit transfers resume "); offered {
		again := writing{line: "transfers resume " + strings.Fields(offer)[0]}
		if code, _, told := w.run(again); code != failure.ExitDone {
			w.t.Errorf("moment %d: %s: exit code %d\n%s", at, again.line, code, told)
		}
		return true
	}
	if offers := offered.FindAllStringSubmatch(stderr, -1); offers != nil {
		for _, offer := range offers {
			if code, _, told := w.run(writing{line: offer[1] + " --yes"}); code != failure.ExitDone && code != failure.ExitNotFound {
				w.t.Errorf("moment %d: %s: exit code %d\n%s", at, offer[1], code, told)
			}
		}
		return true
	}
	code, _, told := w.run(c)
	// What is deleted or restored already can't be found any more.
	if code != failure.ExitDone && code != failure.ExitNotFound {
		w.t.Errorf("moment %d: the same again: exit code %d\n%s", at, code, told)
	}
	return code == failure.ExitDone || !strings.HasPrefix(c.line, "repo delete")
}

// lasting is the state without what tells of how it came about.
func (w *world) lasting() map[string]string {
	state := w.state()
	for _, name := range slices.Collect(maps.Keys(state)) {
		if strings.HasPrefix(name, "file data/") || strings.Contains(name, ".acrkit-partial") || strings.HasPrefix(name, "locks of ") {
			delete(state, name)
		}
	}
	return state
}
