package failure

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/internal/redact"
)

// Object is an error for a program: one line of JSON on standard error.
type Object struct {
	Schema    string   `json:"schema"`
	Kind      string   `json:"kind"`
	Code      string   `json:"code"`
	Exit      int      `json:"exit"`
	Message   string   `json:"message"`
	Why       []string `json:"why"`
	Fix       []string `json:"fix"`
	RequestID string   `json:"requestId"`
}

// Explained is an error that says itself what to do about it, where the
// catalogue of the diagnoses has nothing to add: what a command refuses before
// it asks the registry.
type Explained struct {
	Err  error
	Code string
	Why  []string
	Fix  []string
}

func (e *Explained) Error() string { return e.Err.Error() }

func (e *Explained) Unwrap() error { return e.Err }

// Report is everything that is said about an error.
type Report struct {
	Object Object
	Title  string
	Seen   []string
	causes []string
	remedy string // what the fix is called, where that is not "fix"
	More   []string
	// Again says that doing the same again may help.
	Again bool
}

// Of gathers what there is to say about an error.
func Of(err error) Report {
	f := Report{Object: Object{
		Schema: output.Schema, Kind: "Error", Code: "FAILED", Exit: ExitCode(err),
		Message: Clean(err.Error()), Why: []string{}, Fix: []string{},
	}}
	f.Title = f.Object.Message
	var own *Explained
	var usage *UsageError
	switch {
	case errors.As(err, &own):
		f.Object.Code, f.Seen, f.Object.Fix = own.Code, own.Why, append(f.Object.Fix, own.Fix...)
	case errors.As(err, &usage):
		f.Object.Code = "USAGE"
		if usage.See != "" {
			f.Object.Fix, f.remedy = append(f.Object.Fix, usage.See), "see"
		}
	case f.Object.Exit == ExitInterrupted, f.Object.Exit == ExitResumable:
		f.Object.Code = "INTERRUPTED"
	default:
		f.explain(err)
	}
	f.Object.Why = append(append(f.Object.Why, f.Seen...), f.causes...)
	return f
}

// explain adds the diagnosis. The error's own words come along as what was
// seen, so that nothing is lost where the title says it differently.
func (f *Report) explain(err error) {
	diagnosis, known := diagnose.Explain(err)
	if !known {
		f.unknown(diagnosis)
		return
	}
	f.Object.Code, f.Title = string(diagnosis.Code), Clean(diagnosis.Title)
	f.Again = diagnosis.Retry.Advice != diagnose.RetryNo
	f.Object.RequestID = Clean(diagnosis.CorrelationID)
	f.Fill(diagnosis)
	f.More = append(f.More, "acrkit explain "+string(diagnosis.Code))
	if diagnosis.CorrelationID != "" {
		f.More = append(f.More, "correlation id "+Clean(diagnosis.CorrelationID))
	}
	if diagnosis.Link != "" {
		f.More = append(f.More, diagnosis.Link)
	}
}

// unknown keeps the error's own text, which is all there is. A failure that a
// server had a part in says that it is unknown, and shows what was observed.
func (f *Report) unknown(diagnosis diagnose.Diagnosis) {
	f.Object.RequestID = Clean(diagnosis.CorrelationID)
	if f.Object.Exit == ExitPartly {
		f.Object.Code = "PARTLY_DONE"
	}
	observed := false
	for _, seen := range diagnosis.Seen {
		observed = observed || seen.Origin != diagnose.FromClient
		if text := Clean(seen.Text); !strings.Contains(f.Title, text) && !strings.Contains(text, f.Title) {
			f.Seen = append(f.Seen, text)
		}
	}
	if !observed {
		return
	}
	f.Object.Code, f.Object.Fix = string(diagnosis.Code), append(f.Object.Fix, diagnosis.Fix...)
	f.More = append(f.More, "acrkit explain "+string(diagnosis.Code))
}

// Fill takes from a diagnosis what was seen, the causes and the fix.
func (f *Report) Fill(d diagnose.Diagnosis) {
	for _, seen := range d.Seen {
		f.Seen = append(f.Seen, Clean(seen.Text))
	}
	for _, cause := range d.Causes {
		text := Clean(cause.Text)
		if cause.Tell != "" {
			text += " (" + Clean(cause.Tell) + ")"
		}
		f.causes = append(f.causes, text)
	}
	for _, fix := range d.Fix {
		f.Object.Fix = append(f.Object.Fix, Clean(fix))
	}
}

// Clean makes text that may come from a server fit for a terminal and a log.
// Line ends stay.
func Clean(text string) string {
	lines := strings.Split(redact.Text(text), "\n")
	for i, line := range lines {
		lines[i] = output.Clean(line)
	}
	return strings.Join(lines, "\n")
}

func FirstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// CodeColumn is where an error's code ends on a screen of usual width.
const CodeColumn = 100

// Text is the failure in the contract's form.
func (f Report) Text(screen term.Screen) string {
	var b strings.Builder
	title, rest, _ := strings.Cut(f.Title, "\n")
	fmt.Fprintf(&b, "%s %s", screen.Paint(term.Red, "error:"), screen.Paint(term.Bold, title))
	if f.Object.Code != "USAGE" && f.Object.Code != "FAILED" {
		used := len("error: ") + len([]rune(title)) + len(f.Object.Code)
		gap := max(2, min(CodeColumn, screen.Width-len("^C"))-used)
		fmt.Fprintf(&b, "%*s%s", gap, "", screen.Paint(term.Dim, f.Object.Code))
	}
	b.WriteByte('\n')
	if rest != "" {
		b.WriteString(rest + "\n")
	}
	section(&b, screen, "seen", f.Seen)
	section(&b, screen, "cause", f.causes)
	section(&b, screen, cmp.Or(f.remedy, "fix"), f.Object.Fix)
	if len(f.More) > 0 {
		section(&b, screen, "more", []string{strings.Join(f.More, " · ")})
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

// Reason is why something is tried again, in a word: the status where the
// registry answered, the diagnosis' title otherwise.
func Reason(err error) string {
	var answered *azcore.ResponseError
	if errors.As(err, &answered) {
		return strconv.Itoa(answered.StatusCode)
	}
	if diagnosis, known := diagnose.Explain(err); known {
		return Clean(diagnosis.Title)
	}
	return Clean(FirstLine(err))
}
