// Package userfile reads and writes the files that commands keep for a user, or
// take from one: plans, rules, progress, caches.
package userfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Write writes a file that only its owner can read, in one step: it is there whole, or
// what was there before is. The folder has to exist.
func Write(path string, data []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".acrkit-*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(data)
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
	}
	return err
}

// ReadAll reads at most limit bytes, and fails when there are more.
func ReadAll(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("over %d bytes", limit)
	}
	return data, err
}
