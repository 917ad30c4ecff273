package diagnose

import (
	"encoding/json"
	"time"
)

// ReportSchema names the JSON form of a [Report]. Members are only ever added
// to it; a change of meaning would be another number.
const ReportSchema = "acrkit.doctor/1"

// Status is how a check ended.
type Status string

// The statuses.
const (
	StatusOK            Status = "ok"
	StatusWarning       Status = "warning"
	StatusFailed        Status = "failed"
	StatusSkipped       Status = "skipped"        // a check that it needs did not succeed
	StatusNotApplicable Status = "not-applicable" // there is nothing to check
)

// Check is one check's outcome.
type Check struct {
	// Name is stable: dns, tls, exchange, …
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Summary is one line for a table.
	Summary string `json:"summary"`
	// Seen is what the check found out, whatever its status.
	Seen []Observation `json:"seen,omitempty"`
	// Because names the check that this one was skipped for.
	Because string `json:"because,omitempty"`
	// Codes are those of the findings that this check made.
	Codes []Code `json:"codes,omitempty"`
	// Took is the time that the check itself took.
	Took time.Duration `json:"-"`
}

type checkJSON struct {
	*checkAlias
	Seconds float64 `json:"seconds"`
}

type checkAlias Check

// MarshalJSON writes the time in seconds.
func (c Check) MarshalJSON() ([]byte, error) {
	return json.Marshal(checkJSON{(*checkAlias)(&c), c.Took.Seconds()})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *Check) UnmarshalJSON(data []byte) error {
	j := checkJSON{checkAlias: (*checkAlias)(c)}
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	c.Took = seconds(j.Seconds)
	return nil
}

// Finding is a diagnosis that a check made.
type Finding struct {
	Check string `json:"check"`
	Diagnosis
}

// Report is what [Run] found out. Its JSON form is stable.
type Report struct {
	Schema   string    `json:"schema"`
	Registry string    `json:"registry"`
	Started  time.Time `json:"started"`
	// Checks are in a fixed order, from the name to the versions.
	Checks []Check `json:"checks"`
	// Findings are ordered by severity, the worst first, and within it by the
	// order of the checks, so that a cause comes before its consequences.
	Findings []Finding `json:"findings"`
}

// Worst returns the severity of the worst finding, 0 when there is none.
func (r Report) Worst() Severity {
	if len(r.Findings) == 0 {
		return 0
	}
	return r.Findings[0].Severity
}
