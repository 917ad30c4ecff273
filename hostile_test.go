package azcontainerregistry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// flood answers a body that never ends.
func flood(status int, header ...string) func(*scriptRequest) *http.Response {
	return func(*scriptRequest) *http.Response {
		resp := answer(status, "", header...)
		resp.Body, resp.ContentLength = io.NopCloser(endless{}), -1
		return resp
	}
}

// TestAnEndlessAnswerDoesNotFillTheMemory lets each kind of call be answered
// with a body that never ends, once.
func TestAnEndlessAnswerDoesNotFillTheMemory(t *testing.T) {
	ctx := strictly(t)
	for name, test := range map[string]struct {
		method, path string
		status       int
		call         func(*Client) error
	}{
		"get":  {http.MethodGet, "/acr/v1/app", 200, func(c *Client) error { _, err := c.GetTagProperties(ctx, "app", "v1", nil); return err }},
		"list": {http.MethodGet, "/acr/v1/app", 200, func(c *Client) error { return lastError(c.Tags(ctx, "app", nil)) }},
		"put": {http.MethodPut, "/v2/app", 201, func(c *Client) error {
			_, err := c.UploadManifest(ctx, "app", "v1", "a/b", reader("x"), nil)
			return err
		}},
		"token":    {http.MethodPost, "/oauth2/token", 200, func(c *Client) error { return lastError(c.Tags(ctx, "app", nil)) }},
		"exchange": {http.MethodPost, "/oauth2/exchange", 200, func(c *Client) error { return lastError(c.Tags(ctx, "app", nil)) }},
	} {
		s := &script{}
		s.on(test.method, test.path, flood(test.status))
		s.on(http.MethodGet, "/acr/v1/app", protected(always(200, "{}")))
		s.withTokens(time.Hour)
		c, err := NewClient(scriptEndpoint, &scriptCredential{}, &ClientOptions{ClientOptions: azcore.ClientOptions{Transport: s}})
		if err != nil {
			t.Fatal(err)
		}
		know(c)
		err = test.call(c)
		if !errors.As(err, new(responseTooLargeError)) {
			t.Errorf("%s: %v", name, err)
		}
		if n := s.count(test.method + " " + test.path); n != 1 {
			t.Errorf("%s: asked %d times", name, n)
		}
	}
}

// TestALongListOfNothingDoesNotFillTheMemory is a page whose few bytes an item
// would become a hundred times as many.
func TestALongListOfNothingDoesNotFillTheMemory(t *testing.T) {
	list := func(item string, n int) []byte {
		return []byte("[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]")
	}
	for body, v := range map[string]interface{ UnmarshalJSON([]byte) error }{
		`{"tags":` + string(list(`{}`, maxElements+1)):        new(TagList),
		`{"manifests":` + string(list(`{}`, maxElements+1)):   new(Manifests),
		`{"repositories":` + string(list(`""`, maxStrings+1)): new(Repositories),
	} {
		if err := v.UnmarshalJSON([]byte(body + "}")); err == nil || !strings.Contains(err.Error(), "a shorter list") {
			t.Errorf("%.20s: %v", body, err)
		}
	}
	if err := new(TagList).UnmarshalJSON([]byte(`{"tags":` + string(list(`{}`, maxElements)) + "}")); err != nil {
		t.Error(err)
	}
}

// TestJSONThatIsNoListIsNoEmptyList answers listings with JSON of another kind.
func TestJSONThatIsNoListIsNoEmptyList(t *testing.T) {
	ctx := strictly(t)
	for _, body := range []string{`{}`, `{"status":"ok"}`, `{"errors":[]}`, `null`, `{"tags":[{"digest":"x"}],"manifests":[{"tags":["v1"]}]}`} {
		s := &script{}
		s.withTokens(time.Hour)
		s.on(http.MethodGet, "/", always(200, body))
		c := s.client(t, nil)
		for name, err := range map[string]error{
			"repositories":    lastError(c.Repositories(ctx, nil)),
			"tags":            lastError(c.Tags(ctx, "app", nil)),
			"manifests":       lastError(c.Manifests(ctx, "app", nil)),
			"referrers":       lastError(c.Referrers(ctx, "app", someDigest, nil)),
			"repository page": second(c.NewListRepositoriesPager(nil).NextPage(ctx)),
			"tag page":        second(c.NewListTagsPager("app", nil).NextPage(ctx)),
			"manifest page":   second(c.NewListManifestsPager("app", nil).NextPage(ctx)),
		} {
			if err == nil || !strings.Contains(err.Error(), "not the JSON expected") {
				t.Errorf("%s of %s: %v", name, body, err)
			}
		}
	}
}

