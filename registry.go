package azcontainerregistry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"

	"github.com/acrkit/azcontainerregistry/internal/redact"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

const (
	moduleName = "azcontainerregistry"
	// tracerName is v0.2.3's, by which tracing providers choose.
	tracerName    = "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
	moduleVersion = "v1.0.0"

	// defaultAPIVersion is sent with /acr/v1 and /oauth2 (ACR protocol §1.8).
	defaultAPIVersion = "2021-07-01"

	// maxRedirects is how many redirects of a read are followed. ACR needs one.
	maxRedirects = 5
)

// registry is one login server with everything that clients of it share:
// pipelines, connections, tokens. It is safe for concurrent use.
type registry struct {
	endpoint   string   // as the caller gave it
	base       *url.URL // the same, read; without a host when it is no address
	home       origin
	key        string // endpoint in one way of writing, for the token cache
	apiVersion string
	tracer     tracing.Tracer
	logBodies  bool
	tokens     *tokenSource
	retry      policy.RetryOptions

	// api carries JSON calls, content manifests and blobs, bare the token
	// calls and whatever goes to another host. They differ in who may see the
	// bodies (content and bare never log them) and in authorisation (bare has none).
	api, content, bare runtime.Pipeline
}

func newRegistry(endpoint string, options azcore.ClientOptions, g grant) (*registry, error) {
	_, anonymous := g.(anonymousGrant)
	base, err := readEndpoint(endpoint, anonymous || options.InsecureAllowCredentialWithHTTP)
	if err != nil {
		return nil, err
	}
	r := &registry{
		endpoint:   endpoint,
		base:       base,
		home:       originOf(base),
		apiVersion: defaultAPIVersion,
		retry:      options.Retry,
		logBodies:  options.Logging.IncludeBody,
	}
	if r.key = endpoint; base.Host != "" {
		r.key = r.home.String() + strings.TrimRight(base.Path, "/")
	}
	if options.APIVersion != "" {
		// azcore's own way of overriding it would rewrite the query of uploads.
		r.apiVersion, options.APIVersion = options.APIVersion, ""
	}
	options.Transport = newGuardedTransport(options.Transport)
	options.Logging.AllowedHeaders = keepVisible(options.Logging.AllowedHeaders, redact.VisibleHeader)
	options.Logging.AllowedQueryParams = keepVisible(options.Logging.AllowedQueryParams, redact.VisibleQueryParameter)

	r.tokens = newTokenSource(r, cacheOf(options.PerCallPolicies), g)
	authenticated := r.pipelineOptions(attemptPolicy{}, authPolicy{source: r.tokens})
	client, err := azcore.NewClient(tracerName, moduleVersion, authenticated, &options)
	if err != nil {
		return nil, err
	}
	r.api, r.tracer = client.Pipeline(), client.Tracer()
	options.Logging.IncludeBody = false
	r.content = runtime.NewPipeline(moduleName, moduleVersion, authenticated, &options)
	r.bare = runtime.NewPipeline(moduleName, moduleVersion, r.pipelineOptions(attemptPolicy{}), &options)
	return r, nil
}

func (r *registry) pipelineOptions(perRetry ...policy.Policy) runtime.PipelineOptions {
	return runtime.PipelineOptions{
		AllowedHeaders:         redact.Headers(),
		AllowedQueryParameters: redact.QueryParameters(),
		PerRetry:               append(perRetry, policyFunc(sendView)),
	}
}

// keepVisible drops what never may be logged, even if the caller allows it:
// the names come from configuration files and are copied about.
func keepVisible(names []string, visible func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return secretNames[strings.ToLower(n)] && !visible(n)
	})
}

// secretNames are headers and query parameters that always hold a secret.
var secretNames = map[string]bool{
	"*": true, "authorization": true, "proxy-authorization": true, "cookie": true, "set-cookie": true,
	"location": true, "_state": true, "sig": true, "regid": true,
}

type policyFunc func(*policy.Request) (*http.Response, error)

// Do implements [policy.Policy].
func (f policyFunc) Do(req *policy.Request) (*http.Response, error) { return f(req) }

// attempts counts how often a request was sent. It travels with the request as
// an operation value.
type attempts struct{ n int }

type attemptPolicy struct{}

