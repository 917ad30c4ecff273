package azcontainerregistry

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/google/go-cmp/cmp"
)

// TestWhateverTheServerSaysIsAResponseError answers a read with failures of
// every shape.
func TestWhateverTheServerSaysIsAResponseError(t *testing.T) {
	for name, test := range map[string]struct {
		status     int
		body       string
		header     []string
		code, text string
	}{
		"registry":       {404, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"v1"}},{"code":"X"}]}`, nil, "MANIFEST_UNKNOWN", "404 MANIFEST_UNKNOWN: manifest unknown"},
		"correlation id": {403, `{"errors":[{"code":"DENIED","message":"no"}]}`, []string{"X-Ms-Correlation-Request-Id", "1234"}, "DENIED", "403 DENIED: no (correlation id 1234)"},
		"half JSON":      {404, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manif`, nil, "MANIFEST_UNKNOWN", `404 MANIFEST_UNKNOWN: {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manif`},
		"other order":    {404, `{"x":[1,{}],"errors":[{"detail":{"a":[]},"message":"m","code":"C"}]}`, nil, "C", "404 C: m"},
		"empty":          {401, "", nil, "", "401 Unauthorized"},
		"HTML":           {502, "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>", nil, "", "502 Bad Gateway: <html> <head><title>502 Bad Gateway</title></head> </html>"},
		"plain":          {404, "404 page not found\n", nil, "", "404 Not Found: 404 page not found"},
		"no list":        {400, `{"errors":[]}`, nil, "", `400 Bad Request: {"errors":[]}`},
		"a number":       {400, `{"errors":[{"code":7,"message":null}]}`, nil, "", `400 Bad Request: {"errors":[{"code":7,"message":null}]}`},
		"binary":         {400, "\xff\xfe\x00", nil, "", "400 Bad Request"},
		"azure header":   {400, "", []string{"X-Ms-Error-Code", "FromHeader"}, "FromHeader", "400 FromHeader"},
		"storage": {
			400, `<?xml version="1.0" encoding="utf-8"?><Error><Code>InvalidAuthenticationInfo</Code><Message>Authentication information is not given in the correct format.` + "\nRequestId:1</Message></Error>",
			[]string{"Content-Type", "application/xml"},
			"InvalidAuthenticationInfo", "400 InvalidAuthenticationInfo: Authentication information is not given in the correct format. RequestId:1 (from contoso.azurecr.io)",
		},
		"unexpected status":  {207, "what", nil, "", "207 Multi-Status: what"},
		"control characters": {400, `{"errors":[{"code":"A\u0000\nB","message":"x\u001b[31my"}]}`, nil, "A\x00\nB", "400 A B: x [31my"},
	} {
		s := &script{}
		s.withTokens(time.Hour)
		s.on(http.MethodGet, "/v2/app/", always(test.status, test.body, test.header...))
		_, err := s.client(t, nil).GetManifest(strictly(t), "app", "v1", nil)
		var respErr *azcore.ResponseError
		if !errors.As(err, &respErr) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff([]any{test.status, test.code, "get manifest app:v1: " + test.text}, []any{respErr.StatusCode, respErr.ErrorCode, err.Error()}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if body, err := io.ReadAll(respErr.RawResponse.Body); err != nil || string(body) != test.body {
			t.Errorf("%s: the body is %q", name, body)
		}
	}
}

func TestALongFailureIsCut(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/v2/app/", func(*scriptRequest) *http.Response {
		resp := answer(500, "")
		resp.Body, resp.ContentLength = io.NopCloser(endless{}), -1
		return resp
	})
	_, err := s.client(t, nil).GetManifest(strictly(t), "app", "v1", nil)
	var respErr *azcore.ResponseError
	if !errors.As(err, &respErr) || len(err.Error()) > 600 {
		t.Fatalf("%.1000v", err)
	}
	if body, _ := io.ReadAll(respErr.RawResponse.Body); len(body) != maxErrorBody {
		t.Errorf("%d bytes were kept", len(body))
	}
}

var xs = bytes.Repeat([]byte("x"), 1<<20)

