package plan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// Outcome is what became of one step of a plan whose steps are done one by one.
type Outcome struct {
	Step
	Outcome string `json:"outcome"` // done, gone, skipped or failed
	Why     string `json:"why,omitempty"`
}

// The outcomes.
const (
	OutcomeDone    = "done"    // it was deleted
	OutcomeGone    = "gone"    // it wasn't there any more
	OutcomeSkipped = "skipped" // it is no longer as the plan found it
	OutcomeFailed  = "failed"
)

// Each is how the steps of a plan are done one by one, where one that may not be
// done any more doesn't keep the others back.
type Each struct {
	// Guard makes what looks at each step of a repository right before it is done.
	Guard func(ctx context.Context, r *session.Registry, repository string, steps []Step) (StepGuard, error)
	// Pace waits after a deletion, by the registry's response.
	Pace func(ctx context.Context, response *http.Response) error
	// Before is told the steps before they are asked for.
	Before func(steps []Step)
	// After is told what became of them.
	After func(all []Outcome)
}

// StepGuard looks at steps again.
type StepGuard interface {
	// Check reports why a step must not be done, "" for nothing, and whether what
	// it deletes is gone already.
	Check(ctx context.Context, s Step) (why string, gone bool, err error)
	// Finish is told of a step that was done, or that failed and so stays.
	Finish(s Step, done bool)
}

// RunEach is Run for plans of many deletions: every step is looked at again right
// before it is done, one that no longer may be done is skipped and named, and
// the others are done. What was skipped makes the exit code 9.
func (w *Writer) RunEach(command *cobra.Command, f Flags, each Each, makeSteps func(context.Context) ([]Step, error)) error {
	ctx := command.Context()
	p, err := w.planOf(ctx, command.CommandPath(), f, makeSteps)
	if err != nil {
		return err
	}
	each.Before(p.Items)
	if f.DryRun || f.Keep != "" {
		return w.show(p, f)
	}
	if err := w.confirm(ctx, p, f.yes); err != nil {
		return err
	}
	return w.doEach(ctx, p, f, each)
}

// Yes makes the flags those of a run that doesn't ask.
func (f *Flags) Yes() { f.yes = true }

func (w *Writer) doEach(ctx context.Context, p plan, f Flags, each Each) error {
	var all []Outcome
	var stopped error
	run := func(yield func(Outcome, error) bool) {
		d := &doer{w: w, each: each, steps: p.Items, guards: map[string]StepGuard{}, closed: map[string]string{}}
		for _, s := range p.Items {
			outcome, err := d.do(ctx, s)
			if err != nil {
				stopped = err
				return
			}
			all = append(all, outcome)
			if !yield(outcome, nil) {
				return
			}
		}
	}
	err := output.List(w.Printer, outcomeView(), run)
	each.After(all)
	if err != nil {
		return err
	}
	return w.endOfEach(p, f, all, stopped)
}

// endOfEach makes the error of a plan of which something was left.
func (w *Writer) endOfEach(p plan, f Flags, all []Outcome, stopped error) error {
	left := 0
	for _, o := range all {
		if o.Outcome == OutcomeSkipped || o.Outcome == OutcomeFailed {
			left++
		}
	}
	if stopped != nil {
		done := len(all) - left
		again := "the same command again does the rest"
		if f.Apply != "" {
			again = p.Command + " --apply " + f.Apply + " again does the rest"
		}
		if failure.ExitCode(stopped) == failure.ExitInterrupted {
			return &failure.Explained{
				Err:  failure.Coded(failure.ExitInterrupted, fmt.Errorf("interrupted; %d of %d changes were made: %w", done, len(p.Items), stopped)),
				Code: "INTERRUPTED", Fix: []string{again},
			}
		}
		if done == 0 {
			return stopped
		}
		return &failure.Explained{
			Err:  failure.Coded(failure.ExitPartly, fmt.Errorf("%w; %d of %d changes were made before", stopped, done, len(p.Items))),
			Code: "PARTLY_DONE", Fix: []string{again},
		}
	}
	if left == 0 {
		return nil
	}
	var why []string
	for _, o := range all {
		if (o.Outcome == OutcomeSkipped || o.Outcome == OutcomeFailed) && len(why) < maxNeeds {
			why = append(why, o.String()+": "+o.Why)
		}
	}
	return &failure.Explained{
		Err:  failure.Coded(failure.ExitPartly, fmt.Errorf("%d of %d changes were not made, the others were", left, len(p.Items))),
		Code: "PARTLY_DONE", Why: why, Fix: []string{"make the plan again: what has changed since stays"},
	}
}

