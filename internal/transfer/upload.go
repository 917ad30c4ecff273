package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

const (
	// smallBlob is read into memory first: its digest is known then, and two
	// requests are enough instead of three.
	smallBlob = slotSize * slots

	// cancelLimit is how long giving an upload up at the registry may take, and
	// lateLimit the same when the caller's context is done already. Both leave
	// the call to return within a second of that, readGrace included.
	cancelLimit = 900 * time.Millisecond
	lateLimit   = 400 * time.Millisecond

	// probeChunk is the size of a chunk that is sent to find out where an upload
	// stands, when its status can't be had: the registry takes it, or responds
	// with a fresh location.
	probeChunk = 1 << 20
)

// UploadOptions are the options of [Upload]; the zero value is the default.
type UploadOptions struct {
	Digest       string // "" to compute it
	Size         int64  // 0 when it isn't known
	CheckExists  bool
	MountFrom    []string
	Reopen       func() (io.ReadCloser, error)
	ChunkSize    int64
	MaxRetries   int
	NoProgress   time.Duration
	Budget       *Budget
	OnEvent      func(Event)
	Resume       *UploadState
	OnCheckpoint func(UploadState) // also keeps the upload when it fails
	StopGrace    time.Duration     // how long a request with a body may outlive ctx
}

// UploadState is where an upload stands: Session is set to resume, Location in
// a checkpoint.
type UploadState struct {
	Session   Session
	Location  string
	Offset    int64
	Hashed    int64
	HashState []byte
}

// UploadResult is what became of an upload.
type UploadResult struct {
	Digest      string
	Size        int64
	Existed     bool
	MountedFrom string
	BytesSent   int64
	Retries     int
}

type upload struct {
	reg     Uploads
	o       UploadOptions
	src     *source
	sum     *digester // nil when the digest is known beforehand
	digest  string    // once it is known
	chunks  chunker
	retries *retryBudget
	report  *reporter

	session       Session
	offset        int64 // what the registry has
	given         int64 // the most it can have
	offsetUnknown bool  // offset has to be asked for
	sessionFailed bool  // something failed in this session
	completed     bool  // a request to complete was sent, in whatever session
	disagreed     bool  // since the last progress, a chunk didn't fit what the registry has
	probing       bool  // the next chunk is to find out where the upload stands
	reached       bool  // the registry has sent a response
	sourceBlocked bool  // the source still blocks
	cause         error // the last failure

	asked, passed int64 // of the last request with a body
	furthest      int64 // the most that was ever acknowledged
	sent          int64
	result        UploadResult
}

// Upload makes a blob of what r gives.
func Upload(ctx context.Context, reg Uploads, r io.Reader, o UploadOptions) (UploadResult, error) {
	src, err := newSource(r, o.Size, o.Reopen)
	if err != nil {
		return UploadResult{}, err
	}
	u := &upload{
		reg: reg, o: o, src: src, digest: o.Digest,
		chunks: newChunker(o), retries: newRetryBudget(o.MaxRetries),
		report: newReporter(o.OnEvent, src.size),
	}
	if u.digest == "" {
		u.sum = newDigester()
	}
	if err := u.resume(); err != nil {
		return UploadResult{}, err
	}
	if err := o.Budget.Acquire(ctx); err != nil {
		return UploadResult{}, err
	}
	defer o.Budget.Release()
	defer func() {
		if !u.sourceBlocked {
			_ = src.close()
		}
	}()

	err = u.run(ctx)
	u.result.BytesSent, u.result.Retries = u.sent, u.retries.count()
	if err != nil {
		u.abandon(ctx)
		return u.result, err
	}
	u.result.Digest = u.digest
	u.report.emit(Event{Kind: Done})
	return u.result, nil
}

// resume continues an earlier upload's session.
func (u *upload) resume() error {
	r := u.o.Resume
	if r == nil || r.Session == nil {
		return nil
	}
	if u.sum != nil {
		sum, err := restoreDigester(r.Hashed, r.HashState)
		if err != nil {
			return err
		}
		u.sum = sum
	}
	u.session, u.offsetUnknown, u.sessionFailed, u.given = r.Session, true, true, math.MaxInt64
	u.offset = r.Offset
	if u.src.size >= 0 {
		u.given, u.offset = u.src.size, min(u.offset, u.src.size)
	}
	return nil
}

