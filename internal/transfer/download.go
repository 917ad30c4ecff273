package transfer

import (
	"context"
	"errors"
	"io"
	"time"
)

// checkpointEvery is how many bytes are between two checkpoints: some tens of
// milliseconds of work on a fast link, some seconds on a slow one.
const checkpointEvery = 16 << 20

// DownloadOptions are the options of [Download].
type DownloadOptions struct {
	Digest       string // sha256:…, needed
	Size         int64  // 0 when it isn't known
	Concurrency  int    // 0 for defaultConcurrency
	MaxRetries   int
	NoProgress   time.Duration
	Budget       *Budget
	OnEvent      func(Event)
	Resume       *DownloadState
	OnCheckpoint func(DownloadState)

	cpuTime func() time.Duration // replaced where time is virtual
}

// DownloadState is where a download stands: Offset bytes were handed over and
// hashed.
type DownloadState struct {
	Size      int64
	Offset    int64
	HashState []byte
}

// DownloadResult is what became of a download.
type DownloadResult struct {
	Size          int64
	BytesReceived int64
	Ranges        int
	Retries       int
}

// Destination is where a download goes: to Writer in order, or to WriterAt.
type Destination struct {
	Writer   io.Writer
	WriterAt io.WriterAt

	// ReaderAt reads back what was written by WriterAt, if that is possible.
	// Ranges then need no memory until their turn to be hashed comes.
	ReaderAt io.ReaderAt
}

func (d Destination) write(off int64, p []byte) error {
	n, err := 0, error(nil)
	if d.Writer != nil {
		n, err = d.Writer.Write(p)
	} else {
		n, err = d.WriterAt.WriteAt(p, off)
	}
	if err == nil && n != len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return &localError{operation: "write destination", err: err}
	}
	return nil
}

type download struct {
	*blob
	dst   Destination
	o     DownloadOptions
	sum   *digester
	noted int64 // offset of the last checkpoint

	cpuTime     func() time.Duration
	machineTime func() (busy, all int64)
	result      DownloadResult
}

// Download hands a blob to dst and verifies its digest. What it returned from
// with an error may have left bytes in dst.
func Download(ctx context.Context, src Ranges, dst Destination, o DownloadOptions) (DownloadResult, error) {
	d := &download{dst: dst, o: o, sum: newDigester(), cpuTime: o.cpuTime}
	if d.cpuTime == nil {
		d.cpuTime, d.machineTime = cpuTime, machineTime
	} else {
		d.machineTime = func() (busy, all int64) { return 0, 0 }
	}
	d.blob = &blob{
		src: src, noProgress: o.NoProgress, budget: o.Budget,
		report: newReporter(o.OnEvent, -1), size: -1,
	}
	if o.Size > 0 {
		_ = d.learn(o.Size)
	}
	if r := o.Resume; r != nil && r.Offset > 0 {
		sum, err := restoreDigester(r.Offset, r.HashState)
		if err != nil {
			return DownloadResult{}, err
		}
		d.sum, d.noted = sum, r.Offset
		if err := d.learn(r.Size); err != nil {
			return DownloadResult{}, err
		}
	}
	if err := o.Budget.Acquire(ctx); err != nil {
		return DownloadResult{}, err
	}
	defer o.Budget.Release()

	d.report.emit(Event{Kind: Started})
	d.result.Ranges = 1
	err := d.run(ctx)
	if err == nil {
		err = d.verify()
	}
	d.result.Size, d.result.BytesReceived, d.result.Retries = d.sum.at, d.received.Load(), int(d.failures.Load())
	var wrong *wrongContent
	switch {
	case errors.As(err, &wrong):
		return d.result, wrong.error
	case err != nil:
		d.checkpoint()
		return d.result, err
	}
	d.report.emit(Event{Kind: Done})
	return d.result, nil
}

// run moves the blob: over one connection first, and then over several if that
// brings something.
func (d *download) run(parent context.Context) (err error) {
	if d.o.Concurrency == 1 && d.budget.shared() {
		return d.inTurn(parent)
	}
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	s := newStream(d.cursor(d.sum.at, -1))
	defer s.wait()
	r := newRangeScheduler(d, cancel)
	tuned := make(chan struct{})
	defer func() {
		if errors.Is(err, context.Canceled) && parent.Err() == nil {
			err = context.Cause(ctx) // a range failed, and ended the rest
		}
		cancel(nil)
		<-tuned
		r.wait()
	}()
	s.start(ctx)
	go func() {
		defer close(tuned)
		newTuner(d, s, r).run(ctx)
	}()
	if err := s.drain(d.dst.write, d.hash); err != nil || !s.stopped() {
		return err
	}
	return r.drain(ctx)
}

// inTurn receives and takes by turns, on one connection and one goroutine.
// Where other transfers run beside this one they keep the other cores busy, and
// a piece that changes cores costs more than it brings.
func (d *download) inTurn(ctx context.Context) error {
	c := d.cursor(d.sum.at, -1)
	defer c.close()
	buf := make([]byte, slotSize)
	for {
		n, err := c.read(ctx, buf)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		over := c.idle()
		err = d.consume(buf[:n])
		over()
		if err != nil {
			return err
		}
	}
}

func (d *download) cursor(off, end int64) *cursor {
	return &cursor{blob: d.blob, retries: newRetryBudget(d.o.MaxRetries), off: off, end: end}
}

// consume takes the blob's next bytes.
func (d *download) consume(p []byte) error {
	off := d.sum.at
	// First the destination: a checkpoint must not cover what it refused.
	if err := d.dst.write(off, p); err != nil {
		return err
	}
	return d.hash(off, p)
}

// hash takes the next bytes that were written.
func (d *download) hash(off int64, p []byte) error {
	if err := d.sum.write(off, p); err != nil {
		return err
	}
	d.hashed()
	return nil
}

// hashed is called whenever more of the blob was hashed and handed over.
func (d *download) hashed() {
	d.report.position(d.sum.at)
	if d.sum.at-d.noted >= checkpointEvery {
		d.checkpoint()
	}
}

func (d *download) checkpoint() {
	if d.o.OnCheckpoint == nil {
		return
	}
	d.noted = d.sum.at
	d.o.OnCheckpoint(DownloadState{Size: d.known(), Offset: d.sum.at, HashState: d.sum.state()})
}

// wrongContent marks what must not be resumed: no checkpoint is made of it.
type wrongContent struct{ error }

func (d *download) verify() error {
	if size := d.known(); size >= 0 && size != d.sum.at {
		return &wrongContent{&SizeMismatchError{Expected: size, Actual: d.sum.at, Origin: OriginRegistry}}
	}
	if actual := d.sum.digest(); actual != d.o.Digest {
		return &wrongContent{&DigestMismatchError{Expected: d.o.Digest, Actual: actual, Size: d.sum.at}}
	}
	return nil
}
