package artifact

import (
	"errors"
	"io/fs"
	"os"
)

// mkdirAll makes a folder below root with those above it. Root.MkdirAll of Go
// 1.25.0 fails when another goroutine makes one of them in the same moment; then
// it is there, and the next try gets further.
func mkdirAll(root *os.Root, name string) error {
	var err error
	for range 16 {
		if err = root.MkdirAll(name, 0o755); !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return err
}
