package calibrate

import (
	"fmt"
	"slices"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator"
)

// experiment finds the value of a quirk.
type experiment struct {
	quirk string
	// rights are the actions that it needs; push stands for push and delete.
	rights string
	// role is a further identity that it needs.
	role Role
	// abac, classic, entra, empty and softDelete are what it needs of the
	// registry, the sign-in and the repository.
	abac, classic, entra, empty, softDelete bool
	// alone keeps it from being run on the emulator for comparison.
	alone bool
	// requests is how many requests it takes at most, and wait how long it
	// waits at most, when that is more than a minute.
	requests int
	wait     time.Duration
	// note is what else there is to know of its cost.
	note string
	run  func(b *bench) string
}

// experiments are all of them in their order: those that want to find nothing
// in the repository come first, and those that wait last.
var experiments = slices.Concat(
	emptyExperiments, routeExperiments, tokenExperiments, manifestExperiments, uploadExperiments, blobExperiments,
	deletionExperiments, identityExperiments, lateExperiments,
)

// Cost is what an experiment needs and takes.
type Cost struct {
	Quirk    string   `json:"quirk"`
	Needs    []string `json:"needs,omitempty"`
	Requests int      `json:"requests"`
	Wait     string   `json:"wait,omitempty"` // a duration such as 48h
	Note     string   `json:"note,omitempty"`
}

// Costs lists what the experiments need and take.
func Costs() []Cost {
	var all []Cost
	for _, e := range experiments {
		c := Cost{Quirk: e.quirk, Requests: e.requests, Note: e.note}
		if e.wait > 0 {
			c.Wait = shortDuration(e.wait)
		}
		if e.rights != "" {
			c.Needs = append(c.Needs, e.rights)
		}
		if e.role != "" {
			c.Needs = append(c.Needs, "identity "+string(e.role))
		}
		for _, condition := range []struct {
			is   bool
			name string
		}{
			{e.abac, "ABAC mode"}, {e.classic, "no ABAC mode"}, {e.entra, "a sign-in by Entra"}, {e.empty, "an empty repository"}, {e.softDelete, "soft delete"},
		} {
			if condition.is {
				c.Needs = append(c.Needs, condition.name)
			}
		}
		all = append(all, c)
	}
	return all
}

// checkTable finds quirks without an experiment, and experiments without a
// quirk.
func checkTable() error {
	names := map[string]bool{strictQuirk: true}
	for _, e := range experiments {
		if names[e.quirk] {
			return fmt.Errorf("quirk %s has two experiments", e.quirk)
		}
		names[e.quirk] = true
	}
	for _, q := range emulator.Quirks() {
		if !names[q.Name] {
			return fmt.Errorf("quirk %s has no experiment", q.Name)
		}
		delete(names, q.Name)
	}
	if len(names) > 0 {
		return fmt.Errorf("no such quirk: %v", sortedKeys(names))
	}
	return nil
}
