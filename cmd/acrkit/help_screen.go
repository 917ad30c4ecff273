package main

import (
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// helpWidth is how many columns a help text takes at most.
const helpWidth = 80

// fitHelp makes the help of a command and of all below it fit helpWidth: the
// lines of paragraphs are filled anew, and the texts of flags are wrapped.
// Indented lines stay as they are written; a long line of an example continues in the
// next one, as a shell reads it.
func fitHelp(command *cobra.Command) {
	if !command.HasParent() {
		command.SetUsageFunc(printUsage)
	}
	command.Long = fill(command.Long, helpWidth)
	command.Example = continued(command.Example, helpWidth)
	for _, child := range command.Commands() {
		fitHelp(child)
	}
}

// fill puts as many words into each line of a paragraph as fit the width.
func fill(text string, width int) string {
	var lines []string
	line := ""
	end := func() {
		if line != "" {
			lines = append(lines, line)
		}
		line = ""
	}
	for written := range strings.SplitSeq(text, "\n") {
		if written == "" || strings.HasPrefix(written, " ") {
			end()
			lines = append(lines, written)
			continue
		}
		for word := range strings.FieldsSeq(written) {
			if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
				end()
			}
			if line != "" {
				line += " "
			}
			line += word
		}
	}
	end()
	return strings.Join(lines, "\n")
}

// continued breaks the long command lines of an example with a backslash,
// between words that no quotes enclose.
func continued(example string, width int) string {
	const mark, indent = " \\", "      "
	var lines []string
	for line := range strings.SplitSeq(example, "\n") {
		for utf8.RuneCountInString(line) > width {
			at := lastGap(line, width-len(mark))
			if at <= len(indent) {
				break // one word, which has to stay whole
			}
			lines = append(lines, line[:at]+mark)
			line = indent + line[at+1:]
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// lastGap is the last space in the first width columns outside of quotes, -1
// where there is none.
func lastGap(line string, width int) int {
	at, column, quote := -1, 0, rune(0)
	for i, r := range line {
		if column > width {
			break
		}
		column++
		switch {
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case r == quote:
			quote = 0
		case r == ' ' && quote == 0:
			at = i
		}
	}
	return at
}
