package azcontainerregistry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/acrkit/azcontainerregistry/internal/wire"
	"github.com/google/go-cmp/cmp"
)

// TestAListingIsWholeOrAnError lets each way of cutting a listing short happen
// after its first page.
func TestAListingIsWholeOrAnError(t *testing.T) {
	next := func(target string) []string { return []string{"Link", "<" + target + `>; rel="next"`} }
	for symptom, test := range map[string]struct {
		link  []string
		rest  func(*scriptRequest) *http.Response
		check func(error) bool
	}{
		"malformed link": {
			link:  []string{"Link", `</acr/v1/_catalog?last=a`},
			check: func(err error) bool { return errors.Is(err, wire.ErrMalformedLink) },
		},
		"link to another host": {
			link: next("https://evil.example/acr/v1/_catalog?last=a"),
			check: func(err error) bool {
				var u *UntrustedOriginError
				return errors.As(err, &u) && u.Kind == OriginKindLink && u.Got == "https://evil.example"
			},
		},
		"link to another port": {
			link: next("https://contoso.azurecr.io:444/acr/v1/_catalog?last=a"),
			check: func(err error) bool {
				var u *UntrustedOriginError
				return errors.As(err, &u)
			},
		},
		"link to itself": {
			link:  next("/acr/v1/_catalog?last=b"),
			rest:  always(200, `{"repositories":["c"]}`, next("/acr/v1/_catalog?last=b")...),
			check: func(err error) bool { return strings.Contains(err.Error(), "points back") },
		},
		"endless equal pages": {
			link: next("/acr/v1/_catalog?last=0"),
			rest: func(r *scriptRequest) *http.Response {
				return answer(200, `{"repositories":["c"]}`, next("/acr/v1/_catalog?last=x"+r.URL.Query().Get("last"))...)
			},
			check: func(err error) bool { return strings.Contains(err.Error(), "repeats itself") },
		},
		"endless empty pages": {
			link: next("/acr/v1/_catalog?last=0"),
			rest: func(r *scriptRequest) *http.Response {
				return answer(200, `{"repositories":null}`, next("/acr/v1/_catalog?last=x"+r.URL.Query().Get("last"))...)
			},
			check: func(err error) bool { return strings.Contains(err.Error(), "without an item") },
		},
		"half a page": {
			link:  next("/acr/v1/_catalog?last=b"),
			rest:  always(200, `{"repositories":["c","d`),
			check: func(err error) bool { return errors.Is(err, wire.ErrUnexpectedEnd) },
		},
		"a web page": {
			link:  next("/acr/v1/_catalog?last=b"),
			rest:  always(200, `<html>sign in</html>`),
			check: func(err error) bool { return strings.Contains(err.Error(), `begins with "<html>sign in</html>"`) },
		},
		"a refusal": {
			link:  next("/acr/v1/_catalog?last=b"),
			rest:  always(403, `{"errors":[{"code":"DENIED","message":"no"}]}`),
			check: func(err error) bool { return HasCode(err, ErrorCodeDenied) },
		},
	} {
		for way, list := range map[string]func(context.Context, *Client) ([]string, error){"iterator": listNames, "pager": pagedNames} {
			t.Run(symptom+"/"+way, func(t *testing.T) {
				s := &script{}
				s.withTokens(time.Hour)
				s.on(http.MethodGet, "/acr/v1/_catalog", func(r *scriptRequest) *http.Response {
					if !r.URL.Query().Has("last") {
						return answer(200, `{"repositories":["a","b"]}`, test.link...)
					}
					return test.rest(r)
				})
				all, err := list(strictly(t), s.client(t, nil))
				var incomplete *IncompleteListingError
				if !errors.As(err, &incomplete) || incomplete.Items < len(all) || len(all) < 2 || !test.check(err) {
					t.Errorf("%v after %v", err, all)
				}
				for _, r := range s.seen {
					if r.URL.Host != "contoso.azurecr.io" {
						t.Errorf("a request went to %s", r.URL.Host)
					}
				}
			})
		}
	}
}

