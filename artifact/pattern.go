package artifact

import "regexp"

// Pattern chooses images by name: it is matched against the repository, or with
// a colon in it against repository:tag. "*" stands for any run of characters
// except "/", "**" for any run, "?" for one character.
type Pattern struct {
	text       string
	expression *regexp.Regexp
}

// ParsePattern reads a pattern. A wrong one is an [*InvalidError].
func ParsePattern(text string) (*Pattern, error) {
	expression, err := compileGlob(text)
	if err != nil {
		return nil, err
	}
	return &Pattern{text, expression}, nil
}

// Match reports whether the pattern chooses a tag of a repository.
func (p *Pattern) Match(repository, tag string) bool {
	return p.expression.MatchString(repository + ":" + tag)
}

// String is the pattern as it was given.
func (p *Pattern) String() string { return p.text }
