package failure

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
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

// Advise adds what to do in place of the command that failed, which only the
// command knows; the rest is the diagnosis's.
func Advise(err error, fix ...string) error { return &advised{err, fix} }

type advised struct {
	err error
	fix []string
}

func (e *advised) Error() string { return e.err.Error() }

func (e *advised) Unwrap() error { return e.err }

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
	case f.Object.Exit == ExitInterrupted, f.Object.Exit == ExitResumable, errors.Is(err, ErrInterrupted):
		f.Object.Code = "INTERRUPTED"
	default:
		f.explain(err)
	}
	var more *advised
	if errors.As(err, &more) {
		f.Object.Fix = append(slices.Clone(more.fix), f.Object.Fix...)
	}
	f.Object.Why = append(append(f.Object.Why, f.Seen...), f.causes...)
	return f
}

// explain adds the diagnosis. The error's own text is added to what was
// seen, so that nothing is lost where the title says it differently.
func (f *Report) explain(err error) {
	diagnosis, known := diagnose.Explain(err)
	if !known {
		f.unknown(diagnosis)
		return
	}
	f.diagnosed(diagnosis)
}

// OfDiagnosis is what there is to say about a failure that was diagnosed.
func OfDiagnosis(d diagnose.Diagnosis) Report {
	f := Report{Object: Object{Schema: output.Schema, Kind: "Error", Exit: ExitFailed, Message: Clean(d.Title), Why: []string{}, Fix: []string{}}}
	f.diagnosed(d)
	f.Object.Why = append(append(f.Object.Why, f.Seen...), f.causes...)
	return f
}

