package diagnose_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// spy is a transport that remembers every secret that goes over it, in either
// direction.
type spy struct {
	next policy.Transporter

	mu      sync.Mutex
	secrets map[string]string // what it is, by its value
}

func (s *spy) Do(request *http.Request) (*http.Response, error) {
	if scheme, value, ok := strings.Cut(request.Header.Get("Authorization"), " "); ok {
		s.remember("authorization", value)
		if decoded, err := base64.StdEncoding.DecodeString(value); err == nil && scheme == "Basic" {
			_, password, _ := strings.Cut(string(decoded), ":")
			s.remember("password", password)
		}
	}
	s.address(request.URL)
	if strings.HasPrefix(request.URL.Path, "/oauth2/") && request.Body != nil {
		data, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		request.Body = io.NopCloser(bytes.NewReader(data))
		if form, err := url.ParseQuery(string(data)); err == nil {
			for _, name := range []string{"access_token", "refresh_token", "password"} {
				s.remember(name, form.Get(name))
			}
		}
	}
	response, err := s.next.Do(request)
	if err != nil {
		return nil, err
	}
	if location, err := response.Location(); err == nil {
		s.address(location)
	}
	if strings.HasPrefix(request.URL.Path, "/oauth2/") {
		data, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return nil, err
		}
		response.Body = io.NopCloser(bytes.NewReader(data))
		var tokens map[string]any
		if json.Unmarshal(data, &tokens) == nil {
			for name, token := range tokens {
				s.remember(name, fmt.Sprint(token))
			}
		}
	}
	return response, nil
}

// RoundTrip makes the spy a RoundTripper, too.
func (s *spy) RoundTrip(request *http.Request) (*http.Response, error) { return s.Do(request) }

// address remembers what is secret in an address: an upload's state and a
// signed link's signature.
func (s *spy) address(u *url.URL) {
	for _, name := range []string{"_state", "sig"} {
		s.remember(name, u.Query().Get(name))
		s.remember(name, url.QueryEscape(u.Query().Get(name)))
	}
}

func (s *spy) remember(what, secret string) {
	// Shorter than this it would be found in texts by accident. The errors of
	// the registry are no secrets, though they come from a token endpoint.
	if len(secret) < 8 || what == "errors" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secrets == nil {
		s.secrets = map[string]string{}
	}
	s.secrets[secret] = what
	// A token is as secret without its signature.
	for part := range strings.SplitSeq(secret, ".") {
		if len(part) > 40 && part != secret {
			s.secrets[part] = "a part of " + what
		}
	}
}

// outputs collects all that the library shows of its work.
type outputs struct {
	mu   sync.Mutex
	text map[string]*bytes.Buffer
}

func (o *outputs) add(where string, values ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text == nil {
		o.text = map[string]*bytes.Buffer{}
	}
	if o.text[where] == nil {
		o.text[where] = &bytes.Buffer{}
	}
	for _, v := range values {
		fmt.Fprintf(o.text[where], "%v\n", v)
	}
}

// tracer is a tracing provider that writes all it is told.
func (o *outputs) tracer() tracing.Provider {
	return tracing.NewProvider(func(string, string) tracing.Tracer {
		return tracing.NewTracer(func(ctx context.Context, name string, options *tracing.SpanOptions) (context.Context, tracing.Span) {
			o.add("trace", name)
			if options != nil {
				o.add("trace", options.Attributes)
			}
			return ctx, tracing.NewSpan(tracing.SpanImpl{
				End:           func() {},
				SetAttributes: func(attributes ...tracing.Attribute) { o.add("trace", attributes) },
				AddEvent:      func(name string, attributes ...tracing.Attribute) { o.add("trace", name, attributes) },
				SetStatus:     func(_ tracing.SpanStatus, text string) { o.add("trace", text) },
			})
		}, nil)
	}, nil)
}

