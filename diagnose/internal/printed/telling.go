package printed

import "sync"

// automaton finds any of many words in one pass over a text, whatever the case
// of its ASCII letters (Aho and Corasick's).
type automaton struct {
	class [256]uint8 // the symbol of a byte; 0 is in no word
	width int
	next  []uint16 // by state and symbol
	found []bool   // by state
}

// newAutomaton builds the automaton of words in lower case.
func newAutomaton(words []string) *automaton {
	a := &automaton{width: 1}
	for _, word := range words {
		for _, b := range []byte(word) {
			if a.class[b] == 0 {
				a.class[b] = uint8(a.width)
				a.width++
			}
		}
	}
	for b := 'A'; b <= 'Z'; b++ {
		a.class[b] = a.class[b+('a'-'A')]
	}
	a.grow()
	for _, word := range words {
		state := uint16(0)
		for _, b := range []byte(word) {
			edge := int(state)*a.width + int(a.class[b])
			if a.next[edge] == 0 {
				a.next[edge] = uint16(len(a.found))
				a.grow()
			}
			state = a.next[edge]
		}
		a.found[state] = true
	}
	a.link()
	return a
}

func (a *automaton) grow() {
	a.next = append(a.next, make([]uint16, a.width)...)
	a.found = append(a.found, false)
}

// link fills the edges that no word has with those of the longest suffix that
// some word begins with.
func (a *automaton) link() {
	suffix := make([]uint16, len(a.found))
	var queue []uint16
	for c := range a.width {
		if to := a.next[c]; to != 0 {
			queue = append(queue, to)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		a.found[state] = a.found[state] || a.found[suffix[state]]
		for c := range a.width {
			edge, back := int(state)*a.width+c, int(suffix[state])*a.width+c
			if to := a.next[edge]; to != 0 {
				suffix[to] = a.next[back]
				queue = append(queue, to)
			} else {
				a.next[edge] = a.next[back]
			}
		}
	}
}

// in reports whether a word is in the text.
func (a *automaton) in(text []byte) bool {
	state := 0
	for _, b := range text {
		state = int(a.next[state*a.width+int(a.class[b])])
		if a.found[state] {
			return true
		}
	}
	return false
}

// words is the automaton of the words by which a line may matter: one of each
// phrasing, and those beside which names stand.
var words = sync.OnceValue(func() *automaton {
	list := []string{"azurecr", "push refers to repository", "pulling from", "docker push", "docker pull", "trying to pull"}
	for i := range phrasings {
		if word := phrasings[i].word(); word != "" {
			list = append(list, word)
		}
	}
	return newAutomaton(list)
})

// telling reports whether a line may hold a failure, or the name of a registry.
func telling(line []byte) bool { return words().in(line) }