func TestTheBodyOfABrokenFailureIsKept(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/v2/app/", func(*scriptRequest) *http.Response {
		resp := answer(404, `{"errors":[{"code":"MANIFEST_UNKNOWN"`)
		resp.Body = cutBody{resp.Body}
		return resp
	})
	if _, err := s.client(t, nil).GetManifest(strictly(t), "app", "v1", nil); !HasCode(err, ErrorCodeManifestUnknown) {
		t.Error(err)
	}
}

func TestHasCodeAndCorrelationID(t *testing.T) {
	resp := answer(404, "", "X-Ms-Correlation-Request-Id", "1234")
	err := fmt.Errorf("outer: %w", &OperationError{Operation: "x", Err: &RetriesExhaustedError{Attempts: 2, Err: &azcore.ResponseError{ErrorCode: "TAG_UNKNOWN", RawResponse: resp}}})
	if !HasCode(err, ErrorCodeDenied, ErrorCodeTagUnknown) || HasCode(err, ErrorCodeDenied) || HasCode(nil, ErrorCodeDenied) || HasCode(err) {
		t.Error("HasCode")
	}
	if CorrelationID(err) != "1234" || CorrelationID(nil) != "" || CorrelationID(io.EOF) != "" || CorrelationID(&azcore.ResponseError{}) != "" {
		t.Error("CorrelationID")
	}
}

func TestErrorsSayWhatWasDoneToWhat(t *testing.T) {
	cause := errors.New("boom")
	for want, err := range map[string]error{
		"get manifest app:v1: boom":                                       &OperationError{Operation: "get manifest", Repository: "app", Reference: "v1", Err: cause},
		"get manifest app@sha256:00: boom":                                &OperationError{Operation: "get manifest", Repository: "app", Reference: "sha256:00", Err: cause},
		"list repositories: boom":                                         &OperationError{Operation: "list repositories", Err: cause},
		"listing is incomplete after 3 items: boom":                       &IncompleteListingError{Items: 3, Err: cause},
		"gave up after 4 attempts: boom":                                  &RetriesExhaustedError{Attempts: 4, Err: cause},
		`invalid tag "a b": must be x`:                                    &ArgumentError{Argument: "tag", Value: "a b", Rule: "must be x"},
		"untrusted realm: got origin a, want b":                           &UntrustedOriginError{Kind: OriginKindRealm, Got: "a", Want: "b"},
		"content does not match its digest: expected a, got b in 3 bytes": &DigestMismatchError{Expected: "a", Actual: "b", Size: 3},
	} {
		if err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
	}
	for _, empty := range []error{&OperationError{}, &IncompleteListingError{}, &RetriesExhaustedError{}, &ArgumentError{}, &DigestMismatchError{}, &UntrustedOriginError{}} {
		if empty.Error() == "" {
			t.Errorf("%T says nothing", empty)
		}
	}
}

