package transfer

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Class is the kind of a fault, which decides what is done about it.
type Class int

// The classes of faults. The zero Class is final.
const (
	// Permanent: trying again gives the same result.
	Permanent Class = iota
	// Connection: refused, reset, cut, timed out, or a response that makes no sense.
	Connection
	// Server: 408, and 5xx that may pass.
	Server
	// Throttled: 429.
	Throttled
	// Unauthorized: 401 for a request with a body, which can't be repeated
	// unseen. The upload's session isn't touched (ACR protocol §2.2).
	Unauthorized
	// StaleLocation: 404 BLOB_UPLOAD_INVALID, the response to a Location that was
	// replaced by a newer one (ACR protocol §4.5).
	StaleLocation
	// SessionGone: 404 BLOB_UPLOAD_UNKNOWN.
	SessionGone
	// OutOfStep: 416 for a chunk, or a status that can't be.
	OutOfStep
	// TooLarge: 413.
	TooLarge
	// Refused: 400 DIGEST_INVALID or SIZE_INVALID.
	Refused
	// Expired: the storage host no longer takes the signed URL.
	Expired
	// WrongRange: another range than asked for.
	WrongRange
	// Stalled: no byte moved for too long.
	Stalled
	// Unreachable: the connection was refused or the name is unknown, so no
	// request was sent. It is final in a transfer that got no response yet: an
	// address that never responded is more likely wrong than down.
	Unreachable

	classes
)

// Fault is a failure with its class.
type Fault struct {
	// Class decides what is done about it.
	Class Class

	// RetryAfter is how long the server asked to wait, 0 when it didn't.
	RetryAfter time.Duration

	// Status is how much of an upload the registry said it has when it refused
	// a chunk: a 416 may come with a Range (ACR protocol §4.5).
	Status UploadStatus

	// Err is the failure itself.
	Err error

	// counted says that this is what came of a failure that was counted.
	counted bool

	// ofStatus says that it was the request for the upload's status that failed.
	ofStatus bool
}

// Error is that of the failure.
func (f *Fault) Error() string { return f.Err.Error() }

// Unwrap returns the failure.
func (f *Fault) Unwrap() error { return f.Err }

// remedy is what an upload does about a fault; a download has only one.
type remedy int

const (
	giveUp remedy = iota
	// askStatus asks how much the registry has, and continues from there.
	askStatus
	// goOn sends the next chunk from where the registry said it stands.
	goOn
	// beginAgain opens another upload and sends everything again.
	beginAgain
)

// rule is what is done about a class of faults.
type rule struct {
	upload remedy
	// download says whether the range is opened again where it stopped.
	download bool
	// pause says whether to wait before, longer each time.
	pause bool
	// smaller says that the next request should carry less.
	smaller bool
}

// rules has one row a class. What isn't worth a pause is either the first
// step after a wait that has been, or costs the server nothing to refuse again
// until the retries are used up.
var rules = [classes]rule{
	Permanent:     {upload: giveUp},
	Connection:    {upload: askStatus, download: true, pause: true, smaller: true},
	Server:        {upload: askStatus, download: true, pause: true},
	Throttled:     {upload: askStatus, download: true, pause: true},
	Unauthorized:  {upload: askStatus},
	StaleLocation: {upload: askStatus, pause: true},
	SessionGone:   {upload: askStatus, pause: true, smaller: true},
	OutOfStep:     {upload: askStatus, pause: true, smaller: true},
	TooLarge:      {upload: askStatus, smaller: true},
	Refused:       {upload: beginAgain},
	Expired:       {download: true},
	WrongRange:    {download: true, pause: true},
	Stalled:       {upload: askStatus, download: true, smaller: true},
	Unreachable:   {upload: askStatus, download: true, pause: true},
}

// classify returns err as a fault. A context's end and whatever the caller of
// the engine didn't class are permanent.
func classify(ctx context.Context, err error) *Fault {
	if ctx.Err() != nil {
		return &Fault{Class: Permanent, Err: ctx.Err()}
	}
	if f, ok := asType[*Fault](err); ok {
		return f
	}
	return &Fault{Class: Permanent, Err: err}
}

const (
	// defaultRetries is how many failures in a row are retried: with
	// the pauses below that is about a minute and a half of outage.
	defaultRetries = 8

	firstPause   = 200 * time.Millisecond
	longestPause = 30 * time.Second

	// longestWait is the longest Retry-After that is waited for. ACR's windows
	// are a minute long (ACR protocol §5.1).
	longestWait = 5 * time.Minute

	// bytesPerRetry is how many bytes of progress restore one retry, so that a
	// server which sends a byte and closes the connection can't keep a transfer
	// for ever.
	bytesPerRetry = 256 << 10
)

// retryBudget counts failures against progress. It is safe for concurrent use.
type retryBudget struct {
	mu       sync.Mutex
	most     int
	spent    int
	failures int
	moved    int64
}

func newRetryBudget(retries int) *retryBudget {
	switch {
	case retries == 0:
		retries = defaultRetries
	case retries < 0:
		retries = 0
	}
	return &retryBudget{most: retries}
}

// progress restores the budget.
func (p *retryBudget) progress(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moved += n
	if steps := p.moved / bytesPerRetry; steps > 0 {
		p.spent = int(max(int64(p.spent)-steps, 0))
		p.moved %= bytesPerRetry
	}
}

// failed counts a failure and returns how long to pause, or an error when
// there is nothing left of the budget.
func (p *retryBudget) failed(f *Fault) (time.Duration, int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures++
	if p.most == 0 {
		return 0, p.failures, f.Err
	}
	if p.spent >= p.most || f.RetryAfter > longestWait {
		return 0, p.failures, &RetriesExhaustedError{Attempts: p.failures, Err: f.Err}
	}
	p.spent++
	p.moved = 0
	if f.RetryAfter > 0 {
		return f.RetryAfter, p.failures, nil
	}
	if !rules[f.Class].pause {
		return 0, p.failures, nil
	}
	pause := min(firstPause<<(p.spent-1), longestPause)
	// Between a half and one and a half: clients that broke together don't
	// come back together.
	return pause/2 + rand.N(pause), p.failures, nil
}

func (p *retryBudget) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failures
}