// doer does steps one by one.
type doer struct {
	w      *Writer
	each   Each
	steps  []Step
	guards map[string]StepGuard
	closed map[string]string // repositories that refuse everything, and why
}

// do does one step. An error ends the whole run.
func (d *doer) do(ctx context.Context, s Step) (Outcome, error) {
	if err := context.Cause(ctx); err != nil {
		return Outcome{}, err
	}
	key := s.Registry + "/" + s.Repository
	if why := d.closed[key]; why != "" {
		return Outcome{s, OutcomeFailed, why}, nil
	}
	r, err := d.w.openStep(ctx, s)
	if err != nil {
		return Outcome{}, err
	}
	guard := d.guards[key]
	if guard == nil {
		var of []Step
		for _, other := range d.steps {
			if other.Registry == s.Registry && other.Repository == s.Repository {
				of = append(of, other)
			}
		}
		if guard, err = d.each.Guard(ctx, r, s.Repository, of); err != nil {
			return d.refused(s, key, err, true)
		}
		d.guards[key] = guard
	}
	why, gone, err := guard.Check(ctx, s)
	switch {
	case err != nil:
		guard.Finish(s, false)
		return d.refused(s, key, err, false)
	case gone:
		guard.Finish(s, true)
		return Outcome{s, OutcomeGone, ""}, nil
	case why != "":
		return Outcome{s, OutcomeSkipped, why}, nil
	}
	var response *http.Response
	if err := actions[s.Action].do(policy.WithCaptureResponse(ctx, &response), r, s); err != nil {
		guard.Finish(s, false)
		return d.refused(s, key, err, false)
	}
	guard.Finish(s, true)
	return Outcome{s, OutcomeDone, ""}, d.each.Pace(ctx, response)
}

// refused tells what ends the run from what keeps one step, or one repository,
// back.
func (d *doer) refused(s Step, key string, err error, whole bool) (Outcome, error) {
	why := failure.Clean(failure.FirstLine(err))
	switch failure.ExitCode(err) {
	case failure.ExitNotFound:
		if whole {
			return Outcome{s, OutcomeGone, ""}, nil // the repository itself is gone
		}
	case failure.ExitNotSignedIn:
		d.closed[key] = why
	case failure.ExitNotAllowed:
		if whole || failure.Of(err).Object.Code != "LOCKED" && hasStatus(err, http.StatusForbidden) {
			d.closed[key] = why
		}
	default:
		return Outcome{}, err
	}
	return Outcome{s, OutcomeFailed, why}, nil
}

func outcomeView() output.View[Outcome] {
	var columns []output.Column[Outcome]
	for _, c := range stepColumns() {
		columns = append(columns, output.Column[Outcome]{Name: c.Name, Value: func(o Outcome) string { return c.Value(o.Step) }})
	}
	columns = append(columns,
		output.Column[Outcome]{Name: "outcome", Value: func(o Outcome) string { return o.Outcome }},
		output.Column[Outcome]{Name: "why", Value: func(o Outcome) string { return o.Why }})
	return output.View[Outcome]{Kind: "Change", Columns: columns, Text: func(w io.Writer, o Outcome) error {
		text := actions[o.Action].done + " " + o.String()
		switch o.Outcome {
		case OutcomeGone:
			text = "gone already: " + o.String()
		case OutcomeSkipped:
			text = "skipped " + o.String() + ": " + o.Why
		case OutcomeFailed:
			text = "not deleted: " + o.String() + ": " + o.Why
		}
		_, err := fmt.Fprintln(w, output.Clean(text))
		return err
	}}
}

func hasStatus(err error, status int) bool {
	var response *azcore.ResponseError
	return errors.As(err, &response) && response.StatusCode == status
}
