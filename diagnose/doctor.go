package diagnose

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/acrkit/azcontainerregistry/internal/order"
)

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
	// Tried says what each place where a credential may be found gave, one line
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

// Run makes every check side by side, each as soon as those it needs have
// succeeded, and never stops at the first failure. It never fails itself: what
// can't be done is in the report. When ctx ends, the checks under way end with
// it, and are reported so.
//
// Run sends the credential to the registry alone, writes nothing (unless
// [Options.PushProbe] says so, and then takes it back), and leaves no
// connection or goroutine behind.
func Run(ctx context.Context, target Target, options *Options) Report {
	r := newDoctorRun(target, options)
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
	order.By(report.Findings, func(a, b Finding) int { return int(b.Severity - a.Severity) })
	return report
}

// perform makes one check within its time limit.
func (r *doctorRun) perform(ctx context.Context, c check) (Check, []Finding) {
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
func (r *doctorRun) explain(ctx context.Context, c check, err error) Diagnosis {
	ev := gather(err)
	ev.library.host = r.host
	if ctx.Err() == context.DeadlineExceeded && ev.status == 0 && c.late != "" {
		ev.waited = r.timeout
		return r.finding(c.late, ev)
	}
	row := choose(ev)
	return row.diagnosis(ev)
}

// finding fills a row that a check chose by itself.
func (r *doctorRun) finding(code Code, ev *evidence, seen ...Observation) Diagnosis {
	ev.library.host = r.host
	ev.repository = or(ev.repository, r.target.Repository)
	for i := range rows {
		if rows[i].Code == code {
			d := rows[i].diagnosis(ev)
			more := slices.DeleteFunc(d.Seen, func(o Observation) bool {
				return slices.ContainsFunc(seen, func(s Observation) bool { return s.Text == o.Text })
			})
			d.Seen = append(slices.Clone(seen), more...)
			return d
		}
	}
	return rowUnknown.diagnosis(ev)
}