func TestNullListsAreEmpty(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/acr/v1/_catalog", always(200, `{"repositories":null}`))
	s.on(http.MethodGet, "/acr/v1/app/_tags", always(200, `{"tags":null}`))
	s.on(http.MethodGet, "/acr/v1/app/_manifests", always(200, `{"manifests":null}`))
	c := s.client(t, nil)
	if all, err := listNames(strictly(t), c); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	for tag, err := range c.Tags(strictly(t), "app", nil) {
		t.Errorf("%v, %v", tag, err)
	}
	for m, err := range c.Manifests(strictly(t), "app", nil) {
		t.Errorf("%v, %v", m, err)
	}
}

// TestAPageOfDeletedItemsIsAList lets the registry send what isn't the list that
// was asked for: none of it is an empty page, or a page of things without a name.
func TestAPageOfDeletedItemsIsAList(t *testing.T) {
	for kind, test := range map[string]struct {
		path, whole string
		next        func(context.Context, *Client) (int, error)
	}{
		"repositories": {"/acr/v1/_deleted/_catalog", `"app"`, func(ctx context.Context, c *Client) (int, error) {
			p, err := c.NewListDeletedRepositoriesPager(nil).NextPage(ctx)
			return len(p.Repositories), err
		}},
		"manifests": {"/acr/v1/_deleted/app/_manifests", `{"digest":"sha256:00"}`, func(ctx context.Context, c *Client) (int, error) {
			p, err := c.NewListDeletedManifestsPager("app", nil).NextPage(ctx)
			return len(p.Manifests), err
		}},
		"tags": {"/acr/v1/_deleted/app/_tags", `{"tag":"v1","digest":"sha256:00"}`, func(ctx context.Context, c *Client) (int, error) {
			p, err := c.NewListDeletedTagsPager("app", nil).NextPage(ctx)
			return len(p.Tags), err
		}},
	} {
		for body, symptom := range map[string]string{
			`{}`:                                    "it has no " + kind,
			`{"note":"` + kind + `"}`:               "it has no " + kind,
			`{"x":{"` + kind + `":[]}}`:             "it has no " + kind,
			`[]`:                                    "cannot unmarshal array",
			`{"` + kind + `":[null]}`:               "number 1 of its " + kind + " has no name",
			`{"` + kind + `":[` + test.whole:        "unexpected end of JSON input",
			`{"` + kind + `":"` + kind + `"}`:       "cannot unmarshal string",
			`<html>` + kind + `</html>`:             "invalid character",
			`{"` + kind + `":null}`:                 "",
			`{"` + kind + `":[]}`:                   "",
			`{"` + kind + `":[` + test.whole + `]}`: "",
		} {
			t.Run(kind+" "+body, func(t *testing.T) {
				s := &script{}
				s.on(http.MethodGet, test.path, always(200, body))
				n, err := test.next(t.Context(), s.client(t, nil))
				var invalid *InvalidResponseError
				switch {
				case symptom == "" && (err != nil || (n == 1) != strings.Contains(body, test.whole)):
					t.Errorf("%d items, %v", n, err)
				case symptom != "" && (n != 0 || !errors.As(err, &invalid) || !strings.Contains(err.Error(), symptom)):
					t.Errorf("%d items, %v; want %q", n, err, symptom)
				}
			})
		}
	}
	s := &script{}
	s.on(http.MethodGet, "/acr/v1/_deleted/app/_", always(200, `{"manifests":[{"tags":["v1"]}],"tags":[{"digest":"sha256:00"}]}`))
	c := s.client(t, nil)
	if p, err := c.NewListDeletedManifestsPager("app", nil).NextPage(t.Context()); err == nil {
		t.Errorf("a manifest without a digest: %+v", p)
	}
	if p, err := c.NewListDeletedTagsPager("app", nil).NextPage(t.Context()); err == nil {
		t.Errorf("a tag without a name: %+v", p)
	}
}

