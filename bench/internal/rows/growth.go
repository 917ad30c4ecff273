package rows

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/acrkit/azcontainerregistry/bench/internal/fixture"
	"github.com/acrkit/azcontainerregistry/bench/internal/neutral"
	"github.com/acrkit/azcontainerregistry/bench/internal/peers"
	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

// Growth is how far each curve goes: one kind of work, more and more of it.
type Growth struct {
	Blob   int64         // the largest blob, in bytes
	Layers int           // the most layers of an image
	RTT    time.Duration // the longest round trip
	Tags   int           // the most tags of a listing
}

// FullGrowth is what the published curves cover.
func FullGrowth() Growth {
	return Growth{Blob: 8 << 30, Layers: 2000, RTT: 200 * time.Millisecond, Tags: 1_000_000}
}

// QuickGrowth is a look at the same.
func QuickGrowth() Growth {
	return Growth{Blob: 64 << 20, Layers: 50, RTT: 50 * time.Millisecond, Tags: 10_000}
}

// Curve is one kind of work in growing amounts.
type Curve struct {
	ID, Title string
	// Axis names what grows, and its unit.
	Axis  string
	Steps []Step
}

// Step is one point of a curve.
type Step struct {
	At    float64 // the amount, in the axis's unit
	Label string
	Row   Row
	// Content is the file that is moved, "" when there are many: whoever reads it
	// first pays for the reading.
	Content string
}

// The amounts of the curves, each up to what a Growth says. The layers are small,
// so that their number counts and not their bytes; the round trips are those of
// an image of twenty layers.
var (
	growingSizes  = []int64{1 << 20, 4 << 20, 16 << 20, 64 << 20, 256 << 20, 1 << 30, 4 << 30, 8 << 30}
	growingLayers = []int{1, 5, 20, 50, 200, 500, 1000, 2000}
	growingRTTs   = []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond}
	growingTags   = []int{1000, 5000, 10_000, 50_000, 100_000, 500_000, 1_000_000}
)

const (
	growthLayer     = 64 << 10
	growthFarLayers = 20
	growthFarLayer  = 1 << 20
)

// Curves makes the curves' rows, with their content below dir.
func Curves(dir string, g Growth) ([]Curve, error) {
	sizes, err := fixture.MakePrefixes(filepath.Join(dir, "prefixes"), upTo(growingSizes, g.Blob))
	if err != nil {
		return nil, err
	}
	up := Curve{ID: "growth-upload", Title: "upload a blob from a file, digest not known", Axis: "size"}
	down := Curve{ID: "growth-download", Title: "download a blob to a file, verified", Axis: "size"}
	for _, file := range sizes.Files {
		at, label := float64(file.Size), size(file.Size)
		stage := neutral.Config{Blobs: sizes.Blobs()}
		up.add(at, label, stage, work.Job{Kind: work.UploadUnknown, Repository: targetRepository, File: file.Path, Digest: file.Digest, Size: file.Size}, 0)
		up.Steps[len(up.Steps)-1].Content = file.Path
		down.add(at, label, stage, work.Job{Kind: work.Download, Repository: sourceRepository, Digest: file.Digest, Size: file.Size}, min(file.Size, 1<<30))
		down.Steps[len(down.Steps)-1].Content = file.Path
	}
	many := Curve{ID: "growth-blobs", Title: fmt.Sprintf("pull an image of layers of %s", size(growthLayer)), Axis: "layers"}
	for _, n := range upTo(growingLayers, g.Layers) {
		set, err := fixture.Make(filepath.Join(dir, fmt.Sprint("layers-", n)), fixture.Sizes{Layers: n, LayerSize: growthLayer})
		if err != nil {
			return nil, err
		}
		many.add(float64(n), fmt.Sprint(n), pulled(set, 0), pull(set), int64(n)*growthLayer)
	}
	set, err := fixture.Make(filepath.Join(dir, "far"), fixture.Sizes{Layers: growthFarLayers, LayerSize: growthFarLayer})
	if err != nil {
		return nil, err
	}
	farther := Curve{ID: "growth-rtt", Title: fmt.Sprintf("pull %d layers of %s from afar", growthFarLayers, size(growthFarLayer)), Axis: "round trip"}
	for _, rtt := range upTo(growingRTTs, g.RTT) {
		farther.add(float64(rtt.Milliseconds()), fmt.Sprintf("%d ms", rtt.Milliseconds()), pulled(set, rtt), pull(set), growthFarLayers*growthFarLayer)
	}
	tags := Curve{ID: "growth-tags", Title: "list tags, 1000 a page", Axis: "tags"}
	for _, n := range upTo(growingTags, g.Tags) {
		tags.add(float64(n), short(n), neutral.Config{ListTags: n}, work.Job{Kind: work.ListTags, Repository: "listing", Count: n}, 0)
	}
	return []Curve{tags, farther, many, up, down}, nil
}

func (c *Curve) add(at float64, label string, stage neutral.Config, job work.Job, writes int64) {
	c.Steps = append(c.Steps, Step{At: at, Label: label, Row: Row{
		ID: c.ID + "-" + label, Title: c.Title + ": " + label, Server: stage, Job: job, Writes: writes, Entrants: defaults(job.Kind),
	}})
}

func pulled(set fixture.Set, rtt time.Duration) neutral.Config {
	return neutral.Config{Blobs: set.Blobs(), RTT: rtt, Manifests: []neutral.Manifest{{
		Repository: sourceRepository, Tag: fixture.ImageTag, MediaType: "application/vnd.oci.image.manifest.v1+json", Body: set.Manifest,
	}}}
}

func pull(set fixture.Set) work.Job {
	return work.Job{Kind: work.Pull, Repository: sourceRepository, Layout: set.Layout, Tag: fixture.ImageTag}
}

// upTo is the amounts up to most.
func upTo[T int | int64 | time.Duration](all []T, most T) []T {
	n := 0
	for n < len(all) && all[n] <= most {
		n++
	}
	return all[:n]
}

// short writes a number of entries: 5k, 1M.
func short(n int) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return fmt.Sprintf("%dM", n/1_000_000)
	case n >= 1000 && n%1000 == 0:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprint(n)
}

// Growing reports whether an entrant is drawn: ours, or one that may be the best
// of the others.
func Growing(e Entrant) bool { return e.Peer != peers.Limit && e.Label == "" }
