package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/bench/internal/fixture"
	"github.com/acrkit/azcontainerregistry/bench/internal/neutral"
	"github.com/acrkit/azcontainerregistry/bench/internal/peers"
	"github.com/acrkit/azcontainerregistry/bench/internal/report"
	"github.com/acrkit/azcontainerregistry/bench/internal/rows"
	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

// run makes the content, runs every row, and writes the reports.
func (o options) run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	dir, err := os.MkdirTemp(o.dir, "acrkit-bench-")
	if err != nil {
		return fmt.Errorf("make content: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var set fixture.Set
	if !o.list {
		fmt.Fprintln(stderr, "making the content in", dir)
		if set, err = fixture.Make(filepath.Join(dir, "content"), o.needed()); err != nil {
			return err
		}
	}
	all, err := rows.All(o.scale, set)
	if err != nil {
		return err
	}
	if o.list {
		return o.print(stdout, all)
	}
	r, err := o.start(ctx, dir, stderr)
	if err != nil {
		return err
	}
	result := report.Report{
		Schema: report.Schema, Date: time.Now().UTC().Truncate(time.Second),
		Machine: report.ThisMachine(), Clients: versions(ctx), Scale: o.scaleName,
	}
	for _, row := range all {
		if !o.rows.MatchString(row.ID) {
			continue
		}
		done, rowErr := r.row(ctx, row)
		if rowErr != nil {
			// An interrupt ends the server as well, which then is no news.
			if err = ctx.Err(); err == nil {
				err = rowErr
			}
			break
		}
		result.Rows = append(result.Rows, done)
	}
	// The rows before an interrupt still count.
	err = errors.Join(err, r.close(ctx))
	if len(result.Rows) == 0 {
		return err
	}
	result.Claims = result.Judge()
	return errors.Join(err, o.publish(result, stdout))
}

// needed leaves out content that no chosen row moves.
func (o options) needed() fixture.Sizes {
	sizes := o.scale.Sizes
	if !o.rows.MatchString("faulty-download") && !o.rows.MatchString("faulty-upload") && !o.rows.MatchString("faulty-upload-lost") {
		sizes.Long = 0
	}
	if !o.rows.MatchString("push") && !o.rows.MatchString("pull") {
		sizes.Layers = 0
	}
	return sizes
}

func (o options) print(stdout io.Writer, all []rows.Row) error {
	for _, row := range all {
		if _, err := fmt.Fprintf(stdout, "%-20s %s\n", row.ID, row.Title); err != nil {
			return err
		}
		for _, entrant := range row.Entrants {
			if _, err := fmt.Fprintf(stdout, "%20s %s\n", "", entrant); err != nil {
				return err
			}
		}
	}
	return nil
}

// publish writes the figures, and judges them if it is asked to.
func (o options) publish(result report.Report, stdout io.Writer) error {
	if err := o.writeFigures(result, stdout); err != nil {
		return err
	}
	if !o.check {
		return nil
	}
	for _, claim := range result.Claims {
		if !claim.Holds {
			return fmt.Errorf("a promise doesn't hold: %s", claim)
		}
	}
	return nil
}

// write writes the files that have a name.
func write(files map[string][]byte) error {
	for path, content := range files {
		if path == "" {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write figures: %w", err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return fmt.Errorf("write figures: %w", err)
		}
	}
	return nil
}

// figures are what a run came to, which can be drawn and listed.
type figures interface {
	Chart() []byte
	Table() []byte
}

// writeFigures writes the files and prints the table.
func (o options) writeFigures(result figures, stdout io.Writer) error {
	data, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return fmt.Errorf("encode figures: %w", err)
	}
	if err := write(map[string][]byte{o.json: append(data, '\n'), o.svg: result.Chart()}); err != nil {
		return err
	}
	_, err = stdout.Write(result.Table())
	return err
}

// runner runs clients against the one server.
type runner struct {
	options
	executable string
	server     *neutral.Process
	dir        string
	stderr     io.Writer
}

// start starts the server that the clients run against; close ends it.
func (o options) start(ctx context.Context, dir string, stderr io.Writer) (*runner, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	server, err := neutral.StartProcess(ctx, executable, "server")
	if err != nil {
		return nil, err
	}
	return &runner{options: o, executable: executable, server: server, dir: dir, stderr: stderr}, nil
}

// close ends the server. An interrupt ends it as well, which then is no news.
func (r *runner) close(ctx context.Context) error {
	if err := r.server.Close(); ctx.Err() == nil {
		return err
	}
	return nil
}

