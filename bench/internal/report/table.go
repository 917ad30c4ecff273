package report

import (
	"bytes"
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/acrkit/azcontainerregistry/bench/internal/peers"
)

// Table writes the report as text: each row with everybody's figures, the
// ratio of each client's time to ours, and what must hold.
func (r Report) Table() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s, %d × %s, %s, %s, SHA-256 %.2f GB/s a core, scale %s\n",
		r.Date.Format("2006-01-02 15:04 MST"), r.Machine.Cores, r.Machine.CPU, r.Machine.OS, r.Machine.Go, float64(r.Machine.SHA256)/1e9, r.Scale)
	for _, row := range r.Rows {
		fmt.Fprintf(&out, "\n%s\n", row.Title)
		table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(table, "client\tmedian\tleast\tmost\tours is\tof limit\tCPU\tmemory\tallocated\trequests\tbytes\t")
		ours := row.ours()
		for _, result := range row.Results {
			if result.Error != "" {
				continue
			}
			ratio := ""
			if ours > 0 && result.Client != peers.Limit {
				ratio = fmt.Sprintf("%.2f", ours/result.Seconds)
			}
			share := ""
			if limit := row.limit(); limit > 0 {
				share = fmt.Sprintf("%.2f", result.Seconds/limit)
			}
			fmt.Fprintf(table, "%s\t%.3f s\t%.3f\t%.3f\t%s\t%s\t%.2f s\t%.0f MB\t%.0f MB\t%d\t%.0f MB\t\n",
				result.Name(), result.Seconds, result.Least, result.Most, ratio, share, result.CPUSeconds,
				float64(result.MemoryBytes)/1e6, float64(result.Allocated)/1e6, result.Requests, float64(result.BytesIn+result.BytesOut)/1e6)
		}
		table.Flush()
		for _, result := range row.Results {
			if result.Error != "" {
				fmt.Fprintf(&out, "  %s failed: %s\n", result.Name(), short(result.Error))
			}
		}
	}
	if len(r.Claims) > 0 {
		fmt.Fprintf(&out, "\nmust hold\n")
	}
	for _, claim := range r.Claims {
		fmt.Fprintf(&out, "  %s\n", claim)
	}
	held := len(slices.DeleteFunc(slices.Clone(r.Claims), func(c Claim) bool { return !c.Holds }))
	fmt.Fprintf(&out, "\n%d of %d hold\n", held, len(r.Claims))
	return out.Bytes()
}

// limit is the least time of what no client can do without, in the same run; 0 if
// that wasn't measured.
func (r Row) limit() float64 {
	best := 0.0
	for _, result := range r.Results {
		if result.Client == peers.Limit && result.Error == "" && (best == 0 || result.Seconds < best) {
			best = result.Seconds
		}
	}
	return best
}

// ours is our time by default, or our best when the default wasn't run.
func (r Row) ours() float64 {
	best := 0.0
	for _, result := range r.Results {
		if result.Client != peers.Ours || result.Error != "" {
			continue
		}
		if result.Setting == "" {
			return result.Seconds
		}
		if best == 0 || result.Seconds < best {
			best = result.Seconds
		}
	}
	return best
}

// short keeps an error to one line.
func short(message string) string {
	line, _, _ := bytes.Cut([]byte(message), []byte("\n"))
	if runes := []rune(string(line)); len(runes) > 160 {
		return string(runes[:160]) + "…"
	}
	return string(line)
}
