package printed

import (
	"bytes"
	"slices"
	"strings"
)

// keeper chooses the lines that are kept.
type keeper struct {
	number  int  // of the line that is being added
	open    bool // the line continues in the next piece
	first   bool // nothing was added yet
	bytes   int64
	size    int // of what is kept of the beginning
	head    []Line
	tail    []Line // the newest, within maxTail
	tailed  int    // the size of tail
	recent  []Line // lines that may be needed as those before a telling one
	wanted  int    // how many lines after a telling one are still needed
	leftOut int
	alike   map[uint64]int
}

var byteOrderMark = []byte("\uFEFF")

// add takes a line, or a piece of a long one; whole says that it ends here.
func (k *keeper) add(piece []byte, whole bool) {
	if !k.open {
		k.number++
	}
	k.open = !whole
	if k.first {
		piece = bytes.TrimPrefix(piece, byteOrderMark)
		k.first = false
	}
	piece = bytes.TrimRight(piece, "\r\n")
	if k.size < maxWhole {
		k.keepHead(k.line(piece))
		return
	}
	if !telling(piece) {
		switch {
		case k.wanted > 0:
			k.wanted--
			k.keep(k.line(piece[:min(len(piece), maxContext)]))
		default:
			k.remember(piece)
		}
		return
	}
	if sum := signature(piece); len(k.alike) < maxSignatures || k.alike[sum] > 0 {
		if k.alike[sum]++; k.alike[sum] > maxAlike {
			k.leftOut++
			return
		}
	}
	for _, line := range k.recent {
		k.keep(line)
	}
	k.recent = k.recent[:0]
	k.keep(k.line(piece))
	k.wanted = after
}

// maxContext is how much is kept of a line that stands beside a telling one.
const maxContext = 2 << 10

func (k *keeper) line(piece []byte) Line {
	return Line{k.number, strings.ToValidUTF8(string(piece), "\uFFFD")}
}

// remember holds a line back in case a telling one follows.
func (k *keeper) remember(piece []byte) {
	if len(k.recent) == before {
		copy(k.recent, k.recent[1:])
		k.recent = k.recent[:before-1]
	}
	k.recent = append(k.recent, k.line(piece[:min(len(piece), maxContext)]))
}

func (k *keeper) keepHead(line Line) {
	k.size += len(line.Text) + 1
	k.head = append(k.head, line)
}

func (k *keeper) keep(line Line) {
	if k.size < maxWhole+maxHead {
		k.keepHead(line)
		return
	}
	k.tail = append(k.tail, line)
	k.tailed += len(line.Text) + 1
	if k.tailed <= 2*maxTail {
		return
	}
	// Dropped in batches, so that each line is moved a bounded number of times.
	drop := 0
	for k.tailed > maxTail && drop < len(k.tail)-1 {
		k.tailed -= len(k.tail[drop].Text) + 1
		if telling([]byte(k.tail[drop].Text)) {
			k.leftOut++
		}
		drop++
	}
	k.tail = slices.Delete(k.tail, 0, drop)
}

func (k *keeper) log() *Log {
	return &Log{Lines: append(k.head, k.tail...), Total: k.number, Bytes: k.bytes, LeftOut: k.leftOut}
}

// signature is the same for lines that differ in figures alone: times,
// addresses, digests and counters.
func signature(line []byte) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	sum := uint64(offset)
	figure := false
	for _, b := range line {
		if b >= '0' && b <= '9' {
			if figure {
				continue
			}
			figure, b = true, '0'
		} else if figure && (b >= 'a' && b <= 'f' || b == '.' || b == '-' || b == ':') {
			continue
		} else {
			figure = false
		}
		sum = (sum ^ uint64(b)) * prime
	}
	return sum
}
