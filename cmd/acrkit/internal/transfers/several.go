package transfers

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/patterns"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
)

// TagFlags choose tags of whole repositories.
type TagFlags struct {
	AllTags     bool
	TagPatterns []string
	TagRegex    string
}

func (f *TagFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.BoolVar(&f.AllTags, "all-tags", false, "copy every tag of each SRC, a repository")
	flags.StringArrayVar(&f.TagPatterns, "tag-pattern", nil, "copy the tags of each SRC, a repository, that match the `PATTERN`; may be repeated")
	flags.StringVar(&f.TagRegex, "tag-regex", "", "copy the tags of each SRC, a repository, in which the regular expression `REGEX` is found")
}

// given reports whether tags are chosen at all.
func (f *TagFlags) given() bool { return f.AllTags || len(f.TagPatterns) > 0 || f.TagRegex != "" }

func (f *TagFlags) arguments() []string {
	var arguments []string
	if f.AllTags {
		arguments = append(arguments, "--all-tags")
	}
	for _, pattern := range f.TagPatterns {
		arguments = append(arguments, "--tag-pattern="+pattern)
	}
	if f.TagRegex != "" {
		arguments = append(arguments, "--tag-regex="+f.TagRegex)
	}
	return arguments
}

// choice makes what chooses a tag; nil chooses each.
func (f *TagFlags) choice() (func(tag string) bool, error) {
	ways := 0
	for _, way := range []bool{f.AllTags, len(f.TagPatterns) > 0, f.TagRegex != ""} {
		if way {
			ways++
		}
	}
	if ways > 1 {
		return nil, failure.Usagef("--all-tags, --tag-pattern and --tag-regex exclude each other")
	}
	var all []*patterns.Tags
	for _, text := range f.TagPatterns {
		tags, err := patterns.ParseTags(text)
		if err != nil {
			return nil, failure.Usagef("--tag-pattern: %w", err)
		}
		all = append(all, tags)
	}
	if f.TagRegex != "" {
		tags, err := patterns.ParseTagExpression(f.TagRegex)
		if err != nil {
			return nil, failure.Usagef("--tag-regex: %w", err)
		}
		all = append(all, tags)
	}
	if len(all) == 0 {
		return nil, nil
	}
	return func(tag string) bool {
		return slices.ContainsFunc(all, func(t *patterns.Tags) bool { return t.Match(tag) })
	}, nil
}

// Several reports whether the command line is about more than one image.
func (f *Flags) Several(args []string) bool { return len(args) > 2 || f.Tags.given() }

// several are the sources of one copy, and where they go.
type several struct {
	texts   []string            // the sources as the user wrote them
	order   []string            // the sources' repositories, by what they are called here
	named   map[string][]string // tags by repository; none where tags are chosen
	chosen  func(tag string) bool
	targets map[string]string // the repositories at the target
	opened  map[string]artifact.Source
	from    map[string]location.Location
	to      syncEnd
}

