package diagnose

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Severity says how bad a diagnosis is. A higher value is worse.
type Severity int

const (
	// SeverityInfo is worth knowing and breaks nothing.
	SeverityInfo Severity = iota + 1
	// SeverityWarning breaks nothing yet, or only some work.
	SeverityWarning
	// SeverityError is why the work failed.
	SeverityError
)

var severityNames = [...]string{SeverityInfo: "info", SeverityWarning: "warning", SeverityError: "error"}

// String returns info, warning or error.
func (s Severity) String() string { return nameOf(severityNames[:], int(s)) }

// MarshalText writes the severity by its name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Severity) UnmarshalText(text []byte) error {
	n, err := indexOf("severity", severityNames[:], string(text))
	*s = Severity(n)
	return err
}

// Certainty says how a cause is known.
type Certainty int

const (
	// Certain means that the evidence proves the cause.
	Certain Certainty = iota + 1
	// Inferred means that the cause fits the evidence, as others may.
	Inferred
)

var certaintyNames = [...]string{Certain: "certain", Inferred: "inferred"}

// String returns certain or inferred.
func (c Certainty) String() string { return nameOf(certaintyNames[:], int(c)) }

// MarshalText writes the certainty by its name.
func (c Certainty) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *Certainty) UnmarshalText(text []byte) error {
	n, err := indexOf("certainty", certaintyNames[:], string(text))
	*c = Certainty(n)
	return err
}

// nameOf returns the n-th name, and a number for a value that has none.
func nameOf(names []string, n int) string {
	if n <= 0 || n >= len(names) {
		return fmt.Sprintf("unknown(%d)", n)
	}
	return names[n]
}

func indexOf(what string, names []string, name string) (int, error) {
	for i := 1; i < len(names); i++ {
		if names[i] == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("parse %s: %q is none of %v", what, name, names[1:])
}

// Kind is the class of a diagnosis. A command line chooses its exit code by it.
type Kind string

// The kinds of diagnoses. Kinds are only ever added.
const (
	KindNetwork        Kind = "network"        // DNS, TCP, proxy, TLS, firewall
	KindAuthentication Kind = "authentication" // who is calling is not settled
	KindAuthorization  Kind = "authorization"  // who is calling may not do this
	KindNotFound       Kind = "not-found"      // no such repository, tag, manifest or blob
	KindConflict       Kind = "conflict"       // locked, disallowed, changed meanwhile
	KindThrottled      Kind = "throttled"      // too many requests
	KindContent        Kind = "content"        // digest, size or format
	KindRequest        Kind = "request"        // the request itself is wrong
	KindService        Kind = "service"        // the registry's own fault
	KindInterrupted    Kind = "interrupted"    // stopped by the caller or its deadline
	KindLocal          Kind = "local"          // this machine: clock, files, docker's configuration
	KindUnknown        Kind = "unknown"        // none of the above is known to be the case
)

// Code names a row of the catalogue, such as FIREWALL_DENIED. Codes are stable
// and only ever added.
type Code string

// Origin says where an observation comes from.
type Origin string

// The origins of observations.
const (
	FromRegistry Origin = "registry" // the registry, or the storage behind it, said so
	FromRequest  Origin = "request"  // the request that failed
	FromToken    Origin = "token"    // the claims of the token that was sent
	FromNetwork  Origin = "network"  // the resolver, the connection, TLS or a proxy
	FromEntra    Origin = "entra"    // the identity service, or the credential that asked it
	FromClient   Origin = "client"   // the library's own checks
	FromMachine  Origin = "machine"  // this machine's clock, files and programs
)

// Observation is a fact of the failure that is explained: nothing in it is
// inferred.
type Observation struct {
	Origin Origin `json:"origin"`
	Text   string `json:"text"`
}

// String returns the observation's text.
func (o Observation) String() string { return o.Text }

// Cause is one reason that would explain what was seen.
type Cause struct {
	Certainty Certainty `json:"certainty"`
	// Text names the cause. What is inferred is worded as such: "probably …".
	Text string `json:"text"`
	// Tell is what proves a certain cause, and what tells an inferred one from
	// the others.
	Tell string `json:"tell,omitempty"`
}

// String returns the cause's text.
func (c Cause) String() string { return c.Text }

// Advice says whether the same work can succeed when it is tried again.
type Advice string

// The advices.
const (
	// RetryNo means that the same request fails again until something changes.
	RetryNo Advice = "no"
	// RetryLater means that the same request may succeed after a wait.
	RetryLater Advice = "later"
	// RetryRestart means that the work may succeed when it starts again from
	// its beginning; repeating the last request alone does not help.
	RetryRestart Advice = "restart"
)

// Retry says whether retrying can help, and after which wait.
type Retry struct {
	Advice Advice
	// After is the wait that the registry asked for; zero when it named none.
	After time.Duration
}

type retryJSON struct {
	Advice       Advice  `json:"advice"`
	AfterSeconds float64 `json:"afterSeconds,omitempty"`
}

// MarshalJSON writes the wait in seconds.
func (r Retry) MarshalJSON() ([]byte, error) {
	return json.Marshal(retryJSON{r.Advice, r.After.Seconds()})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Retry) UnmarshalJSON(data []byte) error {
	var j retryJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*r = Retry{j.Advice, seconds(j.AfterSeconds)}
	return nil
}

// seconds reads back what [time.Duration.Seconds] wrote: the product falls
// just short of the nanosecond as often as not, so it is rounded, not cut.
func seconds(s float64) time.Duration {
	return time.Duration(math.Round(s * float64(time.Second)))
}

// Diagnosis is what one failure means and what to do about it. Its JSON form is
// stable: members are only ever added.
type Diagnosis struct {
	// Code is stable and unique in the catalogue, such as FIREWALL_DENIED.
	Code     Code     `json:"code"`
	Kind     Kind     `json:"kind"`
	Severity Severity `json:"severity"`
	// Title is one line without a full stop. It states what happened, never
	// why.
	Title string `json:"title"`
	// Seen is taken from the evidence, the most telling first.
	Seen []Observation `json:"seen"`
	// Causes are in order of likelihood; a certain one comes first.
	Causes []Cause `json:"causes"`
	// Fix holds commands to paste and short instructions, one a line. A value
	// that the evidence does not tell stays a placeholder, as in <registry>.
	Fix   []string `json:"fix"`
	Retry Retry    `json:"retry"`
	Link  string   `json:"link,omitempty"`
	// AzCode is the code by which `az acr check-health` knows this failure;
	// empty when it knows none.
	AzCode string `json:"azCode,omitempty"`
	// CorrelationID is the registry's, to be quoted to its support.
	CorrelationID string `json:"correlationId,omitempty"`
}
