package printed

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// record is one message of a tool: a line, with those that a terminal, a log
// or the tool itself broke it into. Its text is fit for comparing: no colours,
// no escapes, no doubled blanks.
type record struct {
	text  string
	lower string // text with ASCII letters in lower case: offsets are the same
	marks []mark
	fresh bool // the record began by itself, and is no rest of another
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

// maxRecord bounds what is taken for one message, in bytes and in lines.
const (
	maxRecord      = 16 << 10
	maxRecordLines = 60
)

// records makes messages of lines. Where a line may have been broken within a
// word or between two, glue is put; it reports whether there was such a place.
func records(lines []Line, glue string) (list []record, unsure bool) {
	var current strings.Builder
	var marks []mark
	width, hard := wrapWidth(lines)
	last, lastRaw, number := "", "", 0
	flush := func() {
		if current.Len() > 0 {
			text := current.String()
			list = append(list, record{text: text, lower: lower(text), marks: marks})
		}
		current.Reset()
		marks = nil
	}
	for _, l := range lines {
		raw := plain(l.Text)
		for part := range strings.SplitSeq(raw, "\r") {
			body := unescape(unprefix(part))
			trimmed := strings.Trim(body, " \n")
			if trimmed == "" {
				last = ""
				lastRaw = ""
				continue
			}
			joined := len(marks) > 0 && last != "" && len(marks) < maxRecordLines && current.Len() < maxRecord && l.Number-number <= 1
			broken := hard && joined && utf8.RuneCountInString(lastRaw) == width && len(unprefix(part)) == len(part)
			switch {
			case broken:
			case !joined || begins(part, trimmed):
				flush()
			default:
				between, known := joint(lastRaw, body, width)
				if !known {
					unsure, between = true, glue
				}
				current.WriteString(between)
			}
			marks = append(marks, mark{current.Len(), l.Number})
			writeCollapsed(&current, trimmed)
			last, lastRaw, number = trimmed, part, l.Number
		}
	}
	flush()
	return list, unsure
}

// writeCollapsed writes a text with one blank for each run of white space.
func writeCollapsed(b *strings.Builder, text string) {
	blank := false
	for _, r := range text {
		if r == ' ' || r == '\n' || r == '\t' || unicode.IsSpace(r) {
			blank = true
			continue
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(r)
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
	escapes = regexp.MustCompile(`(?:\x1b|\x{9b}|\^\[|\\(?:x1[bB]|u001[bB]|0?33|e))(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[()][A-Z0-9]|[=>78cDEHM])`)
	// orphans are those whose first byte was lost on the way.
	orphans = regexp.MustCompile(`\[(?:\d{1,3}(?:;\d{1,3})*m|\d{1,3}[AK])`)
)

// plain drops what a terminal obeys and does not show, and invisible characters.
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
	unicodeEscape = regexp.MustCompile(`\\+u00([0-7][0-9a-fA-F])`)
	lineEscape    = regexp.MustCompile(`\\+[rn](?:\\+t)?|\\+t`)
	quoteEscape   = regexp.MustCompile(`\\+(["'/])`)
	windowsPath   = regexp.MustCompile(`(?i)\b[a-z]:\\|\\\\[.a-z]`)
	percent       = regexp.MustCompile(`%(?:25)?(3[AaDd]|2[CcFf0])`)
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
var prefixes = regexp.MustCompile(`^(?:` + strings.Join([]string{
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
var beginnings = regexp.MustCompile(`^(?i:error|err:|errn?o|fatal|warn|info\b|debu|fata|notice|exception|failed|failure|denied:|unauthorized:|unknown:|toomanyrequests|eof$|` +
	`the push refers|using default tag|trying to pull|pulling|login (?:failed|succeeded)|unable to|could not|cannot|` +
	`an error occurred|dns lookup|docker (?:daemon|version|pull)|azure cli|please|step \d|normal |warning |status:|get "|head "|post "|put "|` +
	`invalid |no such|image pull|the (?:resource|operation|identity|client|container)|deployment failed|queued|container failed|aadsts|attempting|run |unable|` +
	`request|checking|validating|kubelet|acr |pulled:|digest:|retrying|time=|level=|ts=|msg=)|` +
	`^(?:\$ |PS[ >]|C:\\|❯|# |- |\* |\(x\)|[0-9a-f]{12}: |[{<\[]|"HEAD|"GET|RestError|[\w.]+(?:Error|Exception)\b)`)

// begins reports whether a line begins a message, rather than going on with the
// one before.
func begins(raw, text string) bool {
	if strings.HasPrefix(text, "ERROR CODE") || strings.HasPrefix(text, "Status: ") {
		return false // parts of an error of Azure's libraries
	}
	if len(raw) > 0 && len(unprefix(raw)) < len(raw) {
		return true
	}
	return beginnings.MatchString(text)
}

// wrapWidth returns the length of the longest line, and whether it is the width
// that a terminal broke lines at: several are as long, and more than chance has.
func wrapWidth(lines []Line) (widest int, hard bool) {
	count := 0
	for _, l := range lines {
		switch n := utf8.RuneCountInString(plain(l.Text)); {
		case n > widest:
			widest, count = n, 1
		case n == widest:
			count++
		}
	}
	return widest, count > 1 && widest >= 20 && widest <= 1000
}

// joint returns what stood between a line and the one that goes on with it:
// nothing where a word was broken, or a blank. It reports false where both are
// as likely.
func joint(line, next string, width int) (between string, known bool) {
	first, _ := utf8.DecodeRuneInString(next)
	last, _ := utf8.DecodeLastRuneInString(line)
	switch {
	case first == ' ' || last == ' ' || first == utf8.RuneError || last == utf8.RuneError:
		return " ", true
	case strings.ContainsRune(`-/?&=%_@`, last) && (unicode.IsLower(first) || unicode.IsDigit(first)):
		return "", true
	case (last == '.' || last == ':') && unicode.IsLower(first) && isName(lastWord(line)):
		return "", true
	case strings.ContainsRune(`./:`, first) && isName(lastWord(line)):
		return "", true
	case utf8.RuneCountInString(line) == width:
		return "", false
	}
	return " ", true
}

func lastWord(s string) string { return s[strings.LastIndexAny(s, " \"'(")+1:] }

// isName reports whether a word looks like part of a name or an address.
func isName(word string) bool {
	return strings.Contains(word, "/") || strings.Count(word, ".") > 1 || strings.Contains(word, "azurecr")
}
