package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/bench/internal/fixture"
	"github.com/acrkit/azcontainerregistry/bench/internal/report"
	"github.com/acrkit/azcontainerregistry/bench/internal/rows"
)

// TestReadmeShowsTheRunThatWasPublished holds the README to the figures beside
// it: a whole run, its date, its machine, and how many targets were met.
func TestReadmeShowsTheRunThatWasPublished(t *testing.T) {
	data, err := os.ReadFile("published/bench.json")
	if err != nil {
		t.Fatal(err)
	}
	var run report.Report
	if err := json.Unmarshal(data, &run); err != nil {
		t.Fatal(err)
	}
	if run.Schema != report.Schema || run.Scale != "full" {
		t.Errorf("the run is %q of scale %q", run.Schema, run.Scale)
	}
	all, err := rows.All(rows.Full(), fixture.Set{})
	if err != nil {
		t.Fatal(err)
	}
	var missing []string
	for _, row := range all {
		if _, ok := run.Row(row.ID); !ok {
			missing = append(missing, "`"+row.ID+"`")
		}
	}
	held := 0
	for _, claim := range run.Claims {
		if claim.Holds {
			held++
		}
	}
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := strings.Join(strings.Fields(string(text)), " ")
	if len(missing) > 0 && !strings.Contains(readme, "lacks the newer rows "+strings.Join(missing, ", ")) {
		t.Errorf("the README doesn't say that the run lacks the newer rows %s", strings.Join(missing, ", "))
	}
	for _, want := range []string{
		"bench/published/bench.svg",
		run.Date.Format("2 January 2006"),
		fmt.Sprintf("%d × %s", run.Machine.Cores, run.Machine.CPU),
		fmt.Sprintf("%d of the run's %d targets were met", held, len(run.Claims)),
	} {
		if !strings.Contains(readme, want) {
			t.Errorf("the README doesn't say %q", want)
		}
	}
	chart, err := os.ReadFile("published/bench.svg")
	if err != nil {
		t.Fatal(err)
	}
	if string(chart) != string(run.Chart()) {
		t.Error("the chart is not that of the figures")
	}
}
