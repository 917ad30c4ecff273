package transfers

import (
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

// planSync prints, or keeps, what a sync would do. What could not all be found
// out is printed, and not kept.
func (m *Mover) planSync(command *cobra.Command, f *SyncFlags, src, dst syncEnd, makePlan func() (*artifact.SyncPlan, error)) error {
	p, err := makePlan()
	if p == nil {
		return err
	}
	if path := f.Write.Keep; path != "" && err == nil {
		data, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("keep the plan: %w", err)
		}
		if err := plan.Save(path, keptSync{
			Schema: output.Schema, Kind: keptSyncKind, Command: command.CommandPath(), MadeOn: m.Now().UTC(),
			Source: src.location.Absolute(), Destination: dst.location.Absolute(), Selection: f.selection(), Plan: data,
		}); err != nil {
			return err
		}
		m.Note("kept the plan of %d images in %s; to do it: %s --apply %[2]s", len(p.Items), path, command.CommandPath())
	}
	return errors.Join(output.List(m.Printer, syncPlanView(), output.Sequence(p.Items)), err)
}

// ApplySync does what a kept plan says.
func (m *Mover) ApplySync(command *cobra.Command, f *SyncFlags) error {
	path := f.Write.Apply
	kept, err := plan.Load(path, parseKeptSync)
	if err != nil {
		return err
	}
	if kept.Command != command.CommandPath() {
		return failure.Usagef("plan %s: it was made by %q, apply it with that", path, kept.Command)
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
