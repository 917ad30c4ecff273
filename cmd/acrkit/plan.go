package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// plan is what a writing command is going to do, decided before it does
// anything. It can be kept, read by a person, and applied later.
type plan struct {
	Schema  string    `json:"schema"`
	Kind    string    `json:"kind"`
	Command string    `json:"command"`
	MadeOn  time.Time `json:"madeOn"`
	Items   []step    `json:"items"`
}

const planKind = "Plan"

// step is one change. Together with what it expects to find it says all that
// is needed to do it later, and to refuse when the registry has changed.
type step struct {
	Action     string   `json:"action"`
	Registry   string   `json:"registry"`
	Repository string   `json:"repository,omitempty"`
	Tag        string   `json:"tag,omitempty"`
	Digest     string   `json:"digest,omitempty"`
	Tags       []string `json:"tags,omitempty"`  // of the manifest, when the plan was made
	Locks      *locks   `json:"locks,omitempty"` // as they were when the plan was made
	Set        *locks   `json:"set,omitempty"`   // as they shall be
	Manifests  int32    `json:"manifests,omitempty"`
	Force      bool     `json:"force,omitempty"`
	Reason     string   `json:"reason,omitempty"`
	File       string   `json:"file,omitempty"`      // what is sent
	MediaType  string   `json:"mediaType,omitempty"` // of what is sent
	From       string   `json:"from,omitempty"`      // the repository that has it
	Replaces   string   `json:"replaces,omitempty"`  // what the tag named, when the plan was made
	// LastUpdatedOn is the repository's, when the plan was made.
	LastUpdatedOn *time.Time `json:"lastUpdatedOn,omitempty"`
}

// ref is what the step is about.
func (s step) ref() (reference, error) {
	h, err := parseRegistry(s.Registry)
	return reference{Registry: h, Repository: s.Repository, Tag: s.Tag, Digest: s.Digest}, err
}

// String names what the step is about.
func (s step) String() string {
	ref, err := s.ref()
	if err != nil {
		return s.Registry + "/" + s.Repository
	}
	return ref.String()
}

// complete reports what the step lacks to be done.
func (s step) complete() error {
	kind, verb, _ := strings.Cut(s.Action, ".")
	switch {
	case kind == "tag" && s.Tag == "":
		return fmt.Errorf("%s without a tag", s.Action)
	case kind != "repository" && s.Action != actionLockTag && s.Digest == "":
		return fmt.Errorf("%s without a digest", s.Action)
	case verb == "put" && !filepath.IsAbs(s.File):
		return fmt.Errorf("%s without the path of a file", s.Action)
	case verb == "mount" && !repositoryGrammar.MatchString(s.From):
		return fmt.Errorf("%s from no repository", s.Action)
	case verb == "lock" && s.Set == nil:
		return fmt.Errorf("%s without the locks to set", s.Action)
	}
	return nil
}

// action is what a step's name stands for.
type action struct {
	// says words the change: "delete the manifest", "deleted".
	says, done string
	// destroys is true when the change cannot be undone: it is asked for.
	destroys bool
	// check refuses when the registry is no longer as the plan found it.
	check func(ctx context.Context, r *registry, s step) error
	// do makes the change.
	do func(ctx context.Context, r *registry, s step) error
}

// writeFlags are the flags of every command that changes a registry.
type writeFlags struct {
	dryRun bool
	keep   string
	apply  string
	yes    bool
}

// add adds the flags; only commands that destroy have --yes.
func (f *writeFlags) add(command *cobra.Command, destroys bool) {
	command.Flags().BoolVar(&f.dryRun, "dry-run", false, "print the plan and change nothing")
	command.Flags().StringVar(&f.keep, "plan", "", "keep the plan in `FILE` and change nothing")
	command.Flags().StringVar(&f.apply, "apply", "", "do what the plan in `FILE` says, if the registry hasn't changed since")
	if destroys {
		command.Flags().BoolVar(&f.yes, "yes", false, "don't ask (needed without a terminal)")
	}
}

// args makes the rule of a command's arguments: with --apply there are none.
func (f *writeFlags) args(rule cobra.PositionalArgs) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if f.apply == "" {
			return rule(command, args)
		}
		if len(args) > 0 {
			return usagef("%s: --apply does what its plan says, and takes no arguments", command.CommandPath())
		}
		if f.keep != "" {
			return usagef("%s: --plan and --apply exclude each other", command.CommandPath())
		}
		return nil
	}
}

