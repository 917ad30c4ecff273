package diagnose_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/internal/diagnosetest"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// foreign are the recordings of exchanges that this library never makes, each
// with what it does in place of it: other clients make them, and their errors
// are explained as well.
var foreign = map[string]string{
	"ADMIN_LOGIN_REFUSED.get":       "asks for tokens by POST",
	"ANONYMOUS_PULL_OFF":            "asks the registry itself, when nobody gets no token",
	"REPOSITORY_NOT_FOUND.delete":   "takes it for done",
	"ANONYMOUS_PULL_OFF.get":        "asks for tokens by POST",
	"REFRESH_TOKEN_REJECTED.docker": "asks for tokens by POST",
	"USER_NAME_WHITESPACE":          "refuses such a user name",
	"EXCHANGE_METHOD":               "exchanges by POST",
	"BASIC_REJECTED":                "sends Basic only where the challenge asks for it",
	"REFRESH_TOKEN_AS_PASSWORD":     "trades a refresh token at the token endpoint",
	"ENTRA_TOKEN_AS_BEARER":         "trades an Entra token at the exchange",
	"CREDENTIALS_TO_STORAGE":        "never sends its credential there",
	"DELETE_BY_TAG":                 "refuses to delete a manifest by its tag",
	"DIGEST_NOT_ROUTABLE":           "refuses such a digest",
	"NAME_NOT_ROUTABLE":             "refuses such a name",
	"NAME_INVALID":                  "refuses such a name",
	"PAGE_SIZE_INVALID":             "refuses such a page size",
	"ROUTE_NOT_FOUND":               "knows no such path",
	"NOT_FOUND":                     "knows no such path",
	"DISALLOWED":                    "sends no OPTIONS",
	"UNSUPPORTED":                   "sends no POST there",
	"NO_CREDENTIALS.challenge":      "takes that answer for the challenge that it is",
	"UNEXPECTED_STATUS":             "takes that answer for an open registry",
	"LOGIN_REFUSED":                 "keeps its form, by which the grant is known",
}

// replayer answers one request as it was recorded, wherever it comes up, and
// what leads to it so that it does.
type replayer struct {
	recorded *http.Request
	answer   string // as on the wire
	token    string // the access token to give out
	met      bool
}

func (r *replayer) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		if _, err := io.Copy(io.Discard, request.Body); err != nil {
			return nil, err
		}
		request.Body.Close()
	}
	challenges := r.recorded.Header.Get("Authorization") != "" || strings.HasPrefix(r.recorded.URL.Path, "/oauth2/") || strings.Contains(r.recorded.Host, ".blob.core.")
	if challenges && request.Header.Get("Authorization") == "" && !strings.HasPrefix(request.URL.Path, "/oauth2/") && !strings.Contains(request.URL.Host, ".blob.core.") {
		scope := "repository:team/app:pull"
		if strings.HasPrefix(request.URL.Path, "/acr/") {
			scope = "repository:team/app:metadata_read"
		}
		return r.respond(request, "HTTP/1.1 401 Unauthorized\nWww-Authenticate: Bearer realm=\"https://"+request.Host+"/oauth2/token\",service=\""+request.Host+"\",scope=\""+scope+"\"\nContent-Length: 0\n\n")
	}
	login := !strings.Contains(r.recorded.Host, ".blob.core.")
	switch path := request.URL.Path; {
	case request.Method == r.recorded.Method && request.URL.Host == r.recorded.Host && path == r.recorded.URL.Path:
		r.met = true
		return r.respond(request, r.answer)
	case path == "/oauth2/exchange":
		return r.respond(request, "HTTP/1.1 200 OK\nContent-Type: application/json\n\n"+fmt.Sprintf(`{"refresh_token":%q}`, diagnosetest.JWT(`{"exp":99999999999}`)))
	case path == "/oauth2/token" && r.token == "":
		return r.respond(request, "HTTP/1.1 401 Unauthorized\nContent-Length: 0\n\n")
	case path == "/oauth2/token":
		return r.respond(request, "HTTP/1.1 200 OK\nContent-Type: application/json\n\n"+fmt.Sprintf(`{"access_token":%q}`, r.token))
	case path == "/v2/":
		return r.respond(request, "HTTP/1.1 401 Unauthorized\nWww-Authenticate: Bearer realm=\"https://"+request.Host+"/oauth2/token\",service=\""+request.Host+"\"\nContent-Length: 0\n\n")
	case !login && strings.Contains(path, "/blobs/"):
		return r.respond(request, "HTTP/1.1 307 Temporary Redirect\nLocation: https://"+r.recorded.Host+r.recorded.URL.RequestURI()+"\nContent-Length: 0\n\n")
	}
	return nil, fmt.Errorf("nothing is recorded for %s %s", request.Method, request.URL)
}

