package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Bounds of a delivery.
const (
	// MaxAttempts is how often an event is posted at most; the pauses between
	// double from FirstPause.
	MaxAttempts = 5
	FirstPause  = time.Second
	// attemptTime is how long an attempt may take.
	attemptTime = 10 * time.Second
	// maxWaiting bounds the events of a webhook that wait for their turn.
	maxWaiting = 1000
	// maxKept bounds the deliveries that are kept to be looked at.
	maxKept = 500
)

// Options are what a [Sender] needs.
type Options struct {
	// BeyondLoopback allows hosts that are not on loopback.
	BeyondLoopback bool
	Now            func() time.Time
	NewGUID        func() string
	Logger         *slog.Logger
	// Transport posts. Nil means one of the sender's own, which reaches
	// loopback only unless BeyondLoopback is set.
	Transport http.RoundTripper
}

// Delivery is an event on its way to a webhook, and how that went.
type Delivery struct {
	ID       string    `json:"id"`
	Registry string    `json:"registry"`
	Webhook  string    `json:"webhook"`
	Action   Action    `json:"action"`
	Target   Target    `json:"target"`
	Time     time.Time `json:"time"`
	// State is "waiting", "delivered", "failed" or "dropped".
	State string `json:"state"`
	// Attempts are those made, Status the last response's, 0 for none, and
	// Error why the last attempt failed.
	Attempts int    `json:"attempts"`
	Status   int    `json:"status,omitempty"`
	Error    string `json:"error,omitempty"`
}

// Sender posts events to webhooks, each webhook's in their order. It is safe for
// concurrent use. Close ends it.
type Sender struct {
	o      Options
	client *http.Client
	ctx    context.Context
	stop   context.CancelFunc
	wait   sync.WaitGroup

	mu         sync.Mutex
	hooks      map[string][]*running // by registry
	deliveries []*Delivery
	closed     bool
}

// running is a webhook with the events that wait for it. Its goroutine is there
// while there are some.
type running struct {
	Webhook
	waiting []waiting
	busy    bool
}

type waiting struct {
	event    Event
	delivery *Delivery
}

