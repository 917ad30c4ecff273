// Package plan is how commands change a registry: a plan of steps is made before
// anything happens, shown or kept, asked for, checked again, and carried out.
package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/userfile"
)

// plan is what a writing command is going to do, decided before it does
// anything. It can be kept, read by a person, and applied later.
type plan struct {
	Schema  string    `json:"schema"`
	Kind    string    `json:"kind"`
	Command string    `json:"command"`
	MadeOn  time.Time `json:"madeOn"`
	Items   []Step    `json:"items"`
}

const kind = "Plan"

// Step is one change. Together with what it expects to find it says all that
// is needed to do it later, and to refuse when the registry has changed.
type Step struct {
	sent []byte // what came from standard input

	Action     Action       `json:"action"`
	Registry   string       `json:"registry"`
	Repository string       `json:"repository,omitempty"`
	Tag        string       `json:"tag,omitempty"`
	Digest     string       `json:"digest,omitempty"`
	Tags       []string     `json:"tags,omitempty"`  // of the manifest, when the plan was made
	Locks      *items.Locks `json:"locks,omitempty"` // as they were when the plan was made
	Set        *items.Locks `json:"set,omitempty"`   // as they shall be
	Manifests  int32        `json:"manifests,omitempty"`
	Force      bool         `json:"force,omitempty"`
	Reason     string       `json:"reason,omitempty"`
	File       string       `json:"file,omitempty"`      // what is sent
	MediaType  string       `json:"mediaType,omitempty"` // of what is sent
	From       string       `json:"from,omitempty"`      // the repository that has it
	Replaces   string       `json:"replaces,omitempty"`  // what the tag named, when the plan was made
	Resource   string       `json:"resource,omitempty"`  // the registry's, in Azure
	// FromResource is the source registry's resource, where this identity sees it.
	FromResource string `json:"fromResource,omitempty"`
	Frees        int64  `json:"frees,omitempty"` // bytes that nothing else needs
	// LastUpdatedOn is the repository's, or that of the newest of the tags, when
	// the plan was made.
	LastUpdatedOn *time.Time `json:"lastUpdatedOn,omitempty"`
}

// Ref is what the step is about.
func (s Step) Ref() (reference.Reference, error) {
	h, err := reference.ParseRegistry(s.Registry)
	return reference.Reference{Registry: h, Repository: s.Repository, Tag: s.Tag, Digest: s.Digest}, err
}

// String names what the step is about.
func (s Step) String() string {
	ref, err := s.Ref()
	if err != nil {
		return s.Registry + "/" + s.Repository
	}
	return ref.String()
}

// Save writes a plan in one step, that only its owner can read.
func Save(path string, p any) error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("keep the plan: %w", err)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		// A device or a pipe must not be replaced by a file.
		return fmt.Errorf("keep the plan: %s is there, and not a regular file", path)
	}
	if err := userfile.Write(path, append(data, '\n')); err != nil {
		return fmt.Errorf("keep the plan: %w", err)
	}
	return nil
}

// Load reads a plan of any kind from its file.
func Load[T any](path, kind string, parse func(data []byte) (T, error)) (T, error) {
	var none T
	file, err := os.Open(path)
	if err != nil {
		return none, fmt.Errorf("read the plan: %w", err)
	}
	defer file.Close()
	data, err := userfile.ReadAll(file, maxPlan)
	if err != nil {
		return none, fmt.Errorf("read the plan %s: %w", path, err)
	}
	if err := checkKind(data, kind); err != nil {
		return none, failure.Usagef("plan %s: %w", path, err)
	}
	p, err := parse(data)
	if err != nil {
		return none, failure.Usagef("plan %s: %w", path, err)
	}
	return p, nil
}

// KindOf is the kind of the plan in a file; "" for what can't be read, of which
// Load says why.
func KindOf(path string) string {
	kind, err := readHead(path)
	if err != nil {
		return ""
	}
	return kind
}

func readHead(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	data, err := userfile.ReadAll(file, maxPlan)
	if err != nil {
		return "", err
	}
	var head struct{ Kind string }
	err = json.Unmarshal(data, &head)
	return head.Kind, err
}

// checkKind refuses what is no plan, or another command's.
func checkKind(data []byte, want string) error {
	var head struct{ Schema, Kind, Command string }
	switch err := json.Unmarshal(data, &head); {
	case err != nil:
		return fmt.Errorf("it is no plan: %w", err)
	case head.Schema != output.Schema:
		return fmt.Errorf("it is no plan that this program can apply: its schema is %.40q, not %q", head.Schema, output.Schema)
	case head.Kind != want && strings.HasPrefix(head.Command, "acrkit "):
		return fmt.Errorf("it was made by %.60q, apply it with that", head.Command)
	case head.Kind != want:
		return fmt.Errorf("its kind is %.40q, not %q", head.Kind, want)
	}
	return nil
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
	if p.Schema != output.Schema || p.Kind != kind {
		return plan{}, fmt.Errorf("schema %q, kind %q: this program applies %q, %q", p.Schema, p.Kind, output.Schema, kind)
	}
	for i, s := range p.Items {
		if _, known := actions[s.Action]; !known {
			return plan{}, fmt.Errorf("item %d: unknown action %q", i, s.Action)
		}
		ref, err := s.Ref()
		if err != nil {
			return plan{}, fmt.Errorf("item %d: %w", i, err)
		}
		if again, err := reference.Parse(ref.String(), ""); err != nil || again != ref {
			return plan{}, fmt.Errorf("item %d: %q is no reference", i, ref)
		}
		if err := s.complete(); err != nil {
			return plan{}, fmt.Errorf("item %d: %w", i, err)
		}
	}
	return p, nil
}

// maxPlan bounds a plan's file: a purge of a million manifests is some 300 MB.
const maxPlan = 512 << 20
