package diagnose

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/acrkit/azcontainerregistry/internal/redact"
)

// clean makes foreign text fit to be shown: no secret, no control character,
// one line, at most limit bytes.
func clean(text string, limit int) string {
	if !printable(text) {
		text = oneLine(text)
	}
	if mayHide(text) {
		text = redact.Text(text)
	}
	if len(text) <= limit {
		return text
	}
	cut := limit - len("…")
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// printable reports whether text is ASCII without control characters, as nearly
// all is.
func printable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// oneLine drops control and invisible characters, which could make a terminal
// do things, and makes one line of several.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// secretWords stand, in lower case, in every text that a rule of redact
// changes, beside addresses. Looking for them first keeps an explanation fast:
// most texts are a host's name or the registry's own sentence.
var secretWords = []string{
	"eyj", "bearer", "basic", "authorization", "cookie", "_state", "sig", "pass", "pwd", "secret", "token",
	"assertion", "sas", "key", "+acr",
}

// publicAddress is in the registry's most frequent sentence, and holds one of
// the words.
const publicAddress = "https://aka.ms/acr/authorization"

// mayHide reports whether redact could find something in the text.
func mayHide(text string) bool {
	text = strings.ReplaceAll(strings.ToLower(text), publicAddress, "")
	if strings.Contains(text, "://") && strings.ContainsAny(text, "?@#") {
		return true
	}
	for _, word := range secretWords {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

func between(s, before, after string) string {
	_, rest, ok := strings.Cut(s, before)
	if !ok {
		return ""
	}
	inner, _, ok := strings.Cut(rest, after)
	if !ok {
		return ""
	}
	return inner
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return strings.TrimSpace(line)
}

func after(s, sep string) string {
	_, rest, _ := strings.Cut(s, sep)
	return rest
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// pageTitle returns a web page's title, to be put after a noun.
func pageTitle(body []byte) string {
	head := string(body[:min(len(body), 4096)])
	lower := strings.ToLower(head)
	// Lower-casing may change the length outside ASCII; such a title is left out.
	if len(lower) != len(head) {
		return ""
	}
	start := strings.Index(lower, "<title>")
	end := strings.Index(lower, "</title>")
	if start < 0 || end < start+len("<title>") {
		return ""
	}
	return fmt.Sprintf(" with the title %q", strings.TrimSpace(head[start+len("<title>"):end]))
}
