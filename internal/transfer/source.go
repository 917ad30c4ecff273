package transfer

import (
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	replayBlock = 1 << 20

	// replayBlocks bounds how far back a stream can be read again. Between
	// what a body gave and what a registry kept are the socket buffers of both
	// sides and a block of its storage, at most 4 MiB each.
	replayBlocks = 16
)

// source is the content of an upload, read in order, and again from an earlier
// place where that is possible. It is for one goroutine at a time.
type source struct {
	r      io.Reader
	seeker io.Seeker
	start  int64 // where seeker had the first byte
	reopen func() (io.ReadCloser, error)
	opened io.Closer // what reopen returned last

	replay [replayBlocks][]byte
	front  int64 // how far a stream was read
	pos    int64 // what the next Read reads
	size   int64 // -1 until it is known
	ended  bool  // nothing comes after size bytes
}

// newSource looks at what r can do. Where r can tell its size, it must be the
// size that was said.
func newSource(r io.Reader, size int64, reopen func() (io.ReadCloser, error)) (*source, error) {
	s := &source{r: r, reopen: reopen, size: -1}
	if size > 0 {
		s.size = size
	}
	seeker, ok := r.(io.Seeker)
	if !ok {
		return s, nil
	}
	if f, ok := r.(*os.File); ok {
		// Devices and pipes seek without an error, or to nowhere.
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return s, nil // an unreadable file fails at its first Read
		}
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return s, nil // a Seeker that can't seek is a stream
	}
	end, err := seeker.Seek(0, io.SeekEnd)
	if err != nil {
		return s, nil // likewise
	}
	if _, err := seeker.Seek(start, io.SeekStart); err != nil {
		return nil, &localError{operation: "rewind source", err: err}
	}
	actual := max(end-start, 0)
	if size > 0 && actual != size {
		return nil, &SizeMismatchError{Expected: size, Actual: actual, Origin: OriginSource}
	}
	s.seeker, s.start, s.size = seeker, start, actual
	return s, nil
}

// Read reads on. The last bytes of a known size are given out only when
// nothing comes after them, so a source that is too long can't become a blob.
func (s *source) Read(p []byte) (int, error) {
	switch {
	case s.seeker == nil && s.pos < s.front:
		n := copy(p, s.replayed())
		s.pos += int64(n)
		return n, nil
	case s.size >= 0 && s.pos >= s.size:
		return 0, s.expectEnd()
	case s.size >= 0:
		p = p[:min(int64(len(p)), s.size-s.pos)]
	}
	n, err := s.r.Read(p)
	if n < 0 || n > len(p) {
		return 0, &localError{operation: "read source", err: errors.New("reader returned an impossible count")}
	}
	atEnd := errors.Is(err, io.EOF)
	switch read := s.pos + int64(n); {
	case atEnd && s.size < 0:
		s.size, s.ended = read, true
	case atEnd && read < s.size:
		return 0, &SizeMismatchError{Expected: s.size, Actual: read, Origin: OriginSource}
	case atEnd:
		s.ended = true
	case err != nil:
		return 0, &localError{operation: "read source", err: err}
	case read == s.size:
		if err := s.expectEnd(); !errors.Is(err, io.EOF) {
			return 0, err
		}
	}
	s.keep(p[:n])
	s.pos += int64(n)
	if s.pos == s.size {
		return n, io.EOF
	}
	return n, nil
}

// expectEnd makes sure that nothing comes after the size that was said.
func (s *source) expectEnd() error {
	if s.ended {
		return io.EOF
	}
	var one [1]byte
	for range 100 { // as bufio does with readers that return nothing
		n, err := s.r.Read(one[:])
		switch {
		case n > 0:
			return &SizeMismatchError{Expected: s.size, Actual: s.size + 1, Origin: OriginSource}
		case errors.Is(err, io.EOF):
			s.ended = true
			return io.EOF
		case err != nil:
			return &localError{operation: "read source", err: err}
		}
	}
	return &localError{operation: "read source", err: io.ErrNoProgress}
}

// probe finds out whether a stream of unknown size has more bytes, so that no empty
// request has to be sent to learn that it doesn't.
func (s *source) probe() error {
	if s.size >= 0 || s.pos < s.front {
		return nil
	}
	var one [1]byte
	pos := s.pos
	_, err := fill(s, one[:])
	s.pos = pos
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// seek makes off the next byte to be read.
func (s *source) seek(off int64) error {
	if off == s.pos {
		return nil
	}
	switch {
	case s.seeker != nil:
		if _, err := s.seeker.Seek(s.start+off, io.SeekStart); err != nil {
			return &NotResumableError{Offset: off, Rewind: err}
		}
		s.ended = false // it may have grown
	case off > s.front:
		if _, err := io.CopyN(io.Discard, s, off-s.pos); err != nil {
			return err
		}
	case off >= s.front-replayBlock*(replayBlocks-1):
	case s.reopen != nil:
		return s.startOver(off)
	default:
		return &NotResumableError{Offset: off}
	}
	s.pos = off
	return nil
}

func (s *source) startOver(off int64) error {
	r, err := s.reopen()
	if err == nil && r == nil {
		err = errors.New("reopen returned no reader")
	}
	if err != nil {
		return &NotResumableError{Offset: off, Rewind: err}
	}
	_ = s.close()
	s.r, s.opened, s.pos, s.front, s.ended = r, r, 0, 0, false
	if _, err := io.CopyN(io.Discard, s, off); err != nil {
		return &NotResumableError{Offset: off, Rewind: fmt.Errorf("source is shorter now: %w", err)}
	}
	return nil
}

// again reports whether a second reading comes from the source itself, which
// may have changed, and not from memory.
func (s *source) again(off int64) bool {
	return s.seeker != nil || off < s.front-replayBlock*(replayBlocks-1)
}

// close closes what reopen returned.
func (s *source) close() error {
	if s.opened == nil {
		return nil
	}
	err := s.opened.Close()
	s.opened = nil
	return err
}

// keep remembers what came from a stream. One block of the ring is the one
// being written, so one less can be read again.
func (s *source) keep(p []byte) {
	if s.seeker != nil {
		return
	}
	for len(p) > 0 {
		i := s.front / replayBlock % replayBlocks
		if s.replay[i] == nil {
			s.replay[i] = make([]byte, replayBlock)
		}
		n := copy(s.replay[i][s.front%replayBlock:], p)
		s.front += int64(n)
		p = p[n:]
	}
}

func (s *source) replayed() []byte {
	block := s.replay[s.pos/replayBlock%replayBlocks]
	from := s.pos % replayBlock
	return block[from:min(replayBlock, from+s.front-s.pos)]
}
