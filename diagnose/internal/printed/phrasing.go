package printed

import (
	"slices"
	"strings"
)

// Weight says how much of a failure a phrasing tells. Of one failure, what
// tells most is taken.
type Weight int

const (
	// Consequence is what tools print because something else failed.
	Consequence Weight = iota
	// Vague says that something failed, without a reason.
	Vague
	// Status tells the class of the failure, such as a status of HTTP.
	Status
	// Said tells the cause in somebody's own words.
	Said
)

// Phrasing is one way in which tools say that something failed.
type Phrasing struct {
	// Tool names who prints it.
	Tool string
	// Text is what is printed, in lower case, within one message: pieces that
	// follow each other, with … for what stands between them.
	Text string
	// None are texts that are not there when it means this.
	None []string
	// With is a text that is there too, in the message or in those beside it.
	With string
	// Code is the code of the catalogue that it means. Without one it is a
	// failure of something else, and no other phrasing counts in the message.
	Code   string
	Weight Weight
	// Proven reports that the text proves what the catalogue calls certain.
	Proven bool
	// Again reports that tools do this after a failure, by the way: it counts
	// only when nothing else failed.
	Again bool
	// Reference reports that the message must name an image.
	Reference bool
	// Causes replace the catalogue's: the text tells less than an exchange.
	Causes []Cause
	// Example is a text as the tool prints it.
	Example string
}

// Cause is a cause that is inferred from a text, and what tells it from others.
type Cause struct{ Text, Tell string }

// Phrasings returns all phrasings, in the order in which they are tried.
func Phrasings() []Phrasing { return slices.Clone(phrasings) }

// phrasings is the whole table. Where two of one weight fit, the first counts.
var phrasings = slices.Concat(
	phrasingsElsewhere,
	phrasingsStorage,
	phrasingsRegistry,
	phrasingsLogin,
	phrasingsPlatform,
	phrasingsAzure,
	phrasingsLocal,
	phrasingsNetwork,
	phrasingsStatus,
)

// gap stands in a phrasing for any text between two pieces.
const gap = "…"

// word returns a part of the phrasing that no escaping changes, by which lines
// that may hold it are found fast.
func (p *Phrasing) word() string {
	longest := ""
	for _, piece := range strings.FieldsFunc(p.Text, func(r rune) bool { return strings.ContainsRune(`…"'/\<>&,`, r) }) {
		if len(piece) > len(longest) {
			longest = piece
		}
	}
	return strings.TrimSpace(longest)
}

// in returns where the phrasing's text begins and ends in a message that is in
// lower case.
func (p *Phrasing) in(clause string) (start, end int, found bool) {
	start = -1
	for piece := range strings.SplitSeq(p.Text, gap) {
		at := strings.Index(clause[end:], piece)
		if at < 0 {
			return 0, 0, false
		}
		if start < 0 {
			start = end + at
		}
		end += at + len(piece)
	}
	for _, text := range p.None {
		if strings.Contains(clause, text) {
			return 0, 0, false
		}
	}
	return start, end, true
}

// Quoted returns the phrasing as its example has it: the words that people
// search for, in their own letters.
func (p *Phrasing) Quoted() string {
	text := unescape(p.Example)
	start, _, found := p.in(lower(text))
	if !found {
		return p.Text
	}
	var parts []string
	for piece := range strings.SplitSeq(p.Text, gap) {
		at := start + strings.Index(lower(text[start:]), piece)
		parts = append(parts, strings.TrimSpace(text[at:at+len(piece)]))
		start = at + len(piece)
	}
	return strings.Join(parts, " … ")
}
