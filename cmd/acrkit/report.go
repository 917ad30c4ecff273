package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/internal/redact"
)

// errorObject is an error for a program: one line of JSON on standard error.
type errorObject struct {
	Schema    string   `json:"schema"`
	Kind      string   `json:"kind"`
	Code      string   `json:"code"`
	Exit      int      `json:"exit"`
	Message   string   `json:"message"`
	Why       []string `json:"why"`
	Fix       []string `json:"fix"`
	RequestID string   `json:"requestId"`
}

// explained is an error that says itself what to do about it, where the
// catalogue of the diagnoses has nothing to add: what a command refuses before
// it asks the registry.
type explained struct {
	err  error
	code string
	why  []string
	fix  []string
}

func (e *explained) Error() string { return e.err.Error() }
func (e *explained) Unwrap() error { return e.err }

// failure is everything that is said about an error.
type failure struct {
	object errorObject
	title  string
	seen   []string
	causes []string
	remedy string // what the fix is called, where that is not "fix"
	more   []string
}

// describe gathers what there is to say about an error.
func describe(err error) failure {
	f := failure{object: errorObject{
		Schema: output.Schema, Kind: "Error", Code: "FAILED", Exit: exitCode(err),
		Message: clean(err.Error()), Why: []string{}, Fix: []string{},
	}}
	f.title = f.object.Message
	var own *explained
	var usage *usageError
	switch {
	case errors.As(err, &own):
		f.object.Code, f.seen, f.object.Fix = own.code, own.why, append(f.object.Fix, own.fix...)
	case errors.As(err, &usage):
		f.object.Code = "USAGE"
		if usage.see != "" {
			f.object.Fix, f.remedy = append(f.object.Fix, usage.see), "see"
		}
	case f.object.Exit == exitInterrupted, f.object.Exit == exitResumable:
		f.object.Code = "INTERRUPTED"
	default:
		f.explain(err)
	}
	f.object.Why = append(append(f.object.Why, f.seen...), f.causes...)
	return f
}

// explain adds the diagnosis. The error's own words come along as what was
// seen, so that nothing is lost where the title says it differently.
func (f *failure) explain(err error) {
	diagnosis, known := diagnose.Explain(err)
	if !known {
		f.unknown(diagnosis)
		return
	}
	f.object.Code, f.title = diagnosis.Code, clean(diagnosis.Title)
	f.object.RequestID = clean(diagnosis.CorrelationID)
	f.fill(diagnosis)
	f.more = append(f.more, "acrkit explain "+diagnosis.Code)
	if diagnosis.CorrelationID != "" {
		f.more = append(f.more, "correlation id "+clean(diagnosis.CorrelationID))
	}
	if diagnosis.Link != "" {
		f.more = append(f.more, diagnosis.Link)
	}
}

// unknown keeps the error's own text, which is all there is. A failure that a
// server had a part in says that it is unknown, and shows what was observed.
func (f *failure) unknown(diagnosis diagnose.Diagnosis) {
	f.object.RequestID = clean(diagnosis.CorrelationID)
	if f.object.Exit == exitPartly {
		f.object.Code = "PARTLY_DONE"
	}
	observed := false
	for _, seen := range diagnosis.Seen {
		observed = observed || seen.Origin != diagnose.FromClient
		if text := clean(seen.Text); !strings.Contains(f.title, text) && !strings.Contains(text, f.title) {
			f.seen = append(f.seen, text)
		}
	}
	if !observed {
		return
	}
	f.object.Code, f.object.Fix = diagnosis.Code, append(f.object.Fix, diagnosis.Fix...)
	f.more = append(f.more, "acrkit explain "+diagnosis.Code)
}

// clean makes text that may come from a server fit for a terminal and a log.
// Line ends stay.
func clean(text string) string {
	lines := strings.Split(redact.Text(text), "\n")
	for i, line := range lines {
		lines[i] = output.Clean(line)
	}
	return strings.Join(lines, "\n")
}

// report tells the error: an object when the output is JSON, the contract's
// form otherwise.
func (a *app) report(err error, structured bool) {
	f := describe(err)
	if structured {
		if line, err := json.Marshal(f.object); err == nil {
			fmt.Fprintf(a.stderr, "%s\n", line)
		}
		return
	}
	fmt.Fprint(a.stderr, f.text(a.screen))
}

// codeColumn is where an error's code ends on a screen of usual width.
const codeColumn = 100

// text is the failure in the contract's form.
func (f failure) text(screen term.Screen) string {
	var b strings.Builder
	title, rest, _ := strings.Cut(f.title, "\n")
	fmt.Fprintf(&b, "%s %s", screen.Paint(term.Red, "error:"), screen.Paint(term.Bold, title))
	if f.object.Code != "USAGE" && f.object.Code != "FAILED" {
		used := len("error: ") + len([]rune(title)) + len(f.object.Code)
		gap := max(2, min(codeColumn, screen.Width-len("^C"))-used)
		fmt.Fprintf(&b, "%*s%s", gap, "", screen.Paint(term.Dim, f.object.Code))
	}
	b.WriteByte('\n')
	if rest != "" {
		b.WriteString(rest + "\n")
	}
	section(&b, screen, "seen", f.seen)
	section(&b, screen, "cause", f.causes)
	section(&b, screen, cmp.Or(f.remedy, "fix"), f.object.Fix)
	if len(f.more) > 0 {
		section(&b, screen, "more", []string{strings.Join(f.more, " · ")})
	}
	return b.String()
}

// section writes the lines of one kind, its label before the first.
func section(b *strings.Builder, screen term.Screen, label string, lines []string) {
	for i, line := range lines {
		shown := ""
		if i == 0 {
			shown = label
		}
		indented := strings.ReplaceAll(line, "\n", "\n         ")
		fmt.Fprintf(b, "  %s %s\n", screen.Paint(term.Cyan, fmt.Sprintf("%-6s", shown)), indented)
	}
}