func (f *Report) diagnosed(diagnosis diagnose.Diagnosis) {
	f.Object.Code, f.Title = string(diagnosis.Code), Clean(diagnosis.Title)
	f.Again = diagnosis.Retry.Advice != diagnose.RetryNo
	f.Object.RequestID = Clean(diagnosis.CorrelationID)
	f.Fill(diagnosis)
	f.More = append(f.More, "acrkit explain "+string(diagnosis.Code))
	// Azure's support asks for the id; nobody asks it about a mistyped name.
	if diagnosis.CorrelationID != "" && diagnosis.Kind != diagnose.KindNotFound {
		f.More = append(f.More, "correlation id "+Clean(diagnosis.CorrelationID))
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

// EachCause changes the text of each cause.
func (f *Report) EachCause(change func(string) string) {
	for i, cause := range f.causes {
		changed := change(cause)
		for j, why := range f.Object.Why {
			if why == cause {
				f.Object.Why[j] = changed
			}
		}
		f.causes[i] = changed
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

// FirstLine is an error's first line.
func FirstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// CodeColumn is where an error's code ends on a screen of usual width.
const CodeColumn = 100

// What a person is told at once: the rest of the causes is in acrkit explain,
// and all of it in JSON.
const (
	mostSeen   = 8
	mostCauses = 2
	mostFixes  = 4
	// mostLines are those of a small terminal with a line for the prompt; where a
	// message is longer, fewer observations are told, but the first ones.
	mostLines = 23
	leastSeen = 2
)

// Text is the failure in the contract's form. On a terminal it is wrapped to its
// width; command lines, which are to be pasted, stay whole.
func (f Report) Text(screen term.Screen) string {
	if !screen.Terminal {
		screen.Width = 0 // other programs look for words, not for lines
	}
	text := f.text(screen, mostSeen)
	for most := mostSeen - 1; screen.Width > 0 && most >= leastSeen && strings.Count(text, "\n") >= mostLines; most-- {
		text = f.text(screen, most)
	}
	return text
}

func (f Report) text(screen term.Screen, most int) string {
	var b strings.Builder
	title, rest, _ := strings.Cut(f.Title, "\n")
	const label = "error: "
	lines := wrap(title, screen.Width-len(label))
	fmt.Fprintf(&b, "%s %s", screen.Paint(term.Red, "error:"), screen.Paint(term.Bold, lines[0]))
	for _, line := range lines[1:] {
		fmt.Fprintf(&b, "\n%*s%s", len(label), "", screen.Paint(term.Bold, line))
	}
	if f.Object.Code != "USAGE" && f.Object.Code != "FAILED" {
		b.WriteString(f.codeGap(len(label)+len([]rune(lines[len(lines)-1])), screen))
		b.WriteString(screen.Paint(term.Dim, f.Object.Code))
	}
	b.WriteByte('\n')
	if rest != "" {
		b.WriteString(strings.Join(wrap(rest, screen.Width), "\n") + "\n")
	}
	section(&b, screen, "seen", f.Seen, most, true)
	section(&b, screen, "cause", f.causes, mostCauses, true)
	section(&b, screen, cmp.Or(f.remedy, "fix"), f.Object.Fix, mostFixes, false)
	if len(f.More) > 0 {
		section(&b, screen, "more", []string{strings.Join(f.More, " · ")}, 1, true)
	}
	return b.String()
}

// codeGap is what stands between a title that ends at a column and the code: the
// code ends at the right, and goes to a line of its own where it does not fit.
func (f Report) codeGap(used int, screen term.Screen) string {
	right := CodeColumn
	if screen.Width > 0 {
		right = min(CodeColumn, screen.Width-len("^C"))
	}
	gap := right - used - len(f.Object.Code)
	switch {
	case gap >= 2:
		return strings.Repeat(" ", gap)
	case screen.Width > 0:
		return "\n" + strings.Repeat(" ", max(0, right-len(f.Object.Code)))
	}
	return "  "
}

// section writes the lines of one kind, its label before the first, and how many
// there are besides the most that are told at once.
func section(b *strings.Builder, screen term.Screen, label string, lines []string, most int, prose bool) {
	const indent = "         "
	for i, line := range lines {
		if i == most {
			if more := len(lines) - most; label != "cause" {
				fmt.Fprintf(b, "%sand %d more\n", indent, more)
			}
			return
		}
		shown := ""
		if i == 0 {
			shown = label
		}
		parts := wrapCommand(line, screen.Width-len(indent))
		if prose || !isCommand(line) {
			parts = wrap(line, screen.Width-len(indent))
		}
		fmt.Fprintf(b, "  %s %s\n", screen.Paint(term.Cyan, fmt.Sprintf("%-6s", shown)), strings.Join(parts, "\n"+indent))
	}
}

// isCommand reports whether a fix is a line to paste.
func isCommand(line string) bool {
	word, _, more := strings.Cut(line, " ")
	return more && word == strings.ToLower(word) && !strings.ContainsAny(word, ",;:") && !strings.HasSuffix(line, ".")
}

// wrapCommand breaks a command line where the shell lets it continue: at spaces
// outside of quotes, with a backslash. A comment behind it goes before it.
func wrapCommand(line string, width int) []string {
	if width <= 0 || len([]rune(line)) <= width {
		return strings.Split(line, "\n")
	}
	if strings.Count(line, "'")%2 != 0 || strings.Count(line, `"`)%2 != 0 {
		return wrap(line, width) // an apostrophe: these are words
	}
	var lines []string
	if command, comment, found := strings.Cut(line, "  # "); found {
		lines = wrap("# "+comment, width)
		for i := range lines[1:] {
			lines[i+1] = "# " + lines[i+1]
		}
		line = strings.TrimRight(command, " ")
	}
	for len([]rune(line)) > width {
		at := breakOf(line, width-len(` \`))
		if at < 0 {
			break
		}
		lines = append(lines, line[:at]+` \`)
		line = strings.TrimLeft(line[at:], " ")
	}
	return append(lines, line)
}

// breakOf is the last space outside of quotes that lets a line end by width, or
// the first one that there is; -1 for none.
func breakOf(line string, width int) int {
	at, columns := -1, 0
	var quote rune
	for i, r := range line {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		case r == ' ' && i > 0:
			if columns > width && at >= 0 {
				return at
			}
			at = i
		}
		columns++
	}
	if columns > width && at >= 0 {
		return at
	}
	return -1
}

// wrap breaks lines at spaces; a word that is longer than the width stays whole.
// Without a width nothing is broken.
func wrap(text string, width int) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		for width > 0 && len([]rune(line)) > width {
			runes := []rune(line)
			at := width
			for at > 0 && runes[at] != ' ' {
				at--
			}
			if strings.TrimSpace(string(runes[:at])) == "" { // the first word is too long
				at = width
				for at < len(runes) && runes[at] != ' ' {
					at++
				}
			}
			lines = append(lines, strings.TrimRight(string(runes[:at]), " "))
			line = strings.TrimLeft(string(runes[at:]), " ")
		}
		lines = append(lines, line)
	}
	return lines
}

// Reason is why something is tried again, in a word: the status where the
// registry responded, the diagnosis' title otherwise.
func Reason(err error) string {
	var responded *azcore.ResponseError
	if errors.As(err, &responded) {
		return strconv.Itoa(responded.StatusCode)
	}
	if diagnosis, known := diagnose.Explain(err); known {
		return Clean(diagnosis.Title)
	}
	return Clean(FirstLine(err))
}
