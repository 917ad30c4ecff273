// Package explained prints what a text of another tool tells: for people, for
// programs, for the logs of pipelines and for tickets.
package explained

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/diagnose"
)

// Form is a form of output that explanations of texts have beside the general
// ones.
type Form string

// The forms.
const (
	GitHub   Form = "github"   // workflow commands, and a job summary
	Azure    Form = "azure"    // logging commands of Azure Pipelines
	Markdown Form = "markdown" // for a ticket
)

// Forms lists them in the order of the documentation.
func Forms() []Form { return []Form{GitHub, Azure, Markdown} }

// IsForm reports whether a name is that of one of these forms.
func IsForm(name string) bool { return slices.Contains(Forms(), Form(name)) }

// View says how a failure looks in the general forms.
func View() output.View[diagnose.TextFailure] {
	return output.View[diagnose.TextFailure]{
		Kind: "TextFailure",
		Columns: []output.Column[diagnose.TextFailure]{
			{Name: "code", Value: func(f diagnose.TextFailure) string { return string(f.Code) }},
			{Name: "lines", Value: func(f diagnose.TextFailure) string { return lines(f.Lines) }},
			{Name: "reference", Value: func(f diagnose.TextFailure) string { return f.Reference }},
			{Name: "certainty", Value: certainty},
			{Name: "title", Value: func(f diagnose.TextFailure) string { return f.Title }},
		},
		Text: writeText,
	}
}

func lines(numbers []int) string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = fmt.Sprint(n)
	}
	return strings.Join(texts, ",")
}

// certainty is that of the first cause.
func certainty(f diagnose.TextFailure) string {
	if len(f.Causes) == 0 {
		return ""
	}
	return f.Causes[0].Certainty.String()
}

// writeText writes one failure for a person, in the form that errors have.
func writeText(w io.Writer, f diagnose.TextFailure) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  %s\n\n", f.Code, failure.Clean(f.Title))
	row := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %-6s %s\n", label, failure.Clean(text))
		}
	}
	row("about", f.Reference)
	for _, seen := range f.Seen {
		row("seen", seen.Text)
	}
	for _, c := range f.Causes {
		row("cause", c.Text)
		row("", told(c))
	}
	for _, fix := range f.Fix {
		row("fix", fix)
	}
	row("retry", advice(f.Retry.Advice))
	row("more", more(f))
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// told says what proves a cause, or what tells it from the others.
func told(c diagnose.Cause) string {
	switch {
	case c.Tell == "":
		return ""
	case c.Certainty == diagnose.Certain:
		return "proved by: " + c.Tell
	}
	return "to tell: " + c.Tell
}

func advice(a diagnose.Advice) string {
	switch a {
	case diagnose.RetryLater:
		return "may help after a wait"
	case diagnose.RetryRestart:
		return "may help when the work starts again from its beginning"
	}
	return "does not help until something changes"
}

func more(f diagnose.TextFailure) string {
	parts := []string{"acrkit explain " + string(f.Code)}
	if f.CorrelationID != "" {
		parts = append(parts, "correlation id "+f.CorrelationID)
	}
	if f.Link != "" {
		parts = append(parts, f.Link)
	}
	return strings.Join(parts, " · ")
}
