package transfer

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// uploadPiece is how much of an upload is read, hashed and sent at a time,
	// and uploadPieces how many such pieces it has. The sender writes a piece with
	// one system call; the hasher, which is the slowest of the three, always has
	// one waiting. All of them stay in the cache that the cores share.
	uploadPiece  = 256 << 10
	uploadPieces = 4

	// readGrace is how long a source's Read may still block after the context
	// ended before it is left to itself.
	readGrace = 500 * time.Millisecond
)

var errStopped = errors.New("request is over")

// digester hashes content in order, once, however often parts of it are read.
type digester struct {
	hash hash.Hash
	at   int64 // how far

	secondHash hash.Hash // of a second reading from the first byte on
	secondAt   int64
}

func newDigester() *digester { return &digester{hash: sha256.New()} }

// restoreDigester continues from a state.
func restoreDigester(at int64, state []byte) (*digester, error) {
	d := newDigester()
	if err := d.hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		return nil, &localError{operation: "restore hash state", err: err}
	}
	d.at = at
	return d, nil
}

func (d *digester) state() []byte {
	state, err := d.hash.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return nil // SHA-256 has no such error
	}
	return state
}

func (d *digester) digest() string { return "sha256:" + hex.EncodeToString(d.hash.Sum(nil)) }

// reread prepares for a second reading from the first byte on.
func (d *digester) reread() { d.secondHash, d.secondAt = sha256.New(), 0 }

// write hashes what is new of p, which begins at off, and compares what isn't.
func (d *digester) write(off int64, p []byte) error {
	if off < d.at {
		old := p[:min(int64(len(p)), d.at-off)]
		if d.secondHash != nil && off == d.secondAt {
			d.secondHash.Write(old)
			d.secondAt += int64(len(old))
			if d.secondAt == d.at {
				if [32]byte(d.secondHash.Sum(nil)) != [32]byte(d.hash.Sum(nil)) {
					return &SourceChangedError{Offset: d.at}
				}
				d.secondHash = nil
			}
		}
		if off, p = off+int64(len(old)), p[len(old):]; len(p) == 0 {
			return nil
		}
	}
	d.hash.Write(p)
	d.at = off + int64(len(p))
	return nil
}

// hashedBody is the body of one request: a part of the source, read by a goroutine
// of its own, and hashed by another beside the sending.
type hashedBody struct {
	src      *source
	sum      *digester // nil when nothing needs hashing
	watchdog *watchdog
	budget   *Budget
	report   *reporter

	from int64 // first byte to send
	to   int64 // first byte not to send, -1 for all

	filled chan *slot
	free   *pool
	stop   chan struct{}
	once   sync.Once
	done   chan struct{}
	err    error // why reading or hashing ended early; valid after filled is closed

	rest []byte // of the slot being sent
	cur  *slot
	sent atomic.Int64
}

// start begins reading. Everything of the source before from must have been
// hashed already, or be read now for hashing only.
func (f *hashedBody) start(ctx context.Context) {
	f.free = newPool(f.pieces())
	f.filled = make(chan *slot, f.free.count)
	f.stop = make(chan struct{})
	f.done = make(chan struct{})
	hashing := make(chan *slot, f.free.count)
	hashed := make(chan error, 1)
	go func() {
		var err error
		for s := range hashing {
			if err == nil && f.sum != nil {
				if err = f.sum.write(s.off, s.data); err != nil {
					f.end()
				}
			}
			f.release(s)
		}
		hashed <- err
	}()
	go func() {
		defer close(f.done)
		err := f.readLoop(ctx, hashing)
		close(hashing)
		// The end of the body is told only once all of it is hashed and found
		// unchanged: a blob must not be completed before.
		if hashErr := <-hashed; hashErr != nil {
			err = hashErr
		}
		f.err = err
		close(f.filled)
	}()
}

// pieces returns the size and the number of the pieces: little content needs
// little memory.
func (f *hashedBody) pieces() (size, count int) {
	end := f.to
	if f.src.size >= 0 && (end < 0 || f.src.size < end) {
		end = f.src.size
	}
	if end >= 0 && end-f.src.pos <= slotSize*slots {
		return slotSize, slots
	}
	return uploadPiece, uploadPieces
}

