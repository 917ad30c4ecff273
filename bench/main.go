// Command bench does the same work with our client and with its peers, beside
// each other in one run, and prints what each needed and whether our promises
// hold.
//
//	go run .                      the whole table
//	go run . -quick               a sixteenth of it, one round
//	go run . -rows 'upload|pull'  some rows
//	go run . -growth              how the time grows with size, number, distance
//
// Each client runs in a process of its own ("bench client PEER" reads its job
// from standard input), and so does the registry they all talk to ("bench
// server").
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"

	"github.com/acrkit/azcontainerregistry/bench/internal/neutral"
	"github.com/acrkit/azcontainerregistry/bench/internal/peers"
	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := dispatch(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func dispatch(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == "server" {
		return neutral.Obey(stdin, stdout)
	}
	if len(args) > 1 && args[0] == "client" {
		return client(ctx, args[1], stdin, stdout)
	}
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if o.growing {
		return o.grow(ctx, stdout, stderr)
	}
	return o.run(ctx, stdout, stderr)
}

// client does the one job on stdin and writes its measurement to stdout.
func client(ctx context.Context, name string, stdin io.Reader, stdout io.Writer) error {
	peer, err := peers.Find(name)
	if err != nil {
		return err
	}
	var job work.Job
	if err := json.NewDecoder(stdin).Decode(&job); err != nil {
		return fmt.Errorf("read job: %w", err)
	}
	do := peer.Works[job.Kind]
	if do == nil {
		return fmt.Errorf("%s: cannot do %q", name, job.Kind)
	}
	measurement, err := profiled(job.Profile, func() work.Measurement { return work.Measure(ctx, do, job) })
	if err != nil {
		return err
	}
	if err := json.NewEncoder(stdout).Encode(measurement); err != nil {
		return fmt.Errorf("write measurement: %w", err)
	}
	return nil
}

// profiled writes a CPU profile of what measure does, unless path is empty.
func profiled(path string, measure func() work.Measurement) (m work.Measurement, err error) {
	if path == "" {
		return measure(), nil
	}
	file, err := os.Create(path)
	if err != nil {
		return m, fmt.Errorf("write profile: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := pprof.StartCPUProfile(file); err != nil {
		return m, fmt.Errorf("write profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return measure(), nil
}