// write runs a writing command: make or read the plan, show or keep it, ask,
// check, do.
func (a *app) write(command *cobra.Command, f writeFlags, makeSteps func(context.Context) ([]step, error)) error {
	ctx := command.Context()
	p, err := a.makePlan(ctx, command.CommandPath(), f, makeSteps)
	if err != nil {
		return err
	}
	if f.keep != "" {
		if err := saveJSON(f.keep, p); err != nil {
			return err
		}
		a.note("kept the plan of %d changes in %s; to do it: %s --apply %s", len(p.Items), f.keep, p.Command, f.keep)
	}
	if f.dryRun || f.keep != "" {
		return output.List(a.printer, planView(), sequence(p.Items))
	}
	if err := a.checkPlan(ctx, p); err != nil {
		return err
	}
	if err := a.confirm(ctx, p, f.yes); err != nil {
		return err
	}
	return a.carryOut(ctx, p)
}

func (a *app) makePlan(ctx context.Context, path string, f writeFlags, makeSteps func(context.Context) ([]step, error)) (plan, error) {
	if f.apply != "" {
		p, err := loadPlan(f.apply, parsePlan)
		if err == nil && p.Command != path {
			err = usagef("plan %s: it was made by %q, apply it with that", f.apply, p.Command)
		}
		return p, err
	}
	steps, err := makeSteps(ctx)
	return plan{Schema: output.Schema, Kind: planKind, Command: path, MadeOn: a.now().UTC(), Items: steps}, err
}

