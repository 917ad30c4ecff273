package azcontainerregistry

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/google/go-cmp/cmp"
)

// FuzzEndpoint looks that whatever a client is made with is either the origin
// that its requests go to, or no address at all.
func FuzzEndpoint(f *testing.F) {
	for _, seed := range []string{
		"https://contoso.azurecr.io", "HTTPS://Contoso.azurecr.io:443/", "http://[::1%25eth0]:5000", "https://a@b", "contoso.azurecr.io", "https:contoso",
		"https://h:0", "https://h:65536", "https://h:", "https://%41", "https://é.example", "https://h/\\evil.example", "https://h?x", "//h", "https://[::1", "http://127.0.0.1:1/", "https://gateway/acr",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, endpoint string) {
		u, err := readEndpoint(endpoint, false)
		if err != nil {
			if u != nil || err.Error() == "" {
				t.Errorf("%q: %v and %v", endpoint, u, err)
			}
			return
		}
		if u.Scheme == "http" && u.Host != "" && !originOf(u).private() || u.User != nil || u.RawQuery != "" {
			t.Errorf("%q became %q", endpoint, u)
		}
		if given, err := url.Parse(endpoint); err == nil && u.Host != "" && originOf(given) != originOf(u) {
			t.Errorf("%q became the origin %s", endpoint, originOf(u))
		}
	})
}

// FuzzReference looks that a name that is taken can stand in a path as it is.
func FuzzReference(f *testing.F) {
	for _, seed := range []string{"app", "team/app", "v1", "a/../b", "sha256:" + strings.Repeat("0", 64), "sha512:00", "a%2Fb", "a?b", "a#b", "é", "", ".", "..", "a:b:c", "x\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for what, err := range map[string]error{
			"repository": checkRepository("name", s), "tag": checkTag("tag", s), "digest": checkDigest("digest", s), "reference": checkReference("reference", s),
		} {
			if err != nil {
				if len(err.Error()) > 1000 || !utf8.ValidString(err.Error()) {
					t.Errorf("%s %q: %q", what, s, err)
				}
				continue
			}
			path := "/v2/" + s + "/x"
			u, err := url.Parse("https://contoso.azurecr.io" + path)
			if err != nil || u.EscapedPath() != path || u.RawQuery != "" || u.Fragment != "" || u.JoinPath().EscapedPath() != path {
				t.Errorf("%s %q is %q in a path", what, s, u)
			}
		}
	})
}

// FuzzLocation looks that a Location is followed to the login server only, and
// with the query as it was written.
func FuzzLocation(f *testing.F) {
	for _, seed := range []string{
		"/v2/app/blobs/uploads/1?_nouploadcache=false&_state=a%3D%3D", "https://contoso.azurecr.io/v2/app/blobs/uploads/1?_state=a+b", "//evil.example/", "///evil.example/",
		"https://contoso.azurecr.io:443/x", "https://contoso.azurecr.io@evil.example/", "1?_state=a", "?_state=b", "\\\\evil.example", "https:/x", "%zz", "/v2/a/blobs/uploads/b/blobs/uploads/1", "",
	} {
		f.Add(seed)
	}
	c, err := NewBlobClient(scriptEndpoint, nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	r := c.registry()
	base, err := url.Parse(scriptEndpoint + "/v2/app/blobs/uploads/")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value string) {
		resp := answer(202, "", "Location", value)
		resp.Request = &http.Request{URL: base}
		for _, location := range []string{value, nextLocation(resp)} {
			u, err := r.location(location)
			if err != nil {
				continue
			}
			sent, err := url.Parse(u.String())
			if err != nil || originOf(sent) != r.home || sent.User != nil {
				t.Fatalf("%q leads to %q (%v)", location, u, err)
			}
			if _, query, ok := strings.Cut(strings.TrimSpace(location), "?"); ok {
				if query, _, _ = strings.Cut(query, "#"); sent.RawQuery != query {
					t.Errorf("the query of %q became %q", location, sent.RawQuery)
				}
			}
			if name, ok := uploadRepository(u); ok && checkRepository("name", name) != nil {
				t.Errorf("%q is in repository %q", location, name)
			}
			if to, err := r.redirect(base, answer(307, "", "Location", location)); err == nil && to.Scheme != "https" {
				t.Errorf("redirected to %q", to)
			}
		}
	})
}

var marked = regexp.MustCompile(`hunter2`)

