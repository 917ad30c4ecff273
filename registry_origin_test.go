package azcontainerregistry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/google/go-cmp/cmp"
)

func TestOrigins(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"https://r.azurecr.io", "https://R.AZURECR.IO:443/x?y", true},
		{"https://r.azurecr.io", "http://r.azurecr.io", false},
		{"https://r.azurecr.io", "https://r.azurecr.io:8443", false},
		{"https://r.azurecr.io", "https://r.azurecr.io.evil.example", false},
		{"https://r.azurecr.io", "https://r.azurecr.io@evil.example", false},
		{"http://[::1]:5000", "http://[::1]:5000/", true},
	} {
		a, _ := url.Parse(test.a)
		b, _ := url.Parse(test.b)
		if got := originOf(a) == originOf(b); got != test.same {
			t.Errorf("%s and %s: %v", originOf(a), originOf(b), got)
		}
	}
}

// TestCredentialsStayAtTheLoginServer redirects a blob to another host, to
// another port and within, and looks at what is sent where, whatever policies
// of the caller's and headers in the context add.
func TestCredentialsStayAtTheLoginServer(t *testing.T) {
	for target, trusted := range map[string]bool{
		"https://eusmanaged12.blob.core.windows.net/x//docker/data?se=2024-01-24T06%3A40%3A00Z&sig=a%2Bb%3D": false,
		"https://contoso.azurecr.io:8443/v2/x": false,
		"/v2/elsewhere":                        true,
	} {
		s := &script{}
		s.withTokens(time.Hour)
		s.on(http.MethodGet, "/v2/app/blobs/", always(307, `<a href="x">`, "Location", target, "Docker-Content-Digest", someDigest))
		for _, prefix := range []string{"/x//docker/data", "/v2/x", "/v2/elsewhere"} {
			s.on(http.MethodGet, prefix, always(200, "content"))
		}
		o := s.options()
		o.PerRetryPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
			if req.Raw().Header.Get("Authorization") == "" {
				req.Raw().Header.Set("Authorization", "Basic c2VjcmV0")
			}
			return req.Next()
		})}
		c, err := NewBlobClient(scriptEndpoint, &scriptCredential{}, &BlobClientOptions{ClientOptions: o})
		if err != nil {
			t.Fatal(err)
		}
		ctx := policy.WithHTTPHeader(strictly(t), http.Header{"Cookie": {"secret"}})
		resp, err := c.GetBlob(ctx, "app", someDigest, nil)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(resp.BlobData); err != nil || string(data) != "content" || value(resp.DockerContentDigest) != someDigest {
			t.Errorf("%q, %v", data, err)
		}
		resp.BlobData.Close()
		last := s.seen[len(s.seen)-1]
		if got := last.URL.String(); !strings.HasSuffix(got, target) {
			t.Errorf("followed to %s instead of %s", got, target)
		}
		if auth := last.Header.Get("Authorization") + last.Header.Get("Cookie"); (auth != "") != trusted {
			t.Errorf("%s got the credentials %q", target, auth)
		}
	}
}

func TestRedirectsThatLeadNowhere(t *testing.T) {
	for location, check := range map[string]func(error) bool{
		"/v2/app/blobs/" + someDigest:     func(err error) bool { return strings.Contains(err.Error(), "redirect loop") },
		"http://contoso.azurecr.io/plain": func(err error) bool { return errors.As(err, new(*UntrustedOriginError)) },
		"ftp://contoso.azurecr.io/":       func(err error) bool { return errors.As(err, new(*UntrustedOriginError)) },
		"https://user:pw@host.example/":   func(err error) bool { return errors.As(err, new(*UntrustedOriginError)) },
		"":                                func(err error) bool { return strings.Contains(err.Error(), "without a Location") },
		"https://%zz":                     func(err error) bool { return strings.Contains(err.Error(), "no address") },
	} {
		s := &script{}
		s.withTokens(time.Hour)
		s.on(http.MethodGet, "/v2/app/blobs/", always(307, "", "Location", location))
		_, err := s.client(t, nil).NewBlobClient().GetBlob(strictly(t), "app", someDigest, nil)
		if err == nil || !check(err) {
			t.Errorf("%q: %v", location, err)
		}
	}
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/", func(r *scriptRequest) *http.Response { return answer(307, "", "Location", r.URL.Path+"x") })
	_, err := s.client(t, nil).NewBlobClient().GetBlob(strictly(t), "app", someDigest, nil)
	if err == nil || !strings.Contains(err.Error(), "more than 5 redirects") || s.count("GET") != 6 {
		t.Errorf("%v after %d requests", err, s.count("GET"))
	}
}

