package store

import (
	"os"
	"syscall"
)

// startWriteback asks the kernel to start writing a range to the disk,
// without waiting. It is a hint; its failure shows in the flush at the end.
func startWriteback(f *os.File, offset, length int64) {
	const syncFileRangeWrite = 2
	connection, err := f.SyscallConn()
	if err != nil {
		return
	}
	connection.Control(func(fd uintptr) {
		syscall.SyncFileRange(int(fd), offset, length, syncFileRangeWrite)
	})
}
