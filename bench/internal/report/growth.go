package report

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"github.com/acrkit/azcontainerregistry/bench/internal/peers"
)

// Growth is a run of the curves; its JSON form is stable.
type Growth struct {
	Schema  string            `json:"schema"`
	Date    time.Time         `json:"date"`
	Machine Machine           `json:"machine"`
	Clients map[string]string `json:"clients"`
	Scale   string            `json:"scale"`
	Curves  []Curve           `json:"curves"`
}

// GrowthSchema names the form of the JSON.
const GrowthSchema = "acrkit.bench.growth/v1"

// Curve is one kind of work in growing amounts.
type Curve struct {
	ID     string  `json:"id"`
	Title  string  `json:"title"`
	Axis   string  `json:"axis"`
	Points []Point `json:"points"`
}

// Point is one amount, with everybody's results.
type Point struct {
	At      float64  `json:"at"`
	Label   string   `json:"label"`
	Results []Result `json:"results"`
}

// ours and best are the seconds of our client and of the fastest of the others,
// 0 where none finished.
func (p Point) ours() float64 {
	for _, r := range p.Results {
		if r.Client == peers.Ours && r.Error == "" {
			return r.Seconds
		}
	}
	return 0
}

func (p Point) best() (name string, seconds float64) {
	for _, r := range p.Results {
		if r.Client != peers.Ours && r.Client != peers.Limit && r.Error == "" && (seconds == 0 || r.Seconds < seconds) {
			name, seconds = r.Client, r.Seconds
		}
	}
	return name, seconds
}

// bend is by which power our time grew since the point before: 1 is in
// proportion to the amount, less is better, more would be a bend upwards.
func bend(before, p Point) (float64, bool) {
	if before.At <= 0 || before.ours() <= 0 || p.ours() <= 0 {
		return 0, false
	}
	return math.Log(p.ours()/before.ours()) / math.Log(p.At/before.At), true
}