func TestLaterPagesKeepTheFilter(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	digest := "sha256:" + strings.Repeat("0", 64)
	s.on(http.MethodGet, "/acr/v1/app/_tags", inTurn(
		always(200, `{"tags":[{"name":"a"}]}`, "Link", `</acr/v1/app/_tags?last=639039224611470601%26a&n=1&orderby=timeasc>; rel="next"`),
		always(200, `{"tags":[{"name":"b"}]}`)))
	order, one := ArtifactTagOrderByLastUpdatedOnAscending, int32(1)
	for _, err := range s.client(t, nil).Tags(strictly(t), "app", &ClientListTagsOptions{Digest: &digest, MaxNum: &one, OrderBy: &order}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	var queries []url.Values
	for _, r := range s.seen {
		queries = append(queries, r.URL.Query())
	}
	want := []url.Values{
		{"api-version": {"2021-07-01"}, "digest": {digest}, "n": {"1"}, "orderby": {"timeasc"}},
		{"digest": {digest}, "n": {"1"}, "orderby": {"timeasc"}, "last": {"639039224611470601&a"}},
	}
	if diff := cmp.Diff(want, queries); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// numbered answers pages of one name each, for ever.
func numbered(r *scriptRequest) *http.Response {
	n := len(r.URL.Query().Get("last"))
	return answer(200, fmt.Sprintf(`{"repositories":["r%d"]}`, n), "Link", fmt.Sprintf(`</acr/v1/_catalog?last=%s>; rel="next"`, strings.Repeat("x", n+1)))
}

func TestALoopThatEndsStopsTheRequests(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/acr/v1/_catalog", numbered)
	list := s.client(t, nil).Repositories(strictly(t), nil)
	for range list {
		break
	}
	if n := s.count("GET"); n != 1 {
		t.Errorf("a loop of one item took %d requests", n)
	}
	n := 0
	for name, err := range list {
		if err != nil || name != fmt.Sprintf("r%d", n) {
			t.Fatalf("ranging again: %q, %v", name, err)
		}
		if n++; n == 5 {
			break
		}
	}
	// One page of the five is asked for ahead, at most.
	if n := s.count("GET"); n < 6 || n > 7 {
		t.Errorf("%d requests for five pages and one", n)
	}
}

func TestACancelledListingStops(t *testing.T) {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/acr/v1/_catalog", numbered)
	ctx, cancel := context.WithCancel(strictly(t))
	defer cancel()
	n := 0
	for _, err := range s.client(t, nil).Repositories(ctx, nil) {
		if n++; n == 3 {
			cancel()
		}
		if n > 3 && !errors.Is(err, context.Canceled) {
			t.Errorf("error: %v", err)
		}
		if n > 4 {
			t.Fatal("the listing goes on")
		}
	}
}

func TestAPageThatBreaksOffIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.withTokens(time.Hour)
		cut := func(r *scriptRequest) *http.Response {
			resp := answer(200, `{"repositories":["b","c`)
			resp.ContentLength = -1
			resp.Body = cutBody{resp.Body}
			return resp
		}
		s.on(http.MethodGet, "/acr/v1/_catalog", inTurn(
			always(200, `{"repositories":["a"]}`, "Link", `</acr/v1/_catalog?last=a>; rel="next"`),
			cut, cut, always(200, `{"repositories":["b","c"]}`),
			cut, cut, cut, cut))
		c := s.client(t, nil)
		all, err := listNames(strictly(t), c)
		if diff := cmp.Diff([]string{"a", "b", "c"}, all); diff != "" || err != nil {
			t.Errorf("%v, %s", err, diff)
		}
		_, err = pagedNames(strictly(t), c)
		var exhausted *RetriesExhaustedError
		if !errors.As(err, &exhausted) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("error: %v", err)
		}
	})
}

