package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

func newCheckCommand(a *app) *cobra.Command {
	var repos []string
	var state string
	command := &cobra.Command{
		Use: "check [REGISTRY]", Short: "Verify every byte of a registry's repositories",
		Long: `Read every manifest and every blob of a registry's repositories, each blob once,
and compare it with its digest and its size. Only what is damaged, missing or not
readable is printed. Throttled requests are retried after the time that the registry names.
Where the rate headers say that few calls are left, the check slows down.

With --state FILE what was read and is intact is recorded there, and the same command
again resumes where it was interrupted. Exit codes: 8 for what is damaged or
missing, 9 for what could not be read, 11 for an interrupted check that can be resumed.`,
		Example: `  acrkit check local
  acrkit check myreg.azurecr.io --repo 'team/**' --state check.state`,
		GroupID: groupRegistry, Args: rangeArgs(0, "REGISTRY"),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			patterns, err := parsePatterns("repo", repos)
			if err != nil {
				return err
			}
			h, err := a.RegistryArgument(args)
			if err != nil {
				return err
			}
			a.Paced = true
			r, err := a.Open(ctx, h)
			if err != nil {
				return err
			}
			names, err := repositoryNames(ctx, r, patterns)
			if err != nil {
				return err
			}
			seen, err := openSeen(state, h.String())
			if err != nil {
				return err
			}
			a.OnClose(seen.close)
			v := verifier{}
			var failed []error
			all := func(yield func(findingItem, error) bool) {
				for _, name := range names {
					source, err := artifact.NewRepository(r.Client, r.Blobs, name)
					if err != nil {
						yield(findingItem{}, err)
						return
					}
					graph, err := source.Graph(ctx, nil)
					switch {
					case ctx.Err() != nil:
						yield(findingItem{}, err)
						return
					case err != nil:
						failed = append(failed, fmt.Errorf("%s/%s: %w", h, name, err))
						continue
					}
					roots := slices.Sorted(maps.Keys(graph.Manifests))
					for item, err := range v.findings(ctx, source, name, graph, roots, seen, true) {
						if !yield(item, err) {
							return
						}
					}
				}
			}
			err = v.end(a, output.List(a.printer, findingView(), all))
			if err != nil && ctx.Err() != nil && state != "" {
				return &failure.Explained{
					Err:  failure.Coded(failure.ExitResumable, fmt.Errorf("interrupted, what was read is noted in %s: %w", state, err)),
					Code: "INTERRUPTED", Fix: []string{"the same command again resumes it"},
				}
			}
			if len(failed) > 0 && err == nil {
				err = failure.Coded(failure.ExitPartly, fmt.Errorf("repositories that could not be read: %d of %d", len(failed), len(names)))
			}
			return errors.Join(append([]error{err}, failed...)...)
		},
	}
	command.Flags().StringArrayVar(&repos, "repo", nil, "only repositories that match the `PATTERN`; may be repeated")
	command.Flags().StringVar(&state, "state", "", "record in `FILE` what was read, so that an interrupted check can be resumed")
	return command
}

// seenBlobs are those that were read, in this run and in interrupted ones before
// it. A nil value has none.
type seenBlobs struct {
	known map[digest.Digest]bool
	file  *os.File
}

// openSeen reads a state file, whose first line names the registry. A last line
// that an interruption cut is left out.
func openSeen(path, registry string) (*seenBlobs, error) {
	s := &seenBlobs{known: map[digest.Digest]bool{}}
	if path == "" {
		return s, nil
	}
	head := "acrkit check " + registry
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	lines := bufio.NewScanner(strings.NewReader(string(data)))
	for n := 0; lines.Scan(); n++ {
		if n == 0 && lines.Text() != head {
			return nil, failure.Usagef("--state %s: it is not the state of a check of %s", path, registry)
		}
		if d, err := digest.Parse(lines.Text()); err == nil {
			s.known[d] = true
		}
	}
	if s.file, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return nil, fmt.Errorf("keep the state: %w", err)
	}
	if len(data) == 0 {
		_, err = fmt.Fprintln(s.file, head)
	} else if data[len(data)-1] != '\n' {
		_, err = fmt.Fprintln(s.file)
	}
	return s, err
}

func (s *seenBlobs) has(d digest.Digest) bool { return s != nil && s.known[d] }

func (s *seenBlobs) add(d digest.Digest) {
	if s == nil || s.known[d] {
		return
	}
	s.known[d] = true
	if s.file != nil {
		fmt.Fprintln(s.file, d) // a line that is lost is read again
	}
}

func (s *seenBlobs) close() error {
	if s == nil || s.file == nil {
		return nil
	}
	return s.file.Close()
}
