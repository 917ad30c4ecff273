package diagnose

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// maxSkew is the difference of clocks from which on tokens and certificates
// fail: Entra takes five minutes. noticeableSkew is worth a warning.
const (
	maxSkew        = 5 * time.Minute
	noticeableSkew = time.Minute
)

// loginServerGrammar is that of host names; a registry's own name is 5 to 50
// letters and digits, and may carry a suffix of its own (ACR protocol §1.1).
var loginServerGrammar = pattern.New(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

var checksNetwork = []check{
	{name: "name", run: checkName},
	{name: "dns", needs: []string{"name"}, late: CodeDNSTimeout, run: checkDNS},
	{name: "proxy", needs: []string{"name"}, late: CodeProxyUnreachable, run: checkProxy},
	{name: "tcp", needs: []string{"dns", "proxy"}, late: CodeConnectTimeout, run: checkTCP},
	{name: "clock", needs: []string{"tcp"}, after: []string{"challenge"}, late: CodeResponseTimeout, run: checkClock},
	{name: "tls", needs: []string{"tcp"}, late: CodeTLSTimeout, run: checkTLS},
	{name: "challenge", needs: []string{"tls"}, late: CodeResponseTimeout, run: checkChallenge},
}

func checkName(_ context.Context, r *doctorRun) outcome {
	bad := func(rule string) outcome {
		return outcome{findings: []Diagnosis{r.finding(CodeRegistryNameInvalid, &evidence{}, observed(FromClient, "%q: %s", r.target.Endpoint, rule))}, summary: rule}
	}
	host := r.hostname()
	_, notAddress := netip.ParseAddr(host)
	switch {
	case r.base == nil:
		return bad("it is not the URL of a registry")
	case r.base.Scheme != "https" && r.base.Scheme != "http":
		return bad("a registry is reached by https")
	case notAddress != nil && !loginServerGrammar.MatchString(host):
		return bad("it is not a host name")
	case r.base.Scheme == "http" && !r.target.Embedded && !isLoopback(host):
		return bad("http is for registries on this machine alone")
	}
	for _, suffix := range azureSuffixes {
		if name, is := strings.CutSuffix(host, suffix); is {
			if first, _, _ := strings.Cut(name, "."); len(first) < 5 {
				return bad("a registry's name has 5 to 50 letters and digits")
			}
			return ok(host)
		}
	}
	return ok(host + ", not a name of Azure's")
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.IsLoopback()
}

// embedded is the response of the checks of the network for a registry that is
// reached without one.
var embedded = notApplicable("the registry is in this process")

func checkDNS(ctx context.Context, r *doctorRun) outcome {
	host := r.hostname()
	if r.target.Embedded {
		return embedded
	}
	if _, err := netip.ParseAddr(host); err == nil {
		r.addresses = []string{net.JoinHostPort(host, r.port)}
		return notApplicable(host + " is an address")
	}
	addresses, err := r.options.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		if proxy, _ := r.options.Proxy(&http.Request{URL: r.base}); proxy != nil {
			// The proxy looks the name up by itself.
			return notApplicable("not known here; the proxy looks it up")
		}
		return fails(&url.Error{Op: "Get", URL: r.base.String(), Err: err})
	}
	var v4, v6, private []string
	for _, a := range addresses {
		a = a.Unmap()
		r.addresses = append(r.addresses, net.JoinHostPort(a.String(), r.port))
		if a.Is4() {
			v4 = append(v4, a.String())
		} else {
			v6 = append(v6, a.String())
		}
		if isPrivate(a) {
			private = append(private, a.String())
		}
	}
	o := ok(strings.Join(append(v4, v6...), " "))
	o.seen = append(o.seen, observed(FromNetwork, "%s resolves to IPv4 %s, IPv6 %s", host, or(strings.Join(v4, " "), "none"), or(strings.Join(v6, " "), "none")))
	if len(private) > 0 {
		o.summary += ", private link"
		o.seen = append(o.seen, observed(FromNetwork, "%s is of a private network", strings.Join(private, " ")))
		return o
	}
	if link := privateLinkName(host); link != "" {
		if _, err := r.options.Resolver.LookupNetIP(ctx, "ip", link); err == nil {
			o.findings = append(o.findings, r.finding(CodePrivateLinkPublicDNS, &evidence{},
				observed(FromNetwork, "the name %s exists, as it does for a registry with a private endpoint", link), o.seen[0]))
		}
	}
	return o
}