// TestNoOutputShowsASecret runs the work of every scenario, and work that
// succeeds, with every secret on the way remembered, and looks for them in
// every output: errors in all their forms, logs, traces, diagnoses, reports.
func TestNoOutputShowsASecret(t *testing.T) {
	work := map[string]scenario{"success": {call: func(ctx context.Context, c *azcontainerregistry.Client) error {
		for _, call := range []func(context.Context, *azcontainerregistry.Client) error{upload, uploadChunk, pull, download, push, listRepositories, deleteTag} {
			if err := call(ctx, c); err != nil {
				return fmt.Errorf("the healthy registry: %w", err)
			}
		}
		_, err := c.GetManifest(ctx, "team/app", "v1", nil) // deleted: the one error
		return err
	}}}
	for name, s := range scenarios {
		work[name] = s
	}
	seen := map[string]bool{}
	for name, s := range work {
		t.Run(name, func(t *testing.T) {
			watch, shown := &spy{}, &outputs{}
			azlog.SetListener(func(event azlog.Event, message string) { shown.add("log", event, message) })
			t.Cleanup(func() { azlog.SetListener(nil) })
			signIn := s.client
			if signIn == nil {
				signIn = as(somebody)
			}
			s.client = func(r *emulatortest.Registry, o *azcontainerregistry.ClientOptions) (*azcontainerregistry.Client, error) {
				watch.next, o.Transport = doer{r.HTTPClient().Transport}, &http.Client{Transport: watch}
				o.TracingProvider = shown.tracer()
				o.Logging.IncludeBody = true
				return signIn(r, o)
			}
			s.run(t, func(t *testing.T, err error) {
				if strings.Contains(err.Error(), "the healthy registry") {
					t.Fatal(err)
				}
				for e := err; e != nil; {
					shown.add("error", e.Error(), fmt.Sprintf("%+v", e), fmt.Sprintf("%q", e))
					if data, failure := json.Marshal(e); failure == nil {
						shown.add("error as JSON", string(data))
					}
					wrapper, ok := e.(interface{ Unwrap() error })
					if !ok {
						break
					}
					e = wrapper.Unwrap()
				}
				d, _ := diagnose.Explain(err)
				data, failure := json.Marshal(d)
				if failure != nil {
					t.Fatal(failure)
				}
				shown.add("diagnosis", string(data), d)
			})
			for _, what := range watch.secrets {
				seen[what] = true
			}
			for where, text := range shown.text {
				for secret, what := range watch.secrets {
					if i := strings.Index(text.String(), secret); i >= 0 {
						t.Errorf("the %s shows %s: …%s…", where, what, text.String()[max(0, i-80):i+8])
					}
				}
			}
			for _, where := range []string{"log", "trace", "error", "diagnosis"} {
				if shown.text[where] == nil && name != "bad-name" {
					t.Errorf("nothing came out in the %s: the test looks at the wrong place", where)
				}
			}
		})
	}
	for _, what := range []string{"authorization", "access_token", "refresh_token", "password", "_state", "sig"} {
		if !seen[what] {
			t.Errorf("no %s went over the wire: the work does not cover it", what)
		}
	}
}

// TestReportShowsNoSecret does the same with the doctor.
func TestReportShowsNoSecret(t *testing.T) {
	registry := healthy(t)
	watch := &spy{}
	var heard bytes.Buffer
	report := examine(t, registry, func(_ *diagnose.Target, o *diagnose.Options) {
		watch.next, o.Transport = doer{o.Transport}, watch
		o.OnCheck = func(c diagnose.Check) { fmt.Fprintf(&heard, "%+v\n", c) }
	})
	text := describe(report) + heard.String()
	if len(watch.secrets) < 4 {
		t.Fatalf("%d secrets went over the wire", len(watch.secrets))
	}
	for secret, what := range watch.secrets {
		if strings.Contains(text, secret) {
			t.Errorf("the report shows %s", what)
		}
	}
}

// doer makes a transporter of azcore's out of a RoundTripper.
type doer struct{ http.RoundTripper }

func (d doer) Do(r *http.Request) (*http.Response, error) { return d.RoundTrip(r) }