// parseSeveral reads the sources and the target, and refuses what can't be meant.
func (f *Flags) parseSeveral(sources []string, target, own string) (*several, error) {
	s := &several{named: map[string][]string{}, targets: map[string]string{}, opened: map[string]artifact.Source{}, from: map[string]location.Location{}}
	var err error
	if s.chosen, err = f.Tags.choice(); err != nil {
		return nil, err
	}
	if s.to, err = parseSeveralTarget(target, own); err != nil {
		return nil, err
	}
	for _, text := range sources {
		if err := s.add(text, own, f.Tags.given()); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// parseSeveralTarget reads where many images go: a registry, where each keeps its
// repository's name, one repository, or one layout folder.
func parseSeveralTarget(text, own string) (syncEnd, error) {
	if location.IsPlace(text) {
		l, err := location.Parse(text, own)
		switch {
		case err != nil:
			return syncEnd{}, err
		case l.Kind != location.InLayout:
			return syncEnd{}, failure.Usagef("%q: several images go to a registry, a repository or a folder (oci:DIR)", text)
		case l.Name != "":
			return syncEnd{}, failure.Usagef("%q: several images can't all be named %s; leave it out, each keeps its tag", text, l.Name)
		}
		return syncEnd{location: l}, nil
	}
	ref, err := reference.ParseAny(text, own)
	if err != nil {
		return syncEnd{}, err
	}
	if ref.Version() != "" {
		return syncEnd{}, failure.Usagef("%q: several images can't all be named %s; leave it out, each keeps its tag", text, ref.Version())
	}
	return syncEnd{location: location.Location{Kind: location.InRegistry, Ref: ref}, repository: ref.Repository}, nil
}

// add takes one source: a repository whose tags are chosen, or one image of it.
func (s *several) add(text, own string, chooses bool) error {
	if location.IsPlace(text) {
		return failure.Usagef("%q: several sources are images or repositories of registries; the images of a folder or an archive are sent by acrkit copy %[1]s DST --all", text)
	}
	ref, err := reference.Parse(text, own)
	switch {
	case err != nil:
		return err
	case chooses && ref.Version() != "":
		return failure.Usagef("%q names one image already; leave %s out, or the flag that chooses tags", text, ref.Version())
	case ref.Digest != "":
		return failure.Usagef("%q: among several sources an image is named by its tag, which it keeps; one by its digest is copied by itself", text)
	}
	tag := ref.Tag
	if tag == "" && !chooses {
		tag = "latest"
	}
	ref.Tag = ""
	key := ref.String()
	if _, known := s.from[key]; !known {
		s.order = append(s.order, key)
		s.from[key] = location.Location{Kind: location.InRegistry, Ref: ref}
		switch {
		case s.to.location.Kind == location.InLayout:
			// A plan that is applied elsewhere calls the folder the same.
			s.targets[key] = "oci:" + filepath.Base(s.to.location.Path)
		case s.to.repository != "":
			s.targets[key] = s.to.repository
		default:
			s.targets[key] = ref.Repository
		}
	}
	if !chooses && !slices.Contains(s.named[key], tag) {
		s.named[key] = append(s.named[key], tag)
	}
	ref.Tag = tag
	s.texts = append(s.texts, ref.String())
	return nil
}

// Name is what the sources are called in a plan.
func (s *several) Name() string { return strings.Join(s.order, ", ") }

// Repositories are those that the sources are of.
func (s *several) Repositories(context.Context) ([]string, error) { return s.order, nil }

// Source is one of them.
func (s *several) Source(repository string) (artifact.Source, error) {
	source, there := s.opened[repository]
	if !there {
		return nil, fmt.Errorf("no source is called %s", repository)
	}
	return source, nil
}

// open opens the sources.
func (s *several) open(ctx context.Context, m *Mover) error {
	m.FlagsElsewhere = s.to.remote()
	for _, key := range s.order {
		m.FlagsElsewhere = m.FlagsElsewhere || !s.from[key].Ref.Registry.Local()
	}
	for _, key := range s.order {
		source, err := location.OpenSource(ctx, m.Session, s.from[key])
		if err != nil {
			return err
		}
		s.opened[key] = source
		if s.chosen == nil && len(s.named[key]) > 0 {
			continue
		}
		other, err := m.Foreign(ctx, s.from[key].Ref.Registry)
		if err != nil {
			return err
		}
		if other == nil {
			if err := m.repositoryExists(ctx, s.from[key].Ref); err != nil {
				return err
			}
		}
	}
	return s.distinct(ctx)
}

// distinct refuses two sources that would give one name to the target.
func (s *several) distinct(ctx context.Context) error {
	into := map[string][]string{} // sources by target
	for _, key := range s.order {
		into[s.targets[key]] = append(into[s.targets[key]], key)
	}
	for _, target := range s.order {
		target = s.targets[target]
		if len(into[target]) < 2 {
			continue
		}
		first := map[string]string{} // the source of each tag
		for _, key := range into[target] {
			tags, err := s.tags(ctx, key)
			if err != nil {
				return err
			}
			for _, tag := range tags {
				if other, taken := first[tag]; taken {
					return failure.Usagef("%s:%s and %s:%s would both become %s:%s; copy them to two places, or choose the tags by --tag-pattern",
						other, tag, key, tag, target, tag)
				}
				first[tag] = key
			}
		}
	}
	return nil
}

// tags are the tags of one source that are copied.
func (s *several) tags(ctx context.Context, key string) ([]string, error) {
	if named := s.named[key]; len(named) > 0 {
		return named, nil
	}
	lister, ok := s.opened[key].(artifact.TagLister)
	if !ok {
		return nil, nil
	}
	tags, err := lister.Tags(ctx)
	if err != nil || s.chosen == nil {
		return tags, err
	}
	return slices.DeleteFunc(tags, func(tag string) bool { return !s.chosen(tag) }), nil
}

// layoutTarget is a layout folder that takes the images of every repository.
type layoutTarget struct {
	layout artifact.Target
	name   string
}

func (t layoutTarget) Name() string { return t.name }

func (t layoutTarget) Target(string) (artifact.Target, error) { return t.layout, nil }
