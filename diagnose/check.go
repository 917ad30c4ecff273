package diagnose

import (
	"context"
	"slices"
)

// check is one live check: a value in a list.
type check struct {
	name string
	// needs must all have succeeded, or this one is skipped because of them.
	needs []string
	// after must have ended, however they did.
	after []string
	// late is the code of the finding when the time limit is over.
	late Code
	run  func(ctx context.Context, r *doctorRun) outcome
}

// outcome is what a check found out.
type outcome struct {
	status   Status
	summary  string
	seen     []Observation
	findings []Diagnosis
	err      error // explained into a finding; a failure
}

// checks is the list, in the order of the report.
var checks = slices.Concat(checksNetwork, checksLogin, checksRegistry, checksMachine)

// ok is a check that succeeded.
func ok(summary string, seen ...Observation) outcome {
	return outcome{status: StatusOK, summary: summary, seen: seen}
}

// notApplicable is a check that has nothing to check.
func notApplicable(why string) outcome {
	return outcome{status: StatusNotApplicable, summary: why}
}

func fails(err error) outcome { return outcome{err: err} }
