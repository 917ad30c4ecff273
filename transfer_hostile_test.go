package azcontainerregistry

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

func sumOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// hostileUploads is a registry that takes uploads in the way that a test says.
func hostileUploads(patch, put, status func(*scriptRequest) *http.Response) *script {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodPost, "/v2/app/blobs/uploads/", always(202, "", "Location", "/v2/app/blobs/uploads/1?_state=a", "Range", "0-0"))
	s.on(http.MethodPatch, "/v2/app/blobs/uploads/1", patch)
	s.on(http.MethodPut, "/v2/app/blobs/uploads/1", put)
	s.on(http.MethodGet, "/v2/app/blobs/uploads/1", status)
	s.on(http.MethodDelete, "/v2/app/blobs/uploads/1", always(204, ""))
	s.on(http.MethodHead, "/v2/app/blobs/", always(404, ""))
	return s
}

// taken answers a chunk as a registry does that has it now.
func taken(r *scriptRequest) *http.Response {
	from := 0
	if value := r.Header.Get("Content-Range"); value != "" {
		_, _ = fmt.Sscanf(value, "%d-", &from)
	}
	return answer(202, "", "Location", "/v2/app/blobs/uploads/1?_state=b", "Range", fmt.Sprintf("0-%d", from+len(r.body)-1))
}

func TestUploadsToARegistryThatLies(t *testing.T) {
	content := strings.Repeat("content, ", 100_000)
	answered := func(err error, status int) bool {
		var respErr *azcore.ResponseError
		return errors.As(err, &respErr) && respErr.StatusCode == status
	}
	exhausted := func(err error) bool { return errors.As(err, new(*RetriesExhaustedError)) }
	html := always(502, "<html><body>Bad Gateway</body></html>", "Content-Type", "text/html")
	invalid := always(404, `{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"blob upload invalid"}]}`)
	created := always(201, "", "Docker-Content-Digest", sumOf(content))
	for name, test := range map[string]struct {
		patch, put, status func(*scriptRequest) *http.Response
		ok                 func(error) bool // nil for success
	}{
		"it has more than it was sent": {
			always(202, "", "Range", "0-99999999999"), created, always(204, "", "Range", "0-99999999999"), exhausted,
		},
		"it has less each time": {
			always(202, "", "Range", "0-7"), created, always(204, "", "Range", "0-3"), exhausted,
		},
		"its standing is no number": {
			always(202, "", "Range", "bytes */x"), created, always(204, "", "Range", "-1"), nil,
		},
		"it goes on at another host": {
			always(202, "", "Location", "https://evil.example/v2/app/blobs/uploads/1?_state=a"), created, invalid,
			func(err error) bool { return errors.As(err, new(*UntrustedOriginError)) },
		},
		"it goes on at another port": {
			always(202, "", "Location", "https://contoso.azurecr.io:8443/v2/app/blobs/uploads/1"), created, invalid,
			func(err error) bool { return errors.As(err, new(*UntrustedOriginError)) },
		},
		"it goes on by an absolute address": {
			always(202, "", "Location", "https://contoso.azurecr.io/v2/app/blobs/uploads/1?_state=z"), created, invalid, nil,
		},
		"it says nothing of where to go on": {always(202, ""), created, invalid, nil},
		"each upload is invalid":            {invalid, invalid, invalid, exhausted},
		"every chunk is too large": {
			always(413, "<html>", "Content-Type", "text/html"), always(413, ""), invalid, func(err error) bool { return answered(err, 413) },
		},
		"every range is wrong": {
			always(416, `{"errors":[{"code":"BLOB_UPLOAD_RANGE_INVALID","message":"blob upload range invalid"}]}`), created, always(204, "", "Range", "0-0"), exhausted,
		},
		"it is down":             {html, html, html, exhausted},
		"it is down for a while": {inTurn(html, html, taken), inTurn(html, html, html, created), inTurn(html, html, always(204, "", "Range", "0-0"), invalid), nil},
		"it throttles for an hour": {
			always(429, `{"errors":[{"code":"TOOMANYREQUESTS","message":"Too many requests."}]}`, "Retry-After", "3600"), created, invalid, exhausted,
		},
		"it is locked": {
			always(405, `{"errors":[{"code":"REGISTRY_DISALLOWED_OPERATION","message":"disallowed"}]}`), always(405, `{"errors":[{"code":"REGISTRY_DISALLOWED_OPERATION","message":"disallowed"}]}`), invalid,
			func(err error) bool { return HasCode(err, ErrorCodeRegistryDisallowedOperation) },
		},
		"it stored something else": {
			taken, always(201, "", "Docker-Content-Digest", someDigest), invalid,
			func(err error) bool { return errors.Is(err, ErrMismatchedHash) },
		},
		"it refuses the digest": {
			taken, always(400, `{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content"}]}`), invalid,
			func(err error) bool { return HasCode(err, ErrorCodeDigestInvalid) },
		},
		"nothing comes back": {func(*scriptRequest) *http.Response { return nil }, func(*scriptRequest) *http.Response { return nil }, func(*scriptRequest) *http.Response { return nil }, exhausted},
		"all is well":        {taken, created, invalid, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, digest := range []string{"", sumOf(content)} {
				synctest.Test(t, func(t *testing.T) {
					s := hostileUploads(test.patch, test.put, test.status)
					c, err := NewBlobClient(scriptEndpoint, &scriptCredential{}, &BlobClientOptions{ClientOptions: s.options()})
					if err != nil {
						t.Fatal(err)
					}
					o := &UploadOptions{Digest: digest}
					if digest != "" {
						o.ChunkSize = 500_000 // or all of it would go with the last request
					}
					began := time.Now()
					resp, err := c.Upload(strictly(t), "app", strings.NewReader(content), o)
					switch {
					case test.ok == nil && (err != nil || resp.Digest != sumOf(content)):
						t.Errorf("digest %q: %v\n%q", digest, err, s.requests())
					case test.ok != nil && (err == nil || !test.ok(err)):
						t.Errorf("digest %q: got %v\n%q", digest, err, s.requests())
					}
					if n := len(s.seen); n > 200 {
						t.Errorf("digest %q: %d requests", digest, n)
					}
					if took := time.Since(began); took > 20*time.Minute {
						t.Errorf("digest %q: took %s", digest, took)
					}
					for _, r := range s.seen {
						if r.URL.Host != "contoso.azurecr.io" {
							t.Errorf("a request went to %s", r.URL.Host)
						}
					}
				})
			}
		})
	}
}

