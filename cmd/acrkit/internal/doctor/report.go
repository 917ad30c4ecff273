package doctor

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
	"github.com/acrkit/azcontainerregistry/diagnose"
)

// PrintReport prints the report: as one value for programs, as the list of its
// checks for tables, and with every finding explained for a person.
func PrintReport(p *output.Printer, screen term.Screen, report diagnose.Report) error {
	if p.Flat() {
		return output.List(p, checkView(), func(yield func(diagnose.Check, error) bool) {
			for _, c := range report.Checks {
				if !yield(c, nil) {
					return
				}
			}
		})
	}
	if screen.Width == 0 {
		screen.Width = failure.CodeColumn
	}
	return output.One(p, output.View[diagnose.Report]{
		Kind: "DoctorReport",
		Text: func(w io.Writer, r diagnose.Report) error {
			_, err := io.WriteString(w, reportText(r, screen))
			return err
		},
	}, report)
}

func checkView() output.View[diagnose.Check] {
	return output.View[diagnose.Check]{
		Kind: "Check",
		Columns: []output.Column[diagnose.Check]{
			{Name: "check", Value: func(c diagnose.Check) string { return c.Name }},
			{Name: "status", Value: func(c diagnose.Check) string { return string(c.Status) }},
			{Name: "time", Value: func(c diagnose.Check) string { return took(c) }},
			{Name: "codes", Value: func(c diagnose.Check) string { return joined(c.Codes) }},
			{Name: "summary", Value: func(c diagnose.Check) string { return failure.Clean(c.Summary) }},
		},
	}
}

// statusWords are the statuses in a table, each with its style.
var statusWords = map[diagnose.Status]struct {
	word  string
	style term.Style
}{
	diagnose.StatusOK:            {"ok", term.Green},
	diagnose.StatusWarning:       {"warn", term.Yellow},
	diagnose.StatusFailed:        {"FAIL", term.Red},
	diagnose.StatusSkipped:       {"skip", term.Dim},
	diagnose.StatusNotApplicable: {"-", term.Dim},
}

// reportText is the report for a person.
func reportText(r diagnose.Report, screen term.Screen) string {
	var b strings.Builder
	for _, c := range r.Checks {
		status := statusWords[c.Status]
		// Padded before painting: the codes of a colour have no width.
		fmt.Fprintf(&b, "%s  %-11s %8s  %s\n", screen.Paint(status.style, fmt.Sprintf("%-4s", status.word)), c.Name, took(c), failure.Clean(c.Summary))
	}
	for _, finding := range r.Findings {
		f := failure.Report{Title: failure.Clean(finding.Title)}
		f.Object.Code = string(finding.Code)
		f.Fill(finding.Diagnosis)
		f.More = []string{"acrkit explain " + string(finding.Code)}
		if finding.CorrelationID != "" {
			f.More = append(f.More, "correlation id "+finding.CorrelationID)
		}
		// The form is that of errors; the word before the title is the
		// finding's own severity.
		text := f.Text(screen)
		word := screen.Paint(term.Red, "error:")
		if finding.Severity != diagnose.SeverityError {
			style := map[diagnose.Severity]term.Style{diagnose.SeverityWarning: term.Yellow, diagnose.SeverityInfo: term.Cyan}[finding.Severity]
			text = strings.Replace(text, word, screen.Paint(style, finding.Severity.String()+":"), 1)
		}
		fmt.Fprintf(&b, "\n%s", text)
	}
	if len(r.Findings) == 0 {
		fmt.Fprintf(&b, "\nNothing is wrong with %s from here.\n", failure.Clean(r.Registry))
	}
	return b.String()
}

func took(c diagnose.Check) string {
	if c.Status == diagnose.StatusSkipped {
		return ""
	}
	switch d := c.Took; {
	case d < time.Millisecond:
		return "<1 ms"
	case d < 10*time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	default:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
}

// Verdict is the error that gives the command its exit code.
func Verdict(report diagnose.Report) error {
	if report.Worst() < diagnose.SeverityError {
		return nil
	}
	worst := report.Findings[0]
	failed := 0
	for _, c := range report.Checks {
		if c.Status == diagnose.StatusFailed {
			failed++
		}
	}
	exit, ok := failure.ExitOfKind[worst.Kind]
	if !ok {
		exit = failure.ExitFailed
	}
	return &failure.Explained{
		Err:  failure.Coded(exit, fmt.Errorf("%d of %d checks failed; the first cause: %s", failed, len(report.Checks), worst.Title)),
		Code: string(worst.Code), Fix: []string{"acrkit explain " + string(worst.Code)},
	}
}

func joined(codes []diagnose.Code) string {
	words := make([]string, len(codes))
	for i, code := range codes {
		words[i] = string(code)
	}
	return strings.Join(words, " ")
}
