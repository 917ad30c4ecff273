package main

import (
	"context"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// findingItem is what verify and check print of one content.
type findingItem struct {
	Repository string `json:"repository"`
	Digest     string `json:"digest"`
	State      string `json:"state"`
	Bytes      int64  `json:"bytes"`
	NamedBy    string `json:"namedBy,omitempty"`
	Why        string `json:"why,omitempty"`
}

func findingView() output.View[findingItem] {
	return output.View[findingItem]{
		Kind: "Finding",
		Columns: []output.Column[findingItem]{
			{Name: "state", Value: func(f findingItem) string { return f.State }},
			{Name: "bytes", Value: func(f findingItem) string { return fmt.Sprint(f.Bytes) }},
			{Name: "repository", Value: func(f findingItem) string { return f.Repository }},
			{Name: "digest", Value: func(f findingItem) string { return f.Digest }},
			{Name: "why", Value: func(f findingItem) string { return f.Why }},
		},
		Text: func(w io.Writer, f findingItem) error {
			line := fmt.Sprintf("%-8s %10s  %s@%s", f.State, output.Size(f.Bytes), f.Repository, f.Digest)
			if f.Why != "" {
				line += "  " + output.Clean(f.Why)
			}
			_, err := fmt.Fprintln(w, line)
			return err
		},
	}
}

func newVerifyCommand(a *app) *cobra.Command {
	var referrers bool
	command := &cobra.Command{
		Use: "verify REF", Short: "Verify every byte of an image at the registry",
		Long: `Read every byte of an image at the registry, and compare it with its digest and
its size: the manifests of an index, configs and layers, each once. Nothing is
kept. With --referrers, signatures, SBOMs and other referrers are read, too.
 What is damaged or missing is printed: exit code 8; what could not be read: 9.`,
		Example: `  acrkit verify local/team/app:1
  acrkit verify myreg.azurecr.io/team/app:1 --referrers -o jsonl`,
		GroupID: groupImages, Args: exactArgs("REF"),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			ref, err := a.VersionReference(args[0])
			if err != nil {
				return err
			}
			r, err := a.OpenFor(ctx, ref)
			if err != nil {
				return err
			}
			source, err := artifact.NewRepository(r.Client, r.Blobs, ref.Repository)
			if err != nil {
				return err
			}
			desc, err := source.Resolve(ctx, ref.Version())
			if err != nil {
				return err
			}
			roots := []digest.Digest{desc.Digest}
			graph, err := source.GraphOf(ctx, roots, &artifact.GraphOptions{Referrers: referrers})
			if err != nil {
				return err
			}
			if referrers {
				roots = graph.Below(desc.Digest)
			}
			v := verifier{}
			err = output.List(a.printer, findingView(), v.findings(ctx, source, ref.Repository, graph, roots, nil, false))
			return v.end(a, err)
		},
	}
	command.Flags().BoolVar(&referrers, "referrers", false, "read what refers to the image as well")
	return command
}

// verifier counts what was found.
type verifier struct {
	contents, wrong, unread int
	bytes                   int64
}

// findings reads what a repository has, and gives what is said of it.
func (v *verifier) findings(ctx context.Context, source *artifact.Repository, name string, g *artifact.RepositoryGraph, roots []digest.Digest, seen *seenBlobs, faultsOnly bool) func(yield func(findingItem, error) bool) {
	return func(yield func(findingItem, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		stopped := false
		err := source.VerifyContent(ctx, g, roots, &artifact.VerifyOptions{
			Skip: seen.has,
			OnFinding: func(f artifact.Finding) {
				v.contents++
				v.bytes += f.Bytes
				item := findingItem{Repository: name, Digest: f.Descriptor.Digest.String(), State: f.State, Bytes: f.Bytes}
				switch f.State {
				case artifact.FindingOK:
					seen.add(f.Descriptor.Digest)
				case artifact.FindingUnread:
					v.unread++
				default:
					v.wrong++
				}
				if f.Err != nil {
					item.NamedBy = f.By.String()
					item.Why = failure.Clean(f.Err.Error())
				}
				if !stopped && (!faultsOnly || f.Err != nil) && !yield(item, nil) {
					stopped = true
					stop()
				}
			},
		})
		if err != nil && !stopped {
			yield(findingItem{}, err)
		}
	}
}

// end says what was read and makes the error of what is wrong.
func (v *verifier) end(a *app, err error) error {
	if err != nil {
		return err
	}
	a.Note("read %d manifests and blobs, %s: %d damaged or missing, %d not readable", v.contents, output.Size(v.bytes), v.wrong, v.unread)
	switch {
	case v.wrong > 0:
		return failure.Coded(failure.ExitMismatch, fmt.Errorf("damaged or missing: %d of %d", v.wrong, v.contents))
	case v.unread > 0:
		return failure.Coded(failure.ExitPartly, fmt.Errorf("not readable: %d of %d", v.unread, v.contents))
	}
	return nil
}
