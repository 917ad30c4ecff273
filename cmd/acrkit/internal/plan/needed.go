package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/internal/order"
)

// removed is what a plan deletes in one repository.
type removed struct {
	steps     []Step
	manifests map[digest.Digest]bool
}

// checkNeeded refuses a plan that takes from what stays something that it needs:
// a child of an index, the subject of a signature, a blob of a manifest. What
// goes by the same plan needs nothing any more.
func (w *Writer) checkNeeded(ctx context.Context, p plan) error {
	repositories := map[string]*removed{}
	var order []string
	for _, s := range p.Items {
		if !actions[s.Action].breaks {
			continue
		}
		key := s.Registry + "/" + s.Repository
		found := repositories[key]
		if found == nil {
			found = &removed{manifests: map[digest.Digest]bool{}}
			repositories[key], order = found, append(order, key)
		}
		found.steps = append(found.steps, s)
		if s.Action != ActionDeleteBlob {
			found.manifests[digest.Digest(s.Digest)] = true
		}
	}
	for _, key := range order {
		if err := w.checkNeededIn(ctx, repositories[key]); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) checkNeededIn(ctx context.Context, gone *removed) error {
	blobs := slices.ContainsFunc(gone.steps, func(s Step) bool { return s.Action == ActionDeleteBlob && !s.Force })
	if !blobs && !slices.ContainsFunc(gone.steps, func(s Step) bool { return !s.Force }) {
		return nil
	}
	first := gone.steps[0]
	r, err := w.openStep(ctx, first)
	if err != nil {
		return err
	}
	repository, err := artifact.NewRepository(r.Client, r.Blobs, first.Repository)
	if err != nil {
		return err
	}
	var graph *artifact.RepositoryGraph
	if blobs {
		graph, err = repository.Graph(ctx, nil)
	} else {
		graph, err = graphOf(ctx, r, first.Repository)
	}
	if err != nil {
		if unreadable(ctx, err) == nil {
			w.Note("warning: what else in %s needs it can't be looked at: %s", repositoryOf(first), failure.Clean(failure.FirstLine(err)))
			return nil
		}
		return err
	}
	for _, m := range graph.Unread() {
		w.Note("warning: %s can't be read, so what it needs isn't known: %s", repositoryOf(first).WithDigest(m.Digest.String()), failure.Clean(failure.FirstLine(m.Unread)))
	}
	for _, s := range gone.steps {
		if s.Force {
			continue
		}
		needs := graph.Needs(digest.Digest(s.Digest))
		if !blobs {
			more, err := w.referrersOf(ctx, repository, s, needs)
			if err != nil {
				return err
			}
			needs = append(needs, more...)
		}
		if s.Action == ActionDeleteBlob {
			needs = slices.DeleteFunc(needs, func(n artifact.GraphNeed) bool { return n.Kind != "manifest" })
		}
		needs = slices.DeleteFunc(needs, func(n artifact.GraphNeed) bool { return gone.manifests[n.Digest] })
		if len(needs) > 0 {
			return RefuseNeeded(s, needs)
		}
	}
	return nil
}

// referrersOf asks the registry for the manifests whose subject a step deletes,
// which are not in a graph of indexes.
func (w *Writer) referrersOf(ctx context.Context, repository *artifact.Repository, s Step, known []artifact.GraphNeed) ([]artifact.GraphNeed, error) {
	list, err := repository.Referrers(ctx, ocispec.Descriptor{Digest: digest.Digest(s.Digest)})
	if err != nil {
		if unreadable(ctx, err) == nil {
			if failure.ExitCode(err) != failure.ExitNotFound {
				w.Note("warning: what refers to %s can't be looked at: %s", s, failure.Clean(failure.FirstLine(err)))
			}
			return nil, nil
		}
		return nil, err
	}
	var needs []artifact.GraphNeed
	for _, desc := range list {
		if !slices.ContainsFunc(known, func(n artifact.GraphNeed) bool { return n.Digest == desc.Digest }) {
			needs = append(needs, artifact.GraphNeed{Kind: "referrer", Digest: desc.Digest})
		}
	}
	return needs, nil
}

// maxNeeds is how many of them a refusal names.
const maxNeeds = 20

// RefuseNeeded names what needs the thing.
func RefuseNeeded(s Step, needs []artifact.GraphNeed) error {
	var why []string
	for i, n := range needs {
		if i == maxNeeds {
			why = append(why, fmt.Sprintf("and %d more", len(needs)-i))
			break
		}
		why = append(why, needSentence(n))
	}
	what := "manifest"
	if s.Action == ActionDeleteBlob {
		what = "blob"
	}
	fix := []string{"delete what needs it first, or in the same command"}
	if s.Action == ActionDeleteTag {
		fix = append(fix, "acrkit tag untag "+tagOnly(s)+"  # take the name away, and leave the manifest")
	}
	fix = append(fix, "the same command with --force: what needs it breaks")
	return &failure.Explained{
		Err:  failure.Coded(failure.ExitNotAllowed, errors.New(s.String()+": something that stays needs this "+what+", nothing was done")),
		Code: "STILL_NEEDED",
		Why:  why,
		Fix:  fix,
	}
}

// needSentence words one need.
func needSentence(n artifact.GraphNeed) string {
	name := n.Digest.String()
	if len(n.Tags) > 0 {
		name += " (" + strings.Join(n.Tags, ", ") + ")"
	}
	switch n.Kind {
	case "index":
		return "the index " + name + " names it as a child"
	case "referrer":
		return name + " refers to it, and goes with it"
	case "signature":
		return name + " belongs to it by its tag"
	}
	return "the manifest " + name + " has it"
}

func repositoryOf(s Step) reference.Reference {
	ref, err := s.Ref()
	if err != nil {
		return reference.Reference{Repository: s.Repository}
	}
	ref.Tag, ref.Digest = "", ""
	return ref
}

func tagOnly(s Step) string {
	ref := repositoryOf(s)
	ref.Tag = s.Tag
	return ref.String()
}

// inDeletionOrder orders deletions so that an index goes before its children:
// what is left when the work is cut short is whole. The order is otherwise kept.
func (w *Writer) inDeletionOrder(ctx context.Context, steps []Step) ([]Step, error) {
	var deletes []Step
	for _, s := range steps {
		if actions[s.Action].breaks && s.Action != ActionDeleteBlob {
			deletes = append(deletes, s)
		}
	}
	if len(deletes) < 2 {
		return steps, nil
	}
	rank := map[string]int{}
	seen := map[string]bool{}
	for _, s := range deletes {
		key := s.Registry + "/" + s.Repository
		if seen[key] {
			continue
		}
		seen[key] = true
		var list []digest.Digest
		for _, other := range deletes {
			if other.Registry == s.Registry && other.Repository == s.Repository {
				list = append(list, digest.Digest(other.Digest))
			}
		}
		r, err := w.openStep(ctx, s)
		if err != nil {
			return nil, err
		}
		graph, err := graphOf(ctx, r, s.Repository)
		if err != nil {
			if unreadable(ctx, err) == nil {
				continue
			}
			return nil, err
		}
		for i, d := range graph.DeletionOrder(list) {
			rank[key+"@"+d.String()] = i
		}
	}
	ordered := slices.Clone(steps)
	order.By(ordered, func(a, b Step) int {
		x, y := a.Registry+"/"+a.Repository, b.Registry+"/"+b.Repository
		if x != y {
			return strings.Compare(x, y)
		}
		return rank[x+"@"+a.Digest] - rank[y+"@"+b.Digest]
	})
	return ordered, nil
}

// graphKey is what a repository's graph is remembered by.
type graphKey struct{ repository string }

func graphOf(ctx context.Context, r *session.Registry, repository string) (*artifact.RepositoryGraph, error) {
	made, err := r.Remember(graphKey{repository}, func() (any, error) {
		source, err := artifact.NewRepository(r.Client, r.Blobs, repository)
		if err != nil {
			return nil, err
		}
		return source.Graph(ctx, &artifact.GraphOptions{IndexesOnly: true})
	})
	if err != nil {
		return nil, err
	}
	return made.(*artifact.RepositoryGraph), nil
}
