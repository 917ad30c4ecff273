package plan

import (
	"fmt"
	"io"
	"strings"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// sentence words a step that is yet to be done.
func sentence(s Step) string {
	text := actions[s.Action].says + " " + s.String()
	if len(s.Tags) > 0 && s.Tag == "" {
		text += " with its tags " + strings.Join(s.Tags, ", ")
	}
	if s.Manifests > 0 {
		text += fmt.Sprintf(" with its %d manifest%s", s.Manifests, map[bool]string{false: "s"}[s.Manifests == 1])
	}
	if s.Set != nil {
		text += " (" + s.Set.OrAll() + ")"
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
	if s.Force && actions[s.Action].breaks {
		text += ", whatever needs it"
	}
	if s.Reason != "" {
		text += " (" + s.Reason + ")"
	}
	return text
}

func stepColumns() []output.Column[Step] {
	return []output.Column[Step]{
		{Name: "action", Value: func(s Step) string { return string(s.Action) }},
		{Name: "reference", Value: Step.String},
		{Name: "digest", Value: func(s Step) string { return s.Digest }},
		{Name: "tags", Value: func(s Step) string { return strings.Join(s.Tags, ",") }},
	}
}

func planView() output.View[Step] {
	return output.View[Step]{Kind: "PlannedChange", Columns: stepColumns(), Text: func(w io.Writer, s Step) error {
		_, err := fmt.Fprintln(w, "would", output.Clean(sentence(s)))
		return err
	}}
}

func changeView() output.View[Step] {
	return output.View[Step]{Kind: "Change", Columns: stepColumns(), Text: func(w io.Writer, s Step) error {
		_, err := fmt.Fprintln(w, actions[s.Action].done, output.Clean(s.String()))
		return err
	}}
}
