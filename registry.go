package azcontainerregistry

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"

	"github.com/acrkit/azcontainerregistry/internal/redact"
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
	unmade     bool // of a client that no constructor made
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
	authenticated := r.pipelineOptions(authPolicy{source: r.tokens})
	client, err := azcore.NewClient(tracerName, moduleVersion, authenticated, &options)
	if err != nil {
		return nil, err
	}
	r.api, r.tracer = client.Pipeline(), client.Tracer()
	options.Logging.IncludeBody = false
	r.content = runtime.NewPipeline(moduleName, moduleVersion, authenticated, &options)
	r.bare = runtime.NewPipeline(moduleName, moduleVersion, r.pipelineOptions(policyFunc(sendAttempt)), &options)
	return r, nil
}

// pipelineOptions are those of a pipeline whose attempts are sent by one policy:
// each costs every request two allocations.
func (r *registry) pipelineOptions(perRetry policy.Policy) runtime.PipelineOptions {
	return runtime.PipelineOptions{
		AllowedHeaders:         redact.Headers(),
		AllowedQueryParameters: redact.QueryParameters(),
		PerRetry:               []policy.Policy{perRetry},
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

func countAttempt(req *policy.Request) {
	var a *attempts
	if req.OperationValue(&a) {
		a.n++
	}
}

// sendAttempt is the policy of requests without credentials.
func sendAttempt(req *policy.Request) (*http.Response, error) {
	countAttempt(req)
	return sendView(req)
}
