package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/bench/internal/report"
)

// TestGrowthWritesCurvesAndTheirChart runs the shortest curves with two clients.
func TestGrowthWritesCurvesAndTheirChart(t *testing.T) {
	dir := t.TempDir()
	figures, chart := filepath.Join(dir, "growth.json"), filepath.Join(dir, "growth.svg")
	var out bytes.Buffer
	err := dispatch(t.Context(), []string{
		"-growth", "-rows=upload|download|blobs|tags", "-clients=^(acrkit|official)", "-rounds=1", "-blob=4", "-layers=5", "-listed=5000",
		"-dir=" + dir, "-json=" + figures, "-svg=" + chart,
	}, nil, &out, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(figures)
	if err != nil {
		t.Fatal(err)
	}
	var run report.Growth
	if err := json.Unmarshal(data, &run); err != nil {
		t.Fatal(err)
	}
	if len(run.Curves) != 4 || run.Schema != report.GrowthSchema {
		t.Fatalf("%q has %d curves", run.Schema, len(run.Curves))
	}
	for _, c := range run.Curves {
		if len(c.Points) != 2 {
			t.Errorf("%s has %d points", c.ID, len(c.Points))
		}
		for _, p := range c.Points {
			for _, r := range p.Results {
				if r.Error != "" || r.Seconds <= 0 {
					t.Errorf("%s, %s: %s took %g s: %s", c.ID, p.Label, r.Client, r.Seconds, r.Error)
				}
			}
		}
		if !strings.Contains(out.String(), c.Title) {
			t.Errorf("the table lacks %q", c.Title)
		}
	}
	svg, err := os.ReadFile(chart)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(svg, run.Chart()) {
		t.Error("the chart is not that of the figures")
	}
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the chart is no XML: %v", err)
		}
	}
}

// TestPublishedCurvesAreThoseOfTheFigures holds the published chart to the figures
// beside it, and both to the whole range (of downloads 4 GiB, which are on the disk
// twice).
func TestPublishedCurvesAreThoseOfTheFigures(t *testing.T) {
	data, err := os.ReadFile("published/growth.json")
	if err != nil {
		t.Fatal(err)
	}
	var run report.Growth
	if err := json.Unmarshal(data, &run); err != nil {
		t.Fatal(err)
	}
	chart, err := os.ReadFile("published/growth.svg")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(chart, run.Chart()) {
		t.Error("the chart is not that of the figures")
	}
	ends := map[string][2]float64{
		"growth-upload": {1 << 20, 8 << 30}, "growth-download": {1 << 20, 4 << 30}, "growth-blobs": {1, 2000}, "growth-rtt": {0, 200}, "growth-tags": {1000, 1_000_000},
	}
	for _, c := range run.Curves {
		if want := ends[c.ID]; c.Points[0].At != want[0] || c.Points[len(c.Points)-1].At != want[1] {
			t.Errorf("%s goes from %g to %g, not %v", c.ID, c.Points[0].At, c.Points[len(c.Points)-1].At, want)
		}
		delete(ends, c.ID)
	}
	if len(ends) > 0 {
		t.Errorf("curves are missing: %v", ends)
	}
}