// TestAListingInCirclesEnds answers two pages by turns, for ever, each time
// with a cursor of its own.
func TestAListingInCirclesEnds(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	n := 0
	s.on(http.MethodGet, "/acr/v1/_catalog", func(*scriptRequest) *http.Response {
		n++
		return answer(200, fmt.Sprintf(`{"repositories":["r%d"]}`, n%2), "Link", fmt.Sprintf(`</acr/v1/_catalog?last=%d>; rel="next"`, n))
	})
	for _, list := range []func(context.Context, *Client) ([]string, error){listNames, pagedNames} {
		_, err := list(strictly(t), s.client(t, nil))
		var incomplete *IncompleteListingError
		if !errors.As(err, &incomplete) || !strings.Contains(err.Error(), "repeats itself") {
			t.Error(err)
		}
	}
}

// TestARepositoryMayBeNamedLikeARoute uploads to one.
func TestARepositoryMayBeNamedLikeARoute(t *testing.T) {
	const name = "team/blobs/uploads/app"
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodPatch, "/v2/"+name+"/blobs/uploads/1", always(202, "", "Location", "/v2/"+name+"/blobs/uploads/1?_state=b"))
	if _, err := know(s.client(t, nil)).NewBlobClient().UploadChunk(strictly(t), "/v2/"+name+"/blobs/uploads/1?_state=a", strings.NewReader("x"), nil, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.seen[0].body, "scope=repository%3Ateam%2Fblobs%2Fuploads%2Fapp%3Apull%2Cpush&") {
		t.Errorf("asked for %s", s.seen[0].body)
	}
}

// TestALocationMayBeRelativeToWhatWasAsked goes on where such a one leads.
func TestALocationMayBeRelativeToWhatWasAsked(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodPost, "/v2/app/blobs/uploads/", always(202, "", "Location", "1?_state=a%3D"))
	s.on(http.MethodPatch, "/v2/app/blobs/uploads/1", always(202, "", "Location", "?_state=b%3D"))
	s.on(http.MethodPut, "/v2/app/blobs/uploads/1", always(201, "", "Docker-Content-Digest", someDigest))
	b := s.client(t, nil).NewBlobClient()
	start, err := b.StartUpload(strictly(t), "app", nil)
	if err != nil {
		t.Fatal(err)
	}
	calculator := NewBlobDigestCalculator()
	chunk, err := b.UploadChunk(strictly(t), *start.Location, strings.NewReader("content"), calculator, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.CompleteUpload(strictly(t), *chunk.Location, calculator, nil); err != nil {
		t.Error(err)
	}
	if got := s.seen[len(s.seen)-1].URL.RawQuery; !strings.HasPrefix(got, "_state=b%3D&digest=") {
		t.Errorf("completed at %s", got)
	}
	if _, err := b.Upload(strictly(t), "app", strings.NewReader("content"), nil); err != nil {
		t.Errorf("upload: %v", err)
	}
}

// TestAMountThatWorkedIsNoFailure has the registry name the mounted blob by an
// address that nothing will be sent to.
func TestAMountThatWorkedIsNoFailure(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodPost, "/v2/app/", always(201, "", "Location", "http://contoso.azurecr.io/v2/app/blobs/"+someDigest))
	resp, err := s.client(t, nil).NewBlobClient().MountBlob(strictly(t), "app", "base", someDigest, nil)
	if err != nil || value(resp.DockerContentDigest) != someDigest {
		t.Errorf("%+v, %v", resp, err)
	}
}

// TestAWrongChallengeIsNotRemembered lets a registry ask for another scope and
// then refuse that.
func TestAWrongChallengeIsNotRemembered(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	other := strings.Replace(bearerChallenge, "app:pull", "other:pull", 1)
	s.on(http.MethodGet, "/v2/app/", inTurn(
		always(401, unauthorizedBody, "WWW-Authenticate", other), always(401, unauthorizedBody, "WWW-Authenticate", other),
		always(200, "{}")))
	c := s.client(t, nil)
	if _, err := c.GetManifest(strictly(t), "app", "v1", nil); !HasCode(err, ErrorCodeUnauthorized) {
		t.Errorf("error: %v", err)
	}
	if len(c.registry().tokens.scopes) != 0 {
		t.Errorf("remembered: %v", c.registry().tokens.scopes)
	}
	mustRead(t, c, "app")
}

// TestADataHostThatDoesNotAnswerIsNamed times out there.
func TestADataHostThatDoesNotAnswerIsNamed(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	ctx, cancel := context.WithCancel(strictly(t))
	defer cancel()
	s.on(http.MethodGet, "/v2/app/blobs/", always(307, "", "Location", "https://eusmanaged12.blob.core.windows.net/data?sig=hunter2"))
	s.on(http.MethodGet, "eusmanaged12.blob.core.windows.net/", func(*scriptRequest) *http.Response {
		cancel()
		return nil
	})
	_, err := s.client(t, nil).NewBlobClient().GetBlob(ctx, "app", someDigest, nil)
	if !errors.Is(err, context.Canceled) || err.Error() != "get blob app@"+someDigest+": data host eusmanaged12.blob.core.windows.net: context canceled" {
		t.Errorf("error: %v", err)
	}
}

