package diagnose

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// maxAnswer is how much of an answer a check reads. Tokens, lists of one entry
// and manifests (4 MiB at most, ACR protocol §5.2) are smaller.
const maxAnswer = 5 << 20

// run is one Run: what the checks share. A field is written by one check and
// read by those that need it.
type run struct {
	target  Target
	options Options
	timeout time.Duration
	now     func() time.Time

	base *url.URL // nil when the endpoint is no URL
	host string
	port string

	transport http.RoundTripper
	own       *http.Transport // the one to close
	client    http.Client

	proxied   *url.URL
	addresses []string // to dial, with the port
	challenge *http.Response
	tlsFailed bool

	credential   Credential
	entraToken   string
	refreshToken string
	refresh      claims
	accessToken  string
	access       claims
	repository   string

	mu        sync.Mutex
	remaining string // the lowest rate that an answer told
}

func newRun(target Target, options *Options) *run {
	r := &run{target: target}
	if options != nil {
		r.options = *options
	}
	r.timeout, r.now = r.options.CheckTimeout, r.options.Now
	if r.timeout <= 0 {
		r.timeout = DefaultCheckTimeout
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.options.Dial == nil {
		r.options.Dial = (&net.Dialer{}).DialContext
	}
	if r.options.Resolver == nil {
		r.options.Resolver = net.DefaultResolver
	}
	if r.options.Proxy == nil {
		r.options.Proxy = http.ProxyFromEnvironment
	}
	if u, err := url.Parse(target.Endpoint); err == nil && u.Host != "" {
		r.base, r.host, r.port = u, u.Host, u.Port()
		if r.port == "" {
			r.port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
		}
	} else {
		r.host = target.Endpoint
	}
	r.repository = target.Repository
	r.transport = r.options.Transport
	if r.transport == nil {
		r.own = &http.Transport{
			DialContext:     r.options.Dial,
			Proxy:           r.options.Proxy,
			TLSClientConfig: r.tlsConfig(),
		}
		r.transport = r.own
	}
	r.client = http.Client{
		Transport: r.transport,
		// A redirect is looked at before it is followed, and never with the
		// credential.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return r
}

func (r *run) tlsConfig() *tls.Config {
	return &tls.Config{RootCAs: r.options.RootCAs, Time: r.now}
}

func (r *run) close() {
	if r.own != nil {
		r.own.CloseIdleConnections()
	}
}

// form is a token request's body that stays readable for its explanation.
type form struct {
	*bytes.Reader
	data []byte
}

func (form) Close() error    { return nil }
func (f form) Bytes() []byte { return f.data }

// do sends a request and reads the answer. Any status outside of want is an
// error that Explain knows.
func (r *run) do(request *http.Request, want ...int) (*http.Response, []byte, error) {
	request.Header.Set("User-Agent", "acrkit-doctor")
	response, err := r.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil && len(body) == 0 {
		return nil, nil, &url.Error{Op: "Get", URL: request.URL.Redacted(), Err: err}
	}
	r.note(response)
	for _, status := range want {
		if response.StatusCode == status {
			return response, body, nil
		}
	}
	return response, body, asResponseError(response, body)
}

// asResponseError makes azcore's error of an answer whose body was read.
func asResponseError(response *http.Response, body []byte) error {
	response.Body = io.NopCloser(bytes.NewReader(body))
	return runtime.NewResponseError(response)
}

// note keeps the lowest rate that the registry told.
func (r *run) note(response *http.Response) {
	rate := response.Header.Get("X-Ms-Ratelimit-Remaining-Calls-Per-Second")
	if rate == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.remaining == "" || number(rate) < number(r.remaining) {
		r.remaining = rate
	}
}

// request makes a request to the registry, signed by the access token if one
// is there.
func (r *run) request(ctx context.Context, method, path string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, r.base.Scheme+"://"+r.base.Host+path, nil)
	if err == nil && r.accessToken != "" {
		request.Header.Set("Authorization", "Bearer "+r.accessToken)
	}
	return request, err
}

// post sends a form to a token endpoint.
func (r *run) post(ctx context.Context, path string, fields url.Values) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base.Scheme+"://"+r.base.Host+path, nil)
	if err != nil {
		return nil, err
	}
	data := []byte(fields.Encode())
	request.Body, request.ContentLength = form{bytes.NewReader(data), data}, int64(len(data))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, body, err := r.do(request, http.StatusOK)
	return body, err
}

// hostname returns the host without its port.
func (r *run) hostname() string {
	if r.base == nil {
		return r.host
	}
	return r.base.Hostname()
}

// registryName returns the first label of the login server.
func (r *run) registryName() string {
	name, _ := registryName(r.hostname())
	return name
}