const storage = "https://eusmanaged12.blob.core.windows.net"

func TestDownloadsFromARegistryThatLies(t *testing.T) {
	content := strings.Repeat("content, ", 100_000)
	digest := sumOf(content)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(w, content)
	_ = w.Close()
	signed := always(307, "", "Location", storage+"/x//data?se=2024-01-24T06%3A40%3A00Z&sig=x", "Docker-Content-Digest", digest)
	half := func(*scriptRequest) *http.Response {
		resp := answer(200, content)
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(content[:len(content)/2]), brokenReader{}))
		return resp
	}
	rest := func(r *scriptRequest) *http.Response {
		var from int
		_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		return answer(206, content[from:], "Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
	}
	other := func(first, last, size int) func(*scriptRequest) *http.Response {
		return func(*scriptRequest) *http.Response {
			return answer(206, content[first:last+1], "Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, size))
		}
	}
	exhausted := func(err error) bool { return errors.As(err, new(*RetriesExhaustedError)) }
	mismatch := func(err error) bool { return errors.Is(err, ErrMismatchedHash) }
	size := func(err error) bool { return errors.As(err, new(*SizeMismatchError)) }
	for name, test := range map[string]struct {
		blob, data func(*scriptRequest) *http.Response
		ok         func(error) bool // nil for success
	}{
		"all is well":                            {signed, always(200, content), nil},
		"it doesn't redirect":                    {always(200, content), nil, nil},
		"cut, and then the rest":                 {signed, inTurn(half, rest), nil},
		"cut, and then all of it":                {signed, inTurn(half, always(200, content)), nil},
		"cut, and then another range":            {signed, inTurn(half, other(5, len(content)-1, len(content))), exhausted},
		"cut, and then a range of another size":  {signed, inTurn(half, other(len(content)/2, len(content)/2+9, len(content)/2+10)), size},
		"cut, and then no range at all":          {signed, inTurn(half, always(206, content)), exhausted},
		"cut, and then a range that is no range": {signed, inTurn(half, always(206, content, "Content-Range", "bytes 9-3/5")), exhausted},
		"cut again and again":                    {signed, half, exhausted},
		"of unknown length": {signed, func(*scriptRequest) *http.Response {
			resp := answer(200, content)
			resp.ContentLength = -1
			return resp
		}, nil},
		"zipped":                        {signed, always(200, zipped.String(), "Content-Encoding", "gzip"), size},
		"other content":                 {signed, always(200, strings.ToUpper(content)), mismatch},
		"another digest from the start": {always(307, "", "Location", storage+"/x", "Docker-Content-Digest", someDigest), always(200, content), mismatch},
		"each address is refused": {signed, always(403, "<Error><Code>AuthenticationFailed</Code></Error>", "Content-Type", "application/xml"), func(err error) bool {
			var respErr *azcore.ResponseError
			return errors.As(err, &respErr) && respErr.StatusCode == 403
		}},
		"an address is refused once": {signed, inTurn(always(403, "<Error/>"), always(200, content)), nil},
		"it redirects in a circle": {signed, always(307, "", "Location", storage+"/x//data?se=2024-01-24T06%3A40%3A00Z&sig=x"), func(err error) bool {
			return strings.Contains(err.Error(), "redirect loop") && !strings.Contains(err.Error(), "sig=x")
		}},
		"it redirects to nowhere":                   {always(307, ""), nil, func(err error) bool { return strings.Contains(err.Error(), "Location") }},
		"it redirects to a host without encryption": {always(307, "", "Location", "http://eusmanaged12.blob.core.windows.net/x"), nil, func(err error) bool { return errors.As(err, new(*UntrustedOriginError)) }},
		"the range is beyond the end":               {signed, always(416, "<Error><Code>InvalidRange</Code></Error>"), func(err error) bool { return err != nil && !exhausted(err) }},
		"nothing":                                   {signed, always(200, ""), size},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{}
				s.withTokens(time.Hour)
				s.on(http.MethodGet, "/v2/app/blobs/", test.blob)
				if test.data != nil {
					s.on(http.MethodGet, "/x", test.data)
				}
				c, err := NewBlobClient(scriptEndpoint, &scriptCredential{}, &BlobClientOptions{ClientOptions: s.options()})
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				_, err = c.Download(strictly(t), "app", digest, &out, &DownloadOptions{Size: int64(len(content))})
				switch {
				case test.ok == nil && (err != nil || out.String() != content):
					t.Errorf("%d bytes, %v\n%q", out.Len(), err, s.requests())
				case test.ok != nil && (err == nil || !test.ok(err)):
					t.Errorf("got %v\n%q", err, s.requests())
				}
				if n := len(s.seen); n > 50 {
					t.Errorf("%d requests", n)
				}
				for _, r := range s.seen {
					if r.URL.Host != "contoso.azurecr.io" && r.Header.Get("Authorization") != "" {
						t.Errorf("a credential went to %s", r.URL.Host)
					}
				}
			})
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestEarlyRefusalIsHeard has a real connection on which the registry answers
// and closes while the body is still being sent.
func TestEarlyRefusalIsHeard(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go refuseEarly(conn)
		}
	}()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	o := &BlobClientOptions{ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: transport}}}
	c, err := NewBlobClientWithNoCredential("http://"+listener.Addr().String(), o)
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, 64<<20)
	for _, digest := range []string{"", sumOf(string(body))} {
		_, err = c.Upload(strictly(t), "app", bytes.NewReader(body), &UploadOptions{Digest: digest, MaxRetries: -1})
		if err == nil || strings.Contains(err.Error(), "refused the token") {
			t.Errorf("digest %q: got %v, want the refusal or the reset", digest, err)
		}
	}
}

func refuseEarly(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		switch request := string(buf[:n]); {
		case strings.HasPrefix(request, "POST"):
			fmt.Fprintf(conn, "HTTP/1.1 202 Accepted\r\nLocation: /v2/app/blobs/uploads/1\r\nContent-Length: 0\r\n\r\n")
		case strings.HasPrefix(request, "GET"), strings.HasPrefix(request, "DELETE"):
			fmt.Fprintf(conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
		default:
			fmt.Fprintf(conn, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			return
		}
	}
}