// Table prints the curves.
func (g Growth) Table() []byte {
	var out bytes.Buffer
	for _, c := range g.Curves {
		fmt.Fprintf(&out, "%s\n%12s %10s %10s %7s %7s  %s\n", c.Title, c.Axis, "acrkit", "best peer", "ratio", "power", "which")
		for i, p := range c.Points {
			name, best := p.best()
			ratio, power := "", ""
			if best > 0 && p.ours() > 0 {
				ratio = fmt.Sprintf("%.2f", p.ours()/best)
			}
			if i > 0 {
				if b, ok := bend(c.Points[i-1], p); ok {
					power = fmt.Sprintf("%.2f", b)
				}
			}
			fmt.Fprintf(&out, "%12s %10s %10s %7s %7s  %s\n", p.Label, duration(p.ours()), duration(best), ratio, power, name)
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// The growth chart's measures, in pixels.
const (
	plotHeight = 250
	plotLeft   = 56
	plotRight  = 12
	plotTop    = 36
	plotBottom = 46
)

const growthStyle = `
.grid{stroke:#d8dee4;stroke-width:1}.line{fill:none;stroke-width:2.2}.mineline{stroke:#0f6cbd}.peerline{stroke:#8a97a6}
.minedot{fill:#0f6cbd}.peerdot{fill:#8a97a6}.tick{font-size:10.5px;fill:#59636e}
@media (prefers-color-scheme:dark){.grid{stroke:#2a313a}.mineline{stroke:#4aa0f0}.minedot{fill:#4aa0f0}.tick{fill:#9198a1}}
`

// Chart draws the curves as an SVG, both axes logarithmic: a straight line with a
// slope of one is cost in proportion, and a bend is seen as a bend.
func (g Growth) Chart() []byte {
	width := (chartWidth - 2*margin - (columns-1)*gutter) / columns
	rowsOfPlots := (len(g.Curves) + columns - 1) / columns
	height := headHeight + rowsOfPlots*plotHeight + footHeight
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="How the cost grows">`, chartWidth, height, chartWidth, height)
	fmt.Fprintf(&out, "<style>%s%s</style>\n", chartStyle, growthStyle)
	fmt.Fprintf(&out, `<rect class="paper" width="%d" height="%d" rx="10"/>`+"\n", chartWidth, height)
	text(&out, margin, 42, "head", "", "How the cost grows: seconds against the amount of work")
	text(&out, margin, 66, "sub", "", fmt.Sprintf("%s · %d × %s · %s · %s · both axes logarithmic",
		g.Date.Format("2 January 2006"), g.Machine.Cores, g.Machine.CPU, g.Machine.OS, g.Machine.Go))
	for i, c := range g.Curves {
		c.draw(&out, margin+i%columns*(width+gutter), headHeight+i/columns*plotHeight, width)
	}
	y := height - footHeight + 18
	fmt.Fprintf(&out, `<line class="line mineline" x1="%d" y1="%d" x2="%d" y2="%d"/>`, margin, y-4, margin+22, y-4)
	text(&out, margin+28, y, "sub", "", "acrkit")
	fmt.Fprintf(&out, `<line class="line peerline" x1="%d" y1="%d" x2="%d" y2="%d"/>`, margin+90, y-4, margin+112, y-4)
	text(&out, margin+118, y, "sub", "", "the fastest of the other clients, at each point")
	out.WriteString("</svg>\n")
	return out.Bytes()
}

func (c Curve) draw(out *bytes.Buffer, x, y, width int) {
	text(out, x, y+16, "title", "", c.Title)
	least, most := math.Inf(1), 0.0
	for _, p := range c.Points {
		_, best := p.best()
		for _, s := range []float64{p.ours(), best} {
			if s > 0 {
				least, most = min(least, s), max(most, s)
			}
		}
	}
	if most == 0 {
		text(out, x, y+plotTop+20, "failed", "", "nobody finished")
		return
	}
	low, high := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most)+1e-9)
	left, right, top, bottom := float64(x+plotLeft), float64(x+width-plotRight), float64(y+plotTop), float64(y+plotHeight-plotBottom)
	atY := func(seconds float64) float64 {
		return bottom - (math.Log10(seconds)-low)/(high-low)*(bottom-top)
	}
	// Zero, such as no round trip, stands one step to the left of the first amount.
	scale := func(at float64) float64 { return math.Log(max(at, 1)) }
	first, last := scale(c.Points[0].At), scale(c.Points[len(c.Points)-1].At)
	atX := func(p Point) float64 {
		if last == first {
			return left
		}
		return left + (scale(p.At)-first)/(last-first)*(right-left)
	}
	for decade := low; decade <= high; decade++ {
		at := atY(math.Pow(10, decade))
		fmt.Fprintf(out, `<line class="grid" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, left, at, right, at)
		text(out, int(left)-8, int(at)+4, "tick", "end", duration(math.Pow(10, decade)))
	}
	for _, p := range c.Points {
		text(out, int(atX(p)), int(bottom)+17, "tick", "middle", p.Label)
	}
	c.line(out, "peer", atX, func(p Point) float64 {
		if _, best := p.best(); best > 0 {
			return atY(best)
		}
		return -1
	})
	c.line(out, "mine", atX, func(p Point) float64 {
		if ours := p.ours(); ours > 0 {
			return atY(ours)
		}
		return -1
	})
	out.WriteByte('\n')
}

// line draws one client's points; where it has none the line is broken.
func (c Curve) line(out *bytes.Buffer, class string, x, y func(Point) float64) {
	path, pen := "", "M"
	for _, p := range c.Points {
		at := y(p)
		if at < 0 {
			pen = "M"
			continue
		}
		path += fmt.Sprintf("%s%.1f %.1f", pen, x(p), at)
		pen = "L"
		fmt.Fprintf(out, `<circle class="%sdot" cx="%.1f" cy="%.1f" r="3"/>`, class, x(p), at)
	}
	fmt.Fprintf(out, `<path class="line %sline" d="%s"/>`, class, path)
}
