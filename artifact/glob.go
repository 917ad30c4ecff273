package artifact

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// filter chooses images by patterns. A pattern is matched against the
// repository, or with a colon against repository:tag. "*" stands for any run
// of characters except "/", "**" for any run, "?" for one character.
type filter struct {
	include, exclude []*regexp.Regexp
	literal          []string // the included patterns, as they were given
}

func newFilter(include, exclude []string) (*filter, error) {
	f := &filter{literal: include}
	for _, group := range []struct {
		patterns []string
		into     *[]*regexp.Regexp
	}{{include, &f.include}, {exclude, &f.exclude}} {
		for _, pattern := range group.patterns {
			expression, err := compileGlob(pattern)
			if err != nil {
				return nil, err
			}
			*group.into = append(*group.into, expression)
		}
	}
	return f, nil
}

func compileGlob(pattern string) (*regexp.Regexp, error) {
	invalid := func(rule string) error {
		return &InvalidError{Code: codeOptionInvalid, Thing: fmt.Sprintf("pattern %.100q", pattern), Rule: rule}
	}
	if pattern == "" {
		return nil, invalid("it is empty")
	}
	if strings.Count(pattern, ":") > 1 {
		return nil, invalid("it has more than one colon, want repository or repository:tag")
	}
	var b strings.Builder
	b.WriteString("^")
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case strings.HasPrefix(pattern[i:], "**"):
			b.WriteString(".*")
			i++
		case c == '*':
			b.WriteString("[^/:]*")
		case c == '?':
			b.WriteString("[^/:]")
		case c == '[' || c == ']' || c == '{' || c == '}' || c == '\\':
			return nil, invalid(fmt.Sprintf("%q has no meaning in a pattern, only * and ? have", c))
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	if !strings.Contains(pattern, ":") {
		b.WriteString("(:.*)?")
	}
	b.WriteString("$")
	expression, err := regexp.Compile(b.String())
	if err != nil {
		return nil, invalid("it is not a pattern")
	}
	return expression, nil
}

// image reports whether an image is chosen.
func (f *filter) image(repository, tag string) bool {
	name := repository + ":" + tag
	return (len(f.include) == 0 || matchesAny(f.include, name)) && !matchesAny(f.exclude, name)
}

// repositories are those that the included patterns name in full, when all of
// them do.
func (f *filter) repositories() []string {
	var list []string
	for _, pattern := range f.literal {
		repository, _, _ := strings.Cut(pattern, ":")
		if strings.ContainsAny(repository, "*?") {
			return nil
		}
		list = append(list, repository)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// tags are those of a repository that included patterns name in full.
func (f *filter) tags(repository string) []string {
	var list []string
	for _, pattern := range f.literal {
		name, tag, found := strings.Cut(pattern, ":")
		if found && name == repository && !strings.ContainsAny(tag, "*?") {
			list = append(list, tag)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func matchesAny(list []*regexp.Regexp, name string) bool {
	for _, expression := range list {
		if expression.MatchString(name) {
			return true
		}
	}
	return false
}
