// Package patterns reads the patterns and the regular expressions that choose
// tags and repositories. What isn't one is refused with the position.
package patterns

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/acrkit/azcontainerregistry/artifact"
)

// Tags chooses tags by their names.
type Tags struct {
	pattern    *artifact.Pattern
	expression *regexp.Regexp
}

// ParseTags reads a pattern of tags: "*" is any run of characters, "?" is one.
func ParseTags(text string) (*Tags, error) {
	if text == "" {
		return nil, errors.New("the pattern of tags is empty")
	}
	if at := strings.IndexAny(text, ":/"); at >= 0 {
		return nil, fmt.Errorf("tag %.100q: at character %d: a tag has no %q", text, at+1, text[at])
	}
	pattern, err := artifact.ParsePattern("**:" + text)
	if err != nil {
		return nil, err
	}
	return &Tags{pattern: pattern}, nil
}

// ParseTagExpression reads a regular expression that is found in a tag.
func ParseTagExpression(text string) (*Tags, error) {
	expression, err := Expression("tag", text, text)
	if err != nil {
		return nil, err
	}
	return &Tags{expression: expression}, nil
}

// Match reports whether a tag is chosen; nil chooses every tag.
func (t *Tags) Match(tag string) bool {
	switch {
	case t == nil:
		return true
	case t.pattern != nil:
		return t.pattern.Match("x", tag)
	}
	return t.expression.MatchString(tag)
}

// Expression compiles a regular expression that was made of what the user gave;
// an error names the position in that.
func Expression(what, text, given string) (*regexp.Regexp, error) {
	compiled, err := regexp.Compile(text)
	if err == nil {
		return compiled, nil
	}
	at := 0
	if parts := strings.SplitN(err.Error(), "`", 3); len(parts) == 3 {
		at = max(0, strings.Index(given, parts[1]))
	}
	return nil, fmt.Errorf("%s expression %.100q: at character %d: %w", what, given, at+1, err)
}
