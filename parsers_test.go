package azcontainerregistry

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestChallenges(t *testing.T) {
	type want = []challenge
	one := func(scheme, token68 string, params ...string) challenge {
		c := challenge{scheme: scheme, token68: token68, params: map[string]string{}}
		for i := 0; i < len(params); i += 2 {
			c.params[params[i]] = params[i+1]
		}
		return c
	}
	for line, want := range map[string]want{
		`Bearer realm="https://r.azurecr.io/oauth2/token",service="r.azurecr.io",scope="repository:a:pull,push",error="insufficient_scope"`: {
			one("bearer", "", "realm", "https://r.azurecr.io/oauth2/token", "service", "r.azurecr.io", "scope", "repository:a:pull,push", "error", "insufficient_scope"),
		},
		`bEaReR REALM = "https://r/?a=b=c" , Scope=x`: {one("bearer", "", "realm", "https://r/?a=b=c", "scope", "x")},
		`Basic realm="simple", Bearer realm="x"`:      {one("basic", "", "realm", "simple"), one("bearer", "", "realm", "x")},
		`Negotiate, Basic realm="x"`:                  {one("negotiate", ""), one("basic", "", "realm", "x")},
		`Negotiate oYGbMIGY==, Digest realm="a"`:      {one("negotiate", "oYGbMIGY=="), one("digest", "", "realm", "a")},
		`Basic realm="a \"quoted\" \\ one"`:           {one("basic", "", "realm", `a "quoted" \ one`)},
		`Basic realm="a", realm="b"`:                  {one("basic", "", "realm", "a")},
		`Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple"`: {
			one("newauth", "", "realm", "apps", "type", "1", "title", `Login to "apps"`), one("basic", "", "realm", "simple"),
		},
		`, ,Bearer realm="x",,`:  {one("bearer", "", "realm", "x")},
		`Bearer`:                 {one("bearer", "")},
		`Bearer realm="no end`:   {one("bearer", "")},
		``:                       nil,
		`"`:                      nil,
		`Bearer realm="x" junk"`: {one("bearer", "", "realm", "x")},
	} {
		got := parseChallenges([]string{line})
		if len(got) > len(want) && strings.Contains(line, "junk") {
			got = got[:len(want)]
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(challenge{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

func FuzzChallenges(f *testing.F) {
	for _, seed := range []string{
		`Bearer realm="https://r.azurecr.io/oauth2/token",service="r.azurecr.io",scope="repository:a:pull,push"`,
		`Negotiate oYGb==, Basic realm="a\"b"`, `Bearer realm=`, `a b=c d`, `,,,`, `"`, `Basic =`, "a\x00b c",
	} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		all := parseChallenges([]string{a, b})
		if len(all) > maxChallenges {
			t.Errorf("%d challenges", len(all))
		}
		for _, c := range all {
			if c.scheme == "" || c.scheme != strings.ToLower(c.scheme) {
				t.Errorf("scheme %q", c.scheme)
			}
			// What was read can be written and read again.
			line := c.scheme
			for name, value := range c.params {
				line += " " + name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `",`
			}
			if c.token68 == "" && len(c.params) == 1 {
				if diff := cmp.Diff([]challenge{c}, parseChallenges([]string{line}), cmp.AllowUnexported(challenge{})); diff != "" {
					t.Errorf("%q (-want +got):\n%s", line, diff)
				}
			}
		}
	})
}

func TestNextLink(t *testing.T) {
	for line, want := range map[string]string{
		`</acr/v1/_catalog?last=alpine&n=1&orderby=>; rel="next"`: `/acr/v1/_catalog?last=alpine&n=1&orderby=`,
		`</a>; REL=NEXT`:                                             `/a`,
		`</a> ; rel = "prev next"`:                                   `/a`,
		`</p>; rel="prev", </n>; rel="next"`:                         `/n`,
		`</p>; title="a, <b>; rel=\"next\""; rel=prev,</n>;rel=next`: `/n`,
		`</p>; rel="prev"; rel="next"`:                               ``,
		`</a>`:                                                       ``,
		`</a>; rel="next";`:                                          `/a`,
		`</a>; rel="next"; title*=UTF-8''x`:                          `/a`,
		``:                                                           ``,
		`</a?b=c,d;e>; rel="next"`:                                   `/a?b=c,d;e`,
	} {
		if got, err := nextLink([]string{line}); err != nil || got != want {
			t.Errorf("%s: %q, %v", line, got, err)
		}
	}
	if got, err := nextLink([]string{`</p>; rel="prev"`, `</n>; rel="next"`}); err != nil || got != "/n" {
		t.Errorf("two lines: %q, %v", got, err)
	}
	for _, line := range []string{
		`/a; rel="next"`, `</a; rel="next"`, `<>; rel="next"`, `</a> rel="next"`, `</a>; rel="next`, `<`, `>`, `</a>; ="next"`, "</a\nb>; rel=next", `<  >;rel=next`,
	} {
		if got, err := nextLink([]string{line}); !errors.Is(err, errMalformedLink) {
			t.Errorf("%s: %q, %v", line, got, err)
		}
	}
}

func FuzzNextLink(f *testing.F) {
	for _, seed := range []string{`</acr/v1/_catalog?last=alpine&n=1&orderby=>; rel="next"`, `</p>; title="a, <b>"; rel=prev,</n>;rel=next`, `<`, `;`, `<a>;`, `<a>;rel="`} {
		f.Add(seed)
	}
	base, _ := url.Parse("https://contoso.azurecr.io/acr/v1/_catalog")
	f.Fuzz(func(t *testing.T, line string) {
		target, err := nextLink([]string{line})
		if err != nil && target != "" {
			t.Errorf("%q and %v", target, err)
		}
		if err == nil && target != "" {
			if u, err := resolve(base, target); err == nil && originOf(u) == originOf(base) && u.Host != base.Host && !strings.EqualFold(u.Hostname(), base.Hostname()) {
				t.Errorf("%q is taken for the same origin as %q", u.Host, base.Host)
			}
		}
	})
}

// FuzzJSONScanner compares what the scanner accepts, and what it reads, with
// encoding/json.
func FuzzJSONScanner(f *testing.F) {
	for _, seed := range []string{
		`{"registry":"r","imageName":"a","tags":[{"name":"v1","digest":"sha256:00","createdTime":"2023-02-19T00:32:09.2339719Z","lastUpdateTime":"2023-02-19T00:32:09","signed":false,"changeableAttributes":{"deleteEnabled":true,"writeEnabled":false}}]}`,
		`{"tags":null}`, `null`, `{"tags":[null]}`, `{"tags":[{"name":1}]}`, `{"tags":[`, `{"name":"\ud83d\ude00\u00e9\n","x":[1,-0.5e+3,{"a":{}}]}`,
		"{\"name\":\"\xff\xfe\"}", `{"a":01}`, `{"a":1,}`, `[1 2]`, `{"a"}`, " \t\r\n{} x", `"\ud83d"`, `{"tags":[{},]}`, `-`, `{"tags":[{"changeableAttributes":{"deleteEnabled":null}}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= 3 && string(data[:3]) == "\xef\xbb\xbf" {
			return // encoding/json doesn't skip a byte order mark
		}
		s := &jsonScanner{data: data}
		s.skip()
		if got, want := s.end() == nil, json.Valid(data); got != want {
			t.Fatalf("%q: accepted %v, encoding/json %v (%v)", data, got, want, s.err)
		}
		var text string
		s = &jsonScanner{data: data}
		got := string(s.rawString())
		if json.Unmarshal(data, &text) == nil && s.end() == nil && got != text {
			t.Fatalf("%q: read %q, encoding/json %q", data, got, text)
		}
		var tags TagList
		err := tags.UnmarshalJSON(data)
		if err == nil && !json.Valid(data) {
			t.Fatalf("%q: accepted", data)
		}
		for _, tag := range tags.Tags {
			if tag == nil {
				t.Fatalf("%q: a nil tag", data)
			}
		}
		_ = new(Manifests).UnmarshalJSON(data)
		_ = new(Repositories).UnmarshalJSON(data)
		_ = new(ContainerRepositoryProperties).UnmarshalJSON(data)
		_ = new(ArtifactManifestProperties).UnmarshalJSON(data)
		_ = new(ArtifactTagProperties).UnmarshalJSON(data)
		_ = new(ACRAccessToken).UnmarshalJSON(data)
		parseErrorBody(data)
	})
}

func TestModelsAreReadFromTheRegistrysJSON(t *testing.T) {
	var m Manifests
	if err := json.Unmarshal([]byte(`{"registry":"r.azurecr.io","imageName":"team/app","manifests":[
		{"digest":"sha256:H1","imageSize":4452000000,"createdTime":"2023-02-19T00:32:09.2339719Z","lastUpdateTime":"2023-02-19T00:32:09.01",
		"architecture":"amd64","os":"linux","mediaType":"m","configMediaType":"c","tags":["latest","v1"],"unknown":{"a":[1]},
		"changeableAttributes":{"deleteEnabled":true,"writeEnabled":false,"readEnabled":true,"listEnabled":false,"quarantineState":"Passed"}},
		{"digest":"sha256:H2","imageSize":0,"tags":null,"references":[{"digest":"sha256:C1","architecture":"arm","os":"linux"}]}]}`), &m); err != nil {
		t.Fatal(err)
	}
	want := Manifests{
		RegistryLoginServer: new("r.azurecr.io"), Repository: new("team/app"),
		Attributes: []*ManifestAttributes{
			{
				Digest: new("sha256:H1"), Size: new(int64(4452000000)), MediaType: new("m"), ConfigMediaType: new("c"),
				CreatedOn:     new(time.Date(2023, 2, 19, 0, 32, 9, 233971900, time.UTC)),
				LastUpdatedOn: new(time.Date(2023, 2, 19, 0, 32, 9, 10000000, time.UTC)),
				Architecture:  new(ArtifactArchitectureAmd64), OperatingSystem: new(ArtifactOperatingSystemLinux),
				Tags:                 []*string{new("latest"), new("v1")},
				ChangeableAttributes: &ManifestWriteableProperties{CanDelete: new(true), CanWrite: new(false), CanRead: new(true), CanList: new(false)},
			},
			{
				Digest: new("sha256:H2"), Size: new(int64(0)),
				RelatedArtifacts: []*ArtifactManifestPlatform{{Digest: new("sha256:C1"), Architecture: new(ArtifactArchitectureArm), OperatingSystem: new(ArtifactOperatingSystemLinux)}},
			},
		},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestBadJSONIsAnErrorThatSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		`{"tags":[null]}`:                        `at byte 9: want an object, got 'n'`,
		`{"tags":[{"name":1}]}`:                  `at byte 17: want a string, got '1'`,
		`{"tags":[{"createdTime":"yesterday"}]}`: `at byte 24: want a timestamp, got '"'`,
		`{"tags":[{"name":"v1"`:                  `unexpected end`,
		`{"tags":[]} {}`:                         `at byte 12: want the end, got '{'`,
		`<html>`:                                 `at byte 0: want {, got '<'`,
		``:                                       `unexpected end`,
	} {
		if err := new(TagList).UnmarshalJSON([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	var r ContainerRepositoryProperties
	if err := r.UnmarshalJSON([]byte(`{"tagCount":3000000000}`)); err == nil {
		t.Error("3000000000 fits into an int32")
	}
	if err := r.UnmarshalJSON([]byte(`{"tagCount":3e3,"manifestCount":2.0}`)); err != nil || *r.TagCount != 3000 || *r.ManifestCount != 2 {
		t.Errorf("%v", err)
	}
}

func TestLocksAreWrittenWithoutWhatIsNil(t *testing.T) {
	got, err := json.Marshal(&ClientUpdateTagPropertiesOptions{Value: &TagWriteableProperties{CanDelete: new(false), CanRead: new(true)}})
	if err != nil || string(got) != `{"Value":{"deleteEnabled":false,"readEnabled":true}}` {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := json.Marshal(ACRAccessToken{AccessToken: new(`a"b`)}); err != nil || string(got) != `{"access_token":"a\"b"}` {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := json.Marshal(RepositoryWriteableProperties{}); err != nil || string(got) != `{}` {
		t.Errorf("%s, %v", got, err)
	}
}
