package azcontainerregistry

// batchItems is how many things of a list share a piece of memory. One that a
// program keeps keeps the others of its batch, some 6 KiB.
const (
	batchItems = 16
	batchText  = 2 << 10
)

// slab makes things of a list, batchItems at a time once there are several.
type slab[T any] struct {
	rest  []T
	count int
}

func (s *slab[T]) next() *T {
	if len(s.rest) == 0 {
		s.rest = make([]T, min(s.count+1, batchItems))
	}
	s.count++
	item := &s.rest[0]
	s.rest = s.rest[1:]
	return item
}

// stringBatch makes the strings of things that were read, many of them out of one
// piece of memory.
type stringBatch struct {
	text []byte
	made []batched
}

// batched is a string that is to be set, and where its text in the batch is.
type batched struct {
	to         *string
	start, end int
}

// flush sets the strings.
func (b *stringBatch) flush() {
	all := string(b.text)
	for _, s := range b.made {
		*s.to = all[s.start:s.end]
	}
	b.text, b.made = b.text[:0], b.made[:0]
}

// text reads a string into to, which has its value when all is decoded.
func (s *modelReader) text(to *string) {
	raw := s.Bytes()
	if len(raw) >= batchText/2 {
		*to = string(raw)
		return
	}
	b := &s.strings
	if len(b.text)+len(raw) > batchText {
		b.flush()
	}
	start := len(b.text)
	b.text = append(b.text, raw...)
	b.made = append(b.made, batched{to, start, len(b.text)})
}

func (s *modelReader) stringPointer() *string {
	to := new(string)
	s.text(to)
	return to
}

func (s *modelReader) stringPointers() []*string {
	list := []*string{}
	var values slab[string]
	s.Array(func() {
		if len(list) == maxStrings {
			s.failLong()
		}
		if s.Null() {
			list = append(list, nil)
			return
		}
		to := values.next()
		s.text(to)
		list = append(list, to)
	})
	return list
}
