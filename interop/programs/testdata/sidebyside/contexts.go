package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

type mark struct{}

// seesContext says what of the caller's context a credential, the policies and the
// transport see, on every request.
func seesContext(s section) {
	deadline := time.Now().Add(time.Hour)
	for _, c := range every {
		var seen []string
		see := func(who string, ctx context.Context, r *http.Request) {
			d, ok := ctx.Deadline()
			line := fmt.Sprint(who, " ", ctx.Value(mark{}), " ", ok && d.Equal(deadline))
			if r != nil {
				line += fmt.Sprint(" ", r.Method, " ", r.URL.Path, " ", r.Header.Get("X-Mine"), r.Header.Get("Authorization") != "", r.Header.Get("User-Agent") != "")
			}
			seen = append(seen, line)
		}
		f := guarded(challenge, func(*http.Request) *http.Response { return respond(404, refused) })
		o := with(transport(func(r *http.Request) (*http.Response, error) { see("transport", r.Context(), r); return f.Do(r) }))
		watch := func(who string) policy.Policy {
			return policyFunc(func(req *policy.Request) (*http.Response, error) {
				see(who, req.Raw().Context(), req.Raw())
				resp, err := req.Next()
				status := 0
				if err == nil {
					status = resp.StatusCode
				}
				seen = append(seen, fmt.Sprint(who, " back ", status))
				return resp, err
			})
		}
		o.PerCallPolicies = []policy.Policy{watch("call 1"), watch("call 2")}
		o.PerRetryPolicies = []policy.Policy{watch("retry 1"), watch("retry 2")}
		credential := credentialFunc(func(ctx context.Context, t policy.TokenRequestOptions) (azcore.AccessToken, error) {
			see(fmt.Sprint("credential ", t.Scopes, t.Claims, t.EnableCAE, t.TenantID), ctx, nil)
			return signin.Credential().GetToken(ctx, t)
		})
		ctx, cancel := context.WithDeadline(context.WithValue(context.Background(), mark{}, "marked"), deadline)
		ctx = policy.WithHTTPHeader(ctx, http.Header{"X-Mine": {"1"}})
		_, _ = c.do(ctx, connect(credential, o))
		cancel()
		s.say(c.name, seen)
	}
}

type credentialFunc func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error)

func (f credentialFunc) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return f(ctx, o)
}

// logs shows what each call writes to azcore's log.
func logs(s section) {
	for what, options := range map[string]policy.LogOptions{
		"default": {}, "bodies": {IncludeBody: true}, "allowed": {AllowedHeaders: []string{"X-Mine", "Docker-Content-Digest"}, AllowedQueryParams: []string{"digest", "n"}},
	} {
		for _, all := range [][]call{every, options2()} {
			for _, c := range all {
				for _, status := range []int{200, 404} {
					var events []string
					log.SetListener(func(event log.Event, text string) {
						lines := strings.Split(strings.TrimSpace(text), "\n")
						for i, line := range lines {
							lines[i] = strings.TrimRight(line, " ")
							for _, changing := range []string{"=====>", "User-Agent", "   Date", "(Try="} {
								if strings.Contains(line, changing) {
									before, _, _ := strings.Cut(line, changing)
									lines[i] = strings.TrimSpace(before) + changing
								}
							}
						}
						events = append(events, string(event)+" "+strings.Join(lines, "\n"))
					})
					f := guarded(challenge, func(*http.Request) *http.Response {
						return respond(status, onePage, "Docker-Content-Digest", sum, "Location", "/v2/x?_state=secret", "X-Ms-Correlation-Request-Id", "1", "Set-Cookie", "a=b", "Content-Type", "application/json")
					})
					o := with(f)
					o.Logging = options
					ctx := policy.WithHTTPHeader(context.Background(), http.Header{"X-Mine": {"1"}, "X-Secret": {"s"}})
					_, _ = c.do(ctx, connect(signin.Credential(), o))
					log.SetListener(nil)
					for i, event := range events {
						s.say(fmt.Sprint(what, " ", c.name, " ", len(all), " ", status, " event ", i), event)
					}
				}
			}
		}
	}
}

func options2() []call { return options[:3] }

// spans shows the spans of calls that are challenged, and of what succeeds.
func spans(s section) {
	for _, c := range every {
		for _, status := range []int{200, 404} {
			var seen []string
			f := guarded(challenge, func(*http.Request) *http.Response { return respond(status, onePage) })
			o := with(f)
			depth := 0
			o.TracingProvider = tracing.NewProvider(func(name, version string) tracing.Tracer {
				return tracing.NewTracer(func(ctx context.Context, span string, so *tracing.SpanOptions) (context.Context, tracing.Span) {
					kind := 0
					var attributes []string
					if so != nil {
						kind = int(so.Kind)
						for _, a := range so.Attributes {
							attributes = append(attributes, attribute(a))
						}
					}
					depth++
					slices.Sort(attributes)
					seen = append(seen, fmt.Sprint(strings.Repeat(">", depth), " ", span, " ", kind, " ", attributes))
					return ctx, tracing.NewSpan(tracing.SpanImpl{
						End: func() { depth--; seen = append(seen, "end "+span) },
						SetAttributes: func(all ...tracing.Attribute) {
							for _, a := range all {
								seen = append(seen, span+" "+attribute(a))
							}
						},
						AddEvent: func(name string, all ...tracing.Attribute) { seen = append(seen, span+" event "+name) },
						SetStatus: func(status tracing.SpanStatus, text string) {
							seen = append(seen, fmt.Sprint(span, " status ", status, " ", text))
						},
					})
				}, nil)
			}, nil)
			_, _ = c.do(context.Background(), connect(signin.Credential(), o))
			s.say(fmt.Sprint(c.name, " ", status), seen)
		}
	}
}

func attribute(a tracing.Attribute) string {
	value := fmt.Sprint(a.Value)
	if a.Key == "http.user_agent" || a.Key == "net.peer.name" {
		value, _, _ = strings.Cut(value, "/v")
	}
	return a.Key + "=" + value
}
