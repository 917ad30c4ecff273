package calibrate

import (
	"maps"
	"slices"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator"
)

// State is how an experiment ended.
type State string

// The states.
const (
	Found   State = "found"   // a value of the quirk
	Unknown State = "unknown" // a behaviour that no value describes
	Skipped State = "skipped" // its precondition isn't met
)

// Result is what an experiment found.
type Result struct {
	Quirk string `json:"quirk"`
	State State  `json:"state"`
	// Value is the quirk's value, of one that was found.
	Value string `json:"value,omitempty"`
	// Why says why nothing was found.
	Why string `json:"why,omitempty"`
	// Exchanges are the evidence: secrets, names and ids are replaced.
	Exchanges []Exchange `json:"exchanges,omitempty"`

	gone error // the registry no longer responds
}

// Difference is something in which the service differs from an emulator with
// the values found, and that no quirk describes.
type Difference struct {
	// Quirk is the experiment in which it showed, Exchange the number of the
	// request in it, from 1, and Request what was asked.
	Quirk    string `json:"quirk"`
	Exchange int    `json:"exchange,omitempty"`
	Request  string `json:"request,omitempty"`
	// Aspect is "status", "code", "message", "header NAME", "key order",
	// "body", "value" or "missing".
	Aspect string `json:"aspect"`
	// Service and Emulator are what either has.
	Service  string `json:"service"`
	Emulator string `json:"emulator"`
}

// ServiceInfo says which server responds.
type ServiceInfo struct {
	ACR    bool   `json:"acr"`
	What   string `json:"what"`
	Server string `json:"server,omitempty"` // the Server header
}

// Report is what a run found.
type Report struct {
	Date        time.Time
	Service     ServiceInfo
	Progress    *Progress
	Differences []Difference
	// Left is what could not be cleaned up.
	Left []Made
}

// Quirks is the quirks block of the emulator's configuration: what was found.
func (r *Report) Quirks() map[string]string {
	block := map[string]string{}
	for _, result := range r.Progress.Results {
		if result.State == Found {
			block[result.Quirk] = result.Value
		}
	}
	return block
}

// Progress is the state of a run, from which another run can resume.
type Progress struct {
	// Run is an id that makes the run's contents its own.
	Run        string    `json:"run"`
	Endpoint   string    `json:"endpoint"`
	Repository string    `json:"repository"`
	Began      time.Time `json:"began"`
	Results    []Result  `json:"results"`
	// Left is what is there at the moment, in the order in which it was made.
	Left []Made `json:"left,omitempty"`
	// SoftDelete says that the registry keeps what is deleted.
	SoftDelete bool `json:"softDelete,omitempty"`
	Done       bool `json:"done,omitempty"`
}

func newProgress(service Service, now time.Time) *Progress {
	return &Progress{Run: newRunID(), Endpoint: service.Endpoint, Repository: service.Repository, Began: now.UTC()}
}

func (p *Progress) result(quirk string) *Result {
	for i := range p.Results {
		if p.Results[i].Quirk == quirk {
			return &p.Results[i]
		}
	}
	return nil
}

// strictQuirk is the quirk that stands for the values of others.
const strictQuirk = "oci-strict"

// settleStrict finds the value of the quirk that has no behaviour of its own:
// it is on where every quirk that it turns has the specification's value.
func (p *Progress) settleStrict() {
	if p.result(strictQuirk) != nil {
		return
	}
	r := Result{Quirk: strictQuirk, State: Found, Value: "on"}
	for _, q := range emulator.Quirks() {
		if q.Strict == "" {
			continue
		}
		switch found := p.result(q.Name); {
		case found == nil || found.State != Found:
			if r.Value == "on" {
				r.State, r.Why = Skipped, "it stands for others, and "+q.Name+" was not found"
			}
		case found.Value != q.Strict:
			r.Value, r.State, r.Why = "off", Found, ""
		}
	}
	if r.State == Skipped {
		r.Value = ""
	}
	p.Results = append(p.Results, r)
}

// Count counts the results by state.
func (p *Progress) Count() map[State]int {
	count := map[State]int{}
	for _, r := range p.Results {
		count[r.State]++
	}
	return count
}

// sortedKeys are the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
