package term

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const blob = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// story is a transfer with everything that can happen to a blob.
var story = []Update{
	{Step: Planned, AllBlobs: 3, AllBytes: 300},
	{Step: Exists, Digest: "sha256:1", Total: 10, AllBlobs: 3, DoneBlobs: 1, AllBytes: 300},
	{Step: Mounted, Digest: "sha256:2", Total: 20, From: "base", AllBlobs: 3, DoneBlobs: 2, AllBytes: 300},
	{Step: Started, Digest: blob, Total: 300, AllBlobs: 3, DoneBlobs: 2, AllBytes: 300},
	{Step: Moving, Digest: blob, Bytes: 100, Total: 300, Ranges: 4, AllBlobs: 3, DoneBlobs: 2, AllBytes: 300, DoneBytes: 100},
	{Step: Retrying, Digest: blob, Bytes: 100, Total: 300, Wait: 4 * time.Second, Reason: "429", AllBlobs: 3, AllBytes: 300, DoneBytes: 100},
	{Step: Resumed, Digest: blob, Bytes: 90, Total: 300, AllBlobs: 3, AllBytes: 300, DoneBytes: 90},
	{Step: Moving, Digest: blob, Bytes: 300, Total: 300, AllBlobs: 3, AllBytes: 300, DoneBytes: 300},
	{Step: Done, Digest: blob, Bytes: 300, Total: 300, AllBlobs: 3, DoneBlobs: 3, AllBytes: 300, DoneBytes: 300},
	{Step: Tagged, Name: "1"},
}

// clock moves on by two seconds at each look.
func clock() func() time.Time {
	now := time.Unix(0, 0)
	return func() time.Time { now = now.Add(2 * time.Second); return now }
}

func tell(mode Mode, screen Screen) string {
	var out bytes.Buffer
	p := NewProgress(mode, &out, screen, clock())
	for _, u := range story {
		p.Show(u)
	}
	p.Close()
	p.Close()
	p.Show(story[0])
	return out.String()
}

func TestPlainTellsEveryBlob(t *testing.T) {
	got := tell(Auto, Screen{Width: 80})
	for _, want := range []string{
		"3 blobs, 300 B missing there\n", "sha256:1       10 B  exists\n", "mounted from base\n",
		"retrying in 4s (429)\n", "resumed at 90 B\n", "sha256:0123456789ab      300 B  done\n", "of 3 blobs",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "\x1b") {
		t.Errorf("escapes without a terminal: %q", got)
	}
}

func TestJSONIsALineAStep(t *testing.T) {
	for _, line := range strings.Split(strings.TrimSpace(tell(JSON, Screen{})), "\n") {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil || object["schema"] != "acrkit/1" || object["kind"] != "Progress" {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestBytesAreNotToldTooOften(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	p := NewProgress(JSON, &out, Screen{}, func() time.Time { return now })
	for i := range 1000 {
		now = now.Add(time.Millisecond)
		p.Show(Update{Step: Moving, Digest: blob, Bytes: int64(i)})
	}
	if lines := strings.Count(out.String(), "\n"); lines > 3 {
		t.Errorf("%d lines in a second", lines)
	}
}

func TestBarsEndWhateverTheirState(t *testing.T) {
	got := tell(Bar, Screen{Terminal: true, Animated: true, Width: 100})
	for _, want := range []string{"exists", "mounted from base", "sha256:0123456789ab      300 B  done"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q: %q", want, got)
		}
	}
	var out bytes.Buffer
	p := NewProgress(Bar, &out, Screen{Animated: true, Width: 20}, clock())
	for _, u := range story[:5] {
		p.Show(u)
	}
	p.Close()
}

func TestNoneSaysNothing(t *testing.T) {
	if got := tell(None, Screen{Animated: true}); got != "" {
		t.Errorf("%q", got)
	}
}

func TestRateDoesNotJump(t *testing.T) {
	var r rate
	now := time.Unix(0, 0)
	bytes := int64(0)
	for range 20 {
		r.add(now, bytes)
		now, bytes = now.Add(time.Second), bytes+1000
	}
	before := r.current
	r.add(now.Add(time.Second), bytes) // a second of silence
	if r.current < before/2 || r.current > before {
		t.Errorf("from %.0f to %.0f", before, r.current)
	}
	if text := r.text(8000); !strings.Contains(text, "/s, ") || !strings.HasSuffix(text, " left") {
		t.Errorf("text %q", text)
	}
	r.add(now.Add(2*time.Second), 0) // it starts again
	if r.text(1) != "" {
		t.Errorf("a speed right after a restart: %q", r.text(1))
	}
}

func TestScreenOfAFile(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	screen := Detect(file, func(string) string { return "" })
	if screen.Terminal || screen.Animated || screen.Color || screen.Width != defaultWidth {
		t.Errorf("%+v", screen)
	}
	if screen.Paint(Red, "x") != "x" || (Screen{Color: true}).Paint(Red, "x") != "\x1b[31mx\x1b[0m" {
		t.Error("colours")
	}
}

func TestModes(t *testing.T) {
	for _, name := range []string{"", "auto", "bar", "plain", "json", "none"} {
		if _, err := ParseMode(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := ParseMode("loud"); err == nil {
		t.Error("loud is a mode")
	}
}
