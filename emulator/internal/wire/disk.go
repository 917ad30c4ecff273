package wire

import (
	"errors"
	"io/fs"
	"net/http"
	"syscall"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
)

// internal is the error of a request that failed on this side. A full disk has a
// status of its own, which ACR never has: clients repeat a 500, without success.
func internal(err error) *protocol.Error {
	e := protocol.ErrInternal.WithDetail(diskCause(err))
	if diskFull(err) {
		e.Status = http.StatusInsufficientStorage
	}
	return e
}

func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// diskCause is what an internal error says of a disk that refuses to write,
// without naming paths; nil when the disk is not the cause.
func diskCause(err error) any {
	switch {
	case diskFull(err):
		return "no space left on the emulator's disk"
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return "the emulator's data folder cannot be written to"
	}
	return nil
}
