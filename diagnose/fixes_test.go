package diagnose

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// refusedAt is a failure of a request to a host.
func refusedAt(host string, err error) error {
	return &url.Error{Op: "Get", URL: "https://" + host + "/v2/", Err: err}
}

func TestAFixWorksWithThePortThatTheHostHas(t *testing.T) {
	authority := &tls.CertificateVerificationError{
		UnverifiedCertificates: []*x509.Certificate{{}}, Err: x509.UnknownAuthorityError{Cert: &x509.Certificate{}},
	}
	for host, want := range map[string]string{
		"myreg.azurecr.io": "openssl s_client -connect myreg.azurecr.io:443 -servername myreg.azurecr.io ",
		"127.0.0.1:5307":   "openssl s_client -connect 127.0.0.1:5307 -servername 127.0.0.1 ",
		"[::1]:5307":       "openssl s_client -connect [::1]:5307 -servername ::1 ",
	} {
		d, _ := Explain(refusedAt(host, authority))
		if d.Code != CodeTLSUnknownAuthority || !strings.HasPrefix(d.Fix[0], want) {
			t.Errorf("%s: %s, fix %q, want %q", host, d.Code, d.Fix[0], want)
		}
	}
	d, _ := Explain(refusedAt("reg.example:5000", &net.OpError{Op: "dial", Err: &net.DNSError{Name: "reg.example", IsNotFound: true}}))
	if d.Code != CodeDNSNotFound || !slices.Contains(d.Fix, "nslookup reg.example") {
		t.Errorf("%s: %q", d.Code, d.Fix)
	}
	d, _ = Explain(refusedAt("127.0.0.1:5306", http.ErrSchemeMismatch))
	if d.Code != CodeNotTLS || !slices.Contains(d.Fix, "for a local emulator: http://127.0.0.1:5306") {
		t.Errorf("%s: %q", d.Code, d.Fix)
	}
}

func TestOnlyAzureSignsInWithAz(t *testing.T) {
	for host, azure := range map[string]bool{
		"myreg.azurecr.io": true, "images.contoso.com": true, "127.0.0.1:5306": false, "[::1]:5306": false, "localhost:5306": false, "local": false,
	} {
		request := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "https", Host: host, Path: "/v2/team/app/manifests/1"}, Host: host, Header: http.Header{}}
		ev := &evidence{request: request, host: host}
		row, _ := Lookup(CodeNoCredentials)
		fixes := row.fixes(ev)
		if got := slices.Contains(fixes, "az login"); got != azure {
			t.Errorf("%s: az login: %v: %q", host, got, fixes)
		}
		if got := slices.ContainsFunc(fixes, func(fix string) bool { return strings.Contains(fix, "acrkit login "+host) }); got == azure {
			t.Errorf("%s: acrkit login: %v: %q", host, got, fixes)
		}
	}
}

func TestRolesAreAssignedToIdentitiesOnly(t *testing.T) {
	row, _ := Lookup(CodeCatalogDenied)
	for subject, identity := range map[string]bool{"": true, "11111111-2222-3333-4444-555555555555": true, "ci-token": false} {
		ev := &evidence{}
		ev.auth.claims.Subject = subject
		fixes := row.fixes(ev)
		if got := strings.HasPrefix(fixes[0], "az role assignment"); got != identity || len(fixes) == 0 {
			t.Errorf("%q: %q", subject, fixes)
		}
	}
}

func TestAStatusStandsForItsCodes(t *testing.T) {
	for status, codes := range statusCodes {
		found := Find(status)
		for _, code := range codes {
			for _, row := range Find(code) {
				if !slices.ContainsFunc(found, func(r Row) bool { return r.Code == row.Code }) {
					t.Errorf("%s lacks %s of %s", status, row.Code, code)
				}
			}
			if len(Find(code)) == 0 {
				t.Errorf("%s: nobody knows %s", status, code)
			}
		}
	}
	if len(Find("418")) != 0 || len(Find("200")) != 0 {
		t.Error("a status that says nothing is explained")
	}
}

// A dedicated data endpoint is called by its registry.
func TestADataEndpointIsItsRegistrys(t *testing.T) {
	for host, want := range map[string]string{
		"myreg.westeurope.data.azurecr.io": "myreg", "myreg-abc123.westeurope.data.azurecr.io": "myreg", "myreg.chinanorth3.data.azurecr.cn:443": "myreg",
		"eusmanaged12.blob.core.windows.net": "<registry>", "a.data.example.com": "<registry>",
	} {
		d, _ := Explain(refusedAt(host, &tls.CertificateVerificationError{
			UnverifiedCertificates: []*x509.Certificate{{}}, Err: x509.HostnameError{Certificate: &x509.Certificate{}, Host: host},
		}))
		if line := "az acr show -n " + want + " --query loginServer -o tsv"; d.Code != CodeTLSNameMismatch || !slices.Contains(d.Fix, line) {
			t.Errorf("%s: %s %q, want %q", host, d.Code, d.Fix, line)
		}
		d, _ = Explain(refusedAt(host, &net.OpError{Op: "dial", Err: &net.DNSError{Name: hostnameOf(host), IsNotFound: true}}))
		if azure := want == "myreg"; azure && (!strings.Contains(strings.Join(d.Fix, " "), " -n myreg ") || strings.Contains(d.Title, "<")) {
			t.Errorf("%s: %s %q, fix %q", host, d.Code, d.Title, d.Fix)
		}
	}
}

// A suffix of the domain name label is no part of the registry's name.
func TestTheRegistryIsCalledAsAzDoes(t *testing.T) {
	for host, want := range map[string]string{
		"myreg.azurecr.io": "myreg", "myreg-abc123.azurecr.io": "myreg",
		"myreg-abc123.azurecr.cn:443": "myreg", "images.contoso.com": "<registry>", "127.0.0.1:5306": "<registry>",
	} {
		d, _ := Explain(refusedAt(host, &tls.CertificateVerificationError{
			UnverifiedCertificates: []*x509.Certificate{{}}, Err: x509.HostnameError{Certificate: &x509.Certificate{}, Host: host},
		}))
		if line := "az acr show -n " + want + " --query loginServer -o tsv"; d.Code != CodeTLSNameMismatch || !slices.Contains(d.Fix, line) {
			t.Errorf("%s: %s %q, want %q", host, d.Code, d.Fix, line)
		}
	}
}
