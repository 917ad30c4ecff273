package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/explained"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/internal/pattern"
	"github.com/acrkit/azcontainerregistry/internal/redact"
)

// codeForm is how codes look; a word of that form is a mistyped code rather
// than a text.
var codeForm = pattern.New(`^[A-Za-z0-9_]+$`)

// openText opens the text that the arguments name: standard input, a file, or
// the arguments themselves.
func openText(a *app, args []string) (source io.Reader, closing func(), err error) {
	nothing := func() {}
	if len(args) > 1 {
		return strings.NewReader(strings.Join(args, " ")), nothing, nil
	}
	if args[0] == "-" {
		return a.Stdin, nothing, a.StdinIsFree()
	}
	file, err := os.Open(args[0])
	switch {
	case err == nil:
		if info, err := file.Stat(); err == nil && info.IsDir() {
			file.Close()
			return nil, nothing, failure.Usagef("%s is a folder: name a file, or - for standard input", args[0])
		}
		return file, func() { file.Close() }, nil
	case codeForm.MatchString(args[0]):
		return nil, nothing, unknownCode(args[0])
	case !errors.Is(err, os.ErrNotExist) && !strings.ContainsAny(args[0], " \n"):
		return nil, nothing, err
	case !strings.ContainsAny(args[0], " \t\n:"):
		return nil, nothing, failure.Usagef("there is no file %q; a text goes between quotes", args[0])
	}
	return strings.NewReader(args[0]), nothing, nil
}

// explainText explains what another tool printed.
func explainText(ctx context.Context, a *app, o explainOptions, source io.Reader) error {
	source = &interruptible{ctx, source}
	var pass *passing
	if o.tee {
		pass = &passing{w: a.Stderr}
		if o.passesToResult(a) {
			pass.w = a.Stdout
		}
		source = io.TeeReader(source, pass)
	}
	report, err := diagnose.ExplainText(source)
	if pass != nil {
		if err == nil && report.Cut {
			_, err = io.Copy(io.Discard, source)
		}
		err = errors.Join(err, pass.Close())
	}
	switch {
	case errors.Is(err, diagnose.ErrNotText):
		err = nothingRecognised("it is not text, but a binary file", "acrkit explain reads logs and what commands print")
	case err != nil:
		return err
	case report.Bytes == 0:
		err = nothingRecognised("the text is empty", "where a command prints its errors on standard error, add 2>&1 before the pipe")
	case len(report.Failures) == 0:
		err = nothingRecognised("no line tells of a failure that is known", "paste more of the log: what stands before the last error", "acrkit doctor <registry>", "acrkit explain lists the codes")
	}
	if printing := writeReport(a, o, report); printing != nil {
		return printing
	}
	noteRest(a, o, report)
	return err
}

// passesToResult reports whether what is passed through goes to standard output:
// where the result is read by people or by a pipeline's log.
func (o explainOptions) passesToResult(a *app) bool {
	return o.form == explained.GitHub || o.form == explained.Azure || o.form == "" && a.printer.Format() == output.Text
}

// nothingRecognised says why nothing was explained; the exit code is 3.
func nothingRecognised(why string, fix ...string) error {
	return &failure.Explained{
		Err: failure.Coded(failure.ExitNotFound, errors.New("nothing is recognised: "+why)), Code: "UNKNOWN_FAILURE", Fix: fix,
	}
}

func writeReport(a *app, o explainOptions, report *diagnose.TextReport) error {
	switch o.form {
	case explained.GitHub:
		return writeGitHub(a, report)
	case explained.Azure:
		return explained.WriteAzure(a.Stdout, report.Failures)
	case explained.Markdown:
		return explained.WriteMarkdown(a.Stdout, report)
	}
	return output.List(a.printer, explained.View(), func(yield func(diagnose.TextFailure, error) bool) {
		for _, f := range report.Failures {
			if !yield(f, nil) {
				return
			}
		}
	})
}

// summaryFile names, in GitHub Actions, the file that a step adds its summary to.
const summaryFile = "GITHUB_STEP_SUMMARY"

// writeGitHub prints the annotations, and adds the summary to the job's; outside
// a job it is printed.
func writeGitHub(a *app, report *diagnose.TextReport) error {
	if err := explained.WriteGitHub(a.Stdout, report.Failures); err != nil {
		return err
	}
	path := a.Getenv(summaryFile)
	if path == "" {
		return explained.WriteMarkdown(a.Stdout, report)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("add to the job's summary: %w", err)
	}
	return errors.Join(explained.WriteMarkdown(file, report), file.Close())
}

// noteRest says what was not looked at and not understood.
func noteRest(a *app, o explainOptions, report *diagnose.TextReport) {
	if o.form != explained.Markdown && !(o.form == explained.GitHub && a.Getenv(summaryFile) == "") {
		for _, line := range report.NotUnderstood {
			a.Note("not understood: line %d: %s", line.Number, failure.Clean(line.Text))
		}
	}
	if report.LeftOut > 0 {
		a.Note("%d more lines that may tell of a failure were left out: they repeat others, or there are too many", report.LeftOut)
	}
	if report.Cut {
		a.Note("the text is longer than the %s that were read", output.Size(report.Bytes))
	}
}

// interruptible stops reading when its context ends.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (r *interruptible) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}

// passing passes a text on line by line, without the secrets in it.
type passing struct {
	w    io.Writer
	line []byte
	err  error
}

// maxPassed bounds a line that is waited for: a longer one is passed in parts.
const maxPassed = 64 << 10

func (p *passing) Write(text []byte) (int, error) {
	n := len(text)
	for len(text) > 0 && p.err == nil {
		end := bytes.IndexByte(text, '\n') + 1
		whole := end > 0
		if !whole {
			end = len(text)
		}
		p.line = append(p.line, text[:end]...)
		text = text[end:]
		if whole || len(p.line) > maxPassed {
			p.flush()
		}
	}
	return n, p.err
}

func (p *passing) flush() {
	_, err := io.WriteString(p.w, redact.Text(string(p.line)))
	p.err = errors.Join(p.err, err)
	p.line = p.line[:0]
}

// Close passes on what had no line's end.
func (p *passing) Close() error {
	if len(p.line) > 0 && p.err == nil {
		p.line = append(p.line, '\n')
		p.flush()
	}
	return p.err
}
