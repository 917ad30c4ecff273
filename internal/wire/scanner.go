package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// Scanner reads a JSON text once, from front to back, into what the caller
// has ready for it. A page of a thousand tags costs encoding/json ten times as
// much, most of it reflection and maps. It accepts exactly the texts that RFC
// 8259 allows, to a depth of maxDepth.
//
// The first error sticks: callers read on and look at [Scanner.End] once, for
// every read then returns its zero value and every loop ends.
type Scanner struct {
	data  []byte
	at    int
	depth int
	err   error
	// words holds strings that occur again and again, such as media types.
	words map[string]string
	// latest is the timestamp read last: a thing that was never updated has
	// the same one twice.
	latest     []byte
	latestTime time.Time
}

// maxDepth is encoding/json's.
const maxDepth = 10000

// maxWords and maxWord bound words: what a registry repeats is short and little.
const (
	maxWords = 64
	maxWord  = 100
)

// NewScanner returns a scanner of a text, which may begin with a byte order
// mark. The text must not change while it is read.
func NewScanner(data []byte) Scanner {
	return Scanner{data: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))}
}

var ErrUnexpectedEnd = errors.New("unexpected end")

// Fail records that something else was expected here, unless an error was
// recorded before.
func (s *Scanner) Fail(want string) {
	if s.err != nil {
		return
	}
	if s.at >= len(s.data) {
		s.err = ErrUnexpectedEnd
		return
	}
	s.err = fmt.Errorf("at byte %d: want %s, got %q", s.at, want, s.data[s.at])
	s.at = len(s.data)
}

// Peek skips white space and returns the next byte, 0 at the end or after an
// error.
func (s *Scanner) Peek() byte {
	if s.at < len(s.data) && s.data[s.at] > ' ' {
		return s.data[s.at]
	}
	return s.peekOverSpace()
}

func (s *Scanner) peekOverSpace() byte {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// End checks that nothing follows, and returns the first error.
func (s *Scanner) End() error {
	if s.Peek() != 0 || s.err == nil && s.at < len(s.data) {
		s.Fail("the end")
	}
	return s.err
}

// Null reports whether the next value is null, and passes it.
func (s *Scanner) Null() bool {
	if s.Peek() != 'n' {
		return false
	}
	s.literal("null")
	return true
}

func (s *Scanner) literal(word string) {
	if s.err == nil && len(s.data)-s.at >= len(word) && string(s.data[s.at:s.at+len(word)]) == word {
		s.at += len(word)
		return
	}
	s.Fail(word)
}

// open passes the beginning of an object or array.
func (s *Scanner) open(bracket byte) bool {
	if s.Peek() != bracket {
		s.Fail(string(bracket))
		return false
	}
	s.at++
	if s.depth++; s.depth > maxDepth {
		s.Fail("less depth")
		return false
	}
	return true
}

// more reports whether another member or element follows, passing the comma
// before it, or the bracket that ends the list. first must be true before the
// first one.
func (s *Scanner) more(first *bool, bracket byte) bool {
	c := s.Peek()
	if s.err != nil {
		return false
	}
	if c == bracket {
		s.at++
		s.depth--
		return false
	}
	if *first {
		*first = false
		return true
	}
	if c != ',' {
		s.Fail("a comma or " + string(bracket))
		return false
	}
	s.at++
	if s.Peek() == bracket {
		s.Fail("a value")
		return false
	}
	return s.err == nil
}

// key reads a member's name up to its value. The result is valid until the
// next read.
func (s *Scanner) key() []byte {
	if s.Peek() != '"' {
		s.Fail("a name")
		return nil
	}
	k := s.Bytes()
	if s.Peek() != ':' {
		s.Fail("a colon")
		return nil
	}
	s.at++
	return k
}

// Bytes reads a string. The result may share the text's memory.
func (s *Scanner) Bytes() []byte {
	if s.Peek() != '"' {
		s.Fail("a string")
		return nil
	}
	start := s.at + 1
	i := plain(s.data, start)
	if i < len(s.data) && s.data[i] == '"' {
		s.at = i + 1
		return s.data[start:i]
	}
	for ; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.at = i + 1
			return s.data[start:i]
		case c == '\\' || c >= utf8.RuneSelf:
			return s.escapedString(start, i)
		case c < ' ':
			s.at = i
			s.Fail("a printable character")
			return nil
		}
	}
	s.at = len(s.data)
	s.Fail("a quotation mark")
	return nil
}

// plain passes what in a string stands for itself, eight bytes at a time: most
// of a listing is digests. It returns where to look closer: at the first byte
// that is a quotation mark, a backslash, a control character or not ASCII, or
// near the end.
func plain(data []byte, i int) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	// zero has the high bit of each byte of w that is 0 (and of some after it).
	zero := func(w uint64) uint64 { return (w - ones) &^ w }
	for ; i+8 <= len(data); i += 8 {
		w := binary.LittleEndian.Uint64(data[i:])
		control := (w - ones*' ') &^ w
		if found := (control | w | zero(w^ones*'"') | zero(w^ones*'\\')) & high; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	return i
}

