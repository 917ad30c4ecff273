package transfers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
)

// Making is what the making of new content is told.
type Making struct {
	// Now is the time that goes into what is made: that of the plan, so that a
	// plan that is applied makes the same again.
	Now time.Time
}

// Made is content that a command made and has yet to store.
type Made struct {
	Source    artifact.Source
	Reference string            // what to store of it; empty for its only root
	To        location.Location // where
	Options   artifact.Options  // of the copying
}

// ChangeFlags are the flags of every command that makes new content.
type ChangeFlags struct {
	Write     plan.Flags
	noClobber bool
	tuning    Flags
}

// Add adds the flags.
func (f *ChangeFlags) Add(command *cobra.Command) {
	f.Write.Add(command, false)
	f.tuning.AddTuning(command)
	command.Flags().BoolVar(&f.noClobber, "no-clobber", false, "don't move a tag that exists (exit code 10)")
}

// Args makes the rule of the command's arguments.
func (f *ChangeFlags) Args(rule cobra.PositionalArgs) cobra.PositionalArgs {
	return f.Write.Args(rule)
}

// Options are what the flags say of a transfer.
func (f *ChangeFlags) Options(m *Mover) (artifact.Options, error) {
	f.tuning.noClobber = f.noClobber
	o, err := f.tuning.options(m.Session)
	if err != nil {
		return artifact.Options{}, err
	}
	o.Referrers = artifact.ReferrersSkip
	return *o, nil
}

// keptChange is what --plan keeps of a change: how it is made, and what that was
// to be.
type keptChange struct {
	Schema    string       `json:"schema"`
	Kind      string       `json:"kind"`
	Command   string       `json:"command"`
	MadeOn    time.Time    `json:"madeOn"`
	Directory string       `json:"directory"` // that relative paths are of
	Arguments []string     `json:"arguments"` // the flags, then --, then the rest
	Items     []changeItem `json:"items"`
}

const changePlanKind = "ChangePlan"

// changeItem is one artifact of a plan.
type changeItem struct {
	Source      string         `json:"source"`
	Destination string         `json:"destination"`
	Plan        *artifact.Plan `json:"plan"`
}

// RunChange plans, or does, what a command makes of its arguments: it is made
// again when a plan of it is applied, and refused unless it comes out the same.
func (m *Mover) RunChange(command *cobra.Command, f *ChangeFlags, args []string, make func(ctx context.Context, args []string, with Making) ([]Made, error)) error {
	ctx := command.Context()
	kept := keptChange{Schema: output.Schema, Kind: changePlanKind, Command: command.CommandPath(), MadeOn: m.Now().UTC().Truncate(time.Second)}
	var err error
	if f.Write.Apply != "" {
		if kept, err = loadChange(command, f.Write.Apply); err != nil {
			return err
		}
		if args, err = chooseChange(command, f.Write.Apply, kept.Arguments); err != nil {
			return err
		}
	} else {
		kept.Arguments = changeArguments(command, args)
		if kept.Directory, err = os.Getwd(); err != nil {
			return err
		}
	}
	made, err := make(ctx, args, Making{Now: kept.MadeOn})
	for _, one := range made {
		if closer, ok := one.Source.(*artifact.Draft); ok {
			m.OnClose(closer.Close)
		}
	}
	if err != nil {
		return err
	}
	if f.Write.Apply != "" && len(made) != len(kept.Items) {
		return failure.Usagef("plan %s: it doesn't fit its own arguments", f.Write.Apply)
	}
	if f.Write.DryRun || f.Write.Keep != "" {
		return m.planChange(ctx, f, kept, made)
	}
	return m.storeChange(ctx, kept, made)
}

// planChange shows, or keeps, what would be stored.
func (m *Mover) planChange(ctx context.Context, f *ChangeFlags, kept keptChange, made []Made) error {
	expected := kept.Items
	kept.Items = nil
	for i, one := range made {
		dst, err := location.Rehearse(ctx, m.Session, one.To)
		if err != nil {
			return err
		}
		var p *artifact.Plan
		if f.Write.Apply != "" {
			p, err = sameStores(expected[i].Plan, one.Source, dst).Check(ctx, dst, one.Source, &one.Options)
		} else {
			p, err = artifact.NewPlan(ctx, dst, one.To.Destination(), one.Source, one.Reference, &one.Options)
		}
		if err != nil {
			return err
		}
		if err := m.foresee(ctx, Transfer{To: one.To, Flags: &Flags{Write: f.Write}}, p); err != nil {
			return err
		}
		kept.Items = append(kept.Items, changeItem{Source: storeName(one.Source), Destination: one.To.Absolute(), Plan: p})
	}
	if path := f.Write.Keep; path != "" {
		if err := plan.Save(path, kept); err != nil {
			return err
		}
		m.Note("kept the plan in %s; to do it: %s --apply %[1]s", path, kept.Command)
	}
	return output.List(m.Printer, planChangeView(), output.Sequence(kept.Items))
}

