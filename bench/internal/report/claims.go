package report

import (
	"fmt"

	"github.com/acrkit/azcontainerregistry/bench/internal/peers"
)

// Claim is one thing that must hold, and whether it did.
type Claim struct {
	Text string `json:"text"`
	// Value is the ratio or figure that was measured, Bound what it may be
	// at most.
	Value float64 `json:"value"`
	Bound float64 `json:"bound"`
	// Against names the client of the comparison.
	Against string `json:"against,omitempty"`
	Holds   bool   `json:"holds"`
	// Missing says why there is no value.
	Missing string `json:"missing,omitempty"`
}

// metric is what a claim looks at.
type metric func(Result) float64

func allocated(r Result) float64   { return float64(r.Allocated) }
func allocations(r Result) float64 { return float64(r.Allocations) }
func megabytes(r Result) float64   { return float64(r.MemoryBytes) / 1e6 }
func requests(r Result) float64    { return float64(r.Requests) }

// rule is a claim before it is measured.
type rule struct {
	text    string
	row     string
	setting string
	metric  metric // nil for the time of the worst round
	// against picks the results to compare with, of which the best counts;
	// nil compares with the bound itself.
	against func(Result) bool
	// blob compares with the bytes of the row's blob.
	blob bool
	// reads leaves out the row's own reads.
	reads bool
	bound float64
	// times asks for the inverse: at least so many times better.
	times bool
}

func isLimit(r Result) bool { return r.Client == peers.Limit }

func isOfficial(r Result) bool { return r.Client == peers.Official }

func isPeer(r Result) bool { return r.Client != peers.Ours && r.Client != peers.Limit }

func isPeerByDefault(r Result) bool { return isPeer(r) && r.Setting == "" }

// rules are the promises of the design, in its order.
var rules = []rule{
	{text: "upload, digest not known: time against the official library", row: "upload-unknown", against: isOfficial, bound: 0.80},
	{text: "upload, digest not known: time against the best peer", row: "upload-unknown", against: isPeer, bound: 0.90},
	{text: "upload, digest known: time against the best peer", row: "upload-known", against: isPeer, bound: 1.05},
	{text: "download to a file, verified: time against the best peer", row: "download", against: isPeer, bound: 0.70},
	{text: "upload over TLS, digest not known: time against the official library", row: "upload-tls", against: isOfficial, bound: 0.80},
	{text: "download over TLS to a file, verified: time against the best peer", row: "download-tls", against: isPeer, bound: 0.65},
	{text: "upload, digest not known: time against SHA-256 alone", row: "upload-unknown", against: isLimit, bound: 1.20},
	{text: "upload: memory in MB", row: "upload-unknown", metric: megabytes, bound: 64},
	{text: "download to a file: memory in MB", row: "download", metric: megabytes, bound: 64},
	{text: "one blob at 50 MB/s a connection by default: time against 16 bare ranges", row: "download-slow", against: isLimit, bound: 1.20},
	{text: "one blob 50 ms away by default: time against 16 bare ranges", row: "download-far", against: isLimit, bound: 1.35},
	{text: "one blob at 50 MB/s a connection, 8 ranges: times faster than the best peer", row: "download-slow", setting: "8 ranges", against: isPeer, bound: 7, times: true},
	{text: "one blob at 50 MB/s a connection, 16 ranges: times faster than the best peer", row: "download-slow", setting: "16 ranges", against: isPeer, bound: 13, times: true},
	{text: "one blob, 8 ranges: memory in MB", row: "download-slow", setting: "8 ranges", metric: megabytes, bound: 80},
	{text: "one blob, 16 ranges: memory in MB", row: "download-slow", setting: "16 ranges", metric: megabytes, bound: 120},
	{text: "push of an image by default: time against the best peer by default", row: "push", against: isPeerByDefault, bound: 0.30},
	{text: "push of an image by default: time against the best peer at its best", row: "push", against: isPeer, bound: 1.08},
	{text: "push of an image: memory in MB", row: "push", metric: megabytes, bound: 120},
	{text: "pull of an image by default: time against the best peer by default", row: "pull", against: isPeerByDefault, bound: 0.27},
	{text: "pull of an image by default: time against the best peer at its best", row: "pull", against: isPeer, bound: 0.95},
	{text: "pull of an image: memory in MB", row: "pull", metric: megabytes, bound: 120},
	{text: "manifest reads over 10 repositories: requests beside the reads", row: "read-in-turn", metric: requests, reads: true, bound: 11},
	{text: "the same by 64 goroutines: requests beside the reads", row: "read-64", metric: requests, reads: true, bound: 11},
	{text: "listing tags: time against the official library", row: "list-tags", against: isOfficial, bound: 0.10},
	{text: "listing tags: allocations against the official library", row: "list-tags", metric: allocations, against: isOfficial, bound: 0.20},
	{text: "listing tags: bytes allocated against the official library", row: "list-tags", metric: allocated, against: isOfficial, bound: 0.20},
	{text: "listing manifests: time against the official library", row: "list-manifests", against: isOfficial, bound: 0.10},
	{text: "listing manifests: allocations against the official library", row: "list-manifests", metric: allocations, against: isOfficial, bound: 0.20},
	{text: "listing manifests: bytes allocated against the official library", row: "list-manifests", metric: allocated, against: isOfficial, bound: 0.20},
	{text: "manifests of one repository, 32 goroutines: time against the best peer", row: "read-32", against: isPeer, bound: 1.00},
	{text: "download through faults: bytes against the blob's", row: "faulty-download", metric: func(r Result) float64 { return float64(r.BytesOut) }, blob: true, bound: 1.10},
	{text: "upload through faults, sessions kept: bytes against the blob's", row: "faulty-upload", metric: func(r Result) float64 { return float64(r.BytesIn) }, blob: true, bound: 1.10},
	{text: "upload through faults, sessions lost: completes, so many times the blob's bytes at most", row: "faulty-upload-lost", metric: func(r Result) float64 { return float64(r.BytesIn) }, blob: true, bound: 5},
}