func (u *upload) run(ctx context.Context) error {
	u.report.confirm(0)
	u.report.emit(Event{Kind: Started})
	if done, err := u.skipIfPresent(ctx); done || err != nil {
		return err
	}
	if err := u.preread(ctx); err != nil {
		return err
	}
	for {
		done, err := u.step(ctx)
		if done {
			u.result.Size = u.src.size
			return nil
		}
		if err == nil {
			continue
		}
		if done, err = u.recover(ctx, err); done || err != nil {
			return err
		}
	}
}

// skipIfPresent looks whether the blob is there, or can be mounted. What fails here
// is no reason not to upload.
func (u *upload) skipIfPresent(ctx context.Context) (bool, error) {
	if u.digest == "" || u.session != nil {
		return false, nil
	}
	if u.o.CheckExists {
		size, ok, err := u.exists(ctx)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err == nil && ok {
			u.result.Existed, u.result.Size = true, max(size, 0)
			u.report.emit(Event{Kind: Exists})
			return true, nil
		}
	}
	for _, from := range u.o.MountFrom {
		if u.session != nil {
			u.cancel(ctx)
		}
		var session Session
		err := u.guarded(ctx, 1, func(ctx context.Context, _ *watchdog) (err error) {
			session, err = u.reg.Mount(ctx, from, u.digest)
			return err
		})
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err != nil {
			continue
		}
		if session == nil {
			u.result.MountedFrom, u.result.Size = from, max(u.src.size, 0)
			u.report.emit(Event{Kind: Mounted})
			return true, nil
		}
		u.opened(session)
	}
	return false, nil
}

func (u *upload) exists(ctx context.Context) (size int64, ok bool, err error) {
	err = u.guarded(ctx, 1, func(ctx context.Context, _ *watchdog) (err error) {
		size, ok, err = u.reg.Exists(ctx, u.digest)
		return err
	})
	return size, ok, err
}

// preread reads a small blob to its end before the first request.
func (u *upload) preread(ctx context.Context) error {
	if u.sum == nil || u.session != nil || u.src.size > smallBlob {
		return nil
	}
	ok, err := hashOnly(ctx, u.src, u.sum, smallBlob)
	u.sourceBlocked = !ok
	if err != nil {
		return err
	}
	if u.src.size == u.src.pos {
		u.digest = u.sum.digest()
		u.report.size(u.src.size)
	}
	return nil
}

// guarded runs one request under the watchdog.
func (u *upload) guarded(ctx context.Context, limits int32, request func(context.Context, *watchdog) error) error {
	watched, w := watch(ctx, u.o.NoProgress)
	defer w.stop()
	w.allow(limits)
	err := stalled(watched, request(watched, w))
	u.reached = u.reached || responded(err)
	return err
}

func (u *upload) opened(s Session) {
	u.session, u.offset, u.given, u.offsetUnknown, u.sessionFailed = s, 0, 0, false, false
	u.disagreed, u.probing = false, false
}

// step makes one request. It reports true when the blob is there.
func (u *upload) step(ctx context.Context) (bool, error) {
	u.asked, u.passed = 0, 0
	if err := ctx.Err(); err != nil {
		return false, err
	}
	switch {
	case u.session == nil:
		return false, u.begin(ctx)
	case u.offsetUnknown:
		return false, u.queryStatus(ctx)
	case u.digest != "" && u.src.size == u.offset && (u.offset > 0 || u.src.size == 0):
		return u.complete(ctx, Chunk{Offset: u.offset})
	case u.sum != nil && u.src.size >= 0 && u.offset == u.src.size && u.sum.at == u.offset:
		u.digest = u.sum.digest()
		return false, nil
	case u.sum != nil && u.src.size >= 0 && u.offset == u.src.size:
		return false, u.hashSent(ctx)
	}
	rest := int64(-1)
	if u.src.size >= 0 {
		rest = u.src.size - u.offset
	}
	size := u.chunks.next(rest)
	if u.probing && rest >= 0 {
		size = min(size, probeChunk)
	}
	chunk := Chunk{Offset: u.offset, Size: size}
	if size != rest && rest < 0 {
		chunk.Size = -1 // how much of it comes, only the source knows
	}
	u.asked = size
	if u.digest != "" && u.offset == 0 && !u.sessionFailed && rest >= 0 && size == rest {
		return u.complete(ctx, chunk)
	}
	return false, u.write(ctx, chunk, size)
}

