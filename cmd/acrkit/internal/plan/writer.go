package plan

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// Writer makes plans, shows them, asks, and carries them out.
type Writer struct {
	*session.Session
	Printer *output.Printer
	Askable bool // a person can be asked
}

// Run runs a writing command: make or read the plan, show or keep it, ask,
// check, do.
func (w *Writer) Run(command *cobra.Command, f Flags, makeSteps func(context.Context) ([]Step, error)) error {
	ctx := command.Context()
	p, err := w.makePlan(ctx, command.CommandPath(), f, makeSteps)
	if err != nil {
		return err
	}
	if f.DryRun || f.Keep != "" {
		if err := w.foresee(ctx, p, f.DryRun); err != nil {
			return err
		}
		return w.show(p, f)
	}
	if err := w.checkPlan(ctx, p); err != nil {
		return err
	}
	if err := w.confirm(ctx, p, f.yes); err != nil {
		return err
	}
	return w.carryOut(ctx, p)
}

// show lists a plan instead of doing it, and keeps it where that is asked for.
func (w *Writer) show(p plan, f Flags) error {
	if f.Keep != "" {
		if err := Save(f.Keep, p); err != nil {
			return err
		}
		w.Note("kept the plan of %d changes in %s; to do it: %s --apply %s", len(p.Items), f.Keep, p.Command, f.Keep)
	}
	return output.List(w.Printer, planView(), output.Sequence(p.Items))
}

// makePlan is planOf, with deletions in their order.
func (w *Writer) makePlan(ctx context.Context, path string, f Flags, makeSteps func(context.Context) ([]Step, error)) (plan, error) {
	return w.planOf(ctx, path, f, func(ctx context.Context) ([]Step, error) {
		steps, err := makeSteps(ctx)
		if err != nil {
			return nil, err
		}
		return w.inDeletionOrder(ctx, steps)
	})
}

// planOf reads the plan that is to be applied, or makes it.
func (w *Writer) planOf(ctx context.Context, path string, f Flags, makeSteps func(context.Context) ([]Step, error)) (plan, error) {
	if f.Apply != "" {
		p, err := Load(f.Apply, kind, parsePlan)
		if err == nil && p.Command != path {
			err = failure.Usagef("plan %s: it was made by %q, apply it with that", f.Apply, p.Command)
		}
		return p, err
	}
	steps, err := makeSteps(ctx)
	return plan{Schema: output.Schema, Kind: kind, Command: path, MadeOn: w.Now().UTC(), Items: steps}, err
}

// checkPlan asks every step whether it still fits, before anything is changed.
func (w *Writer) checkPlan(ctx context.Context, p plan) error {
	for _, s := range p.Items {
		r, err := w.openStep(ctx, s)
		if err != nil {
			return err
		}
		row := actions[s.Action]
		if row.inside {
			if err := CheckRepositoryWritable(ctx, r, s.Repository); err != nil {
				return err
			}
		}
		if err := row.check(ctx, r, s); err != nil {
			return err
		}
	}
	return w.checkNeeded(ctx, p)
}

// foresee refuses a plan that would be refused when it is done. A plan that is
// kept may be applied by somebody who has more rights: of those it only warns.
func (w *Writer) foresee(ctx context.Context, p plan, refuse bool) error {
	if err := w.checkPlan(ctx, p); err != nil {
		return err
	}
	asked := map[string]bool{}
	for _, s := range p.Items {
		rights := actions[s.Action].rights
		key := fmt.Sprint(s.Registry, "/", s.Repository, rights)
		if len(rights) == 0 || asked[key] {
			continue
		}
		asked[key] = true
		r, err := w.openStep(ctx, s)
		if err != nil {
			return err
		}
		err = CheckRights(ctx, r, s.Repository, rights...)
		switch {
		case err != nil && refuse:
			return err
		case err != nil:
			w.Note("warning: %s", failure.Clean(err.Error()))
		}
	}
	return nil
}

func (w *Writer) openStep(ctx context.Context, s Step) (*session.Registry, error) {
	ref, err := s.Ref()
	if err != nil {
		return nil, err
	}
	return w.OpenFor(ctx, ref)
}

// carryOut makes the changes and prints each that is made. It stops at the
// first that fails.
func (w *Writer) carryOut(ctx context.Context, p plan) error {
	var failed error
	made := func(yield func(Step, error) bool) {
		for i, s := range p.Items {
			err := context.Cause(ctx)
			var r *session.Registry
			if err == nil {
				r, err = w.openStep(ctx, s)
			}
			if err == nil {
				err = actions[s.Action].do(ctx, r, s)
			}
			if err != nil && i > 0 {
				err = failure.Coded(failure.ExitPartly, &partlyError{i, len(p.Items), s, err})
			}
			if err != nil && actions[s.Action].destroys && len(p.Items) > 1 {
				err = failure.Advise(err, p.rest(i)...)
			}
			if !yield(s, err) || err != nil {
				failed = err
				return
			}
		}
	}
	if err := output.List(w.Printer, changeView(), made); err != nil {
		return err
	}
	return failed
}

// rest are the commands that do what a plan has from one of its steps on, each
// for itself: the same command again would not find what is gone.
func (p plan) rest(from int) []string {
	const most = 5
	var lines []string
	for i, s := range p.Items[from:] {
		if i == most {
			return append(lines, fmt.Sprintf("and so on, for %d more", len(p.Items)-from-most))
		}
		if s.Tag != "" {
			s.Digest = ""
		}
		lines = append(lines, fmt.Sprintf("acrkit %s %s", strings.TrimPrefix(p.Command, "acrkit "), s))
	}
	return lines
}

// partlyError says that some of a plan was done and then something failed.
type partlyError struct {
	done, all int
	step      Step
	err       error
}

func (e *partlyError) Error() string {
	return fmt.Sprintf("%s: %v; %d of %d changes were made before", e.step, e.err, e.done, e.all)
}

func (e *partlyError) Unwrap() error { return e.err }
