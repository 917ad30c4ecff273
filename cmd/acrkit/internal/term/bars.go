package term

import (
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// bars draws a row a blob that is moving, and one for the whole below them.
// What is finished becomes a line above, so that a hundred layers don't fill
// the screen.
type bars struct {
	progress *mpb.Progress
	screen   Screen
	now      func() time.Time
	rows     map[string]*row
	whole    *row
	closed   bool
	w        io.Writer
	drawn    bool     // there is a bar, or was
	lines    []string // to be written above the first bar
}

// refresh is how often the screen is drawn: often enough to show movement.
const refresh = 120 * time.Millisecond

func newBars(w io.Writer, screen Screen, now func() time.Time) *bars {
	return &bars{
		progress: mpb.New(mpb.WithOutput(w), mpb.WithRefreshRate(refresh), mpb.WithWidth(barWidth(screen)), mpb.ForceAutoRefresh()),
		screen:   screen, now: now, rows: map[string]*row{}, w: w,
	}
}

// barWidth leaves space for the words around the bar.
func barWidth(screen Screen) int { return max(10, min(40, screen.Width-70)) }

// row is one bar with its words.
type row struct {
	bar   *mpb.Bar
	rate  rate
	mu    sync.Mutex
	total int64
	done  int64
	note  string
}

func (r *row) set(now time.Time, done, total int64, note string) {
	r.rate.add(now, done)
	r.mu.Lock()
	r.done, r.total, r.note = done, total, note
	r.mu.Unlock()
	r.bar.SetTotal(total, false)
	r.bar.SetCurrent(done)
}

// text is what stands behind the bar.
func (r *row) text(decor.Statistics) string {
	r.mu.Lock()
	done, total, note := r.done, r.total, r.note
	r.mu.Unlock()
	share := 0
	if total > 0 {
		share = int(100 * float64(done) / float64(total))
	}
	text := fmt.Sprintf(" %3d%%", share)
	if note == "" || note[0] == ',' {
		text += r.rate.text(total - done)
	}
	return text + note
}

// wholePriority puts the row of the whole below all others.
const wholePriority = math.MaxInt32

func (b *bars) add(name string, total int64, priority int) *row {
	r := &row{total: total}
	b.drawn = true
	options := []mpb.BarOption{
		mpb.PrependDecorators(decor.Name(fmt.Sprintf("%-19s %9s ", name, output.Size(total)))),
		mpb.AppendDecorators(decor.Any(r.text)),
	}
	if priority != 0 {
		options = append(options, mpb.BarPriority(priority))
	}
	// A bar made without a total never completes by itself: a blob is done
	// when it is verified, not when its last byte has moved.
	r.bar = b.progress.New(0, mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"), options...)
	return r
}

func (b *bars) row(u Update) *row {
	r := b.rows[u.Digest]
	if r == nil {
		r = b.add(Short(u.Digest), u.Total, 0)
		b.rows[u.Digest] = r
	}
	return r
}

func (b *bars) Show(u Update) {
	if b.closed {
		return
	}
	if b.whole == nil && u.AllBytes > 0 {
		b.whole = b.add("all", u.AllBytes, wholePriority)
	}
	switch u.Step {
	case Started, Moving, Resumed:
		note := ""
		if u.Ranges > 1 {
			note = fmt.Sprintf(", %d ranges", u.Ranges)
		}
		b.row(u).set(b.now(), u.Bytes, u.Total, note)
	case Retrying:
		b.row(u).set(b.now(), u.Bytes, u.Total, fmt.Sprintf(" retrying in %s (%s)", u.Wait.Round(100*time.Millisecond), u.Reason))
	case Done, Exists, Mounted, Image:
		// The line first: with the last bar gone it would be dropped.
		b.line(u)
		b.finish(u.Digest)
	}
	if b.whole != nil {
		b.whole.set(b.now(), u.DoneBytes, u.AllBytes, fmt.Sprintf(", %d of %d blobs", u.DoneBlobs, u.AllBlobs))
	}
}

// line writes above the bars.
func (b *bars) line(u Update) {
	mark := b.screen.Paint(Green, "✓")
	b.lines = append(b.lines, mark+" "+sentence(u)+"\n")
	if b.drawn {
		b.flush()
	}
}

// flush writes the lines above the bars. Without a bar the program that draws
// them drops what it is given, so before the first they wait.
func (b *bars) flush() {
	for _, line := range b.lines {
		_, _ = io.WriteString(b.progress, line)
	}
	b.lines = nil
}

func (b *bars) finish(digest string) {
	if r := b.rows[digest]; r != nil {
		r.bar.Abort(true)
		delete(b.rows, digest)
	}
}

func (b *bars) Close() {
	if b.closed {
		return
	}
	b.closed = true
	for digest := range b.rows {
		b.finish(digest)
	}
	if b.whole != nil {
		b.whole.bar.Abort(true)
	}
	b.progress.Wait()
	for _, line := range b.lines {
		_, _ = io.WriteString(b.w, line)
	}
	b.lines = nil
}