// escapedString reads the rest of a string that can't be taken as it stands.
func (s *Scanner) escapedString(start, i int) []byte {
	out := append([]byte(nil), s.data[start:i]...)
	for i < len(s.data) {
		c := s.data[i]
		switch {
		case c == '"':
			s.at = i + 1
			return out
		case c < ' ':
			s.at = i
			s.Fail("a printable character")
			return nil
		case c == '\\':
			var n int
			if out, n = unescape(out, s.data[i:]); n == 0 {
				s.at = i
				s.Fail("an escape")
				return nil
			}
			i += n
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRune(s.data[i:])
			out = utf8.AppendRune(out, r)
			i += n
		}
	}
	s.at = len(s.data)
	s.Fail("a quotation mark")
	return nil
}

// unescape appends what an escape sequence stands for and returns how long the
// sequence is, 0 if it is none.
func unescape(out, in []byte) ([]byte, int) {
	if len(in) < 2 {
		return out, 0
	}
	switch in[1] {
	case '"', '\\', '/':
		return append(out, in[1]), 2
	case 'b':
		return append(out, '\b'), 2
	case 'f':
		return append(out, '\f'), 2
	case 'n':
		return append(out, '\n'), 2
	case 'r':
		return append(out, '\r'), 2
	case 't':
		return append(out, '\t'), 2
	case 'u':
		r, ok := hex4(in[2:])
		if !ok {
			return out, 0
		}
		if !utf16.IsSurrogate(r) {
			return utf8.AppendRune(out, r), 6
		}
		if len(in) >= 12 && in[6] == '\\' && in[7] == 'u' {
			if low, ok := hex4(in[8:]); ok {
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					return utf8.AppendRune(out, pair), 12
				}
			}
		}
		return utf8.AppendRune(out, utf8.RuneError), 6
	}
	return out, 0
}

func hex4(in []byte) (rune, bool) {
	if len(in) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range in[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// Word reads a string that is likely to occur again.
func (s *Scanner) Word() string {
	raw := s.Bytes()
	if w, ok := s.words[string(raw)]; ok {
		return w
	}
	w := string(raw)
	if s.words == nil {
		s.words = make(map[string]string, 16)
	}
	if len(s.words) < maxWords && len(w) <= maxWord {
		s.words[w] = w
	}
	return w
}

// number reads a number and returns its text.
func (s *Scanner) number() []byte {
	c := s.Peek()
	if c != '-' && (c < '0' || c > '9') {
		s.Fail("a number")
		return nil
	}
	start, i := s.at, s.at
	digits := func() bool {
		from := i
		for i < len(s.data) && s.data[i] >= '0' && s.data[i] <= '9' {
			i++
		}
		return i > from
	}
	is := func(set string) bool {
		for j := range len(set) {
			if i < len(s.data) && s.data[i] == set[j] {
				i++
				return true
			}
		}
		return false
	}
	is("-")
	ok := is("0") || digits()
	if ok && is(".") {
		ok = digits()
	}
	if ok && is("eE") {
		is("+-")
		ok = digits()
	}
	s.at = i
	if !ok {
		s.Fail("a digit")
		return nil
	}
	return s.data[start:i]
}

// Integer reads a whole number of the given size in bits; one such as 1e3 or
// 1.0 is a whole number, too.
func (s *Scanner) Integer(bits int) int64 {
	raw := s.number()
	if s.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(raw), 10, bits)
	if err == nil {
		return n
	}
	f, ferr := strconv.ParseFloat(string(raw), 64)
	if limit := float64(uint64(1) << (bits - 1)); ferr != nil || f != float64(int64(f)) || f < -limit || f >= limit {
		s.at -= len(raw)
		s.Fail("an integer of " + strconv.Itoa(bits) + " bits")
		return 0
	}
	return int64(f)
}

// Boolean reads true or false.
func (s *Scanner) Boolean() bool {
	if s.Peek() == 't' {
		s.literal("true")
		return s.err == nil
	}
	s.literal("false")
	return false
}

// Skip passes a value of any kind.
func (s *Scanner) Skip() {
	switch s.Peek() {
	case '{':
		s.open('{')
		for first := true; s.more(&first, '}'); {
			s.key()
			s.Skip()
		}
	case '[':
		s.open('[')
		for first := true; s.more(&first, ']'); {
			s.Skip()
		}
	case '"':
		s.Bytes()
	case 't':
		s.literal("true")
	case 'f':
		s.literal("false")
	case 'n':
		s.literal("null")
	default:
		s.number()
	}
}

// Object calls member for each name of an object whose value isn't null;
// member must read the value. A null object has no members.
func (s *Scanner) Object(member func(name []byte)) {
	if s.Null() || !s.open('{') {
		return
	}
	for first := true; s.more(&first, '}'); {
		name := s.key()
		if s.Peek() != 'n' || !s.Null() {
			if s.err != nil {
				return
			}
			member(name)
		}
	}
}

// Again passes an object whose text was read before, if the same comes next, and
// reports whether it does.
func (s *Scanner) Again(text []byte) bool {
	if s.Peek() == 0 || len(text) == 0 || !bytes.HasPrefix(s.data[s.at:], text) {
		return false
	}
	s.at += len(text)
	return true
}

// Text calls read and returns the text of the value that it read, nil after an
// error. The result shares the memory of the scanner's text.
func (s *Scanner) Text(read func()) []byte {
	s.Peek()
	start := s.at
	read()
	if s.err != nil {
		return nil
	}
	return s.data[start:s.at]
}

// Array calls element for each element of an array; element must read it. A
// null array has none.
func (s *Scanner) Array(element func()) {
	if s.Null() || !s.open('[') {
		return
	}
	for first := true; s.more(&first, ']'); {
		element()
	}
}
