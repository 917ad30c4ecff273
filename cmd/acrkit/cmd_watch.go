package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/watch"
)

// leastInterval keeps a watch from asking a registry without a pause.
const leastInterval = time.Second

func newWatchCommand(a *app) *cobra.Command {
	var interval time.Duration
	var initial bool
	var count int
	command := &cobra.Command{
		Use: "watch REGISTRY|REPOSITORY", Short: "Tell what is pushed, moved and deleted, as it happens", GroupID: groupRegistry,
		Long: `Reads a repository, or every repository of a registry, again and again, and tells
what changed in between: a tag that came (pushed), that names something else
(moved), that is gone (deleted), a manifest that came without a tag, or is gone.
What is there in the beginning isn't told, but for --initial.

One line a change; -o jsonl gives JSON lines. A reading that fails is told on
standard error, and tried again later. The registry's rate headers are heeded.
It ends by ctrl-c, by --timeout, or after --count changes: exit code 0.`,
		Example: `  acrkit watch myreg.azurecr.io/team/app
  acrkit watch local --interval 5s -o jsonl
  acrkit watch myreg.azurecr.io/team/app --count 1 --timeout 10m`,
		Args: exactArgs("REGISTRY|REPOSITORY"),
		RunE: func(command *cobra.Command, args []string) error {
			switch {
			case interval < leastInterval:
				return failure.Usagef("--interval %s: must be at least %s", interval, leastInterval)
			case count < 0:
				return failure.Usagef("--count %d: must not be negative", count)
			}
			ref, err := reference.ParseAny(args[0], a.Getenv("ACR_REGISTRY"))
			if err != nil {
				return err
			}
			if ref.Version() != "" {
				return reference.Bad(args[0], "watch takes a registry or a repository")
			}
			ctx := command.Context()
			a.Paced = true
			w := a.watcher(ref)
			w.Interval, w.Initial = interval, initial
			seen := 0
			return output.List(a.printer, watchView(), func(yield func(watch.Change, error) bool) {
				for change, err := range w.Changes(ctx) {
					if !yield(change, err) || err != nil {
						return
					}
					if seen++; seen == count {
						return
					}
				}
			})
		},
	}
	flags := command.Flags()
	flags.DurationVar(&interval, "interval", 30*time.Second, "time from one reading to the next, such as 10s; at least 1s")
	flags.BoolVar(&initial, "initial", false, "tell what is there in the beginning, too, as pushed")
	flags.IntVar(&count, "count", 0, "end after `N` changes (0: don't)")
	return command
}

// watcher reads a repository, or all of a registry.
func (a *app) watcher(ref reference.Reference) *watch.Watcher {
	return &watch.Watcher{
		Registry: ref.Registry.String(), Repository: ref.Repository, Now: a.Now, Note: a.Note,
		Open: func(ctx context.Context) (watch.Reader, error) {
			if !ref.Registry.Local() {
				r, err := a.OpenFor(ctx, ref)
				return watched{r, func() error { return nil }}, err
			}
			// The embedded registry is opened for each reading, so that other
			// commands get their turn.
			sess := a.Another()
			r, err := sess.OpenFor(ctx, ref)
			if err != nil {
				return nil, errors.Join(err, sess.Close())
			}
			return watched{r, sess.Close}, nil
		},
	}
}

// watched is a registry as a watch reads it.
type watched struct {
	*session.Registry
	close func() error
}

func (w watched) Close() error { return w.close() }

func (w watched) Names(ctx context.Context) ([]string, error) {
	return repositoryNames(ctx, w.Registry, nil)
}

// Read lists a repository's manifests, which have their tags with them.
func (w watched) Read(ctx context.Context, repository string) (*watch.State, error) {
	state := &watch.State{Tags: map[string]string{}, Manifests: map[string]bool{}}
	most := int32(1000)
	for m, err := range w.Client.Manifests(ctx, repository, &azcontainerregistry.ClientListManifestsOptions{MaxNum: &most}) {
		if err != nil {
			return nil, fmt.Errorf("read %s/%s: %w", w.Host, repository, err)
		}
		if m.Digest == nil {
			continue
		}
		state.Manifests[*m.Digest] = true
		for _, tag := range m.Tags {
			if tag != nil {
				state.Tags[*tag] = *m.Digest
			}
		}
	}
	return state, nil
}

func watchView() output.View[watch.Change] {
	return output.View[watch.Change]{
		Kind: "Change",
		Columns: []output.Column[watch.Change]{
			{Name: "time", Value: func(c watch.Change) string { return c.Time.Format(time.RFC3339) }},
			{Name: "change", Value: func(c watch.Change) string { return string(c.Change) }},
			{Name: "reference", Value: func(c watch.Change) string { return c.Reference }},
			{Name: "digest", Value: func(c watch.Change) string { return c.Digest }},
			{Name: "replaced", Value: func(c watch.Change) string { return c.Replaced }},
		},
		Text: func(w io.Writer, c watch.Change) error {
			line := fmt.Sprintf("%s  %-7s  %s", c.Time.Format(time.RFC3339), c.Change, c.Reference)
			if c.Tag != "" {
				line += "  " + term.Short(c.Digest)
			}
			if c.Replaced != "" {
				line += ", was " + term.Short(c.Replaced)
			}
			_, err := fmt.Fprintln(w, output.Clean(line))
			return err
		},
	}
}