func (r *replayer) respond(request *http.Request, wire string) (*http.Response, error) {
	head, body, _ := strings.Cut(wire, "\n\n")
	response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n")+"\r\n\r\n")), request)
	if err != nil {
		return nil, err
	}
	body = strings.TrimRight(body, "\n")
	if request.Method == http.MethodHead {
		body = ""
	}
	response.Body, response.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	return response, nil
}

// TestRecordingsExplainTheLibrarysOwnErrors replays each recorded answer to the
// call of the library that meets it, through its whole pipeline, and explains
// the error that the call returns.
func TestRecordingsExplainTheLibrarysOwnErrors(t *testing.T) {
	replayed := 0
	for _, r := range diagnosetest.Recordings(t, "testdata/explain") {
		name := strings.TrimSuffix(filepath.Base(r.Path), ".txtar")
		if r.Section("request") == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			err := replay(t, r)
			switch {
			case foreign[name] != "":
				return
			case err == nil:
				t.Fatal("the call succeeded")
			}
			replayed++
			if d, _ := diagnose.Explain(err); string(d.Code) != r.Code {
				t.Errorf("got %s, want %s\n%v\n%+v", d.Code, r.Code, err, d.Seen)
			}
			if codes := diagnose.Matching(err); len(codes) != 1 {
				t.Errorf("fits %v", codes)
			}
		})
	}
	for name := range foreign {
		if _, err := os.Stat("testdata/explain/" + name + ".txtar"); err != nil {
			t.Errorf("%s is no recording: %v", name, err)
		}
	}
	if replayed < 60 {
		t.Errorf("%d recordings were replayed", replayed)
	}
}

func replay(t *testing.T, r diagnosetest.Recording) error {
	t.Helper()
	head, body := diagnosetest.OnTheWire(r.Section("request"))
	recorded, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		t.Fatal(err)
	}
	answers := &replayer{recorded: recorded, answer: r.Section("response")}
	authorization := recorded.Header.Get("Authorization")
	switch {
	case strings.HasPrefix(authorization, "Bearer opaque"):
		answers.token = strings.TrimPrefix(authorization, "Bearer ")
	case authorization != "":
		answers.token = diagnosetest.JWT(r.Section("claims"))
	case strings.Contains(recorded.Host, ".blob.core.") || strings.HasPrefix(recorded.URL.Path, "/oauth2/"):
		answers.token = diagnosetest.JWT(`{"exp":99999999999}`)
	}
	host := recorded.Host
	if strings.Contains(host, ".blob.core.") {
		host = "myreg.azurecr.io"
	}
	if recorded.URL.Path == "/v2/" {
		return challenged(t, host, answers)
	}
	form, err := url.ParseQuery(body)
	if err != nil {
		t.Fatal(err)
	}
	options := &azcontainerregistry.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: &http.Client{Transport: answers}, Retry: policy.RetryOptions{MaxRetries: -1},
	}}
	client, err := clientFor("https://"+host, form, answers.token == "", options)
	if err != nil {
		t.Fatal(err)
	}
	err = callFor(strict.Context(t.Context()), client, recorded)
	if err != nil && !answers.met && foreign[strings.TrimSuffix(filepath.Base(r.Path), ".txtar")] == "" {
		t.Fatalf("the recorded request was not made: %v", err)
	}
	return err
}

// challenged is for what the doctor alone asks by itself, GET /v2/: the error is
// its own, explained in its report.
func challenged(t *testing.T, host string, answers *replayer) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/v2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := answers.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	return diagnose.AsResponseError(response)
}

