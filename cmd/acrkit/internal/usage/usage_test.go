package usage

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.uber.org/goleak"

	"github.com/acrkit/azcontainerregistry/artifact"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// graphs makes repositories with tags of layers, by sizes.
func graphs(repositories map[string]map[string][]int64) []*artifact.RepositoryGraph {
	var list []*artifact.RepositoryGraph
	for name, tags := range repositories {
		g := &artifact.RepositoryGraph{Repository: name, Manifests: map[digest.Digest]*artifact.GraphManifest{}}
		for tag, layers := range tags {
			d := digest.FromString(name + tag)
			created := time.Date(2026, 1, 1+len(tag), 0, 0, 0, 0, time.UTC)
			m := &artifact.GraphManifest{Digest: d, Size: 500, Tags: []string{tag}, CreatedOn: &created}
			for _, size := range layers {
				m.Blobs = append(m.Blobs, ocispec.Descriptor{Digest: digest.FromString(fmt.Sprint(size)), Size: size})
			}
			g.Manifests[d] = m
			g.Tags = append(g.Tags, artifact.GraphTag{Name: tag, Digest: d, CreatedOn: &created})
		}
		list = append(list, g)
	}
	return list
}

func TestAreasAreInProportion(t *testing.T) {
	for _, sizes := range [][]float64{{1}, {6, 6, 4, 3, 2, 2, 1}, {1e12, 1, 1}, {5, 5, 5, 5}, {1000, 1e-9}} {
		var sum, area float64
		for _, s := range sizes {
			sum += s
		}
		rects := squarify(sizes, Rect{0, 0, 100, 100})
		if len(rects) != len(sizes) {
			t.Fatalf("%v: %d rectangles", sizes, len(rects))
		}
		for i, r := range rects {
			area += r.W * r.H
			if want := sizes[i] / sum * 1e4; math.Abs(r.W*r.H-want) > 1e-6*1e4 {
				t.Errorf("%v: rectangle %d has the area %g, want %g", sizes, i, r.W*r.H, want)
			}
			if r.X < -1e-9 || r.Y < -1e-9 || r.X+r.W > 100+1e-6 || r.Y+r.H > 100+1e-6 {
				t.Errorf("%v: rectangle %d is outside: %+v", sizes, i, r)
			}
			for _, other := range rects[:i] {
				if min(r.X+r.W, other.X+other.W)-max(r.X, other.X) > 1e-6 && min(r.Y+r.H, other.Y+other.H)-max(r.Y, other.Y) > 1e-6 {
					t.Errorf("%v: %+v and %+v overlap", sizes, r, other)
				}
			}
		}
		if math.Abs(area-1e4) > 1e-3 {
			t.Errorf("%v: the area is %g", sizes, area)
		}
	}
	if got := squarify(nil, Rect{0, 0, 1, 1}); len(got) != 0 {
		t.Errorf("nothing has %v", got)
	}
}

// TestThePageNeedsNothingAndRunsNothing holds that a name can't become markup,
// and that the page asks nobody.
func TestThePageNeedsNothingAndRunsNothing(t *testing.T) {
	hostile := `</style><script>alert(1)</script>"onload="x`
	u := artifact.MeasureUsage(graphs(map[string]map[string][]int64{
		hostile: {"a": {1000, 2000}, "javascript:alert(1)": {3000}},
		"other": {"expression(alert(1))": {1000}},
	})...)
	var page bytes.Buffer
	if err := WriteHTML(&page, Tree(hostile, u, true), u, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	if strings.Contains(strings.ToLower(text), "<script") || strings.Contains(text, `"onload=`) || strings.Contains(text, "ZgotmplZ") {
		t.Errorf("the page has markup of a name, or lacks something:\n%s", text)
	}
	if strings.Contains(text, "&lt;a ") || strings.Contains(text, "&lt;div ") {
		t.Error("the page shows its own markup")
	}
	if found := regexp.MustCompile(`(?i)(src|href|action)="?([^"#>\s]+)|url\(|@import|https?:`).FindAllString(text, -1); len(found) > 0 {
		t.Errorf("the page asks for %q", found)
	}
	if !strings.Contains(text, "default-src &#39;none&#39;") && !strings.Contains(text, "default-src 'none'") {
		t.Error("the page has no policy")
	}
}

func TestManyTagsAreDrawnTogether(t *testing.T) {
	tags := map[string][]int64{}
	for i := range 3000 {
		tags[fmt.Sprint("v", i)] = []int64{int64(1000 + i)}
	}
	u := artifact.MeasureUsage(graphs(map[string]map[string][]int64{"app": tags})...)
	var page bytes.Buffer
	if err := WriteHTML(&page, Tree("local", u, true), u, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(page.String(), "<span"); n > 5*maxCells {
		t.Errorf("%d parts in one page", n)
	}
	if !strings.Contains(page.String(), "2600 smaller ones") {
		t.Error("the small ones are not there")
	}
}

func TestBarsTellTheShare(t *testing.T) {
	for _, c := range []struct {
		part, whole int64
		want        string
	}{{0, 100, ""}, {1, 1 << 40, "▏"}, {50, 100, "██████████"}, {100, 100, "████████████████████"}, {200, 100, "████████████████████"}, {1, 0, ""}, {99, 100, "███████████████████▊"}} {
		got := bar(c.part, c.whole)
		if strings.TrimRight(got, " ") != c.want || len([]rune(got)) != barWidth {
			t.Errorf("%d of %d: %q, want %q", c.part, c.whole, got, c.want)
		}
	}
}
