package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func digestOf(p []byte) string {
	sum := sha256.Sum256(p)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// plan decides what goes wrong. next is asked at each request. Without rand the
// kinds come in order, the last for ever.
type plan struct {
	mu    sync.Mutex
	rand  *rand.Rand
	odds  float64 // that a request is disturbed
	left  int     // how many disturbances at most
	skip  int     // how many requests go undisturbed first
	kinds []string
	log   []string
}

func (p *plan) next() string {
	if p == nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.skip > 0 {
		p.skip--
		return ""
	}
	if p.rand == nil && len(p.kinds) > 0 {
		kind := p.kinds[0]
		if len(p.kinds) > 1 {
			p.kinds = p.kinds[1:]
		}
		return kind
	}
	if p.left == 0 || len(p.kinds) == 0 || p.rand.Float64() >= p.odds {
		return ""
	}
	p.left--
	kind := p.kinds[p.rand.IntN(len(p.kinds))]
	p.log = append(p.log, kind)
	return kind
}

func (p *plan) number(n int64) int64 {
	if p == nil || n <= 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rand == nil {
		return n / 2
	}
	return p.rand.Int64N(n)
}

// breaks returns where, and how, a body breaks.
func (p *plan) breaks(mean float64) (string, int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return []string{"reset", "stall midway"}[p.rand.IntN(2)], int64(p.rand.ExpFloat64() * mean)
}

// hang blocks as a dead connection does.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// answer is a registry's answer that isn't what was hoped for.
type answer string

func (a answer) Error() string { return string(a) }

func answered(kind string) error {
	switch kind {
	case "5xx":
		return &Fault{Class: Server, Err: answer("503 service unavailable")}
	case "429":
		return &Fault{Class: Throttled, RetryAfter: 3 * time.Second, Err: answer("429 too many requests")}
	case "401":
		return &Fault{Class: Unauthorized, Err: answer("401 unauthorized")}
	case "413":
		return &Fault{Class: TooLarge, Err: answer("413 too large")}
	case "416":
		return &Fault{Class: OutOfStep, Err: answer("416 range invalid")}
	case "expired":
		return &Fault{Class: Expired, Err: answer("403 signature expired")}
	case "denied":
		return answer("403 denied")
	}
	return nil
}

// fakeRegistry takes uploads.
type fakeRegistry struct {
	plan    *plan
	keeps   bool          // sessions survive a broken chunk, with what had come
	most    int64         // bytes of one request; 0 for any number
	perByte time.Duration // how long a byte takes
	silent  bool          // doesn't say where an upload stands
	mean    float64       // bytes from one break to the next, 0 for none
	busy    int           // how often the question whether a blob is there is answered 503
	deaf    bool          // doesn't answer when an upload is cancelled
	form    string        // how stale locations are answered, of registries that keep
	lasting string        // what each request to complete is answered with
	down    bool          // refuses connections

	mu        sync.Mutex
	blobs     map[string][]byte
	mountable map[string]string // digest to repository
	cancelled int
	open      int
	last      *fakeSession
	requests  []string
}

func (f *fakeRegistry) note(s string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, s)
}

func (f *fakeRegistry) disturb(ctx context.Context) (string, error) {
	if f.down {
		return "", &Fault{Class: Unreachable, Err: errors.New("connection refused by fake")}
	}
	kind := f.plan.next()
	switch kind {
	case "refused":
		return kind, &Fault{Class: Unreachable, Err: errors.New("connection refused by fake")}
	case "reset before":
		return kind, &Fault{Class: Connection, Err: errReset}
	case "stall":
		return kind, hang(ctx)
	}
	return kind, answered(kind)
}

