package diagnose

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// doctorRun is one Run: what the checks share. A field is written by one check and
// read by those that need it.
type doctorRun struct {
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
	remaining string // the lowest rate that a response told
}

func newDoctorRun(target Target, options *Options) *doctorRun {
	r := &doctorRun{target: target}
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

func (r *doctorRun) tlsConfig() *tls.Config {
	return &tls.Config{RootCAs: r.options.RootCAs, Time: r.now}
}

func (r *doctorRun) close() {
	if r.own != nil {
		r.own.CloseIdleConnections()
	}
}

// hostname returns the host without its port.
func (r *doctorRun) hostname() string {
	if r.base == nil {
		return r.host
	}
	return r.base.Hostname()
}

// registryName returns the first label of the login server.
func (r *doctorRun) registryName() string {
	name, _ := registryName(r.hostname())
	return name
}