// NewSender makes a sender without webhooks, which does nothing.
func NewSender(o Options) *Sender {
	if o.Transport == nil {
		dialer := &net.Dialer{}
		if !o.BeyondLoopback {
			// A name can resolve to any address, so the address counts.
			dialer.Control = func(_, address string, _ syscall.RawConn) error {
				if at, err := netip.ParseAddrPort(address); err != nil || !at.Addr().Unmap().IsLoopback() {
					return fmt.Errorf("%s is not on loopback", address)
				}
				return nil
			}
		}
		o.Transport = &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
	}
	s := &Sender{o: o, hooks: map[string][]*running{}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.client = &http.Client{
		Transport:     o.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

// Set replaces the webhooks of a registry. What waits for one that is gone is
// dropped.
func (s *Sender) Set(registry string, hooks []Webhook) error {
	if err := Validate(hooks, s.o.BeyondLoopback); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.hooks[registry] {
		for _, w := range r.waiting {
			w.delivery.State = "dropped"
		}
		r.waiting = nil
	}
	before := s.hooks[registry]
	s.hooks[registry] = nil
	for _, h := range hooks {
		h.Headers = withSecrets(h, before)
		s.hooks[registry] = append(s.hooks[registry], &running{Webhook: h})
	}
	return nil
}

// shownSecret stands for the value of a header wherever it is shown. Set back, it
// means the value of before.
const shownSecret = "REDACTED"

func withSecrets(h Webhook, before []*running) map[string]string {
	headers := maps.Clone(h.Headers)
	for name, value := range headers {
		for _, r := range before {
			if value == shownSecret && strings.EqualFold(r.Name, h.Name) {
				headers[name] = r.Headers[name]
			}
		}
	}
	return headers
}

// Hooks are the webhooks of a registry, without the values of their headers.
func (s *Sender) Hooks(registry string) []Webhook {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []Webhook{}
	for _, r := range s.hooks[registry] {
		h := r.Webhook
		h.Actions = slices.Clone(h.Actions)
		h.Headers = nil
		for name := range r.Headers {
			if h.Headers == nil {
				h.Headers = map[string]string{}
			}
			h.Headers[name] = shownSecret
		}
		all = append(all, h)
	}
	return all
}

// Deliveries are those of a registry that are kept, the latest first.
func (s *Sender) Deliveries(registry string) []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []Delivery{}
	for _, d := range slices.Backward(s.deliveries) {
		if d.Registry == registry {
			all = append(all, *d)
		}
	}
	return all
}

// Send tells the webhooks of a registry of an event. It does not wait.
func (s *Sender) Send(registry string, e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.hooks[registry] {
		if r.covers(e) {
			s.enqueue(registry, r, e)
		}
	}
}

// Ping tells one webhook that it is there; false when it isn't.
func (s *Sender) Ping(registry, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.hooks[registry] {
		if strings.EqualFold(r.Name, name) {
			s.enqueue(registry, r, Event{Action: Ping, At: s.o.Now()})
			return true
		}
	}
	return false
}

// enqueue is called with the lock held.
func (s *Sender) enqueue(registry string, r *running, e Event) {
	if s.closed {
		return
	}
	d := &Delivery{ID: s.o.NewGUID(), Registry: registry, Webhook: r.Name, Action: e.Action, Target: e.Target, Time: e.At, State: "waiting"}
	s.deliveries = append(s.deliveries, d)
	if len(s.deliveries) > maxKept {
		s.deliveries = slices.Delete(s.deliveries, 0, len(s.deliveries)-maxKept)
	}
	if len(r.waiting) == maxWaiting {
		d.State, d.Error = "dropped", "too many events wait for the webhook"
		return
	}
	r.waiting = append(r.waiting, waiting{e, d})
	if !r.busy {
		r.busy = true
		s.wait.Go(func() { s.work(r) })
	}
}

// work posts what waits, and ends when nothing does.
func (s *Sender) work(r *running) {
	for {
		s.mu.Lock()
		if len(r.waiting) == 0 || s.ctx.Err() != nil {
			r.busy = false
			s.mu.Unlock()
			return
		}
		next := r.waiting[0]
		r.waiting = r.waiting[1:]
		s.mu.Unlock()
		s.deliver(r.Webhook, next)
	}
}

// deliver posts an event until it is taken.
func (s *Sender) deliver(h Webhook, w waiting) {
	body, err := w.event.body(w.delivery.ID)
	pause := FirstPause
	for attempt := 1; err == nil; attempt++ {
		var status int
		status, err = s.post(h, body)
		final := status/100 == 2
		if final {
			err = nil
		}
		s.mu.Lock()
		w.delivery.Attempts, w.delivery.Status, w.delivery.Error = attempt, status, ""
		switch {
		case final:
			w.delivery.State = "delivered"
		case attempt == MaxAttempts:
			w.delivery.State = "failed"
			final = true
		}
		if err != nil {
			w.delivery.Error = err.Error()
		} else if w.delivery.State != "delivered" {
			w.delivery.Error = fmt.Sprintf("the response was %d", status)
		}
		s.mu.Unlock()
		if final {
			return
		}
		err = nil
		timer := time.NewTimer(pause)
		select {
		case <-s.ctx.Done():
			timer.Stop()
			s.mu.Lock()
			w.delivery.State = "dropped"
			s.mu.Unlock()
			return
		case <-timer.C:
		}
		pause *= 2
	}
	s.o.Logger.Error("webhook event cannot be written", "webhook", h.Name, "error", err)
}

// post makes one attempt.
func (s *Sender) post(h Webhook, body []byte) (status int, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, attemptTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return 0, errors.New("the URL can't be asked")
	}
	trace := strings.ReplaceAll(s.o.NewGUID(), "-", "")
	r.Header = h.header(trace, strings.ReplaceAll(s.o.NewGUID(), "-", "")[:16])
	response, err := s.client.Do(r)
	if err != nil {
		return 0, withoutURL(err)
	}
	defer response.Body.Close()
	// What it says is of no interest, but for being read.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, nil
}

// withoutURL takes the URL out of an error: it may hold a secret.
func withoutURL(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		if _, ok := err.(interface{ Timeout() bool }); ok && !strings.Contains(err.Error(), "://") {
			return err
		}
		err = inner
	}
}

// Close ends what is on its way, and waits for it.
func (s *Sender) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.wait.Wait()
}
