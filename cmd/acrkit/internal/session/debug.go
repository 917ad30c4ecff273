package session

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/internal/redact"
)

// RequestLog writes a line a request, for --debug. It may be used concurrently.
type RequestLog struct {
	mu    sync.Mutex
	w     io.Writer
	now   func() time.Time
	trace bool
	start time.Time
}

// OpenDebug makes what --debug asks for.
func (s *Session) OpenDebug() error {
	l := &RequestLog{w: s.Stderr, now: s.Now, start: s.Now()}
	switch kind, path, _ := strings.Cut(s.Debug, ":"); {
	case s.Debug == "", s.RequestLog != nil:
		return nil
	case s.Debug == "requests":
	case s.Debug == "trace":
		l.trace = true
	case kind == "file" && path != "":
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
			// The mode of a device is not ours to change.
			return failure.Usagef("--debug=file:%s: it is there, and not a regular file", path)
		}
		// Only the user may read it: a URL's path can be telling enough.
		file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("--debug: %w", err)
		}
		if err := file.Chmod(0o600); err != nil {
			file.Close()
			return fmt.Errorf("--debug: %w", err)
		}
		s.OnClose(file.Close)
		l.w, l.trace = file, true
	default:
		return failure.Usagef("--debug=%s: must be --debug, --debug=trace or --debug=file:PATH", s.Debug)
	}
	s.RequestLog = l
	return nil
}

type attemptKey struct{}

// policyFunc makes a policy of a function.
type policyFunc func(*policy.Request) (*http.Response, error)

func (f policyFunc) Do(request *policy.Request) (*http.Response, error) { return f(request) }

// perCall gives each call a counter of its attempts.
func (l *RequestLog) perCall() policy.Policy {
	return policyFunc(func(request *policy.Request) (*http.Response, error) {
		return request.WithContext(countAttempts(request.Raw().Context())).Next()
	})
}

func countAttempts(ctx context.Context) context.Context {
	return context.WithValue(ctx, attemptKey{}, new(atomic.Int32))
}

// perAttempt logs each attempt with its response.
func (l *RequestLog) perAttempt() around {
	return func(request *http.Request, next func() (*http.Response, error)) (*http.Response, error) {
		attempt := int32(1)
		if counter, ok := request.Context().Value(attemptKey{}).(*atomic.Int32); ok {
			attempt = counter.Add(1)
		}
		begin := l.now()
		response, err := next()
		l.write(request, response, err, l.now().Sub(begin), attempt)
		return response, err
	}
}

// maxTracedBody is the largest JSON body that a trace shows.
const maxTracedBody = 4 << 10

// write logs one attempt: method, address, status, time, attempt and the
// correlation id that Azure's support asks for.
func (l *RequestLog) write(request *http.Request, response *http.Response, err error, took time.Duration, attempt int32) {
	var b strings.Builder
	fmt.Fprintf(&b, "%8.3fs %-6s %s", l.now().Sub(l.start).Seconds(), request.Method, redact.URL(request.URL.String()))
	switch {
	case err != nil:
		fmt.Fprintf(&b, " → %s", redact.Text(failure.FirstLine(err)))
	default:
		fmt.Fprintf(&b, " → %d", response.StatusCode)
	}
	fmt.Fprintf(&b, " %s attempt %d", took.Round(time.Millisecond/10), attempt)
	if response != nil {
		if id := response.Header.Get("X-Ms-Correlation-Request-Id"); id != "" {
			fmt.Fprintf(&b, " correlation %s", output.Clean(id))
		}
	}
	b.WriteByte('\n')
	if l.trace {
		writeHeader(&b, "  > ", request.Header)
		if response != nil {
			writeHeader(&b, "  < ", response.Header)
			writeBody(&b, response)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = io.WriteString(l.w, b.String())
}

func writeHeader(b *strings.Builder, prefix string, header http.Header) {
	shown := redact.Header(header)
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		for _, value := range shown[name] {
			fmt.Fprintf(b, "%s%s: %s\n", prefix, name, output.Clean(value))
		}
	}
}

// writeBody shows a small JSON body and puts it back for whoever reads it.
func writeBody(b *strings.Builder, response *http.Response) {
	if !strings.Contains(response.Header.Get("Content-Type"), "json") || response.ContentLength > maxTracedBody || response.Body == nil {
		return
	}
	head, err := io.ReadAll(io.LimitReader(response.Body, maxTracedBody+1))
	rest := response.Body
	tail := io.Reader(rest)
	if err != nil {
		tail = failingReader{err}
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), tail), rest}
	if len(head) > 0 && len(head) <= maxTracedBody {
		fmt.Fprintf(b, "  < %s\n", output.Clean(redact.Text(strings.TrimSpace(string(head)))))
	}
}

// failingReader hands on the error that a trace met before its reader could.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }
