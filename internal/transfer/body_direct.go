package transfer

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
)

// body is what one request sends.
type body interface {
	io.Reader

	// start is called once, before the first Read.
	start(ctx context.Context)

	// count returns how many bytes the sender took.
	count() int64

	// finish is called when the request is over. It waits until the source is
	// no longer read, and returns why reading it failed, if it did. It reports
	// false when ctx is done and the source still blocks: nobody may use it
	// any more then.
	finish(ctx context.Context) (bool, error)
}

func (f *hashedBody) count() int64 { return f.sent.Load() }

// directBody is the body of a request whose content needs no hashing: the sender
// reads the source itself, since nothing beats net/http's own copying.
type directBody struct {
	ctx      context.Context // Read has no parameter for it
	src      *source
	watchdog *watchdog
	budget   *Budget
	report   *reporter
	from     int64
	left     int64 // -1 for all

	busy chan struct{} // holds one token while nobody reads
	over atomic.Bool
	sent atomic.Int64
	err  error // guarded by busy
}

// start allows the reading to begin.
func (d *directBody) start(ctx context.Context) {
	d.ctx = ctx
	d.busy = make(chan struct{}, 1)
	d.busy <- struct{}{}
}

func (d *directBody) count() int64 { return d.sent.Load() }

// Read is what the request's sender calls.
func (d *directBody) Read(p []byte) (int, error) {
	<-d.busy
	defer func() { d.busy <- struct{}{} }()
	switch {
	case d.over.Load():
		return 0, errStopped
	case d.left == 0:
		d.watchdog.allow(completionLimits) // what is left is the registry's response
		return 0, io.EOF
	case d.left > 0:
		p = p[:min(int64(len(p)), d.left)]
	}
	d.watchdog.pause()
	n, err := d.src.Read(p)
	if n > 0 && err == nil {
		err = d.budget.Wait(d.ctx, n)
	}
	d.watchdog.resume()
	if d.left > 0 {
		d.left -= int64(n)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		d.err = err
		return 0, err
	}
	if err != nil {
		d.watchdog.allow(completionLimits)
	}
	d.report.position(d.from + d.sent.Add(int64(n)))
	return n, err
}

func (d *directBody) finish(ctx context.Context) (bool, error) {
	d.over.Store(true)
	if !settled(ctx, d.busy) {
		return false, nil
	}
	defer func() { d.busy <- struct{}{} }()
	if ctx.Err() != nil {
		return true, nil
	}
	return true, d.err
}
