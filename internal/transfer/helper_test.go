package transfer

import (
	"errors"
	"io"
	"math/rand/v2"
	"sync"
)

var errReset = errors.New("connection reset by fake")

func noise(seed uint64, n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}).Read(p)
	return p
}

type onlyReader struct{ io.Reader }

// typed reports whether a transfer may fail with err: it names what happened.
func typed(err error) bool {
	var (
		retries *RetriesExhaustedError
		resume  *NotResumableError
		digest  *DigestMismatchError
		size    *SizeMismatchError
		said    answer
	)
	return errors.As(err, &retries) || errors.As(err, &resume) || errors.As(err, &digest) ||
		errors.As(err, &size) || errors.As(err, &said)
}

// memory is a destination that any place of can be written.
type memory struct {
	mu   sync.Mutex
	data []byte
}

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if need := off + int64(len(p)); need > int64(len(m.data)) {
		m.data = append(m.data, make([]byte, need-int64(len(m.data)))...)
	}
	return copy(m.data[off:], p), nil
}

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if off >= int64(len(m.data)) {
		return 0, io.EOF
	}
	n := copy(p, m.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
