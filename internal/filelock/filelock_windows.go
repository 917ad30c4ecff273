package filelock

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

// Try takes the lock of f if nobody has it. Windows locks bytes, and keeps
// others from reading them: so the byte that is locked is far behind the end.
func Try(f *os.File) (bool, error) {
	const (
		exclusive         = 2
		failImmediately   = 1
		errorLockViolated = syscall.Errno(33)
	)
	at := syscall.Overlapped{Offset: 0, OffsetHigh: 1 << 30}
	ok, _, err := lockFileEx.Call(f.Fd(), exclusive|failImmediately, 0, 1, 0, uintptr(unsafe.Pointer(&at)))
	switch {
	case ok != 0:
		return true, nil
	case errors.Is(err, errorLockViolated):
		return false, nil
	}
	return false, err
}
