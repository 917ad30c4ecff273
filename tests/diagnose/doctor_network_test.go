package diagnose_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/internal/diagnosetest"
)

// remote serves a registry's name by TLS on loopback, and returns options that
// lead there.
func remote(t *testing.T, c diagnosetest.Certificate, handler http.Handler) *diagnose.Options {
	t.Helper()
	shown, pool := c.Issue(t)
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{shown}}
	// Checks that only connect, or refuse the certificate, are errors to it.
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return &diagnose.Options{
		Resolver: resolver{"myreg.azurecr.io": "20.62.128.9"},
		Dial:     diagnosetest.DialTo(server.Listener.Addr().String()),
		Proxy:    func(*http.Request) (*url.URL, error) { return nil, nil },
		RootCAs:  pool,
		// The limit is short for the sake of the checks that must meet it.
		CheckTimeout: 500 * time.Millisecond,
	}
}

func page(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

// registryHandler is an emulated registry under the name of the tests.
func registryHandler(t *testing.T) http.Handler {
	t.Helper()
	e, err := emulator.New(&emulator.Options{Registries: []emulator.RegistryOptions{{Name: "myreg", Policies: emulator.Policies{AnonymousPull: true}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestDoctorOnBadInput(t *testing.T) {
	silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	challenge := func(value string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if value != "" {
				w.Header().Set("WWW-Authenticate", value)
			}
			w.WriteHeader(http.StatusUnauthorized)
		})
	}
	stored := func(c diagnose.StoredCredential, err error) func(*diagnose.Options) {
		return func(o *diagnose.Options) {
			o.Stored = func(context.Context, string) (diagnose.StoredCredential, error) { return c, err }
		}
	}
	ended := diagnosetest.JWT(fmt.Sprintf(`{"aud":"myreg.azurecr.io","exp":%d}`, time.Now().Add(-time.Hour).Unix()))
	for name, test := range map[string]struct {
		endpoint    string
		handler     http.Handler
		certificate diagnosetest.Certificate
		change      func(*diagnose.Options)
		check, want string
	}{
		"a name that does not exist":    {endpoint: "https://nosuchregistry.azurecr.io", check: "dns", want: "DNS_NOT_FOUND"},
		"a name that is too short":      {endpoint: "https://a.azurecr.io", check: "name", want: "REGISTRY_NAME_INVALID"},
		"a name with blanks":            {endpoint: "https://my reg", check: "name", want: "REGISTRY_NAME_INVALID"},
		"plain http far away":           {endpoint: "http://myreg.azurecr.io", check: "name", want: "REGISTRY_NAME_INVALID"},
		"not a registry":                {handler: http.NotFoundHandler(), check: "challenge", want: "ROUTE_NOT_FOUND"},
		"a web page":                    {handler: page(200, "<html><head><title>Contoso</title></head></html>"), check: "challenge", want: "NOT_A_REGISTRY"},
		"a proxy's login page":          {handler: page(200, `<html><form><input type="password"></form></html>`), check: "challenge", want: "PROXY_LOGIN_PAGE"},
		"a login page that says 401":    {handler: page(401, `<html><form><input type="password"></form></html>`), check: "challenge", want: "PROXY_LOGIN_PAGE"},
		"a redirect":                    {handler: http.RedirectHandler("https://portal.example/", http.StatusFound), check: "challenge", want: "UNEXPECTED_REDIRECT"},
		"a server that never answers":   {handler: silent, check: "challenge", want: "RESPONSE_TIMEOUT"},
		"a 401 without a challenge":     {handler: challenge(""), check: "challenge", want: "CHALLENGE_MISSING"},
		"a challenge without a service": {handler: challenge(`Bearer realm="https://myreg.azurecr.io/oauth2/token"`), check: "challenge", want: "CHALLENGE_MISSING"},
		"Basic alone":                   {handler: challenge(`Basic realm="myreg"`), check: "challenge", want: "ENTRA_LOGIN_UNSUPPORTED"},
		"a proxy's challenge":           {handler: challenge("Negotiate"), check: "challenge", want: "CHALLENGE_UNUSABLE"},
		"a realm that leads away":       {handler: challenge(`Bearer realm="https://elsewhere.example/token",service="myreg.azurecr.io"`), check: "challenge", want: "UNTRUSTED_REALM"},
		"a certificate of another name": {certificate: diagnosetest.Certificate{Names: []string{"other.example"}}, check: "tls", want: "TLS_NAME_MISMATCH"},
		"a certificate that has ended":  {certificate: diagnosetest.Certificate{From: -48 * time.Hour, Until: -24 * time.Hour}, check: "tls", want: "TLS_EXPIRED"},
		"a clock a day ahead": {check: "clock", want: "CLOCK_SKEW", change: func(o *diagnose.Options) {
			o.Now = func() time.Time { return time.Now().Add(24 * time.Hour) }
		}},
		"a clock a day behind": {check: "clock", want: "CLOCK_SKEW", change: func(o *diagnose.Options) {
			o.Now = func() time.Time { return time.Now().Add(-24 * time.Hour) }
		}},
		"a clock that drifts": {check: "clock", want: "CLOCK_DRIFT", change: func(o *diagnose.Options) {
			o.Now = func() time.Time { return time.Now().Add(2 * time.Minute) }
		}},
		"a private endpoint that resolves publicly": {check: "dns", want: "PRIVATE_LINK_PUBLIC_DNS", change: func(o *diagnose.Options) {
			o.Resolver = resolver{"myreg.azurecr.io": "20.62.128.9", "myreg.privatelink.azurecr.io": "20.62.128.9"}
		}},
		"a resolver that never answers": {check: "dns", want: "DNS_TIMEOUT", change: func(o *diagnose.Options) { o.Resolver = hangingResolver{} }},
		"an address that never answers": {check: "tcp", want: "CONNECT_TIMEOUT", change: func(o *diagnose.Options) {
			o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		}},
		"a credential that hangs": {check: "credential", want: "CREDENTIAL_TIMEOUT", change: func(o *diagnose.Options) {
			o.Credential = func(ctx context.Context) (diagnose.Credential, error) {
				<-ctx.Done()
				return diagnose.Credential{}, ctx.Err()
			}
		}},
		"no credential": {check: "credential", want: "NO_CREDENTIAL_AVAILABLE", change: func(o *diagnose.Options) {
			o.Credential = func(context.Context) (diagnose.Credential, error) {
				return diagnose.Credential{}, errors.New("DefaultAzureCredential: failed to acquire a token.\nAttempted credentials:\n\tEnvironmentCredential: missing environment variable AZURE_TENANT_ID")
			}
		}},
		"docker: a half-written file":          {check: "docker", want: "DOCKER_CONFIG_DAMAGED", change: stored(diagnose.StoredCredential{}, json.Unmarshal([]byte(`{"auths":{`), &struct{}{}))},
		"docker: a helper that hangs":          {check: "docker", want: "DOCKER_HELPER_TIMEOUT", change: stored(diagnose.StoredCredential{}, context.DeadlineExceeded)},
		"docker: a helper that prints rubbish": {check: "docker", want: "DOCKER_HELPER_FAILED", change: stored(diagnose.StoredCredential{}, errors.New("credential helper printed: rubbish"))},
		"docker: a token that has expired":     {check: "docker", want: "DOCKER_CREDENTIAL_EXPIRED", change: stored(diagnose.StoredCredential{Source: "config.json", RefreshToken: ended}, nil)},
		"docker: another registry's token":     {check: "docker", want: "DOCKER_CREDENTIAL_OTHER", change: stored(diagnose.StoredCredential{Source: "config.json", RefreshToken: diagnosetest.JWT(`{"aud":"other.azurecr.io","exp":99999999999}`)}, nil)},
		"the admin user": {check: "admin user", want: "ADMIN_USER_IN_USE", change: func(o *diagnose.Options) {
			o.Credential = func(context.Context) (diagnose.Credential, error) {
				return diagnose.Credential{Username: "myreg", Password: "hunter2"}, nil
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.handler == nil {
				test.handler = registryHandler(t)
			}
			options := remote(t, test.certificate, test.handler)
			if test.change != nil {
				test.change(options)
			}
			if test.endpoint == "" {
				test.endpoint = "https://myreg.azurecr.io"
			}
			report := diagnose.Run(t.Context(), diagnose.Target{Endpoint: test.endpoint}, options)
			for _, f := range report.Findings {
				if string(f.Code) == test.want && f.Check == test.check {
					if f.Severity == diagnose.SeverityError && string(report.Findings[0].Code) != test.want {
						// The admin user's refused password is an error of its own.
						t.Errorf("%s comes before it", report.Findings[0].Code)
					}
					return
				}
			}
			t.Errorf("%s does not find %s\n%s", test.check, test.want, describe(report))
		})
	}
}

type hangingResolver struct{}

func (hangingResolver) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, &net.DNSError{Err: ctx.Err().Error(), Name: host, IsTimeout: true}
}

// TestDoctorGoesThroughTheNetwork runs every check of the network against a
// healthy registry behind TLS.
func TestDoctorGoesThroughTheNetwork(t *testing.T) {
	options := remote(t, diagnosetest.Certificate{}, registryHandler(t))
	options.CheckTimeout = 0
	report := diagnose.Run(t.Context(), diagnose.Target{Endpoint: "https://myreg.azurecr.io"}, options)
	for _, name := range []string{"name", "dns", "proxy", "tcp", "clock", "tls", "challenge", "credential", "token", "scopes"} {
		if c := checkNamed(t, report, name); c.Status != diagnose.StatusOK {
			t.Errorf("%s is %s: %s", name, c.Status, c.Summary)
		}
	}
}

// TestDoctorSkipsWhatDependsOnAFailure names what a check was skipped for.
func TestDoctorSkipsWhatDependsOnAFailure(t *testing.T) {
	options := remote(t, diagnosetest.Certificate{}, http.NotFoundHandler())
	report := diagnose.Run(t.Context(), diagnose.Target{Endpoint: "https://nosuchregistry.azurecr.io"}, options)
	for name, because := range map[string]string{"tcp": "dns", "tls": "tcp", "exchange": "challenge", "scopes": "token", "pull": "scopes"} {
		if c := checkNamed(t, report, name); c.Status != diagnose.StatusSkipped || c.Because != because {
			t.Errorf("%s is %s because of %q, want skipped because of %q", name, c.Status, c.Because, because)
		}
	}
	if c := checkNamed(t, report, "credential"); c.Status != diagnose.StatusOK {
		t.Errorf("credential is %s, though it needs no network", c.Status)
	}
}

// TestDoctorStopsWithItsCaller ends at once when the caller gives up.
func TestDoctorStopsWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	report := diagnose.Run(ctx, diagnose.Target{Endpoint: "https://myreg.azurecr.io"}, &diagnose.Options{Resolver: hangingResolver{}})
	if len(report.Checks) == 0 || len(report.Findings) == 0 {
		t.Errorf("an empty report: %s", describe(report))
	}
}

// TestDurationsSurviveJSON reads back to the nanosecond what was written.
func TestDurationsSurviveJSON(t *testing.T) {
	for took := time.Duration(1); took < 100*time.Hour; took += 1 + took/97 {
		want := diagnose.Check{Name: "dns", Took: took}
		wantRetry := diagnose.Retry{Advice: diagnose.RetryLater, After: took}
		var got diagnose.Check
		var gotRetry diagnose.Retry
		roundTrip(t, want, &got)
		roundTrip(t, wantRetry, &gotRetry)
		if got.Took != took || gotRetry != wantRetry {
			t.Errorf("%d ns became %d and %d", took, got.Took, gotRetry.After)
		}
	}
}

func roundTrip(t *testing.T, from, to any) {
	t.Helper()
	data, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, to); err != nil {
		t.Fatal(err)
	}
}

func TestReportSurvivesJSON(t *testing.T) {
	report := diagnose.Run(t.Context(), diagnose.Target{Endpoint: "https://nosuchregistry.azurecr.io"}, &diagnose.Options{Resolver: resolver{}})
	data, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var got diagnose.Report
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(got); err != nil || string(again) != string(data) {
		t.Errorf("%v\n%s\n%s", err, data, again)
	}
}
