package diagnose

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"syscall"
	"testing"
)

// TestADoctorAsksTheProxyThatRequestsGoThrough gives the check each kind of proxy
// that an environment can name.
func TestADoctorAsksTheProxyThatRequestsGoThrough(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for name, c := range map[string]struct {
		proxy   string
		broken  error // of the environment
		dial    error
		dialled string
		summary string
		code    Code
	}{
		"none":                         {summary: "none"},
		"with a port":                  {proxy: "http://proxy.example:8080", dialled: "proxy.example:8080", summary: "http://proxy.example:8080"},
		"http without a port":          {proxy: "http://proxy.example", dialled: "proxy.example:80", summary: "http://proxy.example"},
		"https without a port":         {proxy: "https://proxy.example", dialled: "proxy.example:443", summary: "https://proxy.example"},
		"socks without a port":         {proxy: "socks5://proxy.example", dialled: "proxy.example:1080", summary: "socks5://proxy.example"},
		"with a user, who isn't shown": {proxy: "http://me:secret@[::1]:3128", dialled: "[::1]:3128", summary: "http://[::1]:3128"},
		"that is not there":            {proxy: "http://proxy.example:8080", dial: refused, dialled: "proxy.example:8080", code: CodeProxyUnreachable},
		"that is no address":           {broken: errors.New(`invalid proxy address "::"`), code: CodeProxyUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			var proxy *url.URL
			if c.proxy != "" {
				var err error
				if proxy, err = url.Parse(c.proxy); err != nil {
					t.Fatal(err)
				}
			}
			var dialled string
			r := newDoctorRun(Target{Endpoint: "https://myreg.azurecr.io"}, &Options{
				Proxy: func(request *http.Request) (*url.URL, error) {
					if request.URL.Host != "myreg.azurecr.io" {
						t.Errorf("asked for the proxy of %s", request.URL)
					}
					return proxy, c.broken
				},
				Dial: func(_ context.Context, network, address string) (net.Conn, error) {
					dialled = address
					if c.dial != nil || network != "tcp" {
						return nil, c.dial
					}
					conn, other := net.Pipe()
					t.Cleanup(func() { other.Close() })
					return conn, nil
				},
			})
			got := checkProxy(t.Context(), r)
			if dialled != c.dialled {
				t.Errorf("connects to %q, want %q", dialled, c.dialled)
			}
			if c.code != "" {
				if d, _ := Explain(got.err); got.err == nil || d.Code != c.code {
					t.Errorf("%v is not explained as %s", got.err, c.code)
				}
				return
			}
			if got.status != StatusOK || got.summary != c.summary || len(got.findings) > 0 || got.err != nil {
				t.Errorf("%+v, want %q", got, c.summary)
			}
			if (r.proxied != nil) != (c.proxy != "") || (len(got.seen) > 0) != (c.proxy != "") {
				t.Errorf("later checks are told of the proxy %v, seen %v", r.proxied, got.seen)
			}
		})
	}
}

// TestAProxyIsNotAskedWhereNoneIsUsed leaves the check out where connections are
// the caller's own.
func TestAProxyIsNotAskedWhereNoneIsUsed(t *testing.T) {
	for name, c := range map[string]struct {
		target  Target
		options Options
	}{
		"a transport that is given": {Target{Endpoint: "https://myreg.azurecr.io"}, Options{Transport: http.DefaultTransport}},
		"the embedded registry":     {Target{Endpoint: "https://local", Embedded: true}, Options{}},
	} {
		c.options.Proxy = func(*http.Request) (*url.URL, error) { t.Errorf("%s: the proxy is asked for", name); return nil, nil }
		if got := checkProxy(t.Context(), newDoctorRun(c.target, &c.options)); got.status != StatusNotApplicable {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestACertificateIsCalledByWhatItIsFor: its alternative names count, and the
// common name only where there is none.
func TestACertificateIsCalledByWhatItIsFor(t *testing.T) {
	common := pkix.Name{CommonName: "common.example"}
	for _, c := range []struct {
		certificate *x509.Certificate
		want        string
	}{
		{nil, ""},
		{&x509.Certificate{Subject: common}, "common.example"},
		{&x509.Certificate{Subject: common, DNSNames: []string{"*.azurecr.io", "b.example"}}, "*.azurecr.io, b.example"},
		{&x509.Certificate{Subject: common, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)}}, "10.0.0.1"},
		{&x509.Certificate{Subject: common, DNSNames: []string{"a.example"}, IPAddresses: []net.IP{net.IPv6loopback}}, "a.example, ::1"},
		{&x509.Certificate{DNSNames: slices.Repeat([]string{"x.example"}, 5)}, "x.example, x.example, x.example, x.example, x.example"},
		{&x509.Certificate{DNSNames: slices.Repeat([]string{"x.example"}, 6)}, "x.example, x.example, x.example, x.example, x.example, …"},
	} {
		if got := certificateNames(c.certificate); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