func (u *upload) begin(ctx context.Context) error {
	return u.guarded(ctx, 1, func(ctx context.Context, _ *watchdog) error {
		s, err := u.reg.Start(ctx)
		if err == nil {
			u.opened(s)
			u.checkpoint()
		}
		return err
	})
}

// queryStatus finds out where the upload stands.
func (u *upload) queryStatus(ctx context.Context) error {
	var st UploadStatus
	err := u.guarded(ctx, 1, func(ctx context.Context, _ *watchdog) (err error) {
		st, err = u.session.Status(ctx)
		return err
	})
	if err != nil {
		f := classify(ctx, err)
		switch {
		case ctx.Err() != nil:
		case f.Class == Permanent:
			// A registry that can't say where an upload stands: it can still
			// be begun again.
			return gone(err)
		case f.Class == StaleLocation, f.Class == SessionGone, f.Class == OutOfStep:
			return &Fault{Class: f.Class, RetryAfter: f.RetryAfter, Status: f.Status, Err: f.Err, counted: true, ofStatus: true}
		}
		return err
	}
	switch {
	case !st.Known:
		return gone(errors.New("registry doesn't say where the upload stands"))
	case st.Ambiguous && u.given > 0:
		// Nothing, or one byte: beginning again costs less than guessing.
		return gone(errors.New("registry holds one byte or none"))
	case st.Ambiguous:
		st.Offset = 0
	case !u.possible(st.Offset):
		return gone(fmt.Errorf("registry says it holds %d bytes, it was given %d", st.Offset, u.given))
	}
	u.goOnAt(st.Offset)
	return nil
}

// possible reports whether the registry can have so many bytes.
func (u *upload) possible(offset int64) bool {
	return offset <= u.given && (u.src.size < 0 || offset <= u.src.size)
}

// goOnAt makes offset, which the registry says it has, where the upload continues.
func (u *upload) goOnAt(offset int64) {
	u.offsetUnknown = false
	u.acknowledged(offset)
	u.report.emit(Event{Kind: Resumed})
}

// acknowledged notes how much the registry has. Only bytes that it never had
// before are progress: sending the same bytes again and again must end.
func (u *upload) acknowledged(offset int64) {
	u.offset = offset
	u.report.position(offset)
	u.report.confirm(offset)
	if offset > u.furthest {
		u.retries.progress(offset - u.furthest)
		u.furthest = offset
	}
}

// gone says that a session can't be resumed, after a failure in it.
func gone(err error) error {
	return &Fault{Class: SessionGone, Err: err, counted: true, ofStatus: true}
}

// body returns a part of the source, size bytes from u.offset on.
func (u *upload) body(w *watchdog, size int64) (body, error) {
	if u.sum == nil {
		if err := u.seek(u.offset); err != nil {
			return nil, err
		}
		return &directBody{src: u.src, watchdog: w, budget: u.o.Budget, report: u.report, from: u.offset, left: size}, nil
	}
	from := min(u.offset, u.sum.at)
	second := from == 0 && u.sum.at > 0 && u.src.again(from)
	if err := u.seek(from); err != nil {
		return nil, err
	}
	if second {
		u.sum.reread()
	}
	to := int64(-1)
	if size >= 0 {
		to = u.offset + size
	}
	return &hashedBody{src: u.src, sum: u.sum, watchdog: w, budget: u.o.Budget, report: u.report, from: u.offset, to: to}, nil
}

// seek moves the source. Where it can't, the error says what made it needed.
func (u *upload) seek(off int64) error {
	err := u.src.seek(off)
	if r, ok := asType[*NotResumableError](err); ok {
		r.Err = u.cause
	}
	return err
}