// Do implements [policy.Policy].
func (attemptPolicy) Do(req *policy.Request) (*http.Response, error) {
	var a *attempts
	if req.OperationValue(&a) {
		a.n++
	}
	return req.Next()
}

// newRequest makes a request to the registry for path and query, as they are,
// that will carry a token for scopes.
func (r *registry) newRequest(ctx context.Context, method, pathAndQuery string, scopes ...string) (*policy.Request, error) {
	path, query, _ := strings.Cut(pathAndQuery, "?")
	if _, err := url.Parse(r.endpoint); err != nil {
		query = "" // the error has the address in it, as v0.2.3's has
	}
	return r.newRequestTo(ctx, method, r.address(path, query), scopes...)
}

// address is that of a path at the registry. An endpoint's own query is sent with
// every request, as v0.2.3 does.
func (r *registry) address(path, query string) string {
	address := runtime.JoinPaths(r.endpoint, path)
	before, own, found := strings.Cut(address, "?")
	switch {
	case query == "":
		return address
	case !found:
		return address + "?" + query
	}
	all, err := url.ParseQuery(own + "&" + query)
	if err != nil {
		return address + "&" + query
	}
	return before + "?" + all.Encode()
}

// newRequestTo is newRequest for a whole address, which may be another host's:
// then it carries no token.
func (r *registry) newRequestTo(ctx context.Context, method, address string, scopes ...string) (*policy.Request, error) {
	req, err := runtime.NewRequest(captureNothing(ctx), method, address)
	if err != nil {
		return nil, redactError(err)
	}
	if raw := req.Raw(); originOf(raw.URL) != r.home {
		*raw = *raw.WithContext(context.WithValue(raw.Context(), foreignOrigin{}, true))
	}
	req.SetOperationValue(operationScopes{scopes: scopes})
	return req, nil
}

// withAPIVersion adds the version that /acr/v1 and /oauth2 are asked for.
func (r *registry) withAPIVersion(query url.Values) string {
	if query == nil {
		query = url.Values{}
	}
	query.Set("api-version", r.apiVersion)
	return "?" + query.Encode()
}

// send sends req and returns the answer if its status is one of ok. Otherwise
// the error has a [*azcore.ResponseError] in its chain, whose body is kept.
// The caller closes the answer's body if it asked for streaming.
func (r *registry) send(pl runtime.Pipeline, req *policy.Request, ok ...int) (*http.Response, error) {
	count := &attempts{}
	req.SetOperationValue(count)
	resp, err := pl.Do(req)
	if err != nil {
		if resp != nil {
			// Its context ended while it was arriving.
			resp.Body.Close()
		}
		return nil, r.transportError(req, err, count.n)
	}
	if runtime.HasStatusCode(resp, ok...) {
		return resp, nil
	}
	return nil, r.responseError(resp, count.n)
}

// call sends a JSON call.
func (r *registry) call(req *policy.Request, ok ...int) (*http.Response, error) {
	req.Raw().Header.Set("Accept", "application/json")
	return r.send(r.api, req, ok...)
}

// stream sends a request to the login server whose answer the caller reads and
// closes.
func (r *registry) stream(req *policy.Request, ok ...int) (*http.Response, error) {
	streamAnswer(req)
	return r.send(r.content, req, ok...)
}

// streamData is stream for an address of another host, such as the signed one
// of a blob: no credential goes there.
func (r *registry) streamData(req *policy.Request, ok ...int) (*http.Response, error) {
	streamAnswer(req)
	return r.send(r.bare, req, ok...)
}

