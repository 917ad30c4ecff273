package transfers

import (
	"context"
	"encoding/json"
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

// transferPlan is what --plan keeps of a transfer.
type transferPlan struct {
	Schema      string         `json:"schema"`
	Kind        string         `json:"kind"`
	Command     string         `json:"command"`
	MadeOn      time.Time      `json:"madeOn"`
	Source      string         `json:"source"`
	Destination string         `json:"destination"`
	Arguments   []string       `json:"arguments,omitempty"` // the flags that change what is copied
	Plan        *artifact.Plan `json:"plan"`
}

const transferPlanKind = "TransferPlan"

// planTransfer shows, or keeps, what a transfer would do.
func (m *Mover) planTransfer(command *cobra.Command, t Transfer, src artifact.Source, o *artifact.Options) error {
	ctx := command.Context()
	if t.Flags.Write.Keep != "" && t.From.Kind == location.InStream {
		return failure.Usagef("a plan can't keep standard input: send a file")
	}
	dst, err := location.Rehearse(ctx, m.Session, t.To)
	if err != nil {
		return err
	}
	p, err := artifact.NewPlan(ctx, dst, t.To.Destination(), src, t.From.Version(), o)
	if err != nil {
		return err
	}
	if err := m.foresee(ctx, t, p); err != nil {
		return err
	}
	kept := transferPlan{
		Schema: output.Schema, Kind: transferPlanKind, Command: command.CommandPath(), MadeOn: m.Now().UTC(),
		Source: t.From.Absolute(), Destination: t.To.Absolute(), Arguments: t.Flags.arguments(), Plan: p,
	}
	if path := t.Flags.Write.Keep; path != "" {
		if err := plan.Save(path, kept); err != nil {
			return err
		}
		m.Note("kept the plan in %s; to do it: %s --apply %[1]s", path, kept.Command)
	}
	return output.One(m.Printer, planTransferView(), kept)
}

// foresee refuses what a registry would refuse. A plan that is kept may be
// applied by somebody who has more rights: of those it only warns.
func (m *Mover) foresee(ctx context.Context, t Transfer, p *artifact.Plan) error {
	if t.To.Kind != location.InRegistry || p.Empty() {
		return nil
	}
	r, err := m.OpenFor(ctx, t.To.Ref)
	if err != nil {
		return err
	}
	if err := plan.CheckPush(ctx, r, t.To.Ref.Repository, t.To.Ref.Tag); err != nil {
		return err
	}
	err = plan.CheckRights(ctx, r, t.To.Ref.Repository, "pull", "push")
	if err != nil && !t.Flags.Write.DryRun {
		m.Note("warning: %s", failure.Clean(err.Error()))
		return nil
	}
	return err
}

func planTransferView() output.View[transferPlan] {
	return output.View[transferPlan]{
		Kind: transferPlanKind,
		Columns: []output.Column[transferPlan]{
			{Name: "source", Value: func(p transferPlan) string { return p.Source }},
			{Name: "destination", Value: func(p transferPlan) string { return p.Destination }},
			{Name: "digest", Value: func(p transferPlan) string { return p.Plan.Root.Digest.String() }},
			{Name: "bytes", Value: func(p transferPlan) string { return strconv.FormatInt(p.Plan.Bytes, 10) }},
			{Name: "skipped", Value: func(p transferPlan) string { return strconv.FormatInt(p.Plan.BytesSkipped, 10) }},
			{Name: "requests", Value: func(p transferPlan) string { return strconv.Itoa(p.Plan.Requests) }},
		},
		Text: writeTransferPlan,
	}
}

func writeTransferPlan(w io.Writer, p transferPlan) error {
	var b strings.Builder
	for _, items := range [][]artifact.PlanItem{p.Plan.Blobs, p.Plan.Manifests} {
		for _, item := range items {
			fmt.Fprintf(&b, "would %-6s %s  %9s  %s\n", item.Action, term.Short(item.Digest), output.Size(item.Size), output.Clean(item.MediaType))
		}
	}
	fmt.Fprintf(&b, "would %s\n", p.naming())
	for _, left := range p.Plan.LeftOut {
		fmt.Fprintf(&b, "would leave  %s\n", output.Clean(left.String()))
	}
	if p.Plan.Replaces != "" {
		fmt.Fprintf(&b, "which names  %s now\n", term.Short(p.Plan.Replaces))
	}
	fmt.Fprintf(&b, "in all       %s to move, %s there already, %d requests\n", output.Size(p.Plan.Bytes), output.Size(p.Plan.BytesSkipped), p.Plan.Requests)
	_, err := io.WriteString(w, b.String())
	return err
}

// naming says what becomes of the tag.
func (p transferPlan) naming() string {
	root := term.Short(p.Plan.Root.Digest.String())
	switch reference := p.Plan.DestinationReference; {
	case reference == "", location.IsDigest(reference):
		return fmt.Sprintf("store  %s in %s, without a tag", root, output.Clean(p.Destination))
	case p.Plan.Tagged:
		return fmt.Sprintf("skip   the tag: %s names %s already", output.Clean(p.Destination), root)
	}
	return fmt.Sprintf("tag    %s as %s", root, output.Clean(p.Destination))
}

// applyTransfer does what a kept plan says.
func (m *Mover) applyTransfer(command *cobra.Command, t Transfer) error {
	p, err := plan.Load(t.Flags.Write.Apply, transferPlanKind, parseTransferPlan)
	if err != nil {
		return err
	}
	if p.Command != command.CommandPath() {
		return failure.Usagef("plan %s: it was made by %q, apply it with that", t.Flags.Write.Apply, p.Command)
	}
	if err := t.Flags.choose(command, p.Arguments); err != nil {
		return err
	}
	o, err := t.Flags.options(m.Session)
	if err != nil {
		return err
	}
	if t.From, err = location.Parse(p.Source, ""); err != nil {
		return err
	}
	if t.To, err = location.Parse(p.Destination, ""); err != nil {
		return err
	}
	if t.From.Kind == location.InStream {
		return failure.Usagef("plan %s: what came from standard input is gone", t.Flags.Write.Apply)
	}
	m.FlagsElsewhere = t.remote()
	if err := t.refuseReplacing(); err != nil {
		return err
	}
	src, err := location.OpenSource(command.Context(), m.Session, t.From)
	if err != nil {
		return err
	}
	// The plan names its stores by the path it was made with; the paths here are
	// absolute. What the names stand for was read above.
	kept := func(dst artifact.Target) *artifact.Plan {
		kept := *p.Plan
		kept.Source, kept.Destination = storeName(src), storeName(dst)
		return &kept
	}
	if t.Flags.Write.DryRun {
		dst, err := location.Rehearse(command.Context(), m.Session, t.To)
		if err != nil {
			return err
		}
		if p.Plan, err = kept(dst).Check(command.Context(), dst, src, o); err != nil {
			return err
		}
		if err := m.foresee(command.Context(), t, p.Plan); err != nil {
			return err
		}
		return output.One(m.Printer, planTransferView(), p)
	}
	return m.move(command.Context(), t, o, func(ctx context.Context, dst artifact.Target, o *artifact.Options) (artifact.Result, error) {
		return kept(dst).Apply(ctx, dst, src, o)
	})
}

func storeName(store any) string {
	if named, ok := store.(artifact.Namer); ok {
		return named.Name()
	}
	return ""
}

func parseTransferPlan(data []byte) (transferPlan, error) {
	var raw struct {
		transferPlan
		Plan json.RawMessage `json:"plan"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return transferPlan{}, err
	}
	p := raw.transferPlan
	if p.Schema != output.Schema || p.Kind != transferPlanKind {
		return transferPlan{}, fmt.Errorf("schema %q, kind %q: this program applies %q, %q", p.Schema, p.Kind, output.Schema, transferPlanKind)
	}
	var err error
	p.Plan, err = artifact.ParsePlan(raw.Plan)
	return p, err
}
