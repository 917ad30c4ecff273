package term

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// Step says what happened to a blob.
type Step string

// The steps of a transfer.
const (
	Planned  Step = "planned"  // once, first
	Started  Step = "started"  // the first byte is about to move
	Moving   Step = "progress" // Bytes of Total have moved
	Exists   Step = "exists"   // it was there already
	Mounted  Step = "mounted"  // the registry took it from the repository From
	Resumed  Step = "resumed"  // it resumes at Bytes
	Retrying Step = "retrying" // it is tried again after Wait, because of Reason
	Done     Step = "done"     // stored and verified
	Manifest Step = "manifest" // a manifest is stored
	Tagged   Step = "tagged"   // the reference points to it
	Image    Step = "image"    // a sync begins with the image Name
)

// Update is one step of a transfer.
type Update struct {
	Step    Step
	Digest  string
	Name    string // the tag of Tagged, the image of Image
	From    string
	Bytes   int64
	Total   int64
	Ranges  int
	Attempt int
	Wait    time.Duration
	Reason  string

	AllBlobs, DoneBlobs int
	AllBytes, DoneBytes int64
}

// Progress shows a transfer. Its methods are called by one goroutine at a time.
type Progress interface {
	// Show takes one step.
	Show(Update)
	// Close ends the display, whatever state it is in. It may be called twice.
	Close()
}

// NewProgress makes the display that a mode asks for.
func NewProgress(mode Mode, w io.Writer, screen Screen, now func() time.Time) Progress {
	if mode == Auto {
		mode = Plain
		if screen.Animated {
			mode = Bar
		}
	}
	switch mode {
	case Bar:
		return newBars(w, screen, now)
	case JSON:
		return &lines{now: now, every: jsonEvery, write: func(u Update) { writeProgressJSON(w, u) }}
	case None:
		return silent{}
	default:
		return newPlain(w, now)
	}
}

type silent struct{}

func (silent) Show(Update) {}
func (silent) Close()      {}

// jsonEvery is the least time between two reports of one blob's bytes.
const jsonEvery = 500 * time.Millisecond

// lines passes every step on, except that bytes are told only now and then.
type lines struct {
	now   func() time.Time
	every time.Duration
	write func(Update)
	last  map[string]time.Time
}

func (l *lines) Show(u Update) {
	if u.Step == Moving {
		now := l.now()
		if now.Sub(l.last[u.Digest]) < l.every {
			return
		}
		if l.last == nil {
			l.last = map[string]time.Time{}
		}
		l.last[u.Digest] = now
	}
	l.write(u)
}

func (l *lines) Close() {}

// progressObject is a step as JSON. Members are only ever added.
type progressObject struct {
	Schema      string  `json:"schema"`
	Kind        string  `json:"kind"`
	Step        Step    `json:"step"`
	Digest      string  `json:"digest,omitempty"`
	Name        string  `json:"name,omitempty"`
	From        string  `json:"from,omitempty"`
	Bytes       int64   `json:"bytes"`
	Total       int64   `json:"total"`
	Ranges      int     `json:"ranges,omitempty"`
	Attempt     int     `json:"attempt,omitempty"`
	WaitSeconds float64 `json:"waitSeconds,omitempty"`
	Reason      string  `json:"reason,omitempty"`
	DoneBlobs   int     `json:"doneBlobs"`
	AllBlobs    int     `json:"allBlobs"`
	DoneBytes   int64   `json:"doneBytes"`
	AllBytes    int64   `json:"allBytes"`
}

func writeProgressJSON(w io.Writer, u Update) {
	line, err := json.Marshal(progressObject{
		Schema: output.Schema, Kind: "Progress", Step: u.Step, Digest: u.Digest, Name: u.Name, From: u.From,
		Bytes: u.Bytes, Total: u.Total, Ranges: u.Ranges, Attempt: u.Attempt,
		WaitSeconds: u.Wait.Seconds(), Reason: u.Reason,
		DoneBlobs: u.DoneBlobs, AllBlobs: u.AllBlobs, DoneBytes: u.DoneBytes, AllBytes: u.AllBytes,
	})
	if err == nil {
		fmt.Fprintf(w, "%s\n", line)
	}
}

// plainEvery is the time between two lines about the whole.
const plainEvery = 5 * time.Second

// plain writes a line a finished blob, and one about the whole now and then.
type plain struct {
	w    io.Writer
	now  func() time.Time
	rate rate
	last time.Time
	fold folding
}

