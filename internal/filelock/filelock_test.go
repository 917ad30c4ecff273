package filelock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestTwoHoldOneLock holds that a file and a folder have one holder at a time,
// and another as soon as that one closed it.
func TestTwoHoldOneLock(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, file} {
		first, second := open(t, path), open(t, path)
		if ours, err := Try(first); !ours || err != nil {
			t.Fatalf("%s: the first: %v, %v", path, ours, err)
		}
		if ours, err := Try(second); ours || err != nil {
			t.Errorf("%s: the second: %v, %v", path, ours, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		if err := Lock(ctx, second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: waiting ended with %v", path, err)
		}
		cancel()
		first.Close()
		if err := Lock(t.Context(), second); err != nil {
			t.Errorf("%s: after the first: %v", path, err)
		}
	}
}
