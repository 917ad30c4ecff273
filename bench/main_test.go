package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/bench/internal/fixture"
	"github.com/acrkit/azcontainerregistry/bench/internal/neutral"
	"github.com/acrkit/azcontainerregistry/bench/internal/peers"
	"github.com/acrkit/azcontainerregistry/bench/internal/report"
	"github.com/acrkit/azcontainerregistry/bench/internal/rows"
)

// TestMain lets the test's own program be the client and server processes.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "server" || os.Args[1] == "client") {
		main()
		return
	}
	os.Exit(m.Run())
}

func tiny() rows.Scale {
	return rows.Scale{
		Sizes:      fixture.Sizes{Blob: 3<<20 + 17, Long: 4 << 20, Layers: 3, LayerSize: 1<<20 + 5},
		Listed:     2500,
		Together:   40,
		InTurn:     30,
		ByMany:     80,
		FaultEvery: 1_000_000,
	}
}

// TestEveryClientDoesItsWork runs every client through every row at small
// sizes, with a server that hashes what it is sent, and checks digests, sizes
// and counts on both sides.
func TestEveryClientDoesItsWork(t *testing.T) {
	set, err := fixture.Make(t.TempDir(), tiny().Sizes)
	if err != nil {
		t.Fatal(err)
	}
	all, err := rows.All(tiny(), set)
	if err != nil {
		t.Fatal(err)
	}
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server, err := neutral.StartProcess(context.WithoutCancel(t.Context()), executable, "server")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	o, err := parse([]string{"-limit=1m"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r := runner{options: o, executable: executable, server: server, dir: t.TempDir(), stderr: io.Discard}
	for _, row := range all {
		// Only distance and rate would make the test slow.
		row.Server.RTT, row.Server.BytesPerSecond = 0, 0
		row.Server.Verify = true
		for _, entrant := range row.Entrants {
			// The peers don't promise to survive faults.
			if !installed(entrant.Peer) || (row.ByBytes && entrant.Peer != peers.Ours) {
				continue
			}
			t.Run(row.ID+"/"+entrant.String(), func(t *testing.T) {
				sample, err := r.sample(t.Context(), row, entrant)
				if err != nil {
					t.Fatal(err)
				}
				if sample.Error != "" {
					t.Fatal(sample.Error)
				}
				if sample.Wall <= 0 || sample.Memory <= 0 {
					t.Errorf("measured %v and %d bytes of memory", sample.Wall, sample.Memory)
				}
				hashOnly := row.ID == "upload-unknown" && entrant.Peer == peers.Limit
				if sample.Stats.Requests == 0 && !hashOnly {
					t.Error("no request reached the server")
				}
				if row.ByBytes && sample.Stats.Faults == 0 {
					t.Error("no fault was played")
				}
			})
		}
	}
}

// TestWorkThatWasNotDoneHasNoTime leaves the destination empty.
func TestWorkThatWasNotDoneHasNoTime(t *testing.T) {
	set, err := fixture.Make(t.TempDir(), tiny().Sizes)
	if err != nil {
		t.Fatal(err)
	}
	all, err := rows.All(tiny(), set)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range all {
		if row.Job.Kind == "read-in-turn" || row.Job.Kind == "read-together" || strings.HasPrefix(string(row.Job.Kind), "list") {
			continue // these count in the client itself
		}
		job := row.Job
		job.Out = t.TempDir()
		if err := verify(job, neutral.Stats{}, row.Server.Blobs); err == nil {
			t.Errorf("%s: nothing was done, and verify says nothing", row.ID)
		}
	}
}

// TestRunWritesTableFiguresAndChart runs one row through the whole command.
func TestRunWritesTableFiguresAndChart(t *testing.T) {
	dir := t.TempDir()
	figures, chart := filepath.Join(dir, "out", "bench.json"), filepath.Join(dir, "out", "bench.svg")
	var stdout, stderr bytes.Buffer
	args := []string{"-quick", "-rows", "^(upload-known|list-tags)$", "-blob", "1", "-listed", "1500", "-dir", dir, "-json", figures, "-svg", chart}
	if err := dispatch(t.Context(), args, strings.NewReader(""), &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	data, err := os.ReadFile(figures)
	if err != nil {
		t.Fatal(err)
	}
	var result report.Report
	if err := json.Unmarshal(data, &result); err != nil {
		t.Fatal(err)
	}
	if result.Schema != report.Schema || len(result.Rows) != 2 || len(result.Claims) == 0 {
		t.Errorf("report has schema %q, %d rows, %d claims", result.Schema, len(result.Rows), len(result.Claims))
	}
	svg, err := os.ReadFile(chart)
	if err != nil {
		t.Fatal(err)
	}
	for decoder := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the chart is no XML: %v", err)
		}
	}
	for _, want := range []string{"upload 1 MiB, digest known", peers.Official, "must hold"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, stdout.String())
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(left, func(e os.DirEntry) bool { return e.Name() != "out" }) {
		t.Errorf("left behind: %v", left)
	}
}

func TestFlagsThatMakeNoSense(t *testing.T) {
	for _, args := range [][]string{{"-rows", "("}, {"-clients", "["}, {"-rounds", "0"}, {"-blob", "-1"}, {"extra"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("parse(%q) has no error", args)
		}
	}
}

// TestAnInterruptedRunPublishesItsRows interrupts when the second row begins.
func TestAnInterruptedRunPublishesItsRows(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout bytes.Buffer
	stderr := writerFunc(func(p []byte) {
		if bytes.Contains(p, []byte("manifests")) {
			cancel()
		}
	})
	args := []string{"-quick", "-rows", "^list-", "-listed", "1500", "-dir", dir, "-json", "", "-svg", ""}
	err := dispatch(ctx, args, strings.NewReader(""), &stdout, stderr)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	if !strings.Contains(stdout.String(), "list 1500 tags") || strings.Contains(stdout.String(), "list 1500 manifests") {
		t.Errorf("the table:\n%s", stdout.String())
	}
}

type writerFunc func(p []byte)

func (w writerFunc) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}
