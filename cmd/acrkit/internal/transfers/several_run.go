package transfers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
)

// RunSeveral plans, or does, a copy of many images: args are the sources and the
// target.
func (m *Mover) RunSeveral(command *cobra.Command, f *Flags, args []string) error {
	if len(args) < 2 {
		return failure.Usagef("%s: SRC and DST are needed", command.CommandPath())
	}
	last := len(args) - 1
	return m.runSeveral(command, f, args[:last], args[last], nil)
}

func (m *Mover) runSeveral(command *cobra.Command, f *Flags, sources []string, target string, kept *artifact.SyncPlan) error {
	ctx := command.Context()
	if f.All {
		return failure.Usagef("--all sends the images of one folder or archive; several sources, --all-tags, --tag-pattern and --tag-regex are about registries")
	}
	s, err := f.parseSeveral(sources, target, m.Getenv("ACR_REGISTRY"))
	if err != nil {
		return err
	}
	options, err := f.options(m.Session)
	if err != nil {
		return err
	}
	if err := s.open(ctx, m); err != nil {
		return err
	}
	o := s.options(options)
	planning := f.Write.DryRun || f.Write.Keep != ""
	into, finish, err := s.openTarget(ctx, m, planning)
	if err != nil {
		return err
	}
	do, look := artifact.Sync, artifact.PlanSync
	if kept != nil {
		// The plan names a folder by the path it was made with; the path here is
		// absolute.
		p := *kept
		p.Source, p.Destination = s.Name(), into.Name()
		do, look = p.Apply, p.Check
	}
	if planning {
		p, err := look(ctx, into, s, o)
		return finish(m.planSeveral(command, f, s, p, err))
	}
	spec := artifact.TransferSpec{
		Verb: command.Name(), Source: s.texts[0], Sources: s.texts[1:], Destination: s.to.location.Absolute(), Arguments: f.arguments(),
	}
	if o.Copy.Journal, err = beginEntry(m.Session, spec); err != nil {
		return finish(err)
	}
	err = finish(m.moveMany(ctx, spec, into, s, o, do))
	if errors.Is(err, errNoImage) {
		return s.nothingChosen(f)
	}
	return err
}

// options are what the library is told of the sources.
func (s *several) options(o *artifact.Options) *artifact.SyncOptions {
	options := &artifact.SyncOptions{
		Copy: *o, Repositories: s.order,
		Rename: func(name string) string { return s.targets[name] },
		Tags:   func(name string) []string { return s.named[name] },
	}
	if s.chosen != nil {
		options.Choose = func(_, tag string) bool { return s.chosen(tag) }
	}
	return options
}

// nothingChosen is the end of a copy that had nothing to copy: the choice is
// mistyped more often than right.
func (s *several) nothingChosen(f *Flags) error {
	of := strings.Join(s.order, ", ")
	if s.chosen == nil {
		return failure.Coded(failure.ExitNotFound, fmt.Errorf("copy: %s has no tag", of))
	}
	return failure.Coded(failure.ExitNotFound, fmt.Errorf("copy: no tag of %s matches %s", of, strings.Join(f.Tags.arguments(), ", ")))
}

// openTarget opens where the images go; to plan it makes nothing there. finish
// is called once, with what came of the copying.
func (s *several) openTarget(ctx context.Context, m *Mover, planning bool) (artifact.SyncTarget, func(error) error, error) {
	unchanged := func(err error) error { return err }
	if s.to.location.Kind == location.InRegistry {
		store, err := openSyncStore(ctx, m.Session, s.to)
		return store, unchanged, err
	}
	name := s.to.location.String()
	if planning {
		target, err := location.Rehearse(ctx, m.Session, s.to.location)
		return layoutTarget{target, name}, unchanged, err
	}
	target, finish, err := location.OpenTarget(ctx, m.Session, s.to.location)
	return layoutTarget{target, name}, finish, err
}

// repositoryExists refuses a repository that isn't there before anything is
// begun.
func (m *Mover) repositoryExists(ctx context.Context, ref reference.Reference) error {
	r, err := m.OpenFor(ctx, ref)
	if err != nil {
		return err
	}
	one := int32(1)
	for _, err := range r.Client.Tags(ctx, ref.Repository, &azcontainerregistry.ClientListTagsOptions{MaxNum: &one}) {
		return err
	}
	return nil
}

// keptCopies is what --plan keeps of a copy of many images.
type keptCopies struct {
	Schema      string    `json:"schema"`
	Kind        string    `json:"kind"`
	Command     string    `json:"command"`
	MadeOn      time.Time `json:"madeOn"`
	Sources     []string  `json:"sources"`
	Destination string    `json:"destination"`
	Arguments   []string  `json:"arguments,omitempty"` // the flags that change what is copied

	Plan   json.RawMessage    `json:"plan"`
	Parsed *artifact.SyncPlan `json:"-"` // the same, read
}

const keptCopiesKind = "CopyPlan"

// planSeveral prints, or keeps, what a copy would do.
func (m *Mover) planSeveral(command *cobra.Command, f *Flags, s *several, p *artifact.SyncPlan, err error) error {
	if err == nil && len(p.Items) == 0 {
		err = s.nothingChosen(f)
	}
	return m.planImages(command, f, s.to, p, err, func(data json.RawMessage) any {
		return keptCopies{
			Schema: output.Schema, Kind: keptCopiesKind, Command: command.CommandPath(), MadeOn: m.Now().UTC(),
			Sources: s.texts, Destination: s.to.location.Absolute(), Arguments: f.arguments(), Plan: data,
		}
	})
}

// applySeveral does what a kept plan of many images says.
func (m *Mover) applySeveral(command *cobra.Command, f *Flags) error {
	path := f.Write.Apply
	kept, err := plan.Load(path, keptCopiesKind, parseKeptCopies)
	if err != nil {
		return err
	}
	if kept.Command != command.CommandPath() {
		return failure.Usagef("plan %s: it was made by %q, apply it with that", path, kept.Command)
	}
	if err := f.choose(command, kept.Arguments); err != nil {
		return err
	}
	return m.runSeveral(command, f, kept.Sources, kept.Destination, kept.Parsed)
}

func parseKeptCopies(data []byte) (keptCopies, error) {
	var kept keptCopies
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&kept); err != nil {
		return kept, err
	}
	if len(kept.Sources) == 0 {
		return kept, errors.New("it names no source")
	}
	var err error
	kept.Parsed, err = artifact.ParseSyncPlan(kept.Plan)
	return kept, err
}
