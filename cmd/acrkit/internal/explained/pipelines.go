package explained

import (
	"fmt"
	"io"
	"strings"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/diagnose"
)

// WriteGitHub writes one workflow command a failure, which GitHub Actions shows
// as an annotation.
func WriteGitHub(w io.Writer, failures []diagnose.TextFailure) error {
	var b strings.Builder
	for _, f := range failures {
		level := map[diagnose.Severity]string{diagnose.SeverityError: "error", diagnose.SeverityWarning: "warning"}[f.Severity]
		if level == "" {
			level = "notice"
		}
		fmt.Fprintf(&b, "::%s title=%s::%s\n", level, githubProperty.Replace(string(f.Code)), githubData.Replace(message(f)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// The characters that a workflow command can't hold as they are.
var (
	githubData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// WriteAzure writes the logging commands of Azure Pipelines: an issue a failure,
// and the whole of it in a group of the log that can be unfolded.
func WriteAzure(w io.Writer, failures []diagnose.TextFailure) error {
	var b strings.Builder
	for _, f := range failures {
		level := "warning"
		if f.Severity == diagnose.SeverityError {
			level = "error"
		}
		fmt.Fprintf(&b, "##vso[task.logissue type=%s;code=%s;]%s\n", level, azureProperty.Replace(string(f.Code)), azureData.Replace(headline(f)))
		fmt.Fprintf(&b, "##[group]acrkit explain: %s\n", f.Code)
		for line := range strings.Lines(message(f) + "\n") {
			b.WriteString(harmless(line))
		}
		b.WriteString("##[endgroup]\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var (
	azureData     = strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A")
	azureProperty = strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A", ";", "%3B", "]", "%5D")
)

// harmless breaks what a pipeline would execute in a text that is only shown.
func harmless(text string) string {
	return strings.NewReplacer("##vso[", "## vso[", "##[", "## [", "::", ": :").Replace(text)
}

// headline is the failure in a line.
func headline(f diagnose.TextFailure) string {
	line := failure.Clean(f.Title)
	if f.Reference != "" && !strings.Contains(line, f.Reference) {
		line += " (" + failure.Clean(f.Reference) + ")"
	}
	return line
}

// message is the failure in some lines.
func message(f diagnose.TextFailure) string {
	list := []string{headline(f)}
	for _, seen := range f.Seen {
		list = append(list, "seen: "+harmless(failure.Clean(seen.Text)))
	}
	for _, c := range f.Causes {
		list = append(list, "cause: "+failure.Clean(c.Text)+" ("+failure.Clean(told(c))+")")
	}
	for _, fix := range f.Fix {
		list = append(list, "fix: "+failure.Clean(fix))
	}
	return strings.Join(append(list, "retry: "+advice(f.Retry.Advice), "more: "+more(f)), "\n")
}

// WriteMarkdown writes the failures for a ticket or a job's summary.
func WriteMarkdown(w io.Writer, report *diagnose.TextReport) error {
	var b strings.Builder
	for _, f := range report.Failures {
		fmt.Fprintf(&b, "### %s: %s\n\n", f.Code, markdown(f.Title))
		if f.Reference != "" {
			fmt.Fprintf(&b, "About %s\n\n", code(f.Reference))
		}
		for _, seen := range f.Seen {
			fmt.Fprintf(&b, "> %s\n", markdown(seen.Text))
		}
		b.WriteString("\n**Causes**\n\n")
		for _, c := range f.Causes {
			fmt.Fprintf(&b, "* %s: %s. *%s*\n", c.Certainty, markdown(c.Text), markdown(told(c)))
		}
		b.WriteString("\n**What to do**\n\n")
		for _, fix := range f.Fix {
			fmt.Fprintf(&b, "* %s\n", code(fix))
		}
		fmt.Fprintf(&b, "\nTrying again %s. %s\n\n", advice(f.Retry.Advice), markdown(more(f)))
	}
	if len(report.NotUnderstood) > 0 {
		b.WriteString("**Not understood**\n\n")
		for _, line := range report.NotUnderstood {
			fmt.Fprintf(&b, "* line %d: %s\n", line.Number, markdown(line.Text))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdown shows a foreign text as it is.
func markdown(text string) string {
	return strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "<", "&lt;", ">", "&gt;", "[", "\\[", "]", "\\]", "|", "\\|", "#", "\\#", "\n", " ", "@", "&#64;").
		Replace(harmless(failure.Clean(text)))
}

// code shows a command, with as many backticks as it takes.
func code(text string) string {
	text = strings.ReplaceAll(harmless(failure.Clean(text)), "\n", " ")
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + text + " " + fence
	}
	return fence + text + fence
}