func (f *hashedBody) readLoop(ctx context.Context, hashing chan<- *slot) error {
	for f.to < 0 || f.src.pos < f.to {
		var s *slot
		select {
		case <-f.free.turns:
			s = f.free.take()
		case <-f.stop:
			return errStopped
		}
		s.off = f.src.pos
		buf := s.buf
		if s.off < f.from {
			buf = buf[:min(int64(len(buf)), f.from-s.off)]
		} else if f.to >= 0 {
			buf = buf[:min(int64(len(buf)), f.to-s.off)]
		}
		n, err := fill(f.src, buf)
		s.data = s.buf[:n]
		send := s.off >= f.from && n > 0
		s.refs.Store(1)
		if send {
			s.refs.Store(2)
			if err := f.budget.Wait(ctx, n); err != nil {
				return err
			}
		}
		hashing <- s
		if send {
			f.filled <- s
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return f.src.probe()
}

// fill reads until p is full: a request of many small pieces would cost a
// system call each.
func fill(r io.Reader, p []byte) (int, error) {
	n, idle := 0, 0
	for n < len(p) {
		m, err := r.Read(p[n:])
		n += m
		if err != nil {
			return n, err
		}
		if m > 0 {
			idle = 0
		} else if idle++; idle >= 100 {
			return n, &localError{operation: "read source", err: io.ErrNoProgress}
		}
	}
	return n, nil
}

func (f *hashedBody) release(s *slot) {
	if s.refs.Add(-1) == 0 {
		f.free.give(s)
	}
}

// next makes rest the bytes to be sent next.
func (f *hashedBody) next() error {
	if f.cur != nil {
		f.release(f.cur)
		f.cur = nil
	}
	f.watchdog.pause()
	defer f.watchdog.resume()
	select {
	case s, ok := <-f.filled:
		if !ok {
			if f.err != nil {
				return f.err
			}
			f.watchdog.allow(completionLimits) // what is left is the registry's response
			return io.EOF
		}
		f.cur, f.rest = s, s.data
		return nil
	case <-f.stop:
		return errStopped
	}
}

func (f *hashedBody) advance(n int) {
	f.rest = f.rest[n:]
	f.watchdog.progress(n)
	f.report.position(f.from + f.sent.Add(int64(n)))
}

// Read is what the request's sender calls.
func (f *hashedBody) Read(p []byte) (int, error) {
	for len(f.rest) == 0 {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.rest)
	f.advance(n)
	return n, nil
}

// InPieces says that WriteTo is better than Read: it saves a copy.
func (f *hashedBody) InPieces() bool { return true }

// WriteTo hands the pieces on as they are.
func (f *hashedBody) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for {
		for len(f.rest) == 0 {
			if err := f.next(); errors.Is(err, io.EOF) {
				return written, nil
			} else if err != nil {
				return written, err
			}
		}
		p := f.rest
		f.advance(len(p)) // before, since the request may be over while Write still blocks
		n, err := w.Write(p)
		f.watchdog.progress(n)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
}

func (f *hashedBody) end() { f.once.Do(func() { close(f.stop) }) }

// hashOnly reads the source up to a place, or to its end, without sending.
func hashOnly(ctx context.Context, src *source, sum *digester, to int64) (bool, error) {
	f := &hashedBody{src: src, sum: sum, from: math.MaxInt64, to: to}
	f.start(ctx)
	select {
	case <-f.done:
	case <-ctx.Done():
	}
	ok, err := f.finish(ctx)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return ok, err
}

// finish waits until the source is no longer read, and returns why reading it
// or hashing failed, if it did. It reports false when the source blocks and
// ctx is done: nobody may use it any more then.
func (f *hashedBody) finish(ctx context.Context) (bool, error) {
	f.end()
	if !settled(ctx, f.done) {
		return false, nil
	}
	if errors.Is(f.err, errStopped) || ctx.Err() != nil {
		return true, nil
	}
	return true, f.err
}

// settled waits for over, but not much longer than for the end of ctx.
func settled(ctx context.Context, over <-chan struct{}) bool {
	select {
	case <-over:
		return true
	case <-ctx.Done():
	}
	timer := time.NewTimer(readGrace)
	defer timer.Stop()
	select {
	case <-over:
		return true
	case <-timer.C:
		return false
	}
}