func TestReferrersFallBackToTheTag(t *testing.T) {
	subject := "sha256:" + strings.Repeat("0", 64)
	index := `{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"sha256:` + strings.Repeat("1", 64) + `","size":3,"artifactType":"x"},{"mediaType":"m","digest":"sha256:` + strings.Repeat("2", 64) + `","size":3,"artifactType":"y"}]}`
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/v2/app/manifests/sha256-"+strings.Repeat("0", 64), always(200, index))
	c := s.client(t, nil)
	n := 0
	for d, err := range c.Referrers(strictly(t), "app", subject, &ClientListReferrersOptions{ArtifactType: "y"}) {
		if err != nil || d.ArtifactType != "y" {
			t.Errorf("%+v, %v", d, err)
		}
		n++
	}
	if n != 1 {
		t.Errorf("%d referrers", n)
	}
	for d, err := range c.Referrers(strictly(t), "other", subject, nil) {
		t.Errorf("a subject without referrers: %+v, %v", d, err)
	}
	for _, bad := range []string{`{"manifests":[null]}`, `{"manifests":[{"digest":"x"}]}`, `<html>`} {
		s := &script{}
		s.withTokens(time.Hour)
		s.on(http.MethodGet, "/v2/app/referrers/", always(200, bad))
		for _, err := range s.client(t, nil).Referrers(strictly(t), "app", subject, nil) {
			if err == nil {
				t.Errorf("%s is taken for an index", bad)
			}
		}
	}
}

// What things of a list share in memory must not be seen.
func TestThingsOfAPageHaveTheirOwnValues(t *testing.T) {
	long := strings.Repeat("x", 3000)
	var items []string
	for i := range 100 {
		items = append(items, fmt.Sprintf(`{"digest":"sha256:%d","mediaType":"m\u00e9","configMediaType":%q,"tags":["v%d",null,"\n%d"],`+
			`"createdTime":"2023-02-19T00:32:09.%dZ","changeableAttributes":{"deleteEnabled":%v,"writeEnabled":%v}}`, i, long, i, i, i, i%2 == 0, i%3 == 0))
	}
	items[50] = `{"digest":"` + long + `"}`
	items[51] = `null`
	m := new(Manifests)
	if err := m.UnmarshalJSON([]byte(`{"registry":"r","imageName":"a","manifests":[` + strings.Join(items, ",") + `],"link":"l"}`)); err != nil || len(m.Attributes) != 100 {
		t.Fatalf("%d manifests, %v", len(m.Attributes), err)
	}
	if *m.RegistryLoginServer != "r" || *m.Repository != "a" || *m.Link != "l" || *m.Attributes[50].Digest != long || m.Attributes[50].ChangeableAttributes != nil || m.Attributes[51] != nil {
		t.Errorf("registry %q, repository %q, link %q", *m.RegistryLoginServer, *m.Repository, *m.Link)
	}
	for i, a := range m.Attributes {
		if i == 50 || i == 51 {
			continue
		}
		c := a.ChangeableAttributes
		if *a.Digest != fmt.Sprintf("sha256:%d", i) || *a.MediaType != "mé" || *a.ConfigMediaType != long ||
			*a.Tags[0] != fmt.Sprintf("v%d", i) || a.Tags[1] != nil || *a.Tags[2] != fmt.Sprintf("\n%d", i) ||
			*c.CanDelete != (i%2 == 0) || *c.CanWrite != (i%3 == 0) || c.CanList != nil || c.CanRead != nil {
			t.Fatalf("manifest %d is %v", i, a)
		}
		*a.Digest, *c.CanDelete, *a.Tags[0] = "changed", !*c.CanDelete, "changed"
	}
}