// checkPlan asks every step whether it still fits, before anything is changed.
func (a *app) checkPlan(ctx context.Context, p plan) error {
	all := actions()
	for _, s := range p.Items {
		r, err := a.openStep(ctx, s)
		if err != nil {
			return err
		}
		if err := all[s.Action].check(ctx, r, s); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) openStep(ctx context.Context, s step) (*registry, error) {
	h, err := parseRegistry(s.Registry)
	if err != nil {
		return nil, err
	}
	return a.open(ctx, h)
}

// confirm asks before anything is destroyed. Without a person to ask, --yes
// must have been given.
func (a *app) confirm(ctx context.Context, p plan, yes bool) error {
	all := actions()
	destroyed := 0
	for _, s := range p.Items {
		if all[s.Action].destroys {
			destroyed++
		}
	}
	if destroyed == 0 || yes {
		return nil
	}
	if !a.askable {
		return usagef("%s: deleting needs --yes where nobody can be asked; --dry-run shows what would go", p.Command)
	}
	for _, s := range p.Items {
		a.note("  %s", output.Clean(sentence(s)))
	}
	fmt.Fprintf(a.stderr, "This cannot be undone. Go on? [y/N] ")
	answer, err := a.readLine(ctx)
	if err != nil {
		a.note("") // the question's line is still open
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return coded(exitFailed, errors.New("nothing was changed"))
	}
	return nil
}

// readLine reads a person's answer, and gives up when interrupted. The reader
// can't be interrupted itself, so it may outlive this call; the process ends
// right after.
func (a *app) readLine(ctx context.Context) (string, error) {
	type answer struct {
		line string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(a.stdin).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		answers <- answer{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case got := <-answers:
		return got.line, got.err
	}
}

// partlyError says that some of a plan was done and then something failed.
type partlyError struct {
	done, all int
	step      step
	err       error
}

func (e *partlyError) Error() string {
	return fmt.Sprintf("%s: %v; %d of %d changes were made before", e.step, e.err, e.done, e.all)
}
func (e *partlyError) Unwrap() error { return e.err }

// carryOut makes the changes and prints each that is made. It stops at the
// first that fails.
func (a *app) carryOut(ctx context.Context, p plan) error {
	all := actions()
	var failed error
	made := func(yield func(step, error) bool) {
		for i, s := range p.Items {
			err := context.Cause(ctx)
			var r *registry
			if err == nil {
				r, err = a.openStep(ctx, s)
			}
			if err == nil {
				err = all[s.Action].do(ctx, r, s)
			}
			if err != nil && i > 0 {
				err = coded(exitPartly, &partlyError{i, len(p.Items), s, err})
			}
			if !yield(s, err) || err != nil {
				failed = err
				return
			}
		}
	}
	if err := output.List(a.printer, changeView(), made); err != nil {
		return err
	}
	return failed
}

func sequence[T any](items []T) func(yield func(T, error) bool) {
	return func(yield func(T, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// sentence words a step that is yet to be done.
func sentence(s step) string {
	text := actions()[s.Action].says + " " + s.String()
	if len(s.Tags) > 0 && s.Tag == "" {
		text += " with its tags " + strings.Join(s.Tags, ", ")
	}
	if s.Manifests > 0 {
		text += fmt.Sprintf(" with its %d manifests", s.Manifests)
	}
	if s.Set != nil {
		text += " (" + s.Set.orAll() + ")"
	}
	if s.File != "" {
		text += " from " + s.File
	}
	if s.From != "" {
		text += " from the repository " + s.From
	}
	if s.Replaces != "" {
		text += ", whose tag names " + s.Replaces
	}
	if s.Reason != "" {
		text += " (" + s.Reason + ")"
	}
	return text
}

// orAll words the locks that shall be.
func (l locks) orAll() string {
	if l.word() == "" {
		return "all allowed"
	}
	return l.word()
}

func stepColumns() []output.Column[step] {
	return []output.Column[step]{
		{Name: "action", Value: func(s step) string { return s.Action }},
		{Name: "reference", Value: step.String},
		{Name: "digest", Value: func(s step) string { return s.Digest }},
		{Name: "tags", Value: func(s step) string { return strings.Join(s.Tags, ",") }},
	}
}

func planView() output.View[step] {
	return output.View[step]{Kind: "PlannedChange", Columns: stepColumns(), Text: func(w io.Writer, s step) error {
		_, err := fmt.Fprintln(w, "would", output.Clean(sentence(s)))
		return err
	}}
}

func changeView() output.View[step] {
	return output.View[step]{Kind: "Change", Columns: stepColumns(), Text: func(w io.Writer, s step) error {
		_, err := fmt.Fprintln(w, actions()[s.Action].done, output.Clean(s.String()))
		return err
	}}
}

// maxPlan bounds a plan's file: a purge of a million manifests is some 300 MB.
const maxPlan = 512 << 20

// saveJSON writes a plan in one step, for its owner's eyes.
func saveJSON(path string, p any) error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("keep the plan: %w", err)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		// A device or a pipe must not be replaced by a file.
		return fmt.Errorf("keep the plan: %s is there, and not a regular file", path)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".acrkit-plan-*")
	if err != nil {
		return fmt.Errorf("keep the plan: %w", err)
	}
	_, err = temporary.Write(append(data, '\n'))
	if err = errors.Join(err, temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
		return fmt.Errorf("keep the plan: %w", err)
	}
	return nil
}

// loadPlan reads a plan of any kind from its file.
func loadPlan[T any](path string, parse func(data []byte) (T, error)) (T, error) {
	var none T
	file, err := os.Open(path)
	if err != nil {
		return none, fmt.Errorf("read the plan: %w", err)
	}
	defer file.Close()
	data, err := readAll(file, maxPlan)
	if err != nil {
		return none, fmt.Errorf("read the plan %s: %w", path, err)
	}
	p, err := parse(data)
	if err != nil {
		return none, usagef("plan %s: %w", path, err)
	}
	return p, nil
}

// parsePlan reads a plan and refuses whatever it doesn't understand wholly: a
// plan is applied as it was read by a person, or not at all.
func parsePlan(data []byte) (plan, error) {
	var p plan
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return plan{}, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return plan{}, errors.New("there is something behind the plan")
	}
	if p.Schema != output.Schema || p.Kind != planKind {
		return plan{}, fmt.Errorf("schema %q, kind %q: this program applies %q, %q", p.Schema, p.Kind, output.Schema, planKind)
	}
	all := actions()
	for i, s := range p.Items {
		if _, known := all[s.Action]; !known {
			return plan{}, fmt.Errorf("item %d: unknown action %q", i, s.Action)
		}
		ref, err := s.ref()
		if err != nil {
			return plan{}, fmt.Errorf("item %d: %w", i, err)
		}
		if again, err := parseReference(ref.String(), ""); err != nil || again != ref {
			return plan{}, fmt.Errorf("item %d: %q is no reference", i, ref)
		}
		if err := s.complete(); err != nil {
			return plan{}, fmt.Errorf("item %d: %w", i, err)
		}
	}
	return p, nil
}