// FuzzFailure reads failures of any shape: each is an error with the body in
// it, whose text fits on a line and shows no secret.
func FuzzFailure(f *testing.F) {
	for _, seed := range []string{
		`{"errors":[{"code":"DENIED","message":"no","detail":[{"Type":"repository"}]}]}`, `{"errors":[{"code":"X"`, `{"errors":{}}`, `[]`, "<Error><Code>A</Code>", "<html>\n", "\xff\x00", "",
		`{"errors":[{"message":"https://h/?sig=hunter2"}]}`, `{"access_token":"hunter2"}`,
	} {
		f.Add(400, seed, "1234", "/v2/?_state=hunter2")
	}
	f.Fuzz(func(t *testing.T, status int, body, id, location string) {
		if status < 400 || status > 599 {
			return
		}
		resp := answer(status, body, "X-Ms-Correlation-Request-Id", id, "Location", location)
		resp.Request = (&http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "https", Host: "contoso.azurecr.io", RawQuery: "sig=hunter2"}}).WithContext(strictly(t))
		err := operationError("get manifest", "app", "v1", newResponseError(resp))
		if !isStatus(err, status) {
			t.Fatalf("%v", err)
		}
		if text := err.Error(); strings.ContainsAny(text, "\r\n\x00\x1b") || len(text) > 2000 {
			t.Errorf("%q", text)
		}
		if got := responseOf(err); marked.MatchString(got.Request.URL.String()) || CorrelationID(err) != got.Header.Get(headerCorrelationID) {
			t.Errorf("%v", got)
		}
	})
}

// FuzzTokenAnswer looks that a token that is taken can go into a header.
func FuzzTokenAnswer(f *testing.F) {
	for _, seed := range []string{`{"access_token":"a.b.c"}`, `{"refresh_token":"x"}`, `{"token":"x","expires_in":1e300}`, `{"access_token":"a\nb"}`, `{"access_token":7}`, `{"expires_in":-1,"token":"t"}`, `[]`, `null`, ``, `<html>`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := &script{}
		s.on(http.MethodPost, "/oauth2/", always(200, string(body)))
		c, err := NewClient(scriptEndpoint, nil, &ClientOptions{ClientOptions: s.options()})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/oauth2/token", "/oauth2/exchange"} {
			got, err := c.registry().fetchToken(t.Context(), path, "contoso.azurecr.io", url.Values{})
			switch {
			case err == nil && (got.value == "" || !headerSafe(got.value) || got.expires.Sub(got.fetched) > maxLifetime || got.expires.Before(got.fetched)):
				t.Errorf("%s: %+v", path, got)
			case err != nil && !errors.As(err, new(*InvalidResponseError)):
				t.Errorf("%s: %v", path, err)
			}
		}
	})
}

// FuzzReferrers reads indexes of any shape.
func FuzzReferrers(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"sha256:`+strings.Repeat("0", 64)+`","size":1,"artifactType":"a"}]}`), "a")
	f.Add([]byte(`{"manifests":[null]}`), "")
	f.Add([]byte(`{"manifests":null}`), "")
	f.Add([]byte(`{"manifests":[{}]}`), "")
	f.Fuzz(func(t *testing.T, body []byte, artifactType string) {
		list, _, err := decodeReferrers(body, artifactType)
		for _, d := range list {
			if err != nil || d == nil || checkDigest("digest", d.Digest) != nil || artifactType != "" && d.ArtifactType != artifactType {
				t.Errorf("%+v, %v", d, err)
			}
		}
	})
}

// FuzzLocks writes what was read and reads it again.
func FuzzLocks(f *testing.F) {
	for _, seed := range []string{`{}`, `{"deleteEnabled":false,"writeEnabled":true,"x":1}`, `{"readEnabled":null,"listEnabled":true}`, `null`, `[]`, `{"deleteEnabled":"no"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var repository RepositoryWriteableProperties
		if json.Unmarshal(data, &repository) != nil {
			return
		}
		text, err := json.Marshal(repository)
		if err != nil {
			t.Fatal(err)
		}
		var tag TagWriteableProperties
		var manifest ManifestWriteableProperties
		var again RepositoryWriteableProperties
		for _, v := range []any{&tag, &manifest, &again} {
			if err := json.Unmarshal(text, v); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
		if diff := cmp.Diff(repository, again); diff != "" {
			t.Errorf("-read +read again:\n%s", diff)
		}
		if diff := cmp.Diff(RepositoryWriteableProperties(tag), again) + cmp.Diff(RepositoryWriteableProperties(manifest), again); diff != "" {
			t.Error(diff)
		}
	})
}

// TestNullIsWrittenWhereItIsAskedFor uses azcore's way of saying null.
func TestNullIsWrittenWhereItIsAskedFor(t *testing.T) {
	text, err := json.Marshal(TagWriteableProperties{CanDelete: azcore.NullValue[*bool](), CanWrite: to.Ptr(true)})
	if err != nil || string(text) != `{"deleteEnabled":null,"writeEnabled":true}` {
		t.Errorf("%s, %v", text, err)
	}
	text, err = json.Marshal(ACRRefreshToken{RefreshToken: azcore.NullValue[*string]()})
	if err != nil || string(text) != `{"refresh_token":null}` {
		t.Errorf("%s, %v", text, err)
	}
}