// TestAFailuresAnswerCanBeDumped looks for secrets in what a debugger of HTTP
// prints.
func TestAFailuresAnswerCanBeDumped(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/v2/app/blobs/", always(307, "", "Location", "https://h.blob.core.windows.net/data?se=1&sig=hunter2"))
	s.on(http.MethodGet, "h.blob.core.windows.net/data", always(302, "", "Location", "https://h.blob.core.windows.net/third?sig=hunter2"))
	s.on(http.MethodPatch, "/v2/app/blobs/", always(308, "", "Location", "/v2/app/blobs/uploads/1?_state=hunter2", "Set-Cookie", "a=hunter2"))
	s.on(http.MethodGet, "/third", always(403, "<Error><Code>AuthenticationFailed</Code></Error>", "Content-Type", "application/xml"))
	b := know(s.client(t, nil)).NewBlobClient()
	_, blobErr := b.GetBlob(strictly(t), "app", someDigest, nil)
	_, chunkErr := b.UploadChunk(strictly(t), "/v2/app/blobs/uploads/1?_state=hunter2", strings.NewReader("x"), nil, nil)
	for _, err := range []error{blobErr, chunkErr} {
		resp := responseOf(err)
		if resp == nil {
			t.Fatal(err)
		}
		dump := fmt.Sprintf("%v\n%+v\n%v %+v", err, *resp, resp.Request.URL, resp.Request.Header)
		if strings.Contains(dump, "hunter2") || !strings.Contains(dump, "REDACTED") {
			t.Error(dump)
		}
	}
}

// TestNothingPrintsASecret formats what holds one.
func TestNothingPrintsASecret(t *testing.T) {
	type config struct {
		password PasswordCredential
		refresh  RefreshTokenCredential
		access   ClientGetAccessTokenResponse
	}
	password, err := NewPasswordCredential("admin", "hunter2")
	if err != nil {
		t.Fatal(err)
	}
	refresh, err := NewRefreshTokenCredential("hunter2")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{}
	s.on(http.MethodPost, "/oauth2/exchange", always(200, `{"refresh_token":"hunter2"}`))
	s.on(http.MethodPost, "/oauth2/token", always(200, `{"access_token":"hunter2"}`))
	cache := NewTokenCache()
	options := ClientOptions{ClientOptions: s.optionsWith(cache)}
	printed := ClientOptions{ClientOptions: azcore.ClientOptions{PerCallPolicies: options.PerCallPolicies}}
	c, err := NewClient(scriptEndpoint, valueCredential{"hunter2"}, &options)
	if err != nil {
		t.Fatal(err)
	}
	access, err := c.GetAccessToken(strictly(t), []string{"repository:app:pull"}, nil)
	if err != nil || access.AccessToken != "hunter2" {
		t.Fatal(err)
	}
	_, endpointErr := NewClient("https://admin:hunter2@contoso.azurecr.io", nil, nil)
	_, bareErr := NewClient("admin:hunter2@contoso.azurecr.io", nil, nil)
	_, queryErr := NewClient("https://contoso.azurecr.io/?sig=hunter2", nil, nil)
	var argument *ArgumentError
	errors.As(endpointErr, &argument)
	for _, v := range []any{
		password, *password, refresh, *refresh, access, &access, printed, &printed, cache, c, *c, c.NewBlobClient(),
		endpointErr, bareErr, queryErr, argument,
		config{*password, *refresh, ClientGetAccessTokenResponse{}},
		[]any{password, access},
		map[string]any{"x": *refresh},
		UploadCheckpoint{Location: "/?_state=hunter2"},
		&UploadCheckpoint{HashState: []byte("hunter2")},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			text := fmt.Sprintf(verb, v)
			if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
				t.Errorf("%s of %T: %s", verb, v, text)
			}
		}
	}
}

// valueCredential is a credential that is no pointer.
type valueCredential struct{ token string }

func (c valueCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: c.token, ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// TestCookiesStayAtTheLoginServer gives a client a jar, and a data host that is
// another port of the same host.
func TestCookiesStayAtTheLoginServer(t *testing.T) {
	var atHome, away string
	data := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		away += r.Header.Get("Cookie")
		_, _ = io.WriteString(w, "content")
	}))
	defer data.Close()
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		atHome += r.Header.Get("Cookie")
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "hunter2", Path: "/"})
		if r.URL.Path == "/oauth2/token" {
			_, _ = io.WriteString(w, `{"access_token":"opaque"}`)
			return
		}
		http.Redirect(w, r, data.URL+"/data", http.StatusTemporaryRedirect)
	}))
	defer login.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	b, err := NewBlobClientWithNoCredential(login.URL, &BlobClientOptions{ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: transport, Jar: jar}}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		resp, err := b.GetBlob(strictly(t), "app", someDigest, nil)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(resp.BlobData); err != nil || !bytes.Equal(data, []byte("content")) {
			t.Error(err)
		}
		resp.BlobData.Close()
	}
	if away != "" || !strings.Contains(atHome, "session=hunter2") {
		t.Errorf("at home %q, away %q", atHome, away)
	}
}
