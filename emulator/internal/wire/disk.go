package wire

import (
	"errors"
	"io/fs"
	"syscall"
)

// diskCause is what an internal error says of a disk that refuses to write,
// without naming paths; nil when the disk is not the cause.
func diskCause(err error) any {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return "no space left on the emulator's disk"
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return "the emulator's data folder cannot be written to"
	}
	return nil
}
