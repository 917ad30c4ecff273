// Package report turns measurements into figures: medians and spreads, the
// ratios that must hold, a table, JSON and a chart.
package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/acrkit/azcontainerregistry/bench/internal/neutral"
	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

// Report is one run of the benchmark; its JSON form is stable.
type Report struct {
	Schema  string            `json:"schema"`
	Date    time.Time         `json:"date"`
	Machine Machine           `json:"machine"`
	Clients map[string]string `json:"clients"`
	Scale   string            `json:"scale"`
	Rows    []Row             `json:"rows"`
	Claims  []Claim           `json:"claims"`
}

// Schema names the form of the JSON.
const Schema = "acrkit.bench/v1"

// Machine is where it ran.
type Machine struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	OS    string `json:"os"`
	Go    string `json:"go"`
	// SHA256 is how many bytes one core hashes in a second.
	SHA256 int64 `json:"sha256BytesPerSecond"`
}

// Row is one line of the table with everybody's results.
type Row struct {
	ID         string `json:"id"`
	Title      string `json:"title"`
	ByRequests bool   `json:"byRequests,omitempty"`
	ByBytes    bool   `json:"byBytes,omitempty"`
	// Bytes is the size of the blob, Reads the number of manifest reads.
	Bytes   int64    `json:"bytes,omitempty"`
	Reads   int      `json:"reads,omitempty"`
	Results []Result `json:"results"`
}

// Result is what one client in one setting did.
type Result struct {
	Client  string `json:"client"`
	Setting string `json:"setting,omitempty"`
	// Seconds is the median of the rounds, Least and Most the extremes.
	Seconds float64 `json:"seconds"`
	Least   float64 `json:"least"`
	Most    float64 `json:"most"`
	Rounds  int     `json:"rounds"`
	// Times are the seconds of each round, in their order: the rounds of one row
	// are run in turn.
	Times []float64 `json:"times,omitempty"`
	// The others are medians too, each for itself.
	CPUSeconds  float64 `json:"cpuSeconds"`
	MemoryBytes int64   `json:"memoryBytes"`
	Allocated   int64   `json:"allocatedBytes"`
	Allocations int64   `json:"allocations"`
	Requests    int     `json:"requests"`
	BytesIn     int64   `json:"bytesIn"`
	BytesOut    int64   `json:"bytesOut"`
	Faults      int     `json:"faults,omitempty"`
	// Error is the first failure of a round; a client that failed has no
	// place in a comparison.
	Error string `json:"error,omitempty"`
}

// Sample is one round.
type Sample struct {
	work.Measurement
	Stats neutral.Stats
}

// Name is the client with its setting.
func (r Result) Name() string {
	if r.Setting == "" {
		return r.Client
	}
	return r.Client + ", " + r.Setting
}

// Summarize makes the result of the rounds of one client.
func Summarize(client, setting string, samples []Sample) Result {
	result := Result{Client: client, Setting: setting, Rounds: len(samples)}
	for _, sample := range samples {
		if sample.Error != "" {
			result.Error = sample.Error
			break
		}
	}
	if len(samples) == 0 {
		return result
	}
	seconds := of(samples, func(s Sample) float64 { return s.Wall.Seconds() })
	result.Seconds, result.Times = Median(seconds), seconds
	result.Least, result.Most = slices.Min(seconds), slices.Max(seconds)
	result.CPUSeconds = Median(of(samples, func(s Sample) float64 { return s.CPU.Seconds() }))
	result.MemoryBytes = Median(of(samples, func(s Sample) int64 { return s.Memory }))
	result.Allocated = Median(of(samples, func(s Sample) int64 { return s.Allocated }))
	result.Allocations = Median(of(samples, func(s Sample) int64 { return s.Allocations }))
	result.Requests = Median(of(samples, func(s Sample) int { return s.Stats.Requests }))
	result.BytesIn = Median(of(samples, func(s Sample) int64 { return s.Stats.BytesIn }))
	result.BytesOut = Median(of(samples, func(s Sample) int64 { return s.Stats.BytesOut }))
	result.Faults = Median(of(samples, func(s Sample) int { return s.Stats.Faults }))
	return result
}

func of[T any](samples []Sample, field func(Sample) T) []T {
	values := make([]T, len(samples))
	for i, sample := range samples {
		values[i] = field(sample)
	}
	return values
}

// Median is the middle value, the lower one of the two in the middle.
func Median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// Row returns the row with the id.
func (r Report) Row(id string) (Row, bool) {
	i := slices.IndexFunc(r.Rows, func(row Row) bool { return row.ID == id })
	if i < 0 {
		return Row{}, false
	}
	return r.Rows[i], true
}
