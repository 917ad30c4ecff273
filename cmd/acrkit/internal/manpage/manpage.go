// Package manpage writes the manual pages of a tree of commands, in man(7)'s
// macros, from what their help says.
package manpage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Options say what stands around the text.
type Options struct {
	Version string
	Date    string // such as 2026-11-29; "" for none
}

// Write writes a page for a command and each below it into a folder, and returns
// the names of the files. Hidden commands have none.
func Write(root *cobra.Command, dir string, o Options) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("write manual pages: %w", err)
	}
	var names []string
	var visit func(command *cobra.Command) error
	visit = func(command *cobra.Command) error {
		if command.Hidden {
			return nil
		}
		name := Name(command) + ".1"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(Page(command, o)), 0o644); err != nil {
			return fmt.Errorf("write manual pages: %w", err)
		}
		names = append(names, name)
		for _, child := range command.Commands() {
			if err := visit(child); err != nil {
				return err
			}
		}
		return nil
	}
	err := visit(root)
	return names, err
}

// Name is what the page of a command is called: acrkit-tag-list.
func Name(command *cobra.Command) string {
	return strings.ReplaceAll(command.CommandPath(), " ", "-")
}

// Page is the manual page of one command.
func Page(command *cobra.Command, o Options) string {
	command.InitDefaultHelpFlag()
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %q 1 %q %q %q\n", strings.ToUpper(Name(command)), o.Date, "acrkit "+o.Version, "acrkit")
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", text(Name(command)), text(command.Short))
	b.WriteString(".SH SYNOPSIS\n.B " + text(command.CommandPath()) + "\n")
	if _, rest, found := strings.Cut(command.UseLine(), command.CommandPath()+" "); found {
		b.WriteString(text(rest) + "\n")
	}
	b.WriteString(".SH DESCRIPTION\n")
	if command.Long == "" {
		b.WriteString(text(command.Short) + ".\n")
	} else {
		paragraphs(&b, command.Long)
	}
	flags(&b, "OPTIONS", command.NonInheritedFlags())
	flags(&b, "GLOBAL OPTIONS", command.InheritedFlags())
	if command.Example != "" {
		b.WriteString(".SH EXAMPLES\n.nf\n")
		for line := range strings.Lines(command.Example) {
			b.WriteString(text(strings.TrimPrefix(strings.TrimRight(line, "\n"), "  ")) + "\n")
		}
		b.WriteString(".fi\n")
	}
	related(&b, command)
	return b.String()
}

// paragraphs writes text that is laid out for a terminal: its lines are filled
// anew, but for those that are indented.
func paragraphs(b *strings.Builder, long string) {
	for i, paragraph := range strings.Split(strings.Trim(long, "\n"), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		asIs := false
		for line := range strings.Lines(paragraph) {
			line = strings.TrimRight(line, "\n")
			if indented := strings.HasPrefix(line, "  "); indented != asIs {
				b.WriteString(map[bool]string{true: ".nf\n", false: ".fi\n"}[indented])
				asIs = indented
			}
			b.WriteString(text(line) + "\n")
		}
		if asIs {
			b.WriteString(".fi\n")
		}
	}
}

func flags(b *strings.Builder, title string, set *pflag.FlagSet) {
	if !set.HasAvailableFlags() {
		return
	}
	b.WriteString(".SH " + title + "\n")
	set.VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(flag)
		b.WriteString(".TP\n")
		if flag.Shorthand != "" {
			b.WriteString("\\fB" + text("-"+flag.Shorthand) + "\\fR, ")
		}
		b.WriteString("\\fB" + text("--"+flag.Name) + "\\fR")
		if value != "" {
			b.WriteString(" \\fI" + text(value) + "\\fR")
		}
		if number := flag.DefValue; number != "" && number != "false" && number != "[]" && number != "0" && number != "0s" {
			usage += " (default " + number + ")"
		}
		b.WriteString("\n" + text(usage) + "\n")
	})
}

// related names the pages above and below.
func related(b *strings.Builder, command *cobra.Command) {
	var pages []string
	if command.HasParent() {
		pages = append(pages, Name(command.Parent()))
	}
	for _, child := range command.Commands() {
		if !child.Hidden {
			pages = append(pages, Name(child))
		}
	}
	if len(pages) == 0 {
		return
	}
	b.WriteString(".SH SEE ALSO\n")
	for i, page := range pages {
		end := ","
		if i == len(pages)-1 {
			end = ""
		}
		b.WriteString(".BR " + text(page) + " (1)" + end + "\n")
	}
}

// escapes are the characters that mean something to roff.
var escapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", "\\`", "^", `\(ha`, "~", `\(ti`, "…", "...")

// text makes a line what roff shows as it is; a line that begins with a dot is no
// request.
func text(line string) string {
	line = escapes.Replace(line)
	if strings.HasPrefix(line, ".") {
		line = `\&` + line
	}
	return line
}
