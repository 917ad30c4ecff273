// Package purge decides what a purge takes from a repository, and watches over
// it while it is taken: nothing goes that a kept tag, or anything else that
// stays, needs.
package purge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/patterns"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/units"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/userfile"
	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// Rule says what of which repositories goes. It is also the form of a rule in a
// file.
type Rule struct {
	Repository   string   `json:"repository"`             // a pattern with * and **
	Tag          string   `json:"tag,omitempty"`          // a pattern with * and **
	TagRegex     string   `json:"tagRegex,omitempty"`     // a regular expression that is found in the tag
	Older        string   `json:"older,omitempty"`        // an age, such as 30d
	Keep         int      `json:"keep,omitempty"`         // of those that would go, the newest that stay
	KeepBy       string   `json:"keepBy,omitempty"`       // time (the default) or version
	Untagged     bool     `json:"untagged,omitempty"`     // manifests without a tag go, too
	UntaggedOnly bool     `json:"untaggedOnly,omitempty"` // and no tag does
	ArtifactType []string `json:"artifactType,omitempty"` // patterns with * and **
	Platform     []string `json:"platform,omitempty"`

	// RepositoryRegex is acr-cli's filter of repositories; it has no form in a
	// file.
	RepositoryRegex string `json:"-"`
}

// KeepByTime and KeepByVersion are the orders of [Rule.KeepBy].
const (
	KeepByTime    = "time"
	KeepByVersion = "version"
)

// Rules are what one purge goes by.
type Rules struct {
	Rules   []*Compiled
	Protect []*artifact.Pattern
}

// Compiled is a rule that was checked.
type Compiled struct {
	Rule
	repository *artifact.Pattern
	repoRegex  *regexp.Regexp
	tag        *patterns.Tags
	age        *units.Age
	types      []*artifact.Pattern
	platforms  []ocispec.Platform
}

// rulesKind is the kind of a file of rules.
const rulesKind = "PurgeRules"

// maxRules bounds a file of rules.
const maxRules = 4 << 20

// Load reads a file of rules: {"schema":"acrkit/1","kind":"PurgeRules",
// "protect":[…],"rules":[…]}. What it doesn't know is an error: a rule that is
// misspelt must not be a rule that does something else.
func Load(path string) (rules []Rule, protect []string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the rules: %w", err)
	}
	defer file.Close()
	data, err := userfile.ReadAll(file, maxRules)
	if err != nil {
		return nil, nil, fmt.Errorf("read the rules %s: %w", path, err)
	}
	rules, protect, err = parseRules(data)
	if err != nil {
		return nil, nil, failure.Usagef("rules %s: %w", path, err)
	}
	return rules, protect, nil
}

