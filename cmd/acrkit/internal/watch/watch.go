// Package watch tells what changes in repositories: they are read again and
// again, and what they hold is compared.
package watch

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/pace"
	"github.com/acrkit/azcontainerregistry/internal/order"
)

// Kind says what happened.
type Kind string

// The kinds. A tag is pushed when it is new, moved when it names something else,
// and deleted when it is gone; a manifest is pushed, when it came without a tag,
// and deleted.
const (
	Pushed  Kind = "pushed"
	Moved   Kind = "moved"
	Deleted Kind = "deleted"
)

// Change is one thing that happened between two readings.
type Change struct {
	Time       time.Time `json:"time"` // when it was seen
	Change     Kind      `json:"change"`
	Reference  string    `json:"reference"`
	Registry   string    `json:"registry"`
	Repository string    `json:"repository"`
	Tag        string    `json:"tag,omitempty"`
	Digest     string    `json:"digest"`
	Replaced   string    `json:"replaced,omitempty"` // what the tag named before
}

// State is what a repository holds.
type State struct {
	Tags      map[string]string // digests by tag
	Manifests map[string]bool   // by digest
}

// Reader reads a registry once.
type Reader interface {
	// Names lists the repositories.
	Names(ctx context.Context) ([]string, error)
	// Read reads one. It is called by several goroutines.
	Read(ctx context.Context, repository string) (*State, error)
	// Close ends the reading.
	Close() error
}

// Watcher reads repositories again and again.
type Watcher struct {
	Registry string
	// Repository is the one to read; "" for all of the registry.
	Repository string
	// Open opens the registry for one reading.
	Open func(ctx context.Context) (Reader, error)
	// Interval is the time from the end of a reading to the next.
	Interval time.Duration
	// Initial tells what is there at first, as pushed.
	Initial bool
	Now     func() time.Time
	Note    func(format string, args ...any)
}

const (
	// readers is how many repositories are read at once.
	readers = 8
	// slowest bounds how far failures stretch the interval.
	slowest = 16
)

// Changes are the changes as they are seen, until the context ends, which is no
// failure. When the first reading fails, that is the error; a later one that
// fails is told, and tried again.
func (w *Watcher) Changes(ctx context.Context) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		before, err := w.read(ctx, nil)
		if err != nil {
			if ctx.Err() == nil {
				yield(Change{}, err)
			}
			return
		}
		if w.Initial && !w.tell(map[string]*State{}, before, yield) {
			return
		}
		wait, told := w.Interval, ""
		for {
			if pace.Wait(ctx, wait) != nil {
				return
			}
			now, err := w.read(ctx, before)
			if ctx.Err() != nil {
				return
			}
			wait, told = w.next(wait, told, err)
			if now == nil {
				continue
			}
			if !w.tell(before, now, yield) {
				return
			}
			before = now
		}
	}
}

// next says what is wrong once, and how long to wait: longer and longer while
// readings fail.
func (w *Watcher) next(wait time.Duration, told string, err error) (time.Duration, string) {
	if err == nil {
		if told != "" {
			w.Note("%s is read again", w.Registry)
		}
		return w.Interval, ""
	}
	wait = min(2*wait, slowest*w.Interval)
	why := failure.Clean(failure.FirstLine(err))
	if why != told {
		w.Note("warning: %s; asking again in %s", why, wait)
	}
	return wait, why
}

// read reads every repository. One that can't be read is as it was before, and
// the error tells of it; without anything there is no result.
func (w *Watcher) read(ctx context.Context, before map[string]*State) (now map[string]*State, err error) {
	reader, err := w.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	names := []string{w.Repository}
	if w.Repository == "" {
		if names, err = reader.Names(ctx); err != nil {
			return nil, err
		}
	}
	r := reading{w: w, reader: reader, before: before, now: map[string]*State{}}
	var group sync.WaitGroup
	work := make(chan string)
	for range min(readers, len(names)) {
		group.Go(func() {
			for name := range work {
				r.read(ctx, name)
			}
		})
	}
	for _, name := range names {
		work <- name
	}
	close(work)
	group.Wait()
	if len(r.failed) > 0 && (before == nil || len(r.failed) == len(names)) {
		return nil, errors.Join(r.failed...)
	}
	return r.now, errors.Join(r.failed...)
}

// reading is one reading of all repositories.
type reading struct {
	w      *Watcher
	reader Reader
	before map[string]*State

	mu     sync.Mutex
	now    map[string]*State
	failed []error
}

func (r *reading) read(ctx context.Context, name string) {
	state, err := r.reader.Read(ctx, name)
	r.mu.Lock()
	defer r.mu.Unlock()
	// A repository that is gone is no failure, but for the one that was named, in
	// the beginning.
	if failure.ExitCode(err) == failure.ExitNotFound && (r.before != nil || r.w.Repository == "") {
		return
	}
	if err != nil {
		r.failed = append(r.failed, err)
		state = r.before[name]
	}
	if state != nil {
		r.now[name] = state
	}
}

// tell yields what is different, repository by repository.
func (w *Watcher) tell(before, now map[string]*State, yield func(Change, error) bool) bool {
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range now {
		names[name] = true
	}
	at := w.Now().UTC()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		for _, change := range Compare(before[name], now[name]) {
			change.Time, change.Registry, change.Repository = at, w.Registry, name
			change.Reference = w.Registry + "/" + name
			if change.Tag != "" {
				change.Reference += ":" + change.Tag
			} else {
				change.Reference += "@" + change.Digest
			}
			if !yield(change, nil) {
				return false
			}
		}
	}
	return true
}

// Compare says what changed from one state of a repository to another; nil is
// that of a repository that isn't there. What is gone comes first, then what
// moved, then what came; each by its name.
func Compare(before, now *State) []Change {
	if before == nil {
		before = &State{}
	}
	if now == nil {
		now = &State{}
	}
	var changes []Change
	named := map[string]bool{} // by a tag that came or moved
	for tag, digest := range now.Tags {
		was, there := before.Tags[tag]
		switch {
		case !there:
			changes = append(changes, Change{Change: Pushed, Tag: tag, Digest: digest})
		case was != digest:
			changes = append(changes, Change{Change: Moved, Tag: tag, Digest: digest, Replaced: was})
		default:
			continue
		}
		named[digest] = true
	}
	for tag, digest := range before.Tags {
		if _, there := now.Tags[tag]; !there {
			changes = append(changes, Change{Change: Deleted, Tag: tag, Digest: digest})
		}
	}
	for digest := range now.Manifests {
		if !before.Manifests[digest] && !named[digest] {
			changes = append(changes, Change{Change: Pushed, Digest: digest})
		}
	}
	for digest := range before.Manifests {
		if !now.Manifests[digest] {
			changes = append(changes, Change{Change: Deleted, Digest: digest})
		}
	}
	rank := map[Kind]int{Deleted: 0, Moved: 1, Pushed: 2}
	order.By(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(rank[a.Change], rank[b.Change]), cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.Digest, b.Digest))
	})
	return changes
}