// TestBadArgumentsAreRefusedBeforeAnythingIsSent goes through all calls.
func TestBadArgumentsAreRefusedBeforeAnythingIsSent(t *testing.T) {
	s := &script{}
	c := s.client(t, nil)
	b := c.NewBlobClient()
	ctx := strictly(t)
	long := strings.Repeat("a", 300)
	badNames := []string{"", "App", "a b", "a//b", "/a", "a/", "-a", "a..b", "a/../b", "é", long, "a?b", "a%2Fb", "https://contoso.azurecr.io/app", "a:v1"}
	badTags := []string{"", ".a", "-a", "a b", "a/b", strings.Repeat("a", 129), "é"}
	badDigests := []string{"", "sha256:", "sha256:00", "sha256:" + strings.Repeat("A", 64), "v1", "sha256:" + strings.Repeat("0", 65), someDigest + "/x"}
	check := func(what string, err error) {
		t.Helper()
		var argument *ArgumentError
		if !errors.As(err, &argument) || argument.Rule == "" || argument.Argument == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	called := map[string]bool{}
	for _, name := range badNames {
		for call, f := range map[string]func() error{
			"GetRepositoryProperties":      func() error { _, err := c.GetRepositoryProperties(ctx, name, nil); return err },
			"UpdateRepositoryProperties":   func() error { _, err := c.UpdateRepositoryProperties(ctx, name, nil); return err },
			"DeleteRepository":             func() error { _, err := c.DeleteRepository(ctx, name, nil); return err },
			"GetTagProperties":             func() error { _, err := c.GetTagProperties(ctx, name, "v1", nil); return err },
			"UpdateTagProperties":          func() error { _, err := c.UpdateTagProperties(ctx, name, "v1", nil); return err },
			"DeleteTag":                    func() error { _, err := c.DeleteTag(ctx, name, "v1", nil); return err },
			"GetManifest":                  func() error { _, err := c.GetManifest(ctx, name, "v1", nil); return err },
			"CheckManifestExists":          func() error { _, err := c.CheckManifestExists(ctx, name, "v1", nil); return err },
			"GetManifestProperties":        func() error { _, err := c.GetManifestProperties(ctx, name, someDigest, nil); return err },
			"UpdateManifestProperties":     func() error { _, err := c.UpdateManifestProperties(ctx, name, someDigest, nil); return err },
			"DeleteManifest":               func() error { _, err := c.DeleteManifest(ctx, name, someDigest, nil); return err },
			"RestoreManifest":              func() error { _, err := c.RestoreManifest(ctx, name, someDigest, nil); return err },
			"UploadManifest":               func() error { _, err := c.UploadManifest(ctx, name, "v1", "a/b", reader("x"), nil); return err },
			"NewListTagsPager":             func() error { _, err := c.NewListTagsPager(name, nil).NextPage(ctx); return err },
			"NewListManifestsPager":        func() error { _, err := c.NewListManifestsPager(name, nil).NextPage(ctx); return err },
			"NewListDeletedTagsPager":      func() error { _, err := c.NewListDeletedTagsPager(name, nil).NextPage(ctx); return err },
			"Tags":                         func() error { return lastError(c.Tags(ctx, name, nil)) },
			"Manifests":                    func() error { return lastError(c.Manifests(ctx, name, nil)) },
			"Referrers":                    func() error { return lastError(c.Referrers(ctx, name, someDigest, nil)) },
			"StartUpload":                  func() error { _, err := b.StartUpload(ctx, name, nil); return err },
			"MountBlob":                    func() error { _, err := b.MountBlob(ctx, name, "app", someDigest, nil); return err },
			"MountBlob from":               func() error { _, err := b.MountBlob(ctx, "app", name, someDigest, nil); return err },
			"GetBlob":                      func() error { _, err := b.GetBlob(ctx, name, someDigest, nil); return err },
			"GetChunk":                     func() error { _, err := b.GetChunk(ctx, name, someDigest, "bytes=0-1", nil); return err },
			"CheckBlobExists":              func() error { _, err := b.CheckBlobExists(ctx, name, someDigest, nil); return err },
			"CheckChunkExists":             func() error { _, err := b.CheckChunkExists(ctx, name, someDigest, "bytes=0-1", nil); return err },
			"DeleteBlob":                   func() error { _, err := b.DeleteBlob(ctx, name, someDigest, nil); return err },
			"NewListDeletedManifestsPager": func() error { _, err := c.NewListDeletedManifestsPager(name, nil).NextPage(ctx); return err },
			"Upload":                       func() error { _, err := b.Upload(ctx, name, strings.NewReader("x"), nil); return err },
			"Download":                     func() error { _, err := b.Download(ctx, name, someDigest, io.Discard, nil); return err },
			"DownloadAt":                   func() error { _, err := b.DownloadAt(ctx, name, someDigest, discardAt{}, nil); return err },
			"DownloadFile": func() error {
				_, err := b.DownloadFile(ctx, name, someDigest, filepath.Join(t.TempDir(), "x"), nil)
				return err
			},
			"Open": func() error { _, err := b.Open(ctx, name, someDigest, nil); return err },
		} {
			called[call] = true
			check(call+" of repository "+name, f())
		}
	}
	for _, call := range callsOfARepository(t) {
		if !called[call] {
			t.Errorf("no bad repository was given to %s: add it to the calls above", call)
		}
	}
	for _, tag := range badTags {
		_, err := c.GetTagProperties(ctx, "app", tag, nil)
		check("tag "+tag, err)
		_, err = c.GetManifest(ctx, "app", tag, nil)
		check("reference "+tag, err)
	}
	for _, digest := range badDigests {
		_, err := c.DeleteManifest(ctx, "app", digest, nil)
		check("manifest "+digest, err)
		_, err = b.GetBlob(ctx, "app", digest, nil)
		check("blob "+digest, err)
		check("referrers "+digest, lastError(c.Referrers(ctx, "app", digest, nil)))
	}
	for _, r := range []string{"", "0-1", "bytes=", "bytes=a-b", "bytes=0-1,3-4", "bytes=0-1\r\nX: y"} {
		_, err := b.GetChunk(ctx, "app", someDigest, r, nil)
		check("range "+r, err)
	}
	_, err := c.UploadManifest(ctx, "app", "v1", "a/b", reader(strings.Repeat("x", maxManifest+1)), nil)
	check("large manifest", err)
	_, err = c.UploadManifest(ctx, "app", "v1", "a/b", reader(""), nil)
	check("empty manifest", err)
	_, err = c.UploadManifest(ctx, "app", "v1", "a/b", nil, nil)
	check("nil manifest", err)
	_, err = c.UploadManifest(ctx, "app", "v1", "", reader("x"), nil)
	check("no media type", err)
	if _, err = c.UploadManifest(ctx, "app", someDigest, "a/b", reader("other"), nil); !errors.Is(err, ErrMismatchedHash) {
		t.Errorf("manifest of another digest: %v", err)
	}
	_, err = b.UploadChunk(ctx, "/v2/app/blobs/uploads/1", nil, nil, nil)
	check("nil chunk", err)
	_, err = b.UploadChunk(ctx, "", strings.NewReader("x"), nil, nil)
	check("no location", err)
	_, err = b.CompleteUpload(ctx, "/v2/app/blobs/uploads/1", nil, nil)
	check("nil calculator", err)
	if len(s.seen) != 0 {
		t.Errorf("sent: %v", s.requests())
	}
}

// callsOfARepository lists the methods of the clients that take a repository's
// name.
func callsOfARepository(t *testing.T) (calls []string) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !f.Name.IsExported() {
				continue
			}
			star, ok := f.Recv.List[0].Type.(*ast.StarExpr)
			if !ok {
				continue
			}
			if of, ok := star.X.(*ast.Ident); !ok || of.Name != "Client" && of.Name != "BlobClient" {
				continue
			}
			for _, field := range f.Type.Params.List {
				if slices.ContainsFunc(field.Names, func(n *ast.Ident) bool { return n.Name == "name" || n.Name == "repository" }) {
					calls = append(calls, f.Name.Name)
				}
			}
		}
	}
	if len(calls) < 20 {
		t.Fatalf("only %d calls were found", len(calls))
	}
	return calls
}

