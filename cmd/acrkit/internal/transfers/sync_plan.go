package transfers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
)

// keptSync is what --plan keeps of a sync: what it was told to do, and what that
// meant then.
type keptSync struct {
	Schema      string        `json:"schema"`
	Kind        string        `json:"kind"`
	Command     string        `json:"command"`
	MadeOn      time.Time     `json:"madeOn"`
	Source      string        `json:"source"`
	Destination string        `json:"destination"`
	Selection   syncSelection `json:"selection"`

	Plan   json.RawMessage    `json:"plan"`
	Parsed *artifact.SyncPlan // the same, read
}

// syncSelection are the flags that say which images a sync takes, and how much
// of each.
type syncSelection struct {
	Include []string `json:"include,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	Shard   string   `json:"shard,omitempty"`
	Verify  bool     `json:"verify,omitempty"`

	ImageFlags
}

const keptSyncKind = "SyncPlan"

func (f *SyncFlags) selection() syncSelection {
	return syncSelection{f.Include, f.Exclude, f.Shard, f.Verify, f.Flags.Images}
}

func (f *SyncFlags) choose(s syncSelection) {
	f.Include, f.Exclude, f.Shard, f.Verify, f.Flags.Images = s.Include, s.Exclude, s.Shard, s.Verify, s.ImageFlags
}

// planSync prints, or keeps, what a sync would do.
func (m *Mover) planSync(command *cobra.Command, f *SyncFlags, src, dst syncEnd, p *artifact.SyncPlan, err error) error {
	if err == nil {
		err = f.nothingChosen(src.location.String(), len(p.Items))
	}
	return m.planImages(command, &f.Flags, dst, p, err, func(data json.RawMessage) any {
		return keptSync{
			Schema: output.Schema, Kind: keptSyncKind, Command: command.CommandPath(), MadeOn: m.Now().UTC(),
			Source: src.location.Absolute(), Destination: dst.location.Absolute(), Selection: f.selection(), Plan: data,
		}
	})
}

// planImages prints, or keeps, what would be done with many images; keep makes
// what is kept of the plan. What could not all be found out is printed, and not
// kept.
func (m *Mover) planImages(command *cobra.Command, f *Flags, dst syncEnd, p *artifact.SyncPlan, err error, keep func(json.RawMessage) any) error {
	if p == nil || errors.As(err, new(*artifact.ChangedError)) {
		return err
	}
	if err == nil {
		err = m.foreseeSync(command.Context(), f, dst, p)
	}
	if path := f.Write.Keep; path != "" && err == nil {
		data, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("keep the plan: %w", err)
		}
		if err := plan.Save(path, keep(data)); err != nil {
			return err
		}
		m.Note("kept the plan of %d images in %s; to do it: %s --apply %[2]s", len(p.Items), path, command.CommandPath())
	}
	return errors.Join(output.List(m.Printer, syncPlanView(), output.Sequence(p.Items)), partlyPlanned(command.Name(), err))
}

// showSyncPlan prints what a sync would do, and says what would be refused.
func (m *Mover) showSyncPlan(ctx context.Context, verb string, f *Flags, dst syncEnd, p *artifact.SyncPlan, err error) error {
	if p == nil {
		return err
	}
	if err == nil {
		err = m.foreseeSync(ctx, f, dst, p)
	}
	return errors.Join(output.List(m.Printer, syncPlanView(), output.Sequence(p.Items)), partlyPlanned(verb, err))
}

// foreseeSync finds the images that a registry would refuse. Of rights that lack
// it only warns where the plan is kept, for somebody else may apply it.
func (m *Mover) foreseeSync(ctx context.Context, f *Flags, dst syncEnd, p *artifact.SyncPlan) error {
	if dst.location.Kind != location.InRegistry {
		return nil
	}
	r, err := m.OpenFor(ctx, dst.location.Ref)
	if err != nil {
		return err
	}
	rights := map[string]error{} // by repository
	var refused []error
	for _, item := range p.Items {
		if item.Action == artifact.PlanSkip {
			continue
		}
		if _, asked := rights[item.Target]; !asked {
			rights[item.Target] = plan.CheckRights(ctx, r, item.Target, "pull", "push")
			if err := rights[item.Target]; err != nil && !f.Write.DryRun {
				m.Note("warning: %s", failure.Clean(err.Error()))
				rights[item.Target] = nil
			}
		}
		err := rights[item.Target]
		tag := item.Tag
		if item.Replaces == "" {
			tag = "" // a tag that isn't there has no lock
		}
		if err == nil {
			err = plan.CheckPush(ctx, r, item.Target, tag)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			refused = append(refused, fmt.Errorf("%s:%s: %w", item.Repository, item.Tag, err))
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return &artifact.PartialError{Failed: len(refused), Total: len(p.Items), Errs: refused}
}

// partlyPlanned says why images would not be copied.
func partlyPlanned(verb string, err error) error {
	var partial *artifact.PartialError
	if !errors.As(err, &partial) {
		return err
	}
	why, fix, _ := causes(partial.Errs)
	return &failure.Explained{
		Err:  failure.Coded(failure.ExitPartly, fmt.Errorf("%s: %d of %d images would not be copied", verb, partial.Failed, partial.Total)),
		Code: "PARTLY_DONE", Why: why, Fix: fix,
	}
}

// ApplySync does what a kept plan says.
func (m *Mover) ApplySync(command *cobra.Command, f *SyncFlags) error {
	path := f.Write.Apply
	kept, err := plan.Load(path, keptSyncKind, parseKeptSync)
	if err != nil {
		return err
	}
	if kept.Command != command.CommandPath() {
		return failure.Usagef("plan %s: it was made by %q, apply it with that", path, kept.Command)
	}
	if err := f.Flags.choose(command, nil); err != nil {
		return err
	}
	f.choose(kept.Selection)
	return m.RunSync(command, f, kept.Source, kept.Destination, kept.Parsed)
}

func parseKeptSync(data []byte) (keptSync, error) {
	var kept keptSync
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&kept); err != nil {
		return kept, err
	}
	if kept.Schema != output.Schema || kept.Kind != keptSyncKind {
		return kept, fmt.Errorf("schema %q, kind %q: this program applies %q, %q", kept.Schema, kept.Kind, output.Schema, keptSyncKind)
	}
	var err error
	kept.Parsed, err = artifact.ParseSyncPlan(kept.Plan)
	return kept, err
}

func syncPlanView() output.View[artifact.SyncPlanItem] {
	return output.View[artifact.SyncPlanItem]{
		Kind: "SyncPlanItem",
		Columns: []output.Column[artifact.SyncPlanItem]{
			{Name: "action", Value: func(i artifact.SyncPlanItem) string { return string(i.Action) }},
			{Name: "image", Value: func(i artifact.SyncPlanItem) string { return i.Repository + ":" + i.Tag }},
			{Name: "target", Value: func(i artifact.SyncPlanItem) string { return i.Target + ":" + i.Tag }},
			{Name: "digest", Value: func(i artifact.SyncPlanItem) string { return i.Digest }},
			{Name: "bytes", Value: func(i artifact.SyncPlanItem) string { return strconv.FormatInt(i.Bytes, 10) }},
		},
		Text: func(w io.Writer, i artifact.SyncPlanItem) error {
			_, err := fmt.Fprintf(w, "would %-5s %s:%s to %s:%s  %s  %s\n", i.Action, output.Clean(i.Repository), output.Clean(i.Tag),
				output.Clean(i.Target), output.Clean(i.Tag), term.Short(i.Digest), output.Size(i.Bytes))
			return err
		},
	}
}