// hashSent hashes what an earlier process had sent but not hashed.
func (u *upload) hashSent(ctx context.Context) error {
	if err := u.src.seek(u.sum.at); err != nil {
		return err
	}
	ok, err := hashOnly(ctx, u.src, u.sum, u.offset)
	u.sourceBlocked = !ok
	return err
}

// withBody runs a request that carries size bytes of the source.
func (u *upload) withBody(ctx context.Context, size int64, limits int32, request func(context.Context, io.Reader) error) error {
	ctx, release := lingering(ctx, u.o.StopGrace)
	defer release()
	return u.guarded(ctx, limits, func(watched context.Context, w *watchdog) error {
		b, err := u.body(w, size)
		if err != nil {
			return err
		}
		b.start(watched)
		err = stalled(watched, request(watched, b))
		w.stop() // so that whatever waits in the body ends
		ok, srcErr := b.finish(ctx)
		u.passed = b.count()
		u.sent += u.passed
		u.given = max(u.given, u.offset+u.passed)
		if !ok {
			u.sourceBlocked = true
			return ctx.Err()
		}
		if srcErr != nil {
			return srcErr
		}
		return err
	})
}

func (u *upload) write(ctx context.Context, chunk Chunk, size int64) error {
	var st UploadStatus
	began := time.Now()
	err := u.withBody(ctx, size, 1, func(ctx context.Context, b io.Reader) (err error) {
		chunk.Body = b
		st, err = u.session.Write(ctx, chunk)
		return err
	})
	if err != nil {
		return err
	}
	end := u.offset + u.passed
	switch {
	case !st.Known, st.Ambiguous && end <= 1, st.Offset == end:
	case st.Ambiguous, st.Offset > end, st.Offset < u.offset:
		return &Fault{Class: OutOfStep, Err: fmt.Errorf("registry says it holds %d bytes, it was given %d", st.Offset, end)}
	default:
		u.offset = st.Offset
		return &Fault{Class: OutOfStep, Err: fmt.Errorf("registry kept %d of the %d bytes it was given", st.Offset, end)}
	}
	u.disagreed, u.probing = false, false
	u.chunks.passed(u.passed, time.Since(began))
	u.acknowledged(end)
	u.checkpoint()
	return nil
}

func (u *upload) complete(ctx context.Context, last Chunk) (bool, error) {
	var confirmed string
	request := func(ctx context.Context, b io.Reader) (err error) {
		last.Body = b
		u.completed = true
		confirmed, err = u.session.Complete(ctx, u.digest, last)
		return err
	}
	var err error
	if last.Size > 0 {
		err = u.withBody(ctx, last.Size, completionLimits, request)
	} else {
		ctx, release := lingering(ctx, u.o.StopGrace)
		defer release()
		err = u.guarded(ctx, completionLimits, func(ctx context.Context, _ *watchdog) error { return request(ctx, nil) })
	}
	if err != nil {
		return false, err
	}
	if confirmed != "" && confirmed != u.digest {
		return false, &DigestMismatchError{Expected: u.digest, Actual: confirmed, Size: u.src.size}
	}
	u.report.position(u.src.size)
	return true, nil
}

func (u *upload) checkpoint() {
	if u.o.OnCheckpoint == nil || u.session == nil || u.sourceBlocked {
		return
	}
	state := UploadState{Location: u.session.Location(), Offset: u.offset}
	if u.sum != nil {
		state.Hashed, state.HashState = u.sum.at, u.sum.state()
	}
	u.o.OnCheckpoint(state)
}

// abandon cleans up at the registry, unless somebody resumes it.
func (u *upload) abandon(ctx context.Context) {
	if u.session == nil {
		return
	}
	if u.o.OnCheckpoint != nil {
		u.checkpoint()
		u.report.position(u.offset)
		u.report.emit(Event{Kind: Progress})
		return
	}
	u.cancel(ctx)
}

// cancel gives the session up. Nothing depends on its success: registries drop
// forgotten uploads by themselves.
func (u *upload) cancel(ctx context.Context) {
	limit := cancelLimit
	if ctx.Err() != nil {
		limit = lateLimit
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer stop()
	_ = u.session.Cancel(ctx)
	u.session = nil
}