// row runs every entrant of a row, one round after another, beginning each
// round with another entrant.
func (r *runner) row(ctx context.Context, row rows.Row) (report.Row, error) {
	rounds := r.rounds
	if row.Rounds > 0 {
		rounds = min(rounds, row.Rounds)
	}
	var entrants []rows.Entrant
	for _, entrant := range row.Entrants {
		if r.clients.MatchString(entrant.String()) && installed(entrant.Peer) {
			entrants = append(entrants, entrant)
		}
	}
	fmt.Fprintf(r.stderr, "%s: %d rounds of %d\n", row.Title, rounds, len(entrants))
	samples := make([][]report.Sample, len(entrants))
	for round := range rounds {
		for turn := range entrants {
			i := (turn + round) % len(entrants)
			sample, err := r.sample(ctx, row, entrants[i])
			if err != nil {
				return report.Row{}, err
			}
			samples[i] = append(samples[i], sample)
			fmt.Fprintf(r.stderr, "  %-40s %8.3f s %6d requests %s\n", entrants[i], sample.Wall.Seconds(), sample.Stats.Requests, sample.Error)
		}
	}
	done := report.Row{ID: row.ID, Title: row.Title, ByRequests: row.ByRequests, ByBytes: row.ByBytes, Bytes: row.Job.Size}
	if row.ByRequests {
		done.Reads = row.Job.Count
	}
	for i, entrant := range entrants {
		done.Results = append(done.Results, report.Summarize(entrant.Peer, entrant.Label, samples[i]))
	}
	return done, nil
}

// sample sets the stage, runs one client process, and checks what it did.
func (r *runner) sample(ctx context.Context, row rows.Row, entrant rows.Entrant) (sample report.Sample, err error) {
	out := filepath.Join(r.dir, "out")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return sample, fmt.Errorf("make destination: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(out)) }()
	registry, certificate, err := r.server.Configure(row.Server)
	if err != nil {
		return sample, err
	}
	trusted := filepath.Join(r.dir, "certificate.pem")
	if err := os.WriteFile(trusted, []byte(certificate), 0o644); err != nil {
		return sample, fmt.Errorf("write the server's certificate: %w", err)
	}
	if err := warm(r.dir, row.Writes); err != nil {
		return sample, err
	}
	job := row.Job
	job.Registry, job.Out, job.Setting = registry, out, entrant.Setting
	if r.profile != "" {
		if err := os.MkdirAll(r.profile, 0o755); err != nil {
			return sample, fmt.Errorf("make folder for profiles: %w", err)
		}
		name := strings.NewReplacer(" ", "-", ",", "").Replace(row.ID + "-" + entrant.String())
		job.Profile = filepath.Join(r.profile, name+".pprof")
	}
	limit := r.limit
	if row.Limit > 0 {
		limit = min(limit, row.Limit)
	}
	sample.Measurement, err = r.client(ctx, entrant.Peer, job, limit, trusted)
	if err != nil {
		return sample, err
	}
	if sample.Stats, err = r.server.Stats(); err != nil {
		return sample, err
	}
	// The limits need not finish anything.
	if sample.Error == "" && entrant.Peer != peers.Limit {
		if err := verify(job, sample.Stats, row.Server.Blobs); err != nil {
			sample.Error = err.Error()
		}
	}
	return sample, nil
}

func (r *runner) client(ctx context.Context, name string, job work.Job, limit time.Duration, trusted string) (work.Measurement, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	input, err := json.Marshal(job)
	if err != nil {
		return work.Measurement{}, fmt.Errorf("encode job: %w", err)
	}
	command := exec.CommandContext(limited, r.executable, "client", name)
	command.Stdin = bytes.NewReader(input)
	command.Env = append(os.Environ(), "SSL_CERT_FILE="+trusted)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if ctx.Err() != nil {
		return work.Measurement{}, ctx.Err()
	}
	if limited.Err() != nil {
		return work.Measurement{Error: fmt.Sprintf("not finished after %v", limit), Wall: limit}, nil
	}
	if err != nil {
		return work.Measurement{Error: fmt.Sprintf("%v: %s", err, bytes.TrimSpace(stderr.Bytes()))}, nil
	}
	var m work.Measurement
	if err := json.Unmarshal(output, &m); err != nil {
		return m, fmt.Errorf("read measurement of %s: %w", name, err)
	}
	return m, nil
}

func installed(name string) bool {
	peer, err := peers.Find(name)
	if err != nil || peer.Program == "" {
		return err == nil
	}
	_, err = exec.LookPath(peer.Program)
	return err == nil
}
