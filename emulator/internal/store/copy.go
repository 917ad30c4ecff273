package store

import (
	"crypto/sha512"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"sync"
)

const (
	// copyBuffer is the size of one read, one write and one piece of hashing.
	copyBuffer = 256 << 10
	// copyAhead is how many buffers a copy has in flight, so that hashing
	// runs beside reading and writing: 1 MiB an upload.
	copyAhead = 4
	// writebackStep is how many bytes are written between two requests to the
	// kernel to start writing them to the disk, so that the flush at the end
	// finds most of it done.
	writebackStep = 8 << 20
)

// ReadError says that the sender failed, not the disk.
type ReadError struct{ Err error }

func (e *ReadError) Error() string { return fmt.Sprintf("receive upload: %v", e.Err) }

func (e *ReadError) Unwrap() error { return e.Err }

// buffers are shared by all uploads of the process.
var buffers = sync.Pool{New: func() any { b := make([]byte, copyBuffer); return &b }}

// copyHashed appends what a reader gives to the upload's file, hashing it in
// a second goroutine, and returns how much was written and hashed.
func (u *Upload) copyHashed(f *os.File, r io.Reader) (int64, error) {
	free := make(chan *[]byte, copyAhead)
	filled := make(chan filledBuffer, copyAhead)
	for range copyAhead {
		free <- nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := range filled {
			u.hash.Write((*b.buffer)[:b.n])
			free <- b.buffer
		}
	}()
	// Deferred, since a reader may panic: net/http's way to abort a response.
	defer func() {
		close(filled)
		<-done
		close(free)
		for b := range free {
			if b != nil {
				buffers.Put(b)
			}
		}
	}()
	return u.copyChunks(f, r, free, filled)
}

type filledBuffer struct {
	buffer *[]byte
	n      int
}

func (u *Upload) copyChunks(f *os.File, r io.Reader, free chan *[]byte, filled chan<- filledBuffer) (int64, error) {
	var total, pushed int64
	for {
		buffer := <-free
		if buffer == nil {
			buffer = buffers.Get().(*[]byte)
		}
		n, err := fill(*buffer, r)
		if u.ended() {
			free <- buffer
			return total, fmt.Errorf("append to upload: %w", ErrUploadEnded)
		}
		if n == 0 {
			free <- buffer
		} else {
			if _, failure := f.WriteAt((*buffer)[:n], u.size+total); failure != nil {
				free <- buffer
				return total, fmt.Errorf("append to upload: %w", failure)
			}
			filled <- filledBuffer{buffer, n}
			total += int64(n)
		}
		if !u.store.noSync && total-pushed >= writebackStep {
			startWriteback(f, u.size+pushed, total-pushed)
			pushed = total
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, &ReadError{Err: err}
		}
	}
}

// fill reads until the buffer is full or the reader ends. Unlike io.ReadFull
// it keeps a plain end apart from a body that was cut short.
func fill(buffer []byte, r io.Reader) (n int, err error) {
	for n < len(buffer) && err == nil {
		var m int
		m, err = r.Read(buffer[n:])
		n += m
	}
	return n, err
}

// newHash returns the hash of a digest's algorithm, or nil for sha256, which
// runs along with every upload.
func newHash(digest string) hash.Hash {
	if strings.HasPrefix(digest, "sha512:") {
		return sha512.New()
	}
	return nil
}
