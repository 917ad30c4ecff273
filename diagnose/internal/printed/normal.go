package printed

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// record is one message of a tool: a line, with those that a terminal, a log
// or the tool itself broke it into. Its text is fit for comparing: no colours,
// no escapes, no doubled blanks.
type record struct {
	text  string
	lower string // text with ASCII letters in lower case: offsets are the same
	marks []mark
}

// mark says at which offset of a record's text a line begins.
type mark struct{ offset, line int }

// line returns the number of the line that an offset of the text is in.
func (r *record) line(offset int) int {
	number := r.marks[0].line
	for _, m := range r.marks {
		if m.offset > offset {
			break
		}
		number = m.line
	}
	return number
}

// span returns the part of the text that two lines and those between them hold.
func (r *record) span(first, last int) (from, to int) {
	found := false
	for _, m := range r.marks {
		switch {
		case m.line < first:
			from = m.offset
		case m.line == first && !found:
			from, found = m.offset, true
		case m.line > last:
			return from, m.offset
		}
	}
	return from, len(r.text)
}

// maxRecord bounds what is taken for one message, in bytes and in lines.
const (
	maxRecord      = 16 << 10
	maxRecordLines = 60
)

// reading is a way to understand where a text's lines were broken: where a line
// may have been broken within a word or between two, glue is put; and lines that
// look as if they were broken are joined although the second looks like the
// beginning of a message, if joined is set.
type reading struct {
	glue   string
	joined bool
}

// records makes messages of lines. It reports whether another glue would make
// others of them, and whether joining would.
func (how reading) records(lines []Line) (list []record, glued, broken bool) {
	var current strings.Builder
	var marks []mark
	width := widthOf(lines)
	before := piece{}
	flush := func() {
		if current.Len() > 0 {
			text := current.String()
			list = append(list, record{text: text, lower: lower(text), marks: marks})
		}
		current.Reset()
		marks = nil
	}
	for _, l := range lines {
		for part := range strings.SplitSeq(plain(l.Text), "\r") {
			p := newPiece(part, l.Number)
			if p.text == "" {
				before = p
				continue
			}
			follows := len(marks) > 0 && before.text != "" && len(marks) < maxRecordLines && current.Len() < maxRecord && l.Number-before.line <= 1
			begins := begins(p.text)
			if p.prefixed {
				// A prefix begins a message, unless the log has one for each line.
				begins = !before.prefixed || !goesOn.MatchString(p.body)
			}
			if follows && begins && !p.prefixed && width.broke(before, p) {
				if width.sure || how.joined {
					begins = false
				} else {
					broken = true
				}
			}
			if !follows || begins {
				flush()
			} else {
				between, known := width.joint(before, p)
				if !known {
					glued, between = true, how.glue
				}
				current.WriteString(between)
			}
			marks = append(marks, mark{current.Len(), l.Number})
			writeCollapsed(&current, p.text)
			before = p
		}
	}
	flush()
	return list, glued, broken
}

// piece is one line as it was, and without what is around its text.
type piece struct {
	raw      string
	body     string // without the prefix of a log
	text     string // without blanks around it
	line     int
	length   int // of raw, in characters
	prefixed bool
}

func newPiece(raw string, line int) piece {
	unprefixed := unprefix(raw)
	p := piece{raw: raw, body: unescape(unprefixed), line: line, length: utf8.RuneCountInString(raw)}
	p.prefixed = len(unprefixed) < len(raw)
	p.text = strings.Trim(p.body, " \n")
	return p
}

// writeCollapsed writes a text with one blank for each run of white space, and
// none where a line was broken within a name.
func writeCollapsed(b *strings.Builder, text string) {
	var last rune
	blank, broken := false, false
	for _, r := range text {
		if unicode.IsSpace(r) {
			broken = r == '\n' && !blank
			blank = true
			continue
		}
		if blank && !(broken && strings.ContainsRune(`-/?&=%_@`, last) && (unicode.IsLower(r) || unicode.IsDigit(r))) {
			b.WriteByte(' ')
		}
		blank = false
		b.WriteRune(r)
		last = r
	}
}

// lower folds ASCII letters alone, so that offsets stay what they are.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return string(b)
}