// storeChange stores what was made, one after the other, and prints each.
func (m *Mover) storeChange(ctx context.Context, kept keptChange, made []Made) error {
	progress := term.NewProgress(m.Mode, m.Stderr, m.Screen, m.Now)
	defer progress.Close()
	var failed error
	stored := func(yield func(transferred, error) bool) {
		for i, one := range made {
			result, err := m.storeOne(ctx, kept, i, one, progress)
			if err != nil && i > 0 {
				err = failure.Coded(failure.ExitPartly, fmt.Errorf("%w; %d of %d were stored before", err, i, len(made)))
			}
			if len(made) == 1 || i == len(made)-1 {
				progress.Close()
			}
			if !yield(result, err) || err != nil {
				failed = err
				return
			}
		}
	}
	if len(made) == 1 {
		result, err := m.storeOne(ctx, kept, 0, made[0], progress)
		progress.Close()
		if err != nil {
			return err
		}
		return output.One(m.Printer, transferredView(), result)
	}
	if err := output.List(m.Printer, transferredView(), stored); err != nil {
		return err
	}
	return failed
}

func (m *Mover) storeOne(ctx context.Context, kept keptChange, i int, one Made, progress term.Progress) (transferred, error) {
	dst, finish, err := location.OpenTarget(ctx, m.Session, one.To)
	if err != nil {
		return transferred{}, err
	}
	one.Options.OnEvent = func(e artifact.Event) { progress.Show(update(e)) }
	var result artifact.Result
	if len(kept.Items) > 0 {
		if kept.Items[i].Destination != one.To.Absolute() {
			err = failure.Usagef("the plan is for %s, and here that is %s", kept.Items[i].Destination, one.To.Absolute())
		} else {
			result, err = sameStores(kept.Items[i].Plan, one.Source, dst).Apply(ctx, dst, one.Source, &one.Options)
		}
	} else {
		result, err = artifact.Copy(ctx, dst, one.To.Destination(), one.Source, one.Reference, &one.Options)
	}
	if err = finish(err); err != nil {
		return transferred{}, err
	}
	noteLeftOut(m.Session, result.LeftOut)
	return outcomeOf(storeName(one.Source), one.To, result), nil
}

// sameStores is a plan under the names that its stores have here: what they
// stand for was compared before.
func sameStores(p *artifact.Plan, src artifact.Source, dst artifact.Target) *artifact.Plan {
	same := *p
	same.Source, same.Destination = storeName(src), storeName(dst)
	return &same
}

func planChangeView() output.View[changeItem] {
	view := planTransferView()
	whole := func(item changeItem) transferPlan {
		return transferPlan{Source: item.Source, Destination: item.Destination, Plan: item.Plan}
	}
	columns := make([]output.Column[changeItem], 0, len(view.Columns))
	for _, column := range view.Columns {
		columns = append(columns, output.Column[changeItem]{Name: column.Name, Value: func(item changeItem) string { return column.Value(whole(item)) }})
	}
	return output.View[changeItem]{Kind: "PlannedArtifact", Columns: columns, Text: func(w io.Writer, item changeItem) error { return view.Text(w, whole(item)) }}
}

// changeArguments are the flags that say what is made, and the arguments.
func changeArguments(command *cobra.Command, args []string) []string {
	arguments := []string{}
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Changed || !deciding(command, flag) {
			return
		}
		values := []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, value := range values {
			arguments = append(arguments, "--"+flag.Name+"="+value)
		}
	})
	return append(append(arguments, "--"), args...)
}

// chooseChange sets the flags as they were when the plan was made, and gives the
// arguments.
func chooseChange(command *cobra.Command, path string, arguments []string) ([]string, error) {
	split := slices.Index(arguments, "--")
	if split < 0 {
		return nil, failure.Usagef("plan %s: it doesn't say what its arguments are", path)
	}
	f := Flags{Write: plan.Flags{Apply: path}}
	return arguments[split+1:], f.choose(command, arguments[:split])
}

func loadChange(command *cobra.Command, path string) (keptChange, error) {
	kept, err := plan.Load(path, changePlanKind, parseChange)
	if err != nil {
		return kept, err
	}
	if kept.Command != command.CommandPath() {
		return kept, failure.Usagef("plan %s: it was made by %q, apply it with that", path, kept.Command)
	}
	if here, err := os.Getwd(); err != nil || here != kept.Directory {
		return kept, errors.Join(err, failure.Usagef("plan %s: it was made in the folder %s, apply it there", path, kept.Directory))
	}
	return kept, nil
}

func parseChange(data []byte) (keptChange, error) {
	var raw struct {
		keptChange
		Items []struct {
			changeItem
			Plan json.RawMessage `json:"plan"`
		} `json:"items"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return keptChange{}, err
	}
	kept := raw.keptChange
	for i, item := range raw.Items {
		p, err := artifact.ParsePlan(item.Plan)
		if err != nil {
			return keptChange{}, fmt.Errorf("item %d: %w", i, err)
		}
		item.changeItem.Plan = p
		kept.Items = append(kept.Items, item.changeItem)
	}
	if len(kept.Items) == 0 {
		return keptChange{}, errors.New("it says nothing to do")
	}
	return kept, nil
}
