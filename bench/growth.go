package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/acrkit/azcontainerregistry/bench/internal/report"
	"github.com/acrkit/azcontainerregistry/bench/internal/rows"
)

// grow runs the curves: the same work in growing amounts.
func (o options) grow(ctx context.Context, stdout, stderr io.Writer) (err error) {
	dir, err := os.MkdirTemp(o.dir, "acrkit-bench-")
	if err != nil {
		return fmt.Errorf("make content: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fmt.Fprintln(stderr, "making the content in", dir)
	curves, err := rows.Curves(filepath.Join(dir, "content"), o.growth)
	if err != nil {
		return err
	}
	r, err := o.start(ctx, dir, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close(ctx)) }()
	result := report.Growth{
		Schema: report.GrowthSchema, Date: time.Now().UTC().Truncate(time.Second),
		Machine: report.ThisMachine(), Clients: versions(ctx), Scale: o.scaleName,
	}
	var stopped error
	for _, curve := range curves {
		if !o.rows.MatchString(curve.ID) || stopped != nil {
			continue
		}
		var drawn report.Curve
		drawn, stopped = r.curve(ctx, curve)
		if len(drawn.Points) > 0 {
			result.Curves = append(result.Curves, drawn)
		}
	}
	if len(result.Curves) == 0 {
		return errors.Join(stopped, errors.New("no curve was run"))
	}
	// The points before an interrupt still count.
	if ctx.Err() != nil {
		stopped = nil
	}
	return errors.Join(stopped, o.writeFigures(result, stdout))
}

// curve runs a curve point by point, and returns what it has when it has to stop.
func (r *runner) curve(ctx context.Context, curve rows.Curve) (report.Curve, error) {
	drawn := report.Curve{ID: curve.ID, Title: curve.Title, Axis: curve.Axis}
	for _, step := range curve.Steps {
		if err := readThrough(step.Content); err != nil {
			return drawn, err
		}
		done, err := r.row(ctx, drawable(step.Row))
		if err != nil {
			return drawn, err
		}
		drawn.Points = append(drawn.Points, report.Point{At: step.At, Label: step.Label, Results: done.Results})
	}
	return drawn, nil
}

// readThrough reads a file, so that none of the clients is the first to.
func readThrough(path string) (err error) {
	if path == "" {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read content: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := io.Copy(io.Discard, file); err != nil {
		return fmt.Errorf("read content: %w", err)
	}
	return nil
}

// drawable leaves out who isn't drawn.
func drawable(row rows.Row) rows.Row {
	var entrants []rows.Entrant
	for _, e := range row.Entrants {
		if rows.Growing(e) {
			entrants = append(entrants, e)
		}
	}
	row.Entrants = entrants
	return row
}
