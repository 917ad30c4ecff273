package userfile

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAFileIsWrittenWholeForItsOwner(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "plan.json")
	for _, content := range []string{"first", "second, and longer"} {
		if err := Write(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("read %q, %v, want %q", got, err, content)
		}
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	// A folder cannot be replaced by a file.
	if err := Write(dir, []byte("x")); err == nil {
		t.Error("a folder was replaced")
	}
	for _, place := range []string{dir, filepath.Dir(dir)} {
		if left, _ := filepath.Glob(filepath.Join(place, ".acrkit-*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	if err := Write(filepath.Join(dir, "none", "plan.json"), nil); !os.IsNotExist(err) {
		t.Errorf("without the folder: %v", err)
	}
}

func TestReadingIsBounded(t *testing.T) {
	for content, fits := range map[string]bool{"": true, "123": true, "1234": true, "12345": false} {
		data, err := ReadAll(strings.NewReader(content), 4)
		if fits && (err != nil || string(data) != content) || !fits && (err == nil || err.Error() != "over 4 bytes") {
			t.Errorf("%q: %q, %v", content, data, err)
		}
	}
}
