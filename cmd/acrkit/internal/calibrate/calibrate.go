// Package calibrate finds out which value of each of the emulator's quirks a
// registry has: a table of experiments is run in a scratch repository of it,
// and once more on an emulator in this process that has the values found. What
// no quirk describes shows as a difference between the two.
package calibrate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Service is the registry that is calibrated against.
type Service struct {
	// Endpoint is its URL, Repository the scratch repository.
	Endpoint, Repository string
	// Transport reaches it. It must not follow redirects.
	Transport http.RoundTripper
	// Login signs in; the zero value doesn't.
	Login Login
	// Others are further identities for the experiments that need one.
	Others map[Role]Login
	// ABAC says that the registry is in ABAC mode.
	ABAC bool
	// Despite allows a repository with content.
	Despite bool
	// MaxWait allows the experiments that wait for longer than a minute, up to
	// so long.
	MaxWait time.Duration
}

// Login is an identity: an Entra token, a refresh token, or a name with a
// password.
type Login struct {
	Entra              func(context.Context) (string, error)
	RefreshToken       string
	Username, Password string
}

func (l Login) none() bool { return l.Entra == nil && l.RefreshToken == "" && l.Username == "" }

// Role is what a further identity is there for.
type Role string

// The roles of further identities.
const (
	RoleReader     Role = "reader"      // AcrPull, or Container Registry Repository Reader
	RoleWriter     Role = "writer"      // AcrPush
	RoleNone       Role = "no-role"     // an Entra token of an identity without any role
	RoleShortToken Role = "short-token" // a scope-map token of 4 characters
)

// Roles are the roles of further identities, in order.
func Roles() []Role { return []Role{RoleReader, RoleWriter, RoleNone, RoleShortToken} }

// Options are what a run needs beside the service.
type Options struct {
	// Progress is the state of an earlier run to resume. Nil begins anew.
	Progress *Progress
	// Save keeps the state; it is called before anything is created, and after
	// each experiment. Nil doesn't.
	Save func(*Progress) error
	// Note tells a person what is done. Nil doesn't.
	Note func(format string, args ...any)
	// Sleep waits. Nil sleeps by the clock.
	Sleep func(context.Context, time.Duration) error
	// Now is the time. Nil means time.Now.
	Now func() time.Time
	// Before is called before each experiment, with its quirk.
	Before func(quirk string)
}

// cleaningTime is how long cleaning up may take after an interruption.
const cleaningTime = 20 * time.Second

// errors of a run that doesn't begin.
var (
	ErrHasContent     = errors.New("the repository has content")
	ErrNothingAllowed = errors.New("nothing is allowed in the repository")
)

func (o *Options) complete() {
	if o.Note == nil {
		o.Note = func(string, ...any) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Save == nil {
		o.Save = func(*Progress) error { return nil }
	}
	if o.Before == nil {
		o.Before = func(string) {}
	}
	if o.Sleep == nil {
		o.Sleep = func(ctx context.Context, d time.Duration) error {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-timer.C:
				return nil
			}
		}
	}
}

// Run runs the experiments and returns what they found. The report is whole
// but for the experiments that were not reached when the error is not nil;
// what could not be cleaned up is in it.
func Run(ctx context.Context, service Service, o Options) (*Report, error) {
	o.complete()
	endpoint, err := url.Parse(service.Endpoint)
	if err != nil || endpoint.Host == "" {
		return nil, fmt.Errorf("calibrate: endpoint %q: not a URL", service.Endpoint)
	}
	p := o.Progress
	if p == nil {
		p = newProgress(service, o.Now())
	}
	// Each run has contents of its own: a registry may keep what was deleted.
	p.Run = newRunID()
	b := &bench{service: service, host: endpoint.Host, scheme: endpoint.Scheme, o: &o, progress: p, names: map[string]string{}, tokens: map[string]string{}, scopes: map[string]string{}}
	report := &Report{Date: o.Now().UTC(), Progress: p}
	if report.Service, err = b.identify(ctx); err != nil {
		return report, err
	}
	if !report.Service.ACR {
		for _, e := range experiments {
			p.Results = append(p.Results, Result{Quirk: e.quirk, State: Skipped, Why: "this is no Azure Container Registry"})
		}
		return report, nil
	}
	err = b.run(ctx, p, report)
	if ctx.Err() != nil && len(p.Left) > 0 {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleaningTime)
		defer cancel()
		err = errors.Join(err, b.cleanUp(limited))
	}
	report.Left = p.Left
	return report, err
}

// run cleans up after an earlier run, and runs the script on both: on the
// emulator second, since what it does in any experiment depends on all the
// values found. A run that was interrupted is compared when it has been resumed.
func (b *bench) run(ctx context.Context, p *Progress, report *Report) error {
	if err := b.cleanUp(ctx); err != nil {
		return err
	}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if err := b.runAll(ctx, p); err != nil {
		return err
	}
	p.settleStrict()
	b.o.Note("the same on the emulator, with the values found")
	if err := compareWithTwin(ctx, b, p, report); err != nil {
		return err
	}
	p.Done = true
	return b.o.Save(p)
}

// runAll runs what an earlier run has not done. Whatever happens, what an
// experiment made is taken away after it.
func (b *bench) runAll(ctx context.Context, p *Progress) error {
	for i, e := range experiments {
		if p.result(e.quirk) != nil {
			continue
		}
		b.o.Before(e.quirk)
		b.o.Note("%d of %d: %s", i+1, len(experiments), e.quirk)
		r := b.runOne(ctx, e)
		cleaned := b.cleanUp(ctx)
		if ctx.Err() != nil {
			return errors.Join(context.Cause(ctx), b.o.Save(p))
		}
		if r.gone != nil {
			return errors.Join(fmt.Errorf("calibrate %s: the registry does not respond any more: %w", e.quirk, r.gone), b.o.Save(p))
		}
		p.Results = append(p.Results, *r)
		if err := errors.Join(cleaned, b.o.Save(p)); err != nil {
			return err
		}
	}
	return nil
}

// runOne runs an experiment whose preconditions hold.
func (b *bench) runOne(ctx context.Context, e experiment) *Result {
	r := &Result{Quirk: e.quirk, State: Skipped}
	if r.Why = b.unmet(e); r.Why != "" {
		return r
	}
	b.begin(ctx, e)
	value := e.run(b)
	r.Exchanges, r.gone = b.exchanges, nil
	var skip *skipError
	switch {
	case errors.As(b.err, &skip):
		r.Why = skip.why
	case b.err != nil:
		r.gone = b.err
	case value == "":
		r.State, r.Why = Unknown, "no value of the quirk describes it"
	default:
		r.State, r.Value = Found, value
	}
	return r
}