func TestUploadsGoOnAtTheLoginServerOnly(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodPost, "/v2/app/", always(202, "", "Location", "https://evil.example/v2/app/blobs/uploads/1?_state=a"))
	s.on(http.MethodPost, "/v2/abs/", always(202, "", "Location", "https://contoso.azurecr.io/v2/abs/blobs/uploads/1?_nouploadcache=false&_state=a%3D%3D"))
	s.on(http.MethodPost, "/v2/none/", always(202, ""))
	s.on(http.MethodPatch, "/v2/abs/", always(202, "", "Location", "/v2/abs/blobs/uploads/1?_state=b"))
	c := s.client(t, nil).NewBlobClient()
	var untrusted *UntrustedOriginError
	if _, err := c.StartUpload(strictly(t), "app", nil); !errors.As(err, &untrusted) || untrusted.Kind != "location" || untrusted.Got != "https://evil.example" {
		t.Errorf("%v", err)
	}
	if _, err := c.StartUpload(strictly(t), "none", nil); !errors.Is(err, errNoLocation) {
		t.Errorf("%v", err)
	}
	start, err := c.StartUpload(strictly(t), "abs", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.UploadChunk(strictly(t), *start.Location, strings.NewReader("x"), nil, nil); err != nil {
		t.Error(err)
	}
	if got := s.seen[len(s.seen)-1].URL.RawQuery; got != "_nouploadcache=false&_state=a%3D%3D" {
		t.Errorf("the upload's state became %s", got)
	}
	before := len(s.seen)
	for _, location := range []string{"https://evil.example/v2/app/blobs/uploads/1", "https://contoso.azurecr.io:444/v2/app/blobs/uploads/1", "//evil.example/x", "http://contoso.azurecr.io/v2/app/blobs/uploads/1"} {
		if _, err := c.UploadChunk(strictly(t), location, strings.NewReader("x"), nil, nil); !errors.As(err, &untrusted) {
			t.Errorf("%s: %v", location, err)
		}
		if _, err := c.CancelUpload(strictly(t), location, nil); !errors.As(err, &untrusted) {
			t.Errorf("%s: %v", location, err)
		}
	}
	if len(s.seen) != before {
		t.Error("a request was sent")
	}
}

// TestAClientsOwnRedirectsAreOff gives a client an http.Client that follows
// redirects, to a server on two ports of one host.
func TestAClientsOwnRedirectsAreOff(t *testing.T) {
	var leaked string
	data := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked = r.Header.Get("Authorization")
		_, _ = io.WriteString(w, "content")
	}))
	defer data.Close()
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth2/token" {
			_, _ = io.WriteString(w, `{"access_token":"opaque"}`)
			return
		}
		http.Redirect(w, r, data.URL+"/data?sig=x", http.StatusTemporaryRedirect)
	}))
	defer login.Close()
	credential, err := NewPasswordCredential("admin", "hunter2")
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c, err := NewBlobClientWithPasswordCredential(login.URL, credential, &BlobClientOptions{ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: transport}}})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.GetBlob(strictly(t), "app", someDigest, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.BlobData.Close()
	if body, _ := io.ReadAll(resp.BlobData); string(body) != "content" || leaked != "" {
		t.Errorf("%q; the data host got %q", body, leaked)
	}
}

func TestResolveBlobReadsTheSignature(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/v2/app/blobs/", always(307, "", "Docker-Content-Digest", someDigest, "Location", "https://h.blob.core.windows.net/a//b?se=2024-01-24T06%3A40%3A00Z&sig=x"))
	s.on(http.MethodGet, "/v2/direct/blobs/", always(200, "content"))
	s.on(http.MethodGet, "h.blob.core.windows.net/", func(r *scriptRequest) *http.Response {
		return answer(206, "nte", "Content-Range", "bytes 2-4/7", "X-Range", r.Header.Get("Range"))
	})
	r := s.client(t, nil).registry()
	l, resp, err := r.resolveBlob(strictly(t), "app", someDigest)
	if err != nil || resp != nil {
		t.Fatal(err)
	}
	want := []any{"h.blob.core.windows.net", true, time.Date(2024, 1, 24, 6, 40, 0, 0, time.UTC), someDigest}
	if diff := cmp.Diff(want, []any{l.host(), l.redirected, l.expires, l.digest}); diff != "" {
		t.Error(diff)
	}
	part, err := r.readRange(strictly(t), l, "app", 2, 4)
	if err != nil || part.StatusCode != 206 || part.Header.Get("X-Range") != "bytes=2-4" {
		t.Fatal(err)
	}
	part.Body.Close()
	l, resp, err = r.resolveBlob(strictly(t), "direct", someDigest)
	if err != nil || resp == nil || l.redirected {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func TestACallStopsWithItsContext(t *testing.T) {
	blocked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-blocked:
		}
	}))
	defer server.Close()
	defer close(blocked)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c, err := NewClient(server.URL, nil, &ClientOptions{ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: transport}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(strictly(t), 50*time.Millisecond)
	defer cancel()
	if _, err := c.GetManifest(ctx, "app", "v1", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
