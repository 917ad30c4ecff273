package trace

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/clock"
)

func TestRecordsOfLongRequestsMakeRoom(t *testing.T) {
	r := NewRecorder(clock.New(time.Now), slog.New(slog.DiscardHandler))
	for n := range int64(200) {
		r.end(Request{Number: n, Path: strings.Repeat("x", 1<<20)})
	}
	if len(r.kept) == 0 || len(r.kept) > 16 || r.kept[len(r.kept)-1].Number != 199 {
		t.Errorf("%d records of a mebibyte are kept", len(r.kept))
	}
	for n := range int64(2 * maxRecorded) {
		r.end(Request{Number: n, Path: "/v2/"})
	}
	if len(r.kept) != maxRecorded || r.kept[0].Number != maxRecorded {
		t.Errorf("%d short records are kept, from number %d", len(r.kept), r.kept[0].Number)
	}
}

// TestARequestThatTheServerFailedIsAWarning: a caller's mistakes are none.
func TestARequestThatTheServerFailedIsAWarning(t *testing.T) {
	for status, want := range map[int]string{0: "WARN", 200: "INFO", 404: "INFO", 429: "INFO", 499: "INFO", 500: "WARN", 503: "WARN"} {
		var lines strings.Builder
		logRequest(t.Context(), slog.New(slog.NewTextHandler(&lines, nil)), &Request{Method: "GET", Path: "/v2/", Status: status})
		if !strings.Contains(lines.String(), "level="+want+" ") || strings.Count(lines.String(), "\n") != 1 {
			t.Errorf("%d is logged as %q, want %s", status, lines.String(), want)
		}
	}
}