// folding tells equal reports of retries once, and then counts them.
type folding struct {
	told  map[string]time.Time // by reason, when it was told last
	count map[string]int       // retries that weren't told since
}

// foldEvery is the time between two reports of one reason.
const foldEvery = 5 * time.Second

// line is what to write of a retry; "" while it is only counted.
func (f *folding) line(u Update, now time.Time) string {
	last, known := f.told[u.Reason]
	if known && now.Sub(last) < foldEvery {
		f.count[u.Reason]++
		return ""
	}
	if f.told == nil {
		f.told, f.count = map[string]time.Time{}, map[string]int{}
	}
	f.told[u.Reason] = now
	line := sentence(u)
	if more := f.count[u.Reason]; more > 0 {
		line += fmt.Sprintf(", and %d times more since", more)
	}
	f.count[u.Reason] = 0
	return line
}

func newPlain(w io.Writer, now func() time.Time) *plain {
	return &plain{w: w, now: now, last: now()}
}

func (p *plain) Close() {}

func (p *plain) Show(u Update) {
	now := p.now()
	p.rate.add(now, u.DoneBytes)
	line := sentence(u)
	if u.Step == Retrying {
		if line = p.fold.line(u, now); line == "" {
			return
		}
	}
	if line != "" {
		fmt.Fprintln(p.w, line)
		return
	}
	if u.Step == Moving && now.Sub(p.last) >= plainEvery {
		p.last = now
		fmt.Fprintf(p.w, "%s of %s, %d of %d blobs%s\n", output.Size(u.DoneBytes), output.Size(u.AllBytes),
			u.DoneBlobs, u.AllBlobs, p.rate.text(u.AllBytes-u.DoneBytes))
	}
}

// Short is a digest as a person tells it from others.
func Short(digest string) string {
	const shown = len("sha256:") + 12
	if len(digest) > shown {
		return digest[:shown]
	}
	return digest
}

// sentence words the steps that are worth a line; "" for the others.
func sentence(u Update) string {
	name := Short(u.Digest)
	switch u.Step {
	case Planned:
		if u.AllBlobs == 0 {
			return ""
		}
		return fmt.Sprintf("%d blobs, %s missing there", u.AllBlobs, output.Size(u.AllBytes))
	case Exists:
		return fmt.Sprintf("%s  %9s  exists", name, output.Size(u.Total))
	case Mounted:
		return fmt.Sprintf("%s  %9s  mounted from %s", name, output.Size(u.Total), u.From)
	case Resumed:
		return fmt.Sprintf("%s  %9s  resumed at %s", name, output.Size(u.Total), output.Size(u.Bytes))
	case Retrying:
		return fmt.Sprintf("%s  %9s  retrying in %s (%s)", name, output.Size(u.Total), u.Wait.Round(100*time.Millisecond), u.Reason)
	case Done:
		return fmt.Sprintf("%s  %9s  done", name, output.Size(u.Total))
	case Image:
		return u.Name
	}
	return ""
}

// rate is a smoothed speed, in bytes a second. It may be used concurrently.
type rate struct {
	mu      sync.Mutex
	start   time.Time
	begin   int64
	at      time.Time
	bytes   int64
	current float64
}

// rateStep is the least time between two measurements, rateWeight what a new
// one weighs: together they forget within some five seconds, so that the time
// left neither jumps nor lags.
const (
	rateStep   = 300 * time.Millisecond
	rateWeight = 0.2
)

func (r *rate) add(now time.Time, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.start.IsZero() || bytes < r.bytes {
		r.start, r.begin, r.at, r.bytes, r.current = now, bytes, now, bytes, 0
		return
	}
	passed := now.Sub(r.at)
	if passed < rateStep {
		return
	}
	speed := float64(bytes-r.bytes) / passed.Seconds()
	if r.current == 0 {
		r.current = speed
	} else {
		r.current += rateWeight * (speed - r.current)
	}
	r.at, r.bytes = now, bytes
}

// text is the speed and the time left for the remaining bytes, with a comma
// before; "" while nothing is known.
func (r *rate) text(remaining int64) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current < 1 {
		return ""
	}
	s := fmt.Sprintf(", %s/s", output.Size(int64(r.current)))
	if remaining > 0 {
		left := time.Duration(float64(remaining) / r.current * float64(time.Second)).Round(time.Second)
		s += fmt.Sprintf(", %s left", left)
	}
	return s
}
