package report

import (
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/bench/internal/neutral"
	"github.com/acrkit/azcontainerregistry/bench/internal/peers"
	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []int
		want   int
	}{{[]int{3}, 3}, {[]int{9, 1, 5}, 5}, {[]int{4, 1, 3, 2}, 2}} {
		if got := Median(test.values); got != test.want {
			t.Errorf("Median(%v) = %d, want %d", test.values, got, test.want)
		}
	}
}

func TestSummarizeKeepsTheFirstFailure(t *testing.T) {
	result := Summarize("x", "", []Sample{
		{Measurement: work.Measurement{Wall: 3 * time.Second}},
		{Measurement: work.Measurement{Wall: time.Second, Error: "broken"}, Stats: neutral.Stats{Requests: 4}},
		{Measurement: work.Measurement{Wall: 2 * time.Second}},
	})
	if result.Error != "broken" || result.Seconds != 2 || result.Least != 1 || result.Most != 3 || result.Rounds != 3 {
		t.Errorf("Summarize: %+v", result)
	}
}

// TestClaimsAreJudgedAgainstTheBest gives one row to the claims about it.
func TestClaimsAreJudgedAgainstTheBest(t *testing.T) {
	r := Report{Rows: []Row{
		{ID: "upload-unknown", Results: []Result{
			{Client: peers.Ours, Seconds: 0.88, Times: []float64{0.88, 0.8, 1.06}},
			{Client: peers.Official, Seconds: 1.2, Times: []float64{1.2, 1.1, 1.4}},
			{Client: "oras-go", Seconds: 1.0, Times: []float64{1.0, 1.0, 1.1}},
			{Client: "regclient", Seconds: 0.1, Times: []float64{0.1, 0.1, 0.1}, Error: "it failed"},
			{Client: peers.Limit, Seconds: 0.1, Times: []float64{0.1, 0.1, 0.1}},
		}},
		{ID: "download-slow", Results: []Result{
			{Client: peers.Ours, Setting: "8 ranges", Seconds: 2, Times: []float64{2}, MemoryBytes: 90_000_000},
			{Client: "oras-go", Seconds: 15, Times: []float64{15}},
		}},
		{ID: "read-in-turn", Reads: 200, Results: []Result{{Client: peers.Ours, Requests: 212}}},
		{ID: "faulty-download", Bytes: 100, Results: []Result{{Client: peers.Ours, BytesOut: 109}}},
		{ID: "faulty-upload", Bytes: 100, Results: []Result{{Client: peers.Ours, Error: "gave up"}}},
	}}
	want := map[string]string{
		"against the official":       "ok",
		"against the best peer":      "NO", // 1.06 to 1.1 in the third round
		"against SHA-256 alone":      "NO",
		"8 ranges: times":            "ok",
		"8 ranges: memory":           "NO",
		"16 ranges":                  "?",
		"beside the reads":           "NO",
		"download through faults":    "ok",
		"upload through faults, ses": "?",
	}
	for _, claim := range r.Judge() {
		for part, mark := range want {
			if strings.Contains(claim.Text, part) && !strings.HasPrefix(claim.String(), mark) {
				t.Errorf("%s, want %s", claim, mark)
			}
		}
	}
	if got := len(r.Judge()); got != 12 {
		t.Errorf("%d claims, want 12", got)
	}
}

func TestTheChartShowsWhoFailed(t *testing.T) {
	r := Report{Rows: []Row{{ID: "download", Title: "download <1 GiB>", Results: []Result{
		{Client: peers.Ours, Seconds: 1}, {Client: "oras-go", Error: "reset"}, {Client: peers.Limit, Seconds: 0.5},
	}}}}
	svg := string(r.Chart())
	for _, want := range []string{"did not finish", "download &lt;1 GiB&gt;", `class="ours"`, `class="limit"`} {
		if !strings.Contains(svg, want) {
			t.Errorf("the chart lacks %s", want)
		}
	}
}
