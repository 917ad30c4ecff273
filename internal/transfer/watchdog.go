package transfer

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// defaultNoProgress is how long no byte may move: longer than TCP takes to
	// ride out a lost route, shorter than people wait.
	defaultNoProgress = time.Minute

	// looks is how often within the limit the watchdog looks.
	looks = 4

	// completionLimits is how many limits a registry may think about an upload
	// that has all its bytes: it may be hashing them.
	completionLimits = 5
)

// watchdog ends a context when no byte moved for too long.
type watchdog struct {
	limit  time.Duration
	cancel context.CancelCauseFunc
	moved  atomic.Int64
	paused atomic.Int32
	slack  atomic.Int32

	mu      sync.Mutex
	timer   *time.Timer
	seen    int64
	quiet   int32
	stopped bool
}

// watch returns a context that ends with a [StalledError] as its cause when
// the watchdog isn't told of progress. The caller stops the watchdog.
func watch(ctx context.Context, limit time.Duration) (context.Context, *watchdog) {
	ctx, cancel := context.WithCancelCause(ctx)
	if limit == 0 {
		limit = defaultNoProgress
	}
	w := &watchdog{limit: limit, cancel: cancel}
	w.slack.Store(1)
	if limit > 0 {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.timer = time.AfterFunc(limit/looks, w.look)
	}
	return ctx, w
}

func (w *watchdog) progress(n int) { w.moved.Add(int64(n)) }

// pause says that whatever happens until resume isn't the network's fault.
func (w *watchdog) pause()  { w.paused.Add(1) }
func (w *watchdog) resume() { w.paused.Add(-1); w.moved.Add(1) }

// allow stretches the limit.
func (w *watchdog) allow(limits int32) { w.slack.Store(limits) }

func (w *watchdog) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	if moved := w.moved.Load(); moved != w.seen || w.paused.Load() > 0 {
		w.seen, w.quiet = moved, 0
	} else if w.quiet++; w.quiet >= looks*w.slack.Load() {
		w.cancel(&StalledError{After: w.limit * time.Duration(w.slack.Load())})
		return
	}
	w.timer.Reset(w.limit / looks)
}

// stop ends the context too.
func (w *watchdog) stop() {
	w.mu.Lock()
	w.stopped = true
	if w.timer != nil {
		w.timer.Stop()
	}
	w.mu.Unlock()
	w.cancel(context.Canceled)
}

// stalled returns err, or the watchdog's fault if that is what ended the
// context.
func stalled(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	if s, ok := context.Cause(ctx).(*StalledError); ok {
		return &Fault{Class: Stalled, Err: s}
	}
	return err
}