var (
	// escapes are the sequences that move a terminal's cursor and colour its
	// text, as they are, and as logs spell them.
	escapes = pattern.New(`(?:\x1b|\x{9b}|\^\[|\\(?:x1[bB]|u001[bB]|0?33|e))(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[()][A-Z0-9]|[=>78cDEHM])`)
	// orphans are those whose first byte was lost in transit.
	orphans = pattern.New(`\[(?:\d{1,3}(?:;\d{1,3})*m|\d{1,3}[AK])`)
)

// Shown returns a line as a person reads it: without control sequences, and
// with what was escaped as it was before.
func Shown(s string) string { return unescape(strings.ReplaceAll(plain(s), "\r", " ")) }

// plain drops control sequences, and invisible characters.
func plain(s string) string {
	if strings.ContainsAny(s, "\x1b\\^\u009b") {
		s = escapes.ReplaceAllString(s, "")
	}
	if strings.Contains(s, "[") {
		s = orphans.ReplaceAllString(s, "")
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t', r == '\u00a0', r == '\u2007', r == '\u202f':
			return ' '
		case r == '\r':
			return r
		case r == '\u2018', r == '\u2019':
			return '\''
		case r == '\u201c', r == '\u201d':
			return '"'
		case r < ' ', r == 0x7f, unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
}

var (
	unicodeEscape = pattern.New(`\\+u00([0-7][0-9a-fA-F])`)
	lineEscape    = pattern.New(`\\+[rn](?:\\+t)?|\\+t`)
	quoteEscape   = pattern.New(`\\+(["'/])`)
	windowsPath   = pattern.New(`(?i)(?:\b[a-z]:|[ "'(]\\\\[a-z0-9.-]+)\\`)
	percent       = pattern.New(`%(?:25)?(3[AaDd]|2[CcFf0])`)
)

var entities = strings.NewReplacer("&quot;", `"`, "&#34;", `"`, "&#39;", "'", "&apos;", "'", "&lt;", "<", "&gt;", ">", "&amp;", "&")

// unescape takes back what JSON, Go's quoting, HTML and addresses escape, as far
// as messages and names need it.
func unescape(s string) string {
	if strings.Contains(s, `\`) {
		s = unicodeEscape.ReplaceAllStringFunc(s, func(m string) string {
			high, low := hex(m[len(m)-2]), hex(m[len(m)-1])
			return string(rune(high<<4 | low))
		})
		s = quoteEscape.ReplaceAllString(s, "$1")
		if !windowsPath.MatchString(s) {
			s = lineEscape.ReplaceAllString(s, "\n")
		}
	}
	if strings.Contains(s, "&") {
		s = entities.Replace(s)
	}
	if strings.Contains(s, "%") {
		s = percent.ReplaceAllStringFunc(s, func(m string) string {
			return string(rune(hex(m[len(m)-2])<<4 | hex(m[len(m)-1])))
		})
	}
	return s
}

func hex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// prefixes are what logs put before each line: times, step numbers, the names
// of services, markers of pipelines.
var prefixes = pattern.New(`^(?:` + strings.Join([]string{
	`\s*[>|│┃]\s+`,
	`\x{FEFF}`,
	`\s*\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?:?(?:\s|$)`,
	`\s*\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]?\s`,
	`[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d (?:\S+ [\w./@-]+(?:\[\d+\])?: )?`,
	`#\d+(?: \d+\.\d+)? `,
	`##\[\w+\]`,
	`::(?:error|warning|notice|debug)[^:]*::`,
	`[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ [\w.-]+:\d+\] `,
	`[\w.-]+ +\| `,
}, "|") + `)`)

// unprefix drops what a log put before a line.
func unprefix(s string) string {
	for range 4 {
		at := prefixes.FindStringIndex(s)
		if at == nil || at[1] == 0 {
			return s
		}
		s = s[at[1]:]
	}
	return s
}

// beginnings are how messages of tools begin.
var beginnings = pattern.New(`^(?i:error|err:|errn?o|fatal|warn|info\b|debu|fata|notice|exception|failed|failure|denied:|unauthorized:|unknown:|toomanyrequests|eof$|` +
	`the push refers|using default tag|trying to pull|pulling|login (?:failed|succeeded)|unable to|could not|cannot|` +
	`an error occurred|dns lookup|docker (?:daemon|version|pull)|azure cli|please|step \d|normal |warning |status:|get "|head "|post "|put "|` +
	`invalid |no such|image pull|the (?:resource|operation|identity|client|container)|deployment failed|queued|container failed|aadsts|attempting|run |unable|` +
	`request|checking|validating|kubelet|acr |pulled:|digest:|retrying|time=|level=|ts=|msg=)|` +
	`^(?:\$ |PS[ >]|C:\\|❯|# |- |\* |\(x\)|[0-9a-f]{12}: |[{<\[]|"HEAD|"GET|RestError|[\w.]+(?:Error|Exception)\b)`)

// goesOn is how the further lines of one message begin.
var goesOn = pattern.New(`^(?:["'}\])]|  +\S|at |(?:Status|StatusCode|RESPONSE|ERROR CODE|Details|Code|Message|Content|Headers|Trace ID|Correlation ID|Timestamp|Access to registry|Registry '|Failed to reach|Looks like)\b|-{20})`)

// begins reports whether a line begins a message, rather than continuing the one before.
func begins(text string) bool {
	if strings.HasPrefix(text, "ERROR CODE") || strings.HasPrefix(text, "Status: ") {
		return false // parts of an error of Azure's libraries
	}
	return beginnings.MatchString(text)
}

// width is where lines may have been broken: at the length of the longest.
type width struct {
	widest int
	hard   bool // several lines are as long: a terminal broke them
	sure   bool // lines were broken there, hard or between words
}

// The widths at which lines are broken, in characters.
const (
	narrowest = 30
	broadest  = 1000
)

func widthOf(lines []Line) (w width) {
	var pieces []piece
	longest := 0
	for _, l := range lines {
		p := newPiece(plain(l.Text), l.Number)
		pieces = append(pieces, p)
		switch {
		case p.length > w.widest:
			w.widest, longest = p.length, 1
		case p.length == w.widest:
			longest++
		}
	}
	if w.widest < narrowest || w.widest > broadest {
		return width{}
	}
	w.hard = longest > 1
	count := 0
	for i := 1; i < len(pieces); i++ {
		if pieces[i-1].text != "" && pieces[i].text != "" && !pieces[i].prefixed && w.broke(pieces[i-1], pieces[i]) {
			count++
		}
	}
	w.sure = count > 1
	return w
}

// broke reports whether a line may end where it does because the next word did
// not fit.
func (w width) broke(line, next piece) bool {
	word := next.text
	if end := strings.IndexAny(word, " -?"); end >= 0 {
		word = word[:end+1]
	}
	return w.widest > 0 && (line.length == w.widest || line.length+utf8.RuneCountInString(word) > w.widest)
}

// joint returns what stood between a line and the one that continues it:
// nothing where a word was broken, or a blank. It reports false where both are
// as likely.
func (w width) joint(line, next piece) (between string, known bool) {
	first, _ := utf8.DecodeRuneInString(next.body)
	last, _ := utf8.DecodeLastRuneInString(line.raw)
	exact := w.widest > 0 && line.length == w.widest
	switch {
	case first == ' ' || last == ' ' || first == utf8.RuneError || last == utf8.RuneError:
		return " ", true
	case exact && w.hard:
		return "", true
	case strings.ContainsRune(`-/?&=%_@`, last) && (unicode.IsLower(first) || unicode.IsDigit(first)):
		return "", true
	case (last == '.' || last == ':') && unicode.IsLower(first) && isName(lastWord(line.raw)):
		return "", true
	case strings.ContainsRune(`./:`, first) && isName(lastWord(line.raw)):
		return "", true
	case exact:
		return "", false
	}
	return " ", true
}

func lastWord(s string) string { return s[strings.LastIndexAny(s, " \"'(")+1:] }

// isName reports whether a word looks like part of a name or an address.
func isName(word string) bool {
	return strings.Contains(word, "/") || strings.Count(word, ".") > 1 || strings.Contains(word, "azurecr")
}
