package diagnose

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// ReportSchema names the JSON form of a [Report]. Members are only ever added
// to it; a change of meaning would be another number.
const ReportSchema = "acrkit.doctor/1"

// DefaultCheckTimeout is the time limit of one check.
const DefaultCheckTimeout = 10 * time.Second

// Target is the registry that [Run] examines.
type Target struct {
	// Endpoint is the registry's URL, such as https://myreg.azurecr.io.
	Endpoint string
	// Repository is where pulling and pushing are tried. When it is empty, the
	// first one that the catalog lists is taken for the pull.
	Repository string
	// Embedded says that the registry is in this process and reached by
	// [Options.Transport] alone: the checks of the network don't apply.
	Embedded bool
}

// Credential is what a registry is signed in to with: an Entra credential, a
// user and password, or a refresh token. The zero value is anonymous.
type Credential struct {
	// Source says in a few words where it comes from.
	Source string
	// Tried says what each place where a credential may be answered, one line
	// each.
	Tried []string

	Token              azcore.TokenCredential
	Username, Password string
	RefreshToken       string
}

// StoredCredential is docker's stored credential for a host. The zero value
// means that none is stored.
type StoredCredential struct {
	// Source names the file or helper that holds it.
	Source             string
	Username, Password string
	RefreshToken       string
}

// Resolver looks names up. *[net.Resolver] is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Version is the version of one component, for the report.
type Version struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Options are what [Run] works with. The zero value is this machine's own
// network, clock and trusted authorities, without any credential.
type Options struct {
	// Credential finds the credential to sign in with; nil means anonymous. Its
	// error becomes a finding.
	Credential func(ctx context.Context) (Credential, error)
	// Stored finds docker's stored credential for a host; nil leaves that check
	// out. An error that is a context's means that a helper was too slow, a
	// [*json.SyntaxError] or io.ErrUnexpectedEOF that the file is damaged.
	Stored func(ctx context.Context, host string) (StoredCredential, error)
	// PushProbe lets Run start an upload to Target.Repository and cancel it.
	// It is never done without the right to cancel, so it leaves nothing.
	PushProbe bool
	// Versions are shown in the report.
	Versions []Version
	// OnCheck is called with each check when it is done, one call at a time.
	OnCheck func(Check)
	// CheckTimeout is the time limit of each check; 0 means
	// [DefaultCheckTimeout].
	CheckTimeout time.Duration

	// Transport sends the HTTP requests. It must not follow redirects, which no
	// RoundTripper does. Nil means one made of the fields below.
	Transport http.RoundTripper
	// Resolver looks names up; nil means [net.DefaultResolver].
	Resolver Resolver
	// Dial opens connections; nil means a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Proxy chooses the proxy of a request; nil means
	// [http.ProxyFromEnvironment].
	Proxy func(*http.Request) (*url.URL, error)
	// RootCAs are the trusted authorities; nil means the system's.
	RootCAs *x509.CertPool
	// Now is the clock; nil means [time.Now].
	Now func() time.Time
}

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
	Codes []string `json:"codes,omitempty"`
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

