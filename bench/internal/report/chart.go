package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"

	"github.com/acrkit/azcontainerregistry/bench/internal/peers"
)

// The chart's measures, in pixels.
const (
	chartWidth   = 1120
	margin       = 28
	gutter       = 36
	headHeight   = 92
	footHeight   = 46
	titleHeight  = 34
	barHeight    = 15
	barPitch     = 22
	panelSpacing = 26
	nameWidth    = 196
	valueWidth   = 132
	columns      = 2
)

// chartStyle follows the reader's light or dark theme.
const chartStyle = `
text{font-family:-apple-system,"Segoe UI",Helvetica,Arial,"DejaVu Sans",sans-serif;fill:#1f2328}
.paper{fill:#ffffff}.head{font-size:20px;font-weight:600}.sub{font-size:12.5px;fill:#59636e}
.title{font-size:13.5px;font-weight:600}.name{font-size:11.5px;fill:#59636e}.mine{font-size:11.5px;font-weight:600}
.value{font-size:11.5px}.times{fill:#59636e}.bar{fill:#c5ced8}.ours{fill:#0f6cbd}.official{fill:#8a97a6}
.track{fill:#f3f5f7}.limit{stroke:#d1242f;stroke-width:1.5}.failed{font-size:11.5px;fill:#d1242f}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.paper{fill:#0d1117}.sub,.name,.times{fill:#9198a1}.bar{fill:#3d4754}.ours{fill:#4aa0f0}
.official{fill:#6b7684}.track{fill:#161b22}.limit{stroke:#ff7b72}.failed{fill:#ff7b72}}
`

// panel is one row of the table as bars.
type panel struct {
	title string
	bars  []bar
	limit float64
	most  float64
}

type bar struct {
	name, label, times string
	value              float64
	class              string
	failed             bool
}

// Chart draws the report as an SVG: one panel a row, shorter is better, the
// machine's limit as a line.
func (r Report) Chart() []byte {
	panels := make([]panel, 0, len(r.Rows))
	for _, row := range r.Rows {
		panels = append(panels, row.panel())
	}
	// Fill the shorter column first, so that both end near each other.
	heights := [columns]int{headHeight, headHeight}
	type place struct{ x, y int }
	places := make([]place, len(panels))
	columnWidth := (chartWidth - 2*margin - (columns-1)*gutter) / columns
	for i, p := range panels {
		column := 0
		if heights[1] < heights[0] {
			column = 1
		}
		places[i] = place{margin + column*(columnWidth+gutter), heights[column]}
		heights[column] += titleHeight + len(p.bars)*barPitch + panelSpacing
	}
	height := slices.Max(heights[:]) + footHeight
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="Benchmark">`,
		chartWidth, height, chartWidth, height)
	fmt.Fprintf(&out, "<style>%s</style>\n", chartStyle)
	fmt.Fprintf(&out, `<rect class="paper" width="%d" height="%d" rx="10"/>`+"\n", chartWidth, height)
	text(&out, margin, 42, "head", "", "The same work, the same registry, one run: shorter is better")
	text(&out, margin, 66, "sub", "", fmt.Sprintf("%s · %d × %s · %s · %s · SHA-256 %.2f GB/s a core · medians",
		r.Date.Format("2 January 2006"), r.Machine.Cores, r.Machine.CPU, r.Machine.OS, r.Machine.Go, float64(r.Machine.SHA256)/1e9))
	for i, p := range panels {
		p.draw(&out, places[i].x, places[i].y, columnWidth)
	}
	y := height - footHeight + 16
	fmt.Fprintf(&out, `<line class="limit" x1="%d" y1="%d" x2="%d" y2="%d"/>`, margin+4, y-11, margin+4, y+3)
	text(&out, margin+14, y, "sub", "", "the part of the work that no client can do without, by net/http alone")
	text(&out, chartWidth-margin, y, "sub", "end", "“×”: times ours")
	out.WriteString("</svg>\n")
	return out.Bytes()
}

func (row Row) panel() panel {
	p := panel{title: row.Title}
	measure := func(r Result) (float64, string) { return r.Seconds, duration(r.Seconds) }
	if row.ByRequests {
		measure = func(r Result) (float64, string) { return float64(r.Requests), fmt.Sprintf("%d requests", r.Requests) }
	}
	ours := 0.0
	for _, result := range row.Results {
		if result.Client == peers.Ours && result.Error == "" && (ours == 0 || result.Setting == "") {
			ours, _ = measure(result)
		}
	}
	for _, result := range row.Results {
		value, label := measure(result)
		if result.Client == peers.Limit {
			if result.Error == "" && (p.limit == 0 || value < p.limit) {
				p.limit = value
			}
			continue
		}
		b := bar{name: result.Name(), label: label, value: value, class: "bar", failed: result.Error != ""}
		switch result.Client {
		case peers.Ours:
			b.class = "ours"
		case peers.Official:
			b.class = "official"
		}
		if ours > 0 && result.Client != peers.Ours {
			b.times = fmt.Sprintf("%.2f×", value/ours)
			if value/ours >= 10 {
				b.times = fmt.Sprintf("%.0f×", value/ours)
			}
		}
		if !b.failed {
			p.most = max(p.most, value)
		}
		p.bars = append(p.bars, b)
	}
	return p
}

func (p panel) draw(out *bytes.Buffer, x, y, width int) {
	text(out, x, y+16, "title", "", p.title)
	left, full := x+nameWidth, width-nameWidth-valueWidth
	for i, b := range p.bars {
		top := y + titleHeight - 6 + i*barPitch
		name := "name"
		if b.class == "ours" {
			name = "mine"
		}
		text(out, left-8, top+12, name, "end", b.name)
		fmt.Fprintf(out, `<rect class="track" x="%d" y="%d" width="%d" height="%d" rx="2"/>`, left, top, full, barHeight)
		if b.failed {
			text(out, left+6, top+12, "failed", "", "did not finish")
			continue
		}
		length := max(float64(full)*b.value/p.most, 2)
		fmt.Fprintf(out, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`, b.class, left, top, length, barHeight)
		text(out, left+full+8, top+12, "value", "", b.label)
		if b.times != "" {
			text(out, x+width, top+12, "value times", "end", b.times)
		}
		out.WriteByte('\n')
	}
	if p.limit > 0 && p.most > 0 && len(p.bars) > 0 {
		at := float64(left) + float64(full)*min(p.limit/p.most, 1)
		top := y + titleHeight - 9
		fmt.Fprintf(out, `<line class="limit" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`+"\n", at, top, at, top+len(p.bars)*barPitch-1)
	}
}

func text(out *bytes.Buffer, x, y int, class, anchor, content string) {
	fmt.Fprintf(out, `<text class="%s" x="%d" y="%d"`, class, x, y)
	if anchor != "" {
		fmt.Fprintf(out, ` text-anchor="%s"`, anchor)
	}
	out.WriteByte('>')
	_ = xml.EscapeText(out, []byte(content))
	out.WriteString("</text>")
}

// duration writes seconds with three figures.
func duration(seconds float64) string {
	switch {
	case seconds < 0.1:
		return fmt.Sprintf("%.0f ms", seconds*1000)
	case seconds < 1:
		return fmt.Sprintf("%.3g s", seconds)
	case seconds < 10:
		return fmt.Sprintf("%.2f s", seconds)
	default:
		return fmt.Sprintf("%.1f s", seconds)
	}
}
