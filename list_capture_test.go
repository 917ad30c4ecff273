package azcontainerregistry

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// threePages are served with one name each.
func threePages() *script {
	s := &script{}
	s.withTokens(time.Hour)
	s.on(http.MethodGet, "/acr/v1/_catalog", func(r *scriptRequest) *http.Response {
		switch r.URL.Query().Get("last") {
		case "":
			return answer(200, `{"repositories":["a"]}`, "Link", `</acr/v1/_catalog?last=a>; rel="next"`)
		case "a":
			return answer(200, `{"repositories":["b"]}`, "Link", `</acr/v1/_catalog?last=b>; rel="next"`)
		}
		return answer(200, `{"repositories":["c"]}`)
	})
	return s
}

// listings are the ways of listing repositories; seen is called with each page's
// or item's names.
var listings = map[string]func(context.Context, *Client, func(string)) error{
	"pager": func(ctx context.Context, c *Client, seen func(string)) error {
		for pager := c.NewListRepositoriesPager(nil); pager.More(); {
			page, err := pager.NextPage(ctx)
			if err != nil {
				return err
			}
			for _, name := range page.Names {
				seen(*name)
			}
		}
		return nil
	},
	"iterator": func(ctx context.Context, c *Client, seen func(string)) error {
		for name, err := range c.Repositories(ctx, nil) {
			if err != nil {
				return err
			}
			seen(name)
		}
		return nil
	},
}

func TestTheCapturedBodyOfAPageCanBeRead(t *testing.T) {
	for way, list := range listings {
		for kind, ctx := range map[string]context.Context{"plain": t.Context(), "strict": strictly(t)} {
			var raw *http.Response
			var names []string
			err := list(policy.WithCaptureResponse(ctx, &raw), threePages().client(t, nil), func(name string) {
				names = append(names, name)
				body, err := io.ReadAll(raw.Body)
				if err != nil || string(body) != `{"repositories":["`+name+`"]}` {
					t.Errorf("%s, %s: the body captured at %s is %q, %v", way, kind, name, body, err)
				}
			})
			if err != nil || !slices.Equal(names, []string{"a", "b", "c"}) {
				t.Errorf("%s, %s: %v, %v", way, kind, names, err)
			}
		}
	}
}

func TestLoggedBodiesHaveThePages(t *testing.T) {
	for way, list := range listings {
		var mu sync.Mutex
		var logged []string
		log.SetListener(func(_ log.Event, text string) {
			mu.Lock()
			defer mu.Unlock()
			for line := range strings.Lines(text) {
				if strings.HasPrefix(line, `{"repositories"`) {
					logged = append(logged, strings.TrimSpace(line))
				}
			}
		})
		o := threePages().options()
		o.Logging.IncludeBody = true
		c, err := NewClient(scriptEndpoint, nil, &ClientOptions{ClientOptions: o})
		if err != nil {
			t.Fatal(err)
		}
		err = list(t.Context(), c, func(string) {})
		log.SetListener(nil)
		if want := []string{`{"repositories":["a"]}`, `{"repositories":["b"]}`, `{"repositories":["c"]}`}; err != nil || !slices.Equal(logged, want) {
			t.Errorf("%s: logged %q, %v", way, logged, err)
		}
	}
}

// Nobody else's response is touched by asking whether there is somebody.
func TestAskingWhoCapturesChangesNothing(t *testing.T) {
	before := answer(200, "")
	raw := before
	ctx := policy.WithCaptureResponse(t.Context(), &raw)
	if !captures(ctx) || raw != before {
		t.Errorf("captures %t, and the place has changed: %t", captures(ctx), raw != before)
	}
	//lint:ignore SA1012 nil is what is tested
	if captures(t.Context()) || captures(withoutCapture(ctx)) || captures(nil) {
		t.Error("nobody captures")
	}
}

// A page streams when nobody wants its body: the pipeline doesn't hold it.
func TestPagesOfAnIteratorStreamOtherwise(t *testing.T) {
	s := threePages()
	o := s.options()
	streaming := 0
	o.PerRetryPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
		if limit, _ := req.Raw().Context().Value(responseLimit{}).(int); limit == streamed {
			streaming++
		}
		return req.Next()
	})}
	c, err := NewClient(scriptEndpoint, nil, &ClientOptions{ClientOptions: o})
	if err != nil {
		t.Fatal(err)
	}
	if err := listings["iterator"](t.Context(), c, func(string) {}); err != nil || streaming != 3 {
		t.Errorf("%d of 3 pages stream, %v", streaming, err)
	}
}
