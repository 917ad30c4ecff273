package fault

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// corruption is what a changed byte is changed by: one bit, as bad memory
// would.
const corruption = 0x01

// faultyBody is a request body that a rule applies to.
type body struct {
	io.ReadCloser
	call   *call
	meter  *rateMeter
	offset int64
}

func (b *body) Read(p []byte) (int, error) {
	rule := b.call.rule
	if limit := b.meter.quantum(); limit > 0 && len(p) > limit {
		p = p[:limit]
	}
	if brk := rule.Break; brk != nil && brk.On == OnRequest && len(p) > 0 {
		left := brk.After - b.offset
		if left == 0 && !b.call.breakRequest(brk) {
			return 0, io.ErrUnexpectedEOF
		} else if left > 0 && int64(len(p)) > left {
			p = p[:left]
		}
	}
	n, err := b.ReadCloser.Read(p)
	if c := rule.Corrupt; c != nil && c.On == OnRequest {
		corrupt(p[:n], c.Offset-b.offset)
	}
	b.offset += int64(n)
	if waitErr := b.meter.wait(b.call.r.Context(), n); waitErr != nil && err == nil {
		err = waitErr
	}
	return n, err
}

// corrupt changes the byte at an offset, when it is among these.
func corrupt(p []byte, at int64) {
	if at >= 0 && at < int64(len(p)) {
		p[at] ^= corruption
	}
}

// faultyWriter is a response that a rule applies to.
type responseWriter struct {
	http.ResponseWriter
	call        *call
	meter       *rateMeter
	offset      int64
	lost        int64 // bytes of a lost chunk; negative for none
	wroteHeader bool
}

func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *responseWriter) WriteHeader(status int) {
	if w.wroteHeader {
		return
	}
	w.wroteHeader = true
	w.call.overrideHeaders(w.Header())
	if w.lost > 0 {
		w.pretendReceived()
	}
	w.ResponseWriter.WriteHeader(status)
}

// pretendReceived adds the lost bytes to the Range of an upload's response.
func (w *responseWriter) pretendReceived() {
	_, last, ok := strings.Cut(w.Header().Get("Range"), "-")
	end, err := strconv.ParseInt(last, 10, 64)
	if !ok || err != nil {
		return
	}
	if end == 0 {
		// An empty upload is reported as 0-0 (ACR protocol §4.5).
		end = -1
	}
	w.Header().Set("Range", fmt.Sprintf("0-%d", end+w.lost))
}

func (w *responseWriter) Write(p []byte) (int, error) {
	if !w.wroteHeader {
		w.WriteHeader(http.StatusOK)
	}
	total := 0
	for len(p) > 0 {
		part := p
		if limit := w.meter.quantum(); limit > 0 && len(part) > limit {
			part = part[:limit]
		}
		if brk := w.call.rule.Break; brk != nil && brk.On == OnResponse {
			left := brk.After - w.offset
			if left == 0 {
				// With nothing to pass before, not even the status leaves.
				if brk.After > 0 {
					w.flush()
				}
				w.call.breakAs(brk)
			} else if left > 0 && int64(len(part)) > left {
				part = part[:left]
			}
		}
		n, err := w.writePart(part)
		total += n
		w.offset += int64(n)
		if err != nil {
			return total, err
		}
		if err := w.meter.wait(w.call.r.Context(), n); err != nil {
			return total, err
		}
		p = p[n:]
	}
	return total, nil
}

func (w *responseWriter) writePart(p []byte) (int, error) {
	if c := w.call.rule.Corrupt; c != nil && c.On == OnResponse && c.Offset >= w.offset && c.Offset < w.offset+int64(len(p)) {
		// What a handler writes stays its own.
		changed := append([]byte(nil), p...)
		corrupt(changed, c.Offset-w.offset)
		p = changed
	}
	n, err := w.ResponseWriter.Write(p)
	if w.meter != nil {
		w.flush()
	}
	return n, err
}

func (w *responseWriter) flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// finish is called when the handler is done: a response without a body can be
// broken only now.
func (w *responseWriter) finish() {
	if brk := w.call.rule.Break; brk != nil && brk.On == OnResponse && brk.After == 0 && w.offset == 0 {
		// Nothing of the response may have left, its status included.
		w.call.breakAs(brk)
	}
}

// rateMeter spreads bytes over time. A nil meter has no limit.
type rateMeter struct {
	bytesPerSecond int64
	start          time.Time
	passed         int64
}

func newRateMeter(bytesPerSecond int64) *rateMeter {
	if bytesPerSecond <= 0 {
		return nil
	}
	return &rateMeter{bytesPerSecond: bytesPerSecond, start: time.Now()}
}

// quantum is how much may pass at once: a twentieth of a second's worth, so
// that a slow body trickles rather than comes in bursts. 0 means any amount.
func (m *rateMeter) quantum() int {
	if m == nil {
		return 0
	}
	return int(min(max(m.bytesPerSecond/20, 1), 64<<10))
}

// wait holds back until n more bytes may have passed.
func (m *rateMeter) wait(ctx context.Context, n int) error {
	if m == nil || n <= 0 {
		return nil
	}
	m.passed += int64(n)
	due := m.start.Add(time.Duration(float64(m.passed) / float64(m.bytesPerSecond) * float64(time.Second)))
	if !pause(ctx, time.Until(due)) {
		return context.Cause(ctx)
	}
	return nil
}