// clientFor signs in as the recorded form does.
func clientFor(endpoint string, form url.Values, anonymous bool, o *azcontainerregistry.ClientOptions) (*azcontainerregistry.Client, error) {
	switch {
	case form.Get("grant_type") == "password" && form.Get("username") != "":
		credential, err := azcontainerregistry.NewPasswordCredential(form.Get("username"), form.Get("password"))
		if err != nil {
			return nil, err
		}
		return azcontainerregistry.NewClientWithPasswordCredential(endpoint, credential, o)
	case form.Get("grant_type") == "refresh_token":
		credential, err := azcontainerregistry.NewRefreshTokenCredential(form.Get("refresh_token"))
		if err != nil {
			return nil, err
		}
		return azcontainerregistry.NewClientWithRefreshTokenCredential(endpoint, credential, o)
	case form.Get("grant_type") == "password", anonymous:
		return azcontainerregistry.NewClientWithNoCredential(endpoint, o)
	}
	return azcontainerregistry.NewClient(endpoint, entraToken(or(form.Get("access_token"), diagnosetest.JWT(`{"iss":"https://sts.windows.net/x/"}`))), o)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// entraToken is a credential that has one token.
type entraToken string

func (e entraToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(e), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// callFor makes the call that sends the recorded request.
func callFor(ctx context.Context, client *azcontainerregistry.Client, recorded *http.Request) error {
	blobs, path := client.NewBlobClient(), recorded.URL.Path
	last := path[strings.LastIndex(path, "/")+1:]
	name := "team/app"
	if strings.Contains(path, "/team/ap") && !strings.Contains(path, "/team/app") {
		name = "team/ap"
	}
	digest := "sha256:" + strings.Repeat("ab", 32)
	var err error
	switch route := recorded.Method + " " + path; {
	case strings.Contains(recorded.Host, ".blob.core."):
		var answer azcontainerregistry.BlobClientGetBlobResponse
		if answer, err = blobs.GetBlob(ctx, name, digest, nil); err == nil {
			_, err = io.Copy(io.Discard, answer.BlobData)
			answer.BlobData.Close()
		}
	case strings.HasPrefix(path, "/oauth2/"):
		_, err = client.GetManifest(ctx, name, "v1", nil)
	case strings.Contains(path, "/blobs/uploads/"):
		location := path + "?" + recorded.URL.RawQuery
		if recorded.Method == http.MethodPost {
			_, err = blobs.MountBlob(ctx, strings.TrimSuffix(strings.TrimPrefix(path, "/v2/"), "/blobs/uploads/"), name, digest, nil)
			break
		}
		if recorded.Method == http.MethodPut {
			_, err = blobs.CompleteUpload(ctx, location, azcontainerregistry.NewBlobDigestCalculator(), nil)
			break
		}
		_, err = blobs.UploadChunk(ctx, location, strings.NewReader("a chunk"), azcontainerregistry.NewBlobDigestCalculator(), nil)
	case strings.HasPrefix(route, "GET /v2/") && strings.Contains(path, "/blobs/"):
		_, err = blobs.GetBlob(ctx, name, last, nil)
	case strings.HasPrefix(route, "HEAD /v2/") && strings.Contains(path, "/blobs/"):
		_, err = blobs.CheckBlobExists(ctx, name, last, nil)
	case strings.HasPrefix(route, "HEAD /v2/"):
		_, err = client.CheckManifestExists(ctx, name, last, nil)
	case strings.HasPrefix(route, "PUT /v2/"):
		manifest := []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`)
		_, err = client.UploadManifest(ctx, name, last, azcontainerregistry.ContentTypeApplicationVndOciImageIndexV1JSON, readSeekCloser{bytes.NewReader(manifest)}, nil)
	case strings.HasPrefix(route, "DELETE /v2/"):
		_, err = client.DeleteManifest(ctx, name, last, nil)
	case strings.HasPrefix(route, "GET /v2/"):
		options := &azcontainerregistry.ClientGetManifestOptions{}
		if accept := recorded.Header.Get("Accept"); accept != "" {
			options.Accept = to.Ptr(accept)
		}
		_, err = client.GetManifest(ctx, name, last, options)
	case route == "GET /acr/v1/_catalog":
		err = listRepositories(ctx, client)
	case strings.HasPrefix(route, "GET ") && strings.Contains(path, "/_tags/"):
		_, err = client.GetTagProperties(ctx, name, last, nil)
	case strings.HasPrefix(route, "DELETE ") && strings.Contains(path, "/_tags/"):
		_, err = client.DeleteTag(ctx, name, last, nil)
	case strings.Contains(path, "/_manifests/"):
		_, err = client.GetManifestProperties(ctx, name, last, nil)
	case strings.HasPrefix(route, "GET /acr/v1/"):
		_, err = client.GetRepositoryProperties(ctx, name, nil)
	case strings.HasPrefix(route, "DELETE /acr/v1/"):
		_, err = client.DeleteRepository(ctx, name, nil)
	default:
		err = errors.New("no call of the library makes this request")
	}
	return err
}

func listRepositories(ctx context.Context, c *azcontainerregistry.Client) error {
	for _, err := range c.Repositories(ctx, nil) {
		if err != nil {
			return err
		}
	}
	return nil
}

type readSeekCloser struct{ *bytes.Reader }

func (readSeekCloser) Close() error { return nil }
