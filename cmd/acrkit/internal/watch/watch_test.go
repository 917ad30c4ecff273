package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

// told is a change without what is the same in all of them.
func told(changes []Change) (lines []string) {
	for _, c := range changes {
		line := string(c.Change) + " " + c.Tag + "@" + c.Digest
		if c.Replaced != "" {
			line += " was " + c.Replaced
		}
		lines = append(lines, line)
	}
	return lines
}

func state(tags string, manifests ...string) *State {
	s := &State{Tags: map[string]string{}, Manifests: map[string]bool{}}
	for _, pair := range strings.Fields(tags) {
		tag, digest, _ := strings.Cut(pair, "=")
		s.Tags[tag], s.Manifests[digest] = digest, true
	}
	for _, digest := range manifests {
		s.Manifests[digest] = true
	}
	return s
}

func TestWhatChangedIsToldOnce(t *testing.T) {
	for name, c := range map[string]struct {
		before, now *State
		want        []string
	}{
		"nothing":                        {state("1=a", "b"), state("1=a", "b"), nil},
		"a tag of a new manifest":        {state("1=a"), state("1=a 2=b"), []string{"pushed 2@b"}},
		"a tag of a manifest that was":   {state("1=a"), state("1=a 2=a"), []string{"pushed 2@a"}},
		"a tag that moves, and the rest": {state("1=a"), state("1=b", "a"), []string{"moved 1@b was a"}},
		"a manifest without a tag":       {state("1=a"), state("1=a", "s"), []string{"pushed @s"}},
		"a tag alone is gone":            {state("1=a 2=a"), state("2=a"), []string{"deleted 1@a"}},
		"a manifest and its tag":         {state("1=a 2=b"), state("2=b"), []string{"deleted @a", "deleted 1@a"}},
		"a repository is gone":           {state("1=a"), nil, []string{"deleted @a", "deleted 1@a"}},
		"a repository comes":             {nil, state("2=b 1=b", "c"), []string{"pushed @c", "pushed 1@b", "pushed 2@b"}},
	} {
		if diff := cmp.Diff(c.want, told(Compare(c.before, c.now))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// script is a registry that holds something else at each reading.
type script struct {
	readings []map[string]*State // nil fails
	failing  map[string]error    // repositories that fail from the second reading on
	opened   int
	closed   int
	times    []time.Time
}

func (s *script) Open(context.Context) (Reader, error) {
	s.opened++
	s.times = append(s.times, time.Now())
	return s, nil
}

func (s *script) now() map[string]*State { return s.readings[min(s.opened, len(s.readings))-1] }

func (s *script) Names(context.Context) (names []string, err error) {
	if s.now() == nil {
		return nil, errors.New("the registry is away")
	}
	for name := range s.now() {
		names = append(names, name)
	}
	return names, nil
}

func (s *script) Read(_ context.Context, repository string) (*State, error) {
	if err := s.failing[repository]; err != nil && s.opened > 1 {
		return nil, err
	}
	state, there := s.now()[repository]
	if !there {
		return nil, failure.Coded(failure.ExitNotFound, errors.New("no such repository"))
	}
	return state, nil
}

func (s *script) Close() error { s.closed++; return nil }

// watched is what a watch of a script tells within a time.
func watched(t *testing.T, s *script, w Watcher, within time.Duration) (lines, notes []string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	w.Registry, w.Open, w.Interval, w.Now = "reg", s.Open, 30*time.Second, time.Now
	w.Note = func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	begun := time.Now()
	for change, failed := range w.Changes(ctx) {
		if failed != nil {
			return lines, notes, failed
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", change.Time.Sub(begun), change.Change, change.Reference))
	}
	if s.opened != s.closed {
		t.Errorf("%d readings were begun, %d ended", s.opened, s.closed)
	}
	return lines, notes, nil
}

func TestAWatchTellsEachChangeAtItsReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{readings: []map[string]*State{
			{"app": state("1=a")}, {"app": state("1=b", "a"), "web": state("1=c")}, {"web": state("1=c")},
		}}
		lines, notes, err := watched(t, s, Watcher{}, 100*time.Second)
		want := []string{"30s moved reg/app:1", "30s pushed reg/web:1", "1m0s deleted reg/app@a", "1m0s deleted reg/app@b", "1m0s deleted reg/app:1"}
		if diff := cmp.Diff(want, lines); diff != "" || err != nil || len(notes) > 0 {
			t.Errorf("%v, %q\n%s", err, notes, diff)
		}
		if s.opened != 4 {
			t.Errorf("%d readings in 100 s", s.opened)
		}
		s.opened, s.closed = 0, 0
		if lines, _, _ = watched(t, s, Watcher{Initial: true, Repository: "app"}, 40*time.Second); !slices.Equal(lines, []string{"0s pushed reg/app:1", "30s moved reg/app:1"}) {
			t.Errorf("told %q", lines)
		}
	})
}

func TestAWatchSurvivesReadingsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{readings: []map[string]*State{{"app": state("1=a")}, nil, nil, nil, {"app": state("1=b", "a")}}}
		lines, notes, err := watched(t, s, Watcher{}, 10*time.Minute)
		// The waits are 30 s, 60, 120, 240, and 30 again.
		if err != nil || !slices.Equal(lines, []string{"7m30s moved reg/app:1"}) {
			t.Errorf("%v, told %q", err, lines)
		}
		if len(notes) != 2 || notes[0] != "warning: the registry is away; asking again in 1m0s" || notes[1] != "reg is read again" {
			t.Errorf("noted %q", notes)
		}
	})
}

// TestARepositoryThatCannotBeReadChangesNothing holds that one repository's
// failure neither hides the others' changes nor looks like its deletion.
func TestARepositoryThatCannotBeReadChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{
			readings: []map[string]*State{{"app": state("1=a"), "web": state("1=c")}, {"app": state("2=b"), "web": state("2=d")}},
			failing:  map[string]error{"app": errors.New("not yours any more")},
		}
		lines, notes, err := watched(t, s, Watcher{}, 40*time.Second)
		want := []string{"30s deleted reg/web@c", "30s deleted reg/web:1", "30s pushed reg/web:2"}
		if diff := cmp.Diff(want, lines); diff != "" || err != nil || len(notes) != 1 {
			t.Errorf("%v, noted %q\n%s", err, notes, diff)
		}
	})
}

func TestAFirstReadingThatFailsIsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, _, err := watched(t, &script{readings: []map[string]*State{nil}}, Watcher{}, time.Hour); err == nil {
			t.Error("a registry that is away is watched")
		}
		_, _, err := watched(t, &script{readings: []map[string]*State{{}}}, Watcher{Repository: "app"}, time.Hour)
		if failure.ExitCode(err) != failure.ExitNotFound {
			t.Errorf("a repository that isn't there: %v", err)
		}
	})
}