func parseRules(data []byte) (rules []Rule, protect []string, err error) {
	var f struct {
		Schema  string   `json:"schema"`
		Kind    string   `json:"kind"`
		Protect []string `json:"protect"`
		Rules   []Rule   `json:"rules"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", place(data, decoder.InputOffset(), err), err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("there is something behind the rules")
	}
	if f.Schema != output.Schema || f.Kind != rulesKind {
		return nil, nil, fmt.Errorf(`want "schema":%q and "kind":%q, not %.40q and %.40q`, output.Schema, rulesKind, f.Schema, f.Kind)
	}
	if len(f.Rules) == 0 {
		return nil, nil, errors.New("there is no rule in it")
	}
	return f.Rules, f.Protect, nil
}

// place names the line that an error of JSON is in.
func place(data []byte, offset int64, err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = syntax.Offset
	}
	offset = min(offset, int64(len(data)))
	return fmt.Sprintf("line %d", 1+bytes.Count(data[:offset], []byte("\n")))
}

// Compile checks rules and what is protected.
func Compile(rules []Rule, protect []string) (*Rules, error) {
	all := &Rules{}
	for _, text := range protect {
		p, err := artifact.ParsePattern(text)
		if err != nil {
			return nil, failure.Usagef("protect: %w", err)
		}
		all.Protect = append(all.Protect, p)
	}
	for i, rule := range rules {
		c, err := compile(rule)
		if err != nil {
			if len(rules) > 1 {
				err = fmt.Errorf("rule %d: %w", i+1, err)
			}
			return nil, &failure.UsageError{Err: err}
		}
		all.Rules = append(all.Rules, c)
	}
	return all, nil
}

func compile(rule Rule) (*Compiled, error) {
	c := &Compiled{Rule: rule}
	var err error
	switch {
	case rule.Repository == "" && rule.RepositoryRegex == "":
		return nil, errors.New("no repository is named: give a name or a pattern, such as team/** or **")
	case rule.Tag != "" && rule.TagRegex != "":
		return nil, errors.New("a pattern of tags and a regular expression of tags exclude each other")
	case rule.UntaggedOnly && (rule.Tag != "" || rule.Keep > 0):
		return nil, errors.New("untagged manifests only: a pattern of tags and a number to keep mean nothing then")
	case rule.Keep < 0:
		return nil, fmt.Errorf("keep %d: must not be negative", rule.Keep)
	case rule.KeepBy != "" && rule.KeepBy != KeepByTime && rule.KeepBy != KeepByVersion:
		return nil, fmt.Errorf("keep by %q: must be time or version", rule.KeepBy)
	case rule.Older == "" && rule.Keep == 0 && rule.Tag == "" && rule.TagRegex == "" && !rule.UntaggedOnly:
		return nil, errors.New("every tag would go: say which by an age, a number to keep or a pattern of tags")
	case rule.Older == "" && rule.KeepBy == KeepByVersion && rule.Keep == 0:
		return nil, errors.New("keep by version: say how many to keep")
	}
	if rule.Repository != "" {
		if strings.Contains(rule.Repository, ":") {
			return nil, fmt.Errorf("repository %.100q: at character %d: a pattern of repositories has no colon; tags have a pattern of their own", rule.Repository, strings.Index(rule.Repository, ":")+1)
		}
		if c.repository, err = artifact.ParsePattern(rule.Repository); err != nil {
			return nil, err
		}
	} else if c.repoRegex, err = patterns.Expression("repository", "^(?:"+rule.RepositoryRegex+")$", rule.RepositoryRegex); err != nil {
		return nil, err
	}
	if rule.Tag != "" {
		if c.tag, err = patterns.ParseTags(rule.Tag); err != nil {
			return nil, err
		}
	}
	if rule.TagRegex != "" {
		if c.tag, err = patterns.ParseTagExpression(rule.TagRegex); err != nil {
			return nil, err
		}
	}
	if rule.Older != "" {
		age, err := units.ParseLongAge(rule.Older)
		if err != nil {
			return nil, err
		}
		c.age = &age
	}
	for _, text := range rule.ArtifactType {
		p, err := artifact.ParsePattern(text)
		if err != nil {
			return nil, fmt.Errorf("artifact type: %w", err)
		}
		c.types = append(c.types, p)
	}
	for _, text := range rule.Platform {
		p, err := artifact.ParsePlatform(text)
		if err != nil {
			return nil, err
		}
		c.platforms = append(c.platforms, p)
	}
	return c, nil
}

// cutoff is the moment before which something is old enough.
func (c *Compiled) cutoff(now time.Time) (before time.Time, any bool) {
	if c.age == nil {
		return time.Time{}, true
	}
	return c.age.Before(now), false
}

// old reports whether a time is old enough; what has no time isn't.
func (c *Compiled) old(on *time.Time, now time.Time) bool {
	if on == nil {
		return false
	}
	before, anyAge := c.cutoff(now)
	return anyAge || on.Before(before)
}

// MatchesRepository reports whether a rule is about a repository.
func (c *Compiled) MatchesRepository(name string) bool {
	if c.repoRegex != nil {
		return c.repoRegex.MatchString(name)
	}
	return c.repository.Match(name, "")
}

// literal is the one repository that a rule names; "" where it may be many.
func (c *Compiled) literal() string {
	text := c.Repository
	if c.repoRegex != nil {
		text = c.RepositoryRegex
		if regexp.QuoteMeta(text) != text && regexp.QuoteMeta(text) != strings.ReplaceAll(text, ".", `\.`) {
			return ""
		}
		if strings.Contains(text, ".") {
			return ""
		}
		return text
	}
	if strings.ContainsAny(text, "*?") {
		return ""
	}
	return text
}

// Names are the repositories that the rules name in full, when all of them do:
// then the catalogue needs no reading.
func (r *Rules) Names() ([]string, bool) {
	var names []string
	seen := map[string]bool{}
	for _, c := range r.Rules {
		name := c.literal()
		if name == "" {
			return nil, false
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, true
}

// About are the rules for a repository.
func (r *Rules) About(repository string) []*Compiled {
	var list []*Compiled
	for _, c := range r.Rules {
		if c.MatchesRepository(repository) {
			list = append(list, c)
		}
	}
	return list
}

// protected reports whether a tag is on the list of what stays.
func (r *Rules) protected(repository, tag string) bool {
	for _, p := range r.Protect {
		if p.Match(repository, tag) {
			return true
		}
	}
	return false
}

// protectsAll reports whether all of a repository stays: a pattern without a
// colon names it.
func (r *Rules) protectsAll(repository string) bool {
	for _, p := range r.Protect {
		if !strings.Contains(p.String(), ":") && p.Match(repository, "") {
			return true
		}
	}
	return false
}

// ParseFilter reads acr-cli's filter, REPOSITORY:TAG, both regular expressions;
// a colon of a group such as (?:a|b) doesn't part them.
func ParseFilter(text string) (Rule, error) {
	at := -1
	for i := range len(text) {
		if text[i] != ':' || groupColon(text[:i]) {
			continue
		}
		if at >= 0 {
			return Rule{}, failure.Usagef("--filter %q: at character %d: a second colon, want REPOSITORY:TAG", text, i+1)
		}
		at = i
	}
	switch {
	case at < 0:
		return Rule{}, failure.Usagef("--filter %q: at character %d: no colon, want REPOSITORY:TAG, both regular expressions", text, len(text)+1)
	case at == 0:
		return Rule{}, failure.Usagef("--filter %q: at character 1: the repository is missing", text)
	case at == len(text)-1:
		return Rule{}, failure.Usagef("--filter %q: at character %d: the tag is missing", text, at+2)
	}
	return Rule{RepositoryRegex: text[:at], TagRegex: text[at+1:]}, nil
}

var groupStart = pattern.New(`(\(\?[imsU-]{0,5}|\[\^?\[)$`)

// groupColon reports whether a colon behind this text belongs to a group or a
// class of the expression.
func groupColon(before string) bool {
	if groupStart.MatchString(before) {
		return true
	}
	open := strings.LastIndex(before, "[[:")
	return open >= 0 && !strings.Contains(before[open:], ":]")
}