type discardAt struct{}

func (discardAt) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

func TestWhatTheServiceTakesIsNotRefused(t *testing.T) {
	for _, name := range []string{"a", "app", "team/app", "a.b", "a_b", "a__b", "a-b", "a---b", "0/1/2", strings.Repeat("a", 255)} {
		if err := checkRepository("name", name); err != nil {
			t.Error(err)
		}
	}
	for _, tag := range []string{"v1", "_", "A.b-c_d", "1", strings.Repeat("a", 128)} {
		if err := checkReference("reference", tag); err != nil {
			t.Error(err)
		}
	}
	for _, digest := range []string{someDigest, "sha512:" + strings.Repeat("0", 128)} {
		if err := checkDigest("digest", digest); err != nil {
			t.Error(err)
		}
	}
}

func TestEndpoints(t *testing.T) {
	password, err := NewPasswordCredential("admin", "hunter2")
	if err != nil {
		t.Fatal(err)
	}
	for _, endpoint := range []string{
		"", "contoso.azurecr.io", "contoso.azurecr.io:443", "//contoso.azurecr.io", "ftp://contoso.azurecr.io", "https:///v2", "https:contoso.azurecr.io",
		"https://contoso azurecr io", "https://%zz", "admin:hunter2@contoso.azurecr.io",
	} {
		script := &script{}
		c, err := NewClient(endpoint, nil, &ClientOptions{ClientOptions: script.options()})
		if err != nil {
			t.Errorf("%s: %v", endpoint, err)
			continue
		}
		if _, err := c.GetManifest(t.Context(), "app", "v1", nil); err == nil || len(script.seen) != 0 || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the first call: %v, sent %v", endpoint, err, script.requests())
		}
	}
	for _, endpoint := range []string{"http://contoso.azurecr.io", "http://20.62.128.9:5000", "http://user:hunter2@contoso.azurecr.io"} {
		_, err := NewClientWithPasswordCredential(endpoint, password, nil)
		var argument *ArgumentError
		if !errors.As(err, &argument) || argument.Argument != "endpoint" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", endpoint, err)
		}
		if _, err := NewBlobClient(endpoint, &scriptCredential{}, nil); !errors.As(err, &argument) {
			t.Errorf("%s: %v", endpoint, err)
		}
		if _, err := NewAuthenticationClient(endpoint, nil); !errors.As(err, &argument) {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	for _, endpoint := range []string{"http://registry:5000", "http://10.0.0.5:5000", "http://192.168.1.1", "http://host.docker.internal:5000", "http://localhost", "http://[::1]:5000"} {
		if _, err := NewClientWithPasswordCredential(endpoint, password, nil); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	for endpoint, want := range map[string]string{
		"https://contoso.azurecr.io":  "https://contoso.azurecr.io",
		"https://contoso.azurecr.io/": "https://contoso.azurecr.io",
		"http://localhost:5000":       "http://localhost:5000",
		"http://127.0.0.1:5000/":      "http://127.0.0.1:5000",
		"http://[::1]:5000":           "http://[::1]:5000",
		"HTTPS://Contoso.AzureCR.io":  "https://contoso.azurecr.io",
		"https://contoso.azurecr.io:": "https://contoso.azurecr.io",

		"https://contoso.azurecr.io:443":  "https://contoso.azurecr.io",
		"https://contoso.azurecr.io:8443": "https://contoso.azurecr.io:8443",
	} {
		c, err := NewClientWithPasswordCredential(endpoint, password, nil)
		if err != nil || c.Endpoint() != want || c.NewBlobClient().Endpoint() != want {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	if _, err := NewClientWithNoCredential("http://registry.internal:5000", nil); err != nil {
		t.Errorf("anonymous over http: %v", err)
	}
	if _, err := NewClientWithPasswordCredential("http://registry.internal:5000", password, &ClientOptions{ClientOptions: azcore.ClientOptions{InsecureAllowCredentialWithHTTP: true}}); err != nil {
		t.Errorf("http that was asked for: %v", err)
	}
}

func TestNilCredentials(t *testing.T) {
	var none *scriptCredential
	c, err := NewClient(scriptEndpoint, none, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := c.registry().tokens.grant.(anonymousGrant); !ok {
		t.Error("a nil pointer is not anonymous")
	}
	for _, err := range []error{
		second(NewClientWithPasswordCredential(scriptEndpoint, nil, nil)), second(NewClientWithPasswordCredential(scriptEndpoint, &PasswordCredential{}, nil)),
		second(NewClientWithRefreshTokenCredential(scriptEndpoint, nil, nil)), second(NewBlobClientWithRefreshTokenCredential(scriptEndpoint, &RefreshTokenCredential{}, nil)),
		second(NewPasswordCredential("", "x")), second(NewPasswordCredential("admin\n", "x")), second(NewPasswordCredential("admin", "")), second(NewRefreshTokenCredential("")),
	} {
		if !errors.As(err, new(*ArgumentError)) {
			t.Errorf("%v", err)
		}
	}
}
