package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	acr "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"
)

// paged responds with n pages, each by its number in the query.
func paged(n int, page func(i int) string) *fake {
	return &fake{response: func(r *http.Request) *http.Response {
		i := 0
		fmt.Sscan(r.URL.Query().Get("last"), &i)
		if i+1 < n {
			return respond(200, page(i), "Link", fmt.Sprintf(`<%s?last=%d&n=1>; rel="next"`, r.URL.EscapedPath(), i+1))
		}
		return respond(200, page(i))
	}}
}

// pagers walks through listings in every way.
func pagers(s section) {
	ctx := context.Background()
	walk(s, "repositories", ctx, paged(3, func(i int) string { return fmt.Sprintf(`{"repositories":["r%d"]}`, i) }), func(c clients) *runtime.Pager[acr.ClientListRepositoriesResponse] {
		return c.NewListRepositoriesPager(nil)
	})
	walk(s, "tags", ctx, paged(3, func(i int) string { return fmt.Sprintf(`{"tags":[{"name":"t%d"}]}`, i) }), func(c clients) *runtime.Pager[acr.ClientListTagsResponse] {
		return c.NewListTagsPager("team/app", nil)
	})
	digest := sum
	walk(s, "tags of a digest", ctx, paged(3, func(i int) string { return fmt.Sprintf(`{"tags":[{"name":"t%d"}]}`, i) }), func(c clients) *runtime.Pager[acr.ClientListTagsResponse] {
		return c.NewListTagsPager("app", &acr.ClientListTagsOptions{Digest: &digest})
	})
	walk(s, "manifests", ctx, paged(3, func(i int) string { return fmt.Sprintf(`{"manifests":[{"digest":"d%d"}]}`, i) }), func(c clients) *runtime.Pager[acr.ClientListManifestsResponse] {
		return c.NewListManifestsPager("app", nil)
	})
	walk(s, "empty pages", ctx, paged(3, func(i int) string { return `{"tags":[]}` }), func(c clients) *runtime.Pager[acr.ClientListTagsResponse] {
		return c.NewListTagsPager("app", nil)
	})
	walk(s, "no name", ctx, paged(1, func(i int) string { return `{}` }), func(c clients) *runtime.Pager[acr.ClientListTagsResponse] {
		return c.NewListTagsPager("", nil)
	})
	circle := &fake{response: func(r *http.Request) *http.Response {
		return respond(200, onePage, "Link", `</acr/v1/app/_tags?last=v1>; rel="next"`)
	}}
	pager := connect(nil, with(circle)).NewListTagsPager("app", nil)
	for range 5 {
		page, err := pager.NextPage(ctx)
		s.say("circle", []any{len(page.Tags), page.Link, fmt.Sprint(err)})
	}
	for _, status := range []int{201, 204, 302, 401, 404, 429, 500} {
		f := always(status, onePage, "Location", "/x")
		pager := connect(nil, with(f)).NewListTagsPager("app", nil)
		page, err := pager.NextPage(ctx)
		s.say(fmt.Sprint("status ", status), []any{page, fmt.Sprintf("%T: %v", err, err), pager.More()})
	}
	for _, link := range []string{
		`</acr/v1/app/_tags?last=v1>; rel="next", </x>; rel="prev"`, `</x>; rel="prev", </acr/v1/app/_tags?last=v1>; rel="next"`, `<acr/v1/app/_tags?last=v1>; rel="next"`, `<?last=v1>; rel="next"`,
		`</acr/v1/app/_tags?last=a%2Fb&n=1>; rel="next"`, `</acr/v1/app/_tags?last=a b>; rel="next"`, `</acr/v1/team%2Fapp/_tags?last=v1>; rel="next"`, `</acr/v1/team/app/_tags?last=v1>; rel="next"`, `</acr/v1/app/_tags?last=v1&api-version=2019-01-01>; rel="next"`,
		`< /acr/v1/app/_tags?last=v1>; rel="next"`, ` </acr/v1/app/_tags?last=v1>; rel="next"`, `</acr/v1/app/_tags?last=v1>`, `</acr/v1/app/_tags?last=v1>;rel=next;title="x"`, `</acr/v1/app/_tags?last=v1>; REL="next"`,
	} {
		n := 0
		f := &fake{response: func(r *http.Request) *http.Response {
			if n++; n > 1 {
				return respond(200, onePage)
			}
			return respond(200, onePage, "Link", link)
		}}
		pager := connect(nil, with(f)).NewListTagsPager("app", nil)
		page, err := pager.NextPage(ctx)
		s.say("link "+link, []any{page.Link, fmt.Sprint(err), pager.More()})
		page, err = pager.NextPage(ctx)
		s.say("link "+link+" next", []any{len(page.Tags), fmt.Sprint(err), f.requests()})
	}
	// A page that was kept goes on elsewhere.
	f := paged(3, func(i int) string { return fmt.Sprintf(`{"repositories":["r%d"]}`, i) })
	c := connect(nil, with(f))
	first, err := c.NewListRepositoriesPager(nil).NextPage(ctx)
	s.say("first", fmt.Sprint(err))
	text, err := json.Marshal(first)
	s.say("first written", []any{string(text), fmt.Sprint(err)})
	resumed := c.NewListRepositoriesPager(nil)
	s.say("resumed", fmt.Sprint(json.Unmarshal(text, resumed)))
	s.say("resumed more", resumed.More())
	s.try("resumed page", func() (any, error) { return resumed.NextPage(ctx) })
	// Options are read at each page, or once.
	last := "0"
	o := &acr.ClientListRepositoriesOptions{Last: &last}
	later := c.NewListRepositoriesPager(o)
	last = "2"
	f.requests()
	s.try("options changed", func() (any, error) { return later.NextPage(ctx) })
	s.say("options changed requests", f.requests())
	// Each page has its context.
	for _, c := range every[:3] {
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		f := always(200, onePage)
		t := transport(func(r *http.Request) (*http.Response, error) {
			if err := r.Context().Err(); err != nil {
				return nil, err
			}
			return f.Do(r)
		})
		s.try(c.name+" canceled", func() (any, error) { return c.do(canceled, connect(nil, with(t))) })
	}
	var raw *http.Response
	p := connect(nil, with(paged(2, func(i int) string { return onePage }))).NewListTagsPager("app", nil)
	for p.More() {
		page, err := p.NextPage(policy.WithCaptureResponse(ctx, &raw))
		s.say("captured page", []any{len(page.Tags), fmt.Sprint(err), raw.Header.Get("Link"), strings.Contains(raw.Request.URL.String(), "last=1")})
	}
}

func walk[T any](s section, what string, ctx context.Context, f *fake, make func(clients) *runtime.Pager[T]) {
	pager := make(connect(nil, with(f)))
	s.say(what+" more before the first", pager.More())
	for i := range 5 {
		s.try(fmt.Sprint(what, " page ", i), func() (any, error) { return pager.NextPage(ctx) })
		s.say(fmt.Sprint(what, " more ", i), pager.More())
	}
	s.say(what+" requests", f.requests())
	// Three pagers of one client don't know of each other.
	c := connect(nil, with(f))
	a, b := make(c), make(c)
	for i := range 2 {
		s.try(fmt.Sprint(what, " a ", i), func() (any, error) { return a.NextPage(ctx) })
		s.try(fmt.Sprint(what, " b ", i), func() (any, error) { return b.NextPage(ctx) })
	}
}