func (f *fakeRegistry) Start(ctx context.Context) (Session, error) {
	f.note("start")
	if kind, err := f.disturb(ctx); err != nil && kind != "413" && kind != "416" {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open++
	f.last = &fakeSession{f: f}
	return f.last, nil
}

func (f *fakeRegistry) Mount(ctx context.Context, from, digest string) (Session, error) {
	f.note("mount " + from)
	f.mu.Lock()
	mounted := f.mountable[digest] == from
	f.mu.Unlock()
	if mounted {
		return nil, nil
	}
	return f.Start(ctx)
}

func (f *fakeRegistry) Exists(_ context.Context, digest string) (int64, bool, error) {
	f.note("exists")
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy > 0 {
		f.busy--
		return 0, false, answered("5xx")
	}
	p, ok := f.blobs[digest]
	return int64(len(p)), ok, nil
}

type fakeSession struct {
	f    *fakeRegistry
	data []byte
	gone bool

	// With a form, the location changes with each chunk, one that broke off too.
	stale bool
}

// The forms of the service (ACR protocol §4.5): a stale location is answered to
// a question for the status, or to a chunk with its offset only, or not at all.
const (
	formStatus = "status"
	formRange  = "range"
	formGone   = "gone"
)

func staleFault(status UploadStatus) error {
	if status.Known {
		return &Fault{Class: OutOfStep, Status: status, Err: answer("416 without a body")}
	}
	return &Fault{Class: StaleLocation, Err: answer("404 blob upload invalid")}
}

// checkStale answers a request to a stale location.
func (s *fakeSession) checkStale(c *Chunk) error {
	if s.f.form == "" || !s.stale {
		return nil
	}
	fresh := s.f.form == formStatus && (c == nil || c.Size >= 0) || s.f.form == formRange && c != nil && c.Size >= 0
	if !fresh {
		return staleFault(UploadStatus{})
	}
	s.stale = false
	if c == nil || c.Offset == int64(len(s.data)) {
		return nil
	}
	return staleFault(s.status())
}

func (s *fakeSession) Location() string { return fmt.Sprintf("session at %d", len(s.data)) }

func (s *fakeSession) lost() error {
	return &Fault{Class: SessionGone, Err: errors.New("404 blob upload invalid")}
}

// broke is what a registry does with an upload whose chunk broke off.
func (s *fakeSession) broke(came []byte) {
	if s.f.keeps {
		// Some was still in a buffer.
		s.stale = true
		s.data = append(s.data, came[:max(len(came)-16<<10, 0)]...)
	} else {
		s.gone = true
	}
}

func (s *fakeSession) receive(ctx context.Context, c Chunk, kind string) ([]byte, error) {
	var got bytes.Buffer
	stop := int64(-1)
	if kind == "reset" || kind == "stall midway" {
		stop = s.f.plan.number(max(c.Size, 1<<20))
	} else if s.f.mean > 0 {
		kind, stop = s.f.plan.breaks(s.f.mean)
	}
	buf := make([]byte, 32<<10)
	type piece struct {
		n   int
		err error
	}
	for {
		if stop >= 0 && int64(got.Len()) >= stop {
			s.broke(got.Bytes()[:stop])
			if kind == "stall midway" {
				return nil, hang(ctx)
			}
			return nil, &Fault{Class: Connection, Err: errReset}
		}
		// As net/http does, this returns when ctx ends, whatever the body does.
		read := make(chan piece, 1)
		go func() {
			n, err := c.Body.Read(buf)
			read <- piece{n, err}
		}()
		var n int
		var err error
		select {
		case r := <-read:
			n, err = r.n, r.err
		case <-ctx.Done():
			s.broke(nil)
			return nil, ctx.Err()
		}
		got.Write(buf[:n])
		if s.f.perByte > 0 {
			if err := sleep(ctx, time.Duration(n)*s.f.perByte); err != nil {
				s.broke(nil)
				return nil, err
			}
		}
		if s.f.most > 0 && int64(got.Len()) > s.f.most {
			return nil, answered("413")
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			s.broke(nil)
			return nil, &Fault{Class: Connection, Err: err}
		}
	}
	if c.Size >= 0 && int64(got.Len()) != c.Size {
		s.broke(nil)
		return nil, &Fault{Class: Connection, Err: fmt.Errorf("body of %d bytes, not %d", got.Len(), c.Size)}
	}
	return got.Bytes(), nil
}

func (s *fakeSession) Write(ctx context.Context, c Chunk) (UploadStatus, error) {
	s.f.note(fmt.Sprintf("write %d+%d", c.Offset, c.Size))
	if s.gone {
		return UploadStatus{}, s.lost()
	}
	kind, err := s.f.disturb(ctx)
	if err != nil {
		return UploadStatus{}, err
	}
	if kind == "stale" {
		s.gone = true
		return UploadStatus{}, s.lost()
	}
	if err := s.checkStale(&c); err != nil {
		return UploadStatus{}, err
	}
	if c.Offset != int64(len(s.data)) {
		return UploadStatus{}, answered("416")
	}
	got, err := s.receive(ctx, c, kind)
	if err != nil {
		return UploadStatus{}, err
	}
	if kind == "keeps less" {
		got = got[:s.f.plan.number(int64(len(got)))]
	}
	s.data = append(s.data, got...)
	switch kind {
	case "answer lost":
		s.stale = true
		return UploadStatus{}, &Fault{Class: Connection, Err: errReset}
	case "says more":
		return UploadStatus{Offset: int64(len(s.data)) + 100, Known: true}, nil
	case "says less":
		return UploadStatus{Offset: s.f.plan.number(int64(len(s.data))), Known: true}, nil
	}
	return s.status(), nil
}

func (s *fakeSession) status() UploadStatus {
	if s.f.silent {
		return UploadStatus{}
	}
	if len(s.data) <= 1 {
		return UploadStatus{Offset: 1, Known: true, Ambiguous: true}
	}
	return UploadStatus{Offset: int64(len(s.data)), Known: true}
}

func (s *fakeSession) Status(ctx context.Context) (UploadStatus, error) {
	s.f.note("status")
	if s.gone {
		return UploadStatus{}, s.lost()
	}
	if kind, err := s.f.disturb(ctx); err != nil && kind != "413" && kind != "416" {
		return UploadStatus{}, err
	}
	if err := s.checkStale(nil); err != nil {
		return UploadStatus{}, err
	}
	return s.status(), nil
}

func (s *fakeSession) Complete(ctx context.Context, digest string, last Chunk) (string, error) {
	s.f.note(fmt.Sprintf("complete %d+%d", last.Offset, last.Size))
	if s.gone {
		return "", s.lost()
	}
	kind, err := s.f.disturb(ctx)
	if err != nil {
		return "", err
	}
	if err := s.checkStale(&last); err != nil {
		return "", err
	}
	if last.Body != nil {
		got, err := s.receive(ctx, last, kind)
		if err != nil {
			return "", err
		}
		s.data = append(s.data, got...)
	}
	switch s.f.lasting {
	case "416":
		return "", &Fault{Class: OutOfStep, Err: answer("416 without a body")}
	case "404":
		return "", &Fault{Class: SessionGone, Err: answer("404 blob upload unknown")}
	case "404 invalid":
		return "", staleFault(UploadStatus{})
	case "digest":
		return "", &Fault{Class: Refused, Err: answer("400 digest invalid")}
	}
	if actual := digestOf(s.data); actual != digest {
		return "", &Fault{Class: Refused, Err: errors.New("400 digest invalid")}
	}
	s.gone = true
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.f.open--
	if s.f.blobs == nil {
		s.f.blobs = map[string][]byte{}
	}
	s.f.blobs[digest] = s.data
	if kind == "answer lost" {
		return "", &Fault{Class: Connection, Err: errReset}
	}
	if kind == "lies" {
		return digestOf([]byte("something else")), nil
	}
	return digest, nil
}

func (s *fakeSession) Cancel(ctx context.Context) error {
	s.f.note("cancel")
	if s.f.deaf {
		return hang(ctx)
	}
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.f.cancelled++
	s.gone = true
	return nil
}

// fakeBlob gives ranges.
type fakeBlob struct {
	plan     *plan
	data     []byte
	noRanges bool
	noSize   bool
	mean     float64       // bytes from one break to the next, 0 for none
	perByte  time.Duration // of one connection
	trip     time.Duration
	idle     time.Duration // after which an unread body is dropped; 0 for never

	opened, atOnce, most atomic.Int64
	served               atomic.Int64
}

func (f *fakeBlob) Open(ctx context.Context, offset, length int64) (*Body, error) {
	f.opened.Add(1)
	kind := f.plan.next()
	if f.trip > 0 {
		if err := sleep(ctx, f.trip); err != nil {
			return nil, err
		}
	}
	switch kind {
	case "refused":
		return nil, &Fault{Class: Unreachable, Err: errors.New("connection refused by fake")}
	case "reset before":
		return nil, &Fault{Class: Connection, Err: errReset}
	case "stall":
		return nil, hang(ctx)
	}
	if err := answered(kind); err != nil {
		return nil, err
	}
	size := int64(len(f.data))
	end := size
	if length >= 0 {
		end = min(offset+length, size)
	}
	if f.noRanges || kind == "whole" {
		offset, end = 0, size
	}
	switch kind {
	case "other range":
		offset = max(offset-1, 0)
	case "more":
		end = min(end+100, size)
	case "less":
		end = offset + (end-offset+1)/2
	}
	b := &fakeBody{f: f, ctx: ctx, data: f.data[offset:end], cut: -1, kind: kind, read: time.Now()}
	switch kind {
	case "reset", "stall midway", "ends early":
		b.cut = f.plan.number(end - offset)
	case "":
		if f.mean > 0 {
			b.kind, b.cut = f.plan.breaks(f.mean)
		}
	case "corrupt":
		b.data = bytes.Clone(b.data)
		if len(b.data) > 0 {
			b.data[f.plan.number(int64(len(b.data)))] ^= 1
		}
	}
	if n := f.atOnce.Add(1); n > f.most.Load() {
		f.most.Store(n)
	}
	body := &Body{ReadCloser: b, Offset: offset, Length: end - offset, Size: size}
	if f.noSize {
		body.Length, body.Size = -1, -1
	}
	return body, nil
}

type fakeBody struct {
	f    *fakeBlob
	ctx  context.Context
	data []byte
	at   int64
	cut  int64
	kind string
	once sync.Once
	read time.Time // when it was last read
}

func (b *fakeBody) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil {
		return 0, b.ctx.Err()
	}
	if f := b.f; f.idle > 0 && time.Since(b.read) > f.idle {
		return 0, errReset
	}
	b.read = time.Now()
	if b.cut >= 0 && b.at >= b.cut {
		switch b.kind {
		case "stall midway":
			return 0, hang(b.ctx)
		case "ends early":
			return 0, io.EOF
		}
		return 0, errReset
	}
	if b.at == int64(len(b.data)) {
		return 0, io.EOF
	}
	end := int64(len(b.data))
	if b.cut >= 0 {
		end = min(end, b.cut)
	}
	n := copy(p, b.data[b.at:end])
	if b.f.perByte > 0 {
		if err := sleep(b.ctx, time.Duration(n)*b.f.perByte); err != nil {
			return 0, err
		}
	}
	b.at += int64(n)
	b.f.served.Add(int64(n))
	return n, nil
}

func (b *fakeBody) Close() error {
	b.once.Do(func() { b.f.atOnce.Add(-1) })
	return nil
}

// noCPU stands for the processor's time where time is virtual.
func noCPU() time.Duration { return 0 }