// read sends a GET or HEAD with header to address and follows redirects, to
// another host without credentials. The digest is the one that the login
// server stated, as the data host states none. The caller closes the body.
func (r *registry) read(ctx context.Context, method, address string, header http.Header, scopes []string, ok ...int) (resp *http.Response, digest string, err error) {
	want := append([]int{
		http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect,
	}, ok...)
	visited := map[string]bool{}
	var redirected redirectedDigest
	if ctx != nil {
		ctx = context.WithValue(ctx, redirectedDigest{}, &redirected)
	}
	for range maxRedirects + 1 {
		if visited[address] {
			return nil, "", fmt.Errorf("redirect loop at %s", redact.URL(address))
		}
		visited[address] = true
		req, err := r.newRequestTo(ctx, method, address, scopes...)
		if err != nil {
			return nil, "", err
		}
		for name, values := range header {
			req.Raw().Header[name] = values
		}
		send := r.stream
		if originOf(req.Raw().URL) != r.home {
			send = r.streamData
		}
		if resp, err = send(req, want...); err != nil {
			return nil, "", r.nameHost(ctx, req.Raw().URL, err)
		}
		for _, d := range []string{redirected.value, resp.Header.Get(headerDigest)} {
			if digest == "" {
				digest = d
			}
		}
		if resp.StatusCode < 300 || resp.StatusCode > 399 {
			return resp, digest, nil
		}
		next, err := r.redirect(req.Raw().URL, resp)
		discard(resp)
		if err != nil {
			return nil, "", err
		}
		address = next.String()
	}
	return nil, "", fmt.Errorf("more than %d redirects", maxRedirects)
}

// nameHost says which data host a request got no answer from: it is another
// than the one that the caller knows, and a network may block it alone.
func (r *registry) nameHost(ctx context.Context, u *url.URL, err error) error {
	if originOf(u) == r.home || responseOf(err) != nil || !strict.Is(ctx) || strings.Contains(err.Error(), u.Host) {
		return err
	}
	return fmt.Errorf("data host %s: %w", u.Host, err)
}

// redirect returns where an answer redirects to. From an encrypted connection
// it may lead only to another.
func (r *registry) redirect(from *url.URL, resp *http.Response) (*url.URL, error) {
	location := resp.Header.Get("Location")
	if location == "" {
		return nil, fmt.Errorf("%s without a Location", resp.Status)
	}
	to, err := resolve(from, location)
	if err != nil {
		return nil, errors.New("redirect to something that is no address")
	}
	if to.Host == "" || to.Scheme != "https" && to.Scheme != from.Scheme || to.User != nil {
		return nil, &UntrustedOriginError{Kind: OriginKindRedirect, Got: originOf(to).String(), Want: "an https origin"}
	}
	return to, nil
}

// location returns the address of an upload that an answer or the caller
// names: relative or absolute, but at the login server (ACR protocol §4.5).
func (r *registry) location(value string) (*url.URL, error) {
	u, err := resolve(r.base, value)
	if err != nil {
		return nil, errors.New("location is no address")
	}
	if prefix := strings.TrimRight(r.base.Path, "/"); strings.HasPrefix(strings.TrimSpace(value), "/") && !strings.HasPrefix(u.Path, prefix+"/") {
		// A registry behind a gateway doesn't know where the gateway has it.
		u.Path, u.RawPath = prefix+u.Path, ""
	}
	if o := originOf(u); o != r.home || u.User != nil {
		return nil, &UntrustedOriginError{Kind: OriginKindLocation, Got: o.String(), Want: r.home.String()}
	}
	return u, nil
}

// begin starts an operation that v0.2.3 lacks, or one of a strict caller: a span
// named span, and an error that says what was done to what. The returned function
// ends both; the response that was the reason of a failure is the one that the
// caller captures.
func (r *registry) begin(ctx context.Context, span, operation, repository, reference string) (context.Context, func(*error)) {
	return r.start(strict.Context(ctx), span, operation, repository, reference)
}

// beginPlain starts an operation of v0.2.3's: its errors are azcore's own, as
// they come, unless the caller is strict.
func (r *registry) beginPlain(ctx context.Context, span, operation, repository, reference string) (context.Context, func(*error)) {
	return r.start(ctx, span, operation, repository, reference)
}

func (r *registry) start(ctx context.Context, span, operation, repository, reference string) (context.Context, func(*error)) {
	if ctx == nil {
		// The request can't be made: net/http says why.
		return ctx, func(*error) {}
	}
	ctx = withOperation(ctx, Operation{Name: operation, Registry: r.base.Host, Repository: repository, Reference: reference})
	ctx, end := runtime.StartSpan(ctx, span, r.tracer, nil)
	return ctx, func(err *error) {
		if strict.Is(ctx) {
			*err = r.operationError(operation, repository, reference, *err)
		} else {
			*err = plainError(*err)
		}
		end(*err)
		if resp := responseOf(*err); resp != nil {
			capture(ctx, resp)
		}
	}
}