func TestAPageCostsAFewAllocations(t *testing.T) {
	for _, c := range []struct {
		kind string
		most float64
		read func([]byte) error
	}{
		{"tags", 200, func(page []byte) error { return new(TagList).UnmarshalJSON(page) }},
		{"manifests", 2300, func(page []byte) error { return new(Manifests).UnmarshalJSON(page) }},
	} {
		page := page1000(c.kind)
		n := testing.AllocsPerRun(5, func() {
			if err := c.read(page); err != nil {
				t.Error(err)
			}
		})
		if n > c.most {
			t.Errorf("1000 %s: %v allocations, want %v at most", c.kind, n, c.most)
		}
	}
}

type transporterFunc func(*http.Request) (*http.Response, error)

func (f transporterFunc) Do(req *http.Request) (*http.Response, error) { return f(req) }

func TestAMillionTagsNeedNoMoreMemoryThanAHundredThousand(t *testing.T) {
	text := string(page1000("tags"))
	asked := 0
	options := (&script{}).options()
	options.Transport = transporterFunc(func(req *http.Request) (*http.Response, error) {
		page, _ := strconv.Atoi(strings.TrimPrefix(req.URL.Query().Get("last"), "p"))
		asked++
		header := []string{}
		if page < 999 {
			header = []string{"Link", fmt.Sprintf(`</acr/v1/app/_tags?last=p%d>; rel="next"`, page+1)}
		}
		resp := answer(http.StatusOK, strings.ReplaceAll(text, "v1.0.", fmt.Sprintf("v%d.", page)), header...)
		resp.Request = req
		return resp, nil
	})
	c, err := NewClientWithNoCredential(scriptEndpoint, &ClientOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	var early, late runtime.MemStats
	n := 0
	for _, err := range c.Tags(t.Context(), "app", nil) {
		if err != nil {
			t.Fatal(err)
		}
		switch n++; n {
		case 100_000:
			runtime.GC()
			runtime.ReadMemStats(&early)
		case 1_000_000:
			runtime.GC()
			runtime.ReadMemStats(&late)
		}
	}
	if n != 1_000_000 || asked != 1000 {
		t.Errorf("%d tags on %d pages", n, asked)
	}
	if late.HeapAlloc > early.HeapAlloc+4<<20 {
		t.Errorf("%d bytes in use after 100,000 tags, %d after a million", early.HeapAlloc, late.HeapAlloc)
	}
}

// page1000 is a page of ACR's largest size.
func page1000(kind string) []byte {
	var items []string
	for i := range 1000 {
		common := `"createdTime":"2023-02-19T00:32:09.2339719Z","lastUpdateTime":"2023-02-19T00:32:09.2339719Z","changeableAttributes":{"deleteEnabled":true,"writeEnabled":true,"readEnabled":true,"listEnabled":true}}`
		digest := fmt.Sprintf("sha256:%064x", i)
		if kind == "tags" {
			items = append(items, fmt.Sprintf(`{"name":"v1.0.%d","digest":%q,"signed":false,%s`, i, digest, common))
		} else {
			items = append(items, fmt.Sprintf(`{"digest":%q,"imageSize":4452,"architecture":"amd64","os":"linux","mediaType":"application/vnd.docker.distribution.manifest.v2+json","configMediaType":"application/vnd.docker.container.image.v1+json","tags":["v1.0.%d"],%s`, digest, i, common))
		}
	}
	return []byte(`{"registry":"r.azurecr.io","imageName":"app","` + kind + `":[` + strings.Join(items, ",") + `]}`)
}

func BenchmarkReadPageOfTags(b *testing.B) {
	page := page1000("tags")
	b.ReportAllocs()
	for b.Loop() {
		var l TagList
		if err := l.UnmarshalJSON(page); err != nil || len(l.Tags) != 1000 {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadPageOfManifests(b *testing.B) {
	page := page1000("manifests")
	b.ReportAllocs()
	for b.Loop() {
		var m Manifests
		if err := m.UnmarshalJSON(page); err != nil || len(m.Attributes) != 1000 {
			b.Fatal(err)
		}
	}
}