// check is one live check: a value in a list.
type check struct {
	name string
	// needs must all have succeeded, or this one is skipped because of them.
	needs []string
	// after must have ended, however they did.
	after []string
	// late is the code of the finding when the time limit is over.
	late string
	run  func(ctx context.Context, r *run) outcome
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

// Run makes every check side by side, each as soon as those it needs have
// succeeded, and never stops at the first failure. It never fails itself: what
// can't be done is in the report. When ctx ends, the checks under way end with
// it, and are reported so.
//
// Run sends the credential to the registry alone, writes nothing (unless
// [Options.PushProbe] says so, and then takes it back), and leaves no
// connection or goroutine behind.
func Run(ctx context.Context, target Target, options *Options) Report {
	r := newRun(target, options)
	defer r.close()
	report := Report{Schema: ReportSchema, Registry: r.host, Started: r.now().UTC(), Findings: []Finding{}}
	done := map[string]chan struct{}{}
	for _, c := range checks {
		done[c.name] = make(chan struct{})
	}
	results := make([]Check, len(checks))
	findings := make([][]Finding, len(checks))
	status := func(name string) Status { // of a check that is done
		return results[slices.IndexFunc(checks, func(c check) bool { return c.name == name })].Status
	}
	var notify sync.Mutex
	var wait sync.WaitGroup
	for i, c := range checks {
		wait.Go(func() {
			defer close(done[c.name])
			for _, other := range slices.Concat(c.needs, c.after) {
				<-done[other]
			}
			results[i] = Check{Name: c.name, Status: StatusSkipped}
			for _, need := range c.needs {
				if s := status(need); s == StatusFailed || s == StatusSkipped {
					results[i].Because, results[i].Summary = need, "skipped because of "+need
					break
				}
			}
			if results[i].Because == "" {
				results[i], findings[i] = r.perform(ctx, c)
			}
			if r.options.OnCheck != nil {
				notify.Lock()
				defer notify.Unlock()
				r.options.OnCheck(results[i])
			}
		})
	}
	wait.Wait()
	report.Checks = results
	report.Findings = append(report.Findings, slices.Concat(findings...)...)
	slices.SortStableFunc(report.Findings, func(a, b Finding) int { return int(b.Severity - a.Severity) })
	return report
}

// perform makes one check within its time limit.
func (r *run) perform(ctx context.Context, c check) (Check, []Finding) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	began := time.Now()
	o := c.run(ctx, r)
	result := Check{Name: c.name, Status: o.status, Summary: o.summary, Seen: o.seen, Took: time.Since(began)}
	if o.err != nil {
		o.findings = append(o.findings, r.explain(ctx, c, o.err))
		result.Status, result.Summary = StatusFailed, o.findings[len(o.findings)-1].Title
	}
	var findings []Finding
	for _, d := range o.findings {
		findings = append(findings, Finding{c.name, d})
		result.Codes = append(result.Codes, d.Code)
		switch {
		case d.Severity == SeverityError:
			result.Status = StatusFailed
		case d.Severity == SeverityWarning && result.Status == StatusOK:
			result.Status = StatusWarning
		}
	}
	return result, findings
}

// explain turns a check's error into a finding. A time limit that is over is
// named after what was waited for.
func (r *run) explain(ctx context.Context, c check, err error) Diagnosis {
	x := gather(err)
	x.library.host = r.host
	if ctx.Err() == context.DeadlineExceeded && x.status == 0 && c.late != "" {
		x.waited = r.timeout
		return r.finding(c.late, x)
	}
	row := choose(x)
	return row.diagnosis(x)
}

// finding fills a row that a check chose by itself.
func (r *run) finding(code string, x *exchange, seen ...Observation) Diagnosis {
	x.library.host = r.host
	x.repository = or(x.repository, r.target.Repository)
	for i := range rows {
		if rows[i].Code == code {
			d := rows[i].diagnosis(x)
			d.Seen = append(slices.Clone(seen), d.Seen...)
			return d
		}
	}
	return rowUnknown.diagnosis(x)
}

// ok is a check that succeeded.
func ok(summary string, seen ...Observation) outcome {
	return outcome{status: StatusOK, summary: summary, seen: seen}
}

// notApplicable is a check that has nothing to check.
func notApplicable(why string) outcome {
	return outcome{status: StatusNotApplicable, summary: why}
}

func fails(err error) outcome { return outcome{err: err} }

// saw makes an observation out of what a check found out.
func saw(origin Origin, format string, args ...any) Observation {
	seen := sight(func(_ *exchange, see func(Origin, string, ...any)) { see(origin, format, args...) }).add(nil, nil)
	if len(seen) == 0 {
		return Observation{origin, format}
	}
	return seen[0]
}