// privateLinkName returns the name that a registry with a private endpoint has
// beside its own.
func privateLinkName(host string) string {
	name, domain, found := strings.Cut(host, ".")
	if !found || !strings.HasPrefix(domain, "azurecr.") {
		return ""
	}
	return name + ".privatelink." + domain
}

func checkProxy(ctx context.Context, r *doctorRun) outcome {
	switch {
	case r.target.Embedded:
		return embedded
	case r.options.Transport != nil:
		return notApplicable("the transport is given")
	}
	proxy, err := r.options.Proxy(&http.Request{URL: r.base})
	if err != nil {
		return fails(fmt.Errorf("proxyconnect : %w", err))
	}
	if proxy == nil {
		return ok("none")
	}
	r.proxied = proxy
	port := or(proxy.Port(), map[string]string{"http": "80", "https": "443", "socks5": "1080"}[proxy.Scheme])
	conn, err := r.options.Dial(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), port))
	if err != nil {
		return fails(&url.Error{Op: "Get", URL: r.base.String(), Err: &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}}) // as net/http says it
	}
	conn.Close()
	return ok(proxy.Scheme+"://"+proxy.Host, observed(FromMachine, "requests to %s go through the proxy %s", r.host, proxy.Host))
}

func checkTCP(ctx context.Context, r *doctorRun) outcome {
	switch {
	case r.target.Embedded:
		return embedded
	case r.proxied != nil:
		return notApplicable("the proxy connects")
	}
	// One address of each family tells whether the family works.
	var tried []string
	families := map[bool]bool{}
	for _, address := range r.addresses {
		family := strings.HasPrefix(address, "[")
		if !families[family] {
			families[family], tried = true, append(tried, address)
		}
	}
	type result struct {
		address string
		took    time.Duration
		err     error
	}
	results := make(chan result, len(tried))
	for _, address := range tried {
		go func() {
			began := time.Now()
			conn, err := r.options.Dial(ctx, "tcp", address)
			if err == nil {
				conn.Close()
			}
			results <- result{address, time.Since(began), err}
		}()
	}
	var o outcome
	var first error
	for range tried {
		result := <-results
		switch {
		case result.err != nil:
			o.seen = append(o.seen, observed(FromNetwork, "connecting to %s: %s", result.address, result.err.Error()))
			if first == nil || !strings.HasPrefix(result.address, "[") {
				first = result.err
			}
		default:
			o.seen = append(o.seen, observed(FromNetwork, "connected to %s in %s", result.address, result.took.Round(time.Microsecond)))
			o.status, o.summary = StatusOK, result.address
		}
	}
	if o.status != StatusOK {
		o.err = &url.Error{Op: "Get", URL: r.base.String(), Err: first}
	}
	return o
}

func checkTLS(ctx context.Context, r *doctorRun) outcome {
	switch {
	case r.target.Embedded:
		return embedded
	case r.base.Scheme == "http":
		return notApplicable("plain http, on this machine")
	case r.proxied != nil:
		return notApplicable("through the proxy")
	case r.options.Transport != nil:
		return notApplicable("the transport is given")
	}
	config := r.tlsConfig()
	config.ServerName = r.hostname()
	raw, err := r.dialFirst(ctx)
	if err == nil {
		conn := tls.Client(raw, config)
		defer raw.Close()
		if err = conn.HandshakeContext(ctx); err == nil {
			state := conn.ConnectionState()
			leaf := state.PeerCertificates[0]
			return ok(fmt.Sprintf("%s, until %s, %s", issuerName(leaf.Issuer.Organization, leaf.Issuer.CommonName), leaf.NotAfter.UTC().Format(time.DateOnly), tls.VersionName(state.Version)),
				observed(FromNetwork, "the certificate is for %s, issued by %s", certificateNames(leaf), leaf.Issuer.String()))
		}
	}
	r.tlsFailed = true
	return fails(&url.Error{Op: "Get", URL: r.base.String(), Err: err})
}