// Judge measures every claim whose row was run.
func (r Report) Judge() []Claim {
	var claims []Claim
	for _, rule := range rules {
		if row, ok := r.Row(rule.row); ok {
			claims = append(claims, rule.judge(row))
		}
	}
	return claims
}

func (rule rule) judge(row Row) Claim {
	claim := Claim{Text: rule.text, Bound: rule.bound}
	var ours *Result
	for i, result := range row.Results {
		if result.Client == peers.Ours && result.Setting == rule.setting {
			ours = &row.Results[i]
		}
	}
	if ours == nil {
		claim.Missing = "not run"
		return claim
	}
	if ours.Error != "" {
		claim.Missing = ours.Error
		return claim
	}
	if rule.metric == nil {
		return rule.time(claim, row, *ours)
	}
	claim.Value = rule.metric(*ours)
	if rule.blob {
		claim.Value /= float64(row.Bytes)
	}
	if rule.reads {
		claim.Value -= float64(row.Reads)
	}
	if rule.against != nil {
		best, name := 0.0, ""
		for _, result := range row.Results {
			if result.Error != "" || !rule.against(result) {
				continue
			}
			if value := rule.metric(result); name == "" || value < best {
				best, name = value, result.Name()
			}
		}
		if name == "" {
			claim.Missing = "nobody to compare with"
			return claim
		}
		claim.Against = name
		claim.Value /= best
	}
	claim.Holds = claim.Value <= claim.Bound
	return claim
}

// time compares the times of each round and takes the worst one: what is promised
// must not be a matter of luck.
func (rule rule) time(claim Claim, row Row, ours Result) Claim {
	worst, compared := 0.0, false
	for round, seconds := range ours.Times {
		best, name := 0.0, ""
		for _, result := range row.Results {
			if result.Error != "" || !rule.against(result) || round >= len(result.Times) {
				continue
			}
			if name == "" || result.Times[round] < best {
				best, name = result.Times[round], result.Name()
			}
		}
		if name == "" {
			continue
		}
		if ratio := seconds / best; !compared || ratio > worst {
			worst, compared, claim.Against = ratio, true, name
		}
	}
	if !compared {
		claim.Missing = "nobody to compare with"
		return claim
	}
	if claim.Value, claim.Holds = worst, worst <= claim.Bound; rule.times {
		claim.Value = 1 / worst
		claim.Holds = claim.Value >= claim.Bound
	}
	return claim
}

// String is the claim as a line.
func (c Claim) String() string {
	if c.Missing != "" {
		return fmt.Sprintf("?  %s: %s", c.Text, c.Missing)
	}
	mark := "ok"
	if !c.Holds {
		mark = "NO"
	}
	against := ""
	if c.Against != "" {
		against = " (" + c.Against + ")"
	}
	return fmt.Sprintf("%s %s%s: %.3g, bound %.3g", mark, c.Text, against, c.Value, c.Bound)
}
