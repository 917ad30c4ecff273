package printed

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// The bounds of what is read and kept, in bytes.
const (
	// maxRead is how much of a text is looked at; a reader that never ends is
	// left there.
	maxRead = 512 << 20
	// maxWhole is the size up to which a text is kept whole. Of a longer one,
	// the lines are kept that hold a word of some phrasing, and those around.
	maxWhole = 256 << 10
	// maxHead and maxTail bound what is kept of a text beyond that: of its
	// beginning, and of its end.
	maxHead = 128 << 10
	maxTail = 128 << 10
	// maxLine is how much is looked at as one line.
	maxLine = 64 << 10
	// maxAlike is how many lines that differ in their figures alone are kept.
	maxAlike = 4
	// before and after are how many lines around a telling one are kept.
	before, after = 3, 6
	// maxSignatures bounds the memory for telling which lines are alike.
	maxSignatures = 1 << 16
)

// ErrBinary means that the text is none: a picture, an archive, a program.
var ErrBinary = errors.New("this is not text")

// Line is a line of the text as it was, without its end.
type Line struct {
	Number int
	Text   string
}

// Log is what was kept of a text.
type Log struct {
	Lines []Line
	// Total is how many lines were read, and Bytes how much text.
	Total int
	Bytes int64
	// LeftOut is how many lines with a word of some phrasing were not kept,
	// for lack of space or because they repeat others.
	LeftOut int
	// Endless reports that reading stopped before the text's end.
	Endless bool
}

// Read reads a text in UTF-8, or in UTF-16 as PowerShell writes it. A line that
// is too long is cut into several of the same number. It fails with [ErrBinary]
// for what is no text, and with the reader's own error, beside what was read
// before it.
func Read(r io.Reader) (*Log, error) { return readUpTo(r, maxRead) }

func readUpTo(r io.Reader, limit int64) (*Log, error) {
	limited := &io.LimitedReader{R: r, N: limit}
	buffered := bufio.NewReaderSize(limited, maxLine)
	head, err := buffered.Peek(8 << 10)
	if err != nil && err != io.EOF && len(head) == 0 {
		return &Log{}, err
	}
	k := &keeper{alike: map[uint64]int{}}
	var failed error
	if order := encodingOf(head); order != nil {
		failed = readWide(buffered, order, k)
	} else if isBinary(head) {
		return &Log{}, ErrBinary
	} else {
		failed = readLines(buffered, k)
	}
	log := k.log()
	log.Endless = limited.N <= 0
	return log, failed
}

// byteOrder takes a unit of UTF-16 from two bytes.
type byteOrder func(a, b byte) uint16

func little(a, b byte) uint16 { return uint16(b)<<8 | uint16(a) }
func big(a, b byte) uint16    { return uint16(a)<<8 | uint16(b) }

// encodingOf returns the byte order of UTF-16, by its mark or by the zeros that
// ASCII has in it, and nil for everything else.
func encodingOf(head []byte) byteOrder {
	switch {
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		return little
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return big
	case len(head) < 4:
		return nil
	}
	var zeros [2]int
	for i, b := range head {
		if b == 0 {
			zeros[i%2]++
		}
	}
	half := len(head) / 2
	switch {
	case zeros[1] > half*7/10 && zeros[0] < half/10:
		return little
	case zeros[0] > half*7/10 && zeros[1] < half/10:
		return big
	}
	return nil
}

// isBinary reports whether so much of the beginning is neither text nor what a
// terminal is sent that it cannot be a log.
func isBinary(head []byte) bool {
	strange := 0
	for i := 0; i < len(head); {
		r, size := utf8.DecodeRune(head[i:])
		switch {
		case r == utf8.RuneError && size <= 1:
			strange++
		case r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\x1b' && r != '\b' && r != '\f':
			strange++
		}
		i += max(size, 1)
	}
	return strange*4 > len(head)
}

// readLines hands the lines of a text in UTF-8 to the keeper.
func readLines(r *bufio.Reader, k *keeper) error {
	k.first = true
	for {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 {
			whole := err == nil
			k.bytes += int64(len(line))
			k.add(line, whole)
		}
		switch err {
		case nil, bufio.ErrBufferFull:
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}

// readWide decodes UTF-16 into lines of UTF-8.
func readWide(r *bufio.Reader, unit byteOrder, k *keeper) error {
	k.first = true
	var line []byte
	var high rune
	var pair [2]byte
	for {
		_, err := io.ReadFull(r, pair[:])
		if err != nil {
			if len(line) > 0 {
				k.bytes += int64(len(line))
				k.add(line, false)
			}
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				return nil
			}
			return err
		}
		u := rune(unit(pair[0], pair[1]))
		switch {
		case u >= 0xD800 && u < 0xDC00:
			high = u
			continue
		case high != 0:
			u, high = utf16.DecodeRune(high, u), 0
		}
		line = utf8.AppendRune(line, u)
		if u == '\n' || len(line) >= maxLine-utf8.UTFMax {
			k.bytes += int64(len(line))
			k.add(line, u == '\n')
			line = line[:0]
		}
	}
}