func (r *doctorRun) dialFirst(ctx context.Context) (net.Conn, error) {
	var first error
	for _, address := range r.addresses {
		conn, err := r.options.Dial(ctx, "tcp", address)
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

func issuerName(organization []string, name string) string {
	if len(organization) > 0 {
		return organization[0]
	}
	return name
}

// checkClock compares this machine's clock with the registry's. When the
// certificate could not be verified, which a wrong clock brings about, the time
// is asked for without verifying it: nothing but the Date header is taken from
// such a response.
func checkClock(ctx context.Context, r *doctorRun) outcome {
	date, how := "", "the registry's response"
	switch {
	case r.challenge != nil:
		date = r.challenge.Header.Get("Date")
	case r.tlsFailed:
		config := r.tlsConfig()
		config.InsecureSkipVerify = true // no credential is sent, and only the time is read
		transport := &http.Transport{DialContext: r.options.Dial, TLSClientConfig: config}
		defer transport.CloseIdleConnections()
		request, err := http.NewRequestWithContext(ctx, http.MethodHead, r.base.Scheme+"://"+r.base.Host+"/v2/", nil)
		if err != nil {
			return fails(err)
		}
		if response, err := transport.RoundTrip(request); err == nil {
			response.Body.Close()
			date, how = response.Header.Get("Date"), "a response whose certificate is not verified"
		}
	}
	theirs, err := http.ParseTime(date)
	if err != nil {
		return notApplicable("no response stated the time")
	}
	skew := r.now().Sub(theirs).Round(time.Second)
	seen := observed(FromMachine, "this machine's clock says %s, %s says %s", r.now().UTC().Format(time.RFC3339), how, theirs.UTC().Format(time.RFC3339))
	ev := &evidence{}
	switch {
	case skew.Abs() > maxSkew:
		return outcome{findings: []Diagnosis{r.finding(CodeClockSkew, ev, seen)}, summary: "off by " + skew.String(), seen: []Observation{seen}}
	case skew.Abs() > noticeableSkew:
		return outcome{status: StatusOK, findings: []Diagnosis{r.finding(CodeClockDrift, ev, seen)}, summary: "off by " + skew.String(), seen: []Observation{seen}}
	}
	return ok("within "+noticeableSkew.String(), seen)
}

// checkChallenge asks GET /v2/ without credentials: a registry returns 401 and
// names its token endpoint (ACR protocol §2.2).
func checkChallenge(ctx context.Context, r *doctorRun) outcome {
	request, err := r.request(ctx, http.MethodGet, "/v2/")
	if err != nil {
		return fails(err)
	}
	response, body, err := r.do(request, http.StatusUnauthorized)
	if response != nil {
		r.challenge = response
	}
	if err != nil {
		if response != nil && response.StatusCode == http.StatusOK && !gather(err).page && strings.HasPrefix(response.Header.Get("Docker-Distribution-Api-Version"), "registry/2") {
			return outcome{status: StatusOK, summary: "responds without a sign-in", findings: []Diagnosis{r.finding(CodeNoChallenge, gather(err))}}
		}
		return fails(err)
	}
	refused := asResponseError(response, body)
	ev := gather(refused)
	c := chooseChallenge(response.Header)
	o := ok("401, "+c.scheme, observed(FromRegistry, "GET /v2/ returned 401 with the challenge %s", strings.Join(response.Header.Values("Www-Authenticate"), " ")))
	realm, parsed := url.Parse(c.realm)
	switch {
	case ev.page:
		return fails(refused)
	case c.scheme == "":
		o.findings = append(o.findings, r.finding(CodeChallengeMissing, ev))
	case c.scheme == "basic":
		o.findings = append(o.findings, r.finding(CodeEntraLoginUnsupported, ev, o.seen...))
	case c.scheme != "bearer":
		o.findings = append(o.findings, r.finding(CodeChallengeUnusable, ev, o.seen...))
	case c.realm == "" || c.service == "" || parsed != nil:
		o.findings = append(o.findings, r.finding(CodeChallengeMissing, ev, o.seen...))
	case realm.Scheme != r.base.Scheme || realm.Host != r.base.Host:
		return fails(&azcontainerregistry.UntrustedOriginError{Kind: azcontainerregistry.OriginKindRealm, Got: realm.Scheme + "://" + realm.Host, Want: r.base.Scheme + "://" + r.base.Host})
	}
	return o
}
