package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/acrkit/azcontainerregistry/bench/internal/rows"
)

// options are the flags of a run.
type options struct {
	rows, clients *regexp.Regexp
	rounds        int
	quick         bool
	scale         rows.Scale
	scaleName     string
	dir           string
	json, svg     string
	profile       string
	limit         time.Duration
	list, check   bool
	growing       bool
	growth        rows.Growth
}

func parse(args []string, stderr io.Writer) (options, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		o            options
		rowsPattern  = flags.String("rows", ".", "run the rows whose id matches the `pattern`")
		peersPattern = flags.String("clients", ".", "run the clients whose name and setting match the `pattern`")
		blob         = flags.Int64("blob", 0, "size of the single blob in `MiB` (1024)")
		layers       = flags.Int("layers", 0, "`layers` of the image (20)")
		layer        = flags.Int64("layer", 0, "size of a layer in `MiB` (32)")
		listed       = flags.Int("listed", 0, "`entries` to list (100000)")
	)
	flags.IntVar(&o.rounds, "rounds", 5, "how often each client does each work, in turn with the others")
	flags.BoolVar(&o.quick, "quick", false, "a sixteenth of the bytes, one round: for a look, not for figures")
	flags.BoolVar(&o.growing, "growth", false, "run the curves instead: time against size, layers, round trip and tags, up to -blob, -layers and -listed")
	flags.StringVar(&o.dir, "dir", os.TempDir(), "`folder` for the content that is moved, some 7 GB, removed afterwards")
	flags.StringVar(&o.json, "json", filepath.Join("results", "bench.json"), "write the figures to `file` (growth.json with -growth)")
	flags.StringVar(&o.svg, "svg", filepath.Join("results", "bench.svg"), "write the chart to `file` (growth.svg with -growth)")
	flags.StringVar(&o.profile, "profile", "", "write a CPU profile of each client's last round to this `folder`")
	flags.DurationVar(&o.limit, "limit", 5*time.Minute, "give up on a client after this `time`")
	flags.BoolVar(&o.list, "list", false, "print the rows and clients, and run nothing")
	flags.BoolVar(&o.check, "check", false, "exit with 1 when a promise doesn't hold")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	var err error
	if o.rows, err = regexp.Compile(*rowsPattern); err != nil {
		return o, fmt.Errorf("-rows: %w", err)
	}
	if o.clients, err = regexp.Compile(*peersPattern); err != nil {
		return o, fmt.Errorf("-clients: %w", err)
	}
	o.scale, o.growth, o.scaleName = rows.Full(), rows.FullGrowth(), "full"
	if o.quick {
		o.scale, o.growth, o.scaleName, o.rounds = rows.Quick(), rows.QuickGrowth(), "quick", 1
	}
	if o.growing {
		given := map[string]bool{}
		flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
		if !given["json"] {
			o.json = filepath.Join("results", "growth.json")
		}
		if !given["svg"] {
			o.svg = filepath.Join("results", "growth.svg")
		}
	}
	for _, size := range []struct {
		given int64
		set   func(int64)
	}{
		{*blob, func(n int64) { o.scale.Blob, o.growth.Blob = n<<20, n<<20 }},
		{int64(*layers), func(n int64) { o.scale.Layers, o.growth.Layers = int(n), int(n) }},
		{*layer, func(n int64) { o.scale.LayerSize = n << 20 }},
		{int64(*listed), func(n int64) { o.scale.Listed, o.growth.Tags = int(n), int(n) }},
	} {
		if size.given < 0 {
			return o, fmt.Errorf("sizes must be positive, not %d", size.given)
		}
		if size.given > 0 {
			size.set(size.given)
			o.scaleName = "custom"
		}
	}
	if o.rounds < 1 {
		return o, fmt.Errorf("-rounds: must be at least 1, not %d", o.rounds)
	}
	return o, nil
}
