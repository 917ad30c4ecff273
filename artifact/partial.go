package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/acrkit/azcontainerregistry/internal/filelock"
)

// RemovePartial removes what an interrupted copy to the layout folder or
// archive file at path has left for resuming: nothing of the layout or the
// archive itself. When a process works on it, it is an [*InUseError].
func RemovePartial(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return removeParts(filepath.Join(path, partialDir))
	}
	dir := path + stagingSuffix
	lock, err := os.OpenFile(filepath.Join(dir, stagingLock), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", dir, err)
	}
	defer lock.Close()
	if free, err := filelock.Try(lock); err != nil || !free {
		return errors.Join(err, &InUseError{Thing: dir})
	}
	return os.RemoveAll(dir)
}

// removeParts removes the partial blobs of a layout that nobody writes.
func removeParts(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", dir, err)
	}
	for _, entry := range entries {
		f, err := os.OpenFile(filepath.Join(dir, entry.Name()), os.O_RDWR, 0)
		if err != nil {
			return fmt.Errorf("remove %s: %w", dir, err)
		}
		free, err := filelock.Try(f)
		if err == nil && free {
			err = os.Remove(f.Name())
		} else if err == nil {
			err = &InUseError{Thing: f.Name()}
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return os.Remove(dir)
}
