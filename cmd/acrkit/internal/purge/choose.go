package purge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/internal/order"
)

// Choice is what of one repository goes, and why the rest stays.
type Choice struct {
	Graph *artifact.RepositoryGraph
	// Tags are the names that go while their manifests stay.
	Tags []artifact.GraphTag
	// Manifests go with all their names, in the order in which they are deleted.
	Manifests []*artifact.GraphManifest
	// Why is a word for each tag and digest that goes.
	Why map[string]string
	// Locked are what a rule chose and a lock keeps.
	Locked []string
	// Timeless are what a rule chose and has no time.
	Timeless []string
	// Nameless is how many manifests have no name left and stay, since no rule
	// takes untagged ones.
	Nameless int
	// Unread are the manifests that could not be read: none is deleted then, since
	// they may need any.
	Unread []digest.Digest
}

// chooser decides for one repository.
type chooser struct {
	graph  *artifact.RepositoryGraph
	rules  *Rules
	about  []*Compiled
	now    time.Time
	chosen map[string]*Compiled // by tag: the rule that takes it
	out    *Choice
}

// Choose applies the rules to a repository.
func (r *Rules) Choose(g *artifact.RepositoryGraph, now time.Time) *Choice {
	c := &chooser{
		graph: g, rules: r, about: r.About(g.Repository), now: now, chosen: map[string]*Compiled{},
		out: &Choice{Graph: g, Why: map[string]string{}},
	}
	if len(c.about) == 0 || r.protectsAll(g.Repository) {
		return c.out
	}
	for _, rule := range c.about {
		if !rule.UntaggedOnly {
			c.chooseTags(rule)
		}
	}
	c.chooseManifests()
	slices.Sort(c.out.Locked)
	c.out.Locked = slices.Compact(c.out.Locked)
	slices.Sort(c.out.Timeless)
	c.out.Timeless = slices.Compact(c.out.Timeless)
	return c.out
}

// follows is the manifest that a tag made of a digest belongs to, where it is in
// the repository: such a tag stays and goes with it, and is no choice of its own.
func (c *chooser) follows(tag string, named digest.Digest) (digest.Digest, bool) {
	subject, ok := artifact.SubjectOfTag(tag)
	if !ok || subject == named || c.graph.Manifests[subject] == nil {
		return "", false
	}
	return subject, true
}

// chooseTags marks the tags that a rule takes.
func (c *chooser) chooseTags(rule *Compiled) {
	var candidates []artifact.GraphTag
	for _, t := range c.graph.Tags {
		if _, follows := c.follows(t.Name, t.Digest); follows || !c.matches(rule, t) {
			continue
		}
		m := c.graph.Manifests[t.Digest]
		switch {
		case t.LastUpdatedOn == nil:
			c.out.Timeless = append(c.out.Timeless, t.Name)
		case !rule.old(t.LastUpdatedOn, c.now):
		case t.Locked:
			c.out.Locked = append(c.out.Locked, t.Name)
		case m != nil && m.Locked:
			c.out.Locked = append(c.out.Locked, t.Name+" ("+t.Digest.String()+")")
		default:
			candidates = append(candidates, t)
		}
	}
	for _, t := range rule.keep(candidates) {
		if c.chosen[t.Name] == nil {
			c.chosen[t.Name] = rule
		}
	}
}

// matches reports whether a rule is about a tag, whatever its age.
func (c *chooser) matches(rule *Compiled, t artifact.GraphTag) bool {
	switch {
	case !rule.tag.Match(t.Name), c.rules.protected(c.graph.Repository, t.Name):
		return false
	}
	return c.fits(rule, c.graph.Manifests[t.Digest])
}

// fits reports whether a manifest has the type and the platform of a rule. What
// isn't known doesn't fit.
func (c *chooser) fits(rule *Compiled, m *artifact.GraphManifest) bool {
	if len(rule.types) == 0 && len(rule.platforms) == 0 {
		return true
	}
	if m == nil || m.Unread != nil {
		return false
	}
	if len(rule.types) > 0 && !slices.ContainsFunc(rule.types, func(p *artifact.Pattern) bool { return p.Match(m.ArtifactType, "") }) {
		return false
	}
	return len(rule.platforms) == 0 || c.onPlatforms(rule.platforms, m)
}

// onPlatforms reports whether a manifest, or every image of an index, is for one
// of the platforms.
func (c *chooser) onPlatforms(wanted []ocispec.Platform, m *artifact.GraphManifest) bool {
	if !m.IsIndex() {
		return m.Platform != nil && slices.ContainsFunc(wanted, func(want ocispec.Platform) bool { return isPlatform(want, *m.Platform) })
	}
	images := 0
	for _, child := range m.Children {
		node := c.graph.Manifests[child.Digest]
		if node != nil && node.Attestation {
			continue
		}
		if node == nil || node.IsIndex() || !c.onPlatforms(wanted, node) {
			return false
		}
		images++
	}
	return images > 0
}

func isPlatform(want, have ocispec.Platform) bool {
	return want.OS == have.OS && want.Architecture == have.Architecture &&
		(want.Variant == "" || want.Variant == have.Variant) &&
		(want.OSVersion == "" || want.OSVersion == have.OSVersion || strings.HasPrefix(have.OSVersion, want.OSVersion+"."))
}

// keep leaves out the newest of those that would go.
func (c *Compiled) keep(tags []artifact.GraphTag) []artifact.GraphTag {
	newer := func(a, b artifact.GraphTag) int {
		return cmp.Or(b.LastUpdatedOn.Compare(*a.LastUpdatedOn), strings.Compare(b.Name, a.Name))
	}
	if c.KeepBy == KeepByVersion {
		// What is no version has no place in the order, and stays.
		tags = slices.DeleteFunc(slices.Clone(tags), func(t artifact.GraphTag) bool { _, ok := parseVersion(t.Name); return !ok })
		newer = func(a, b artifact.GraphTag) int {
			x, _ := parseVersion(a.Name)
			y, _ := parseVersion(b.Name)
			return cmp.Or(compareVersions(y, x), strings.Compare(b.Name, a.Name))
		}
	}
	order.By(tags, newer)
	return tags[min(c.Keep, len(tags)):]
}

// chooseManifests parts what goes from what stays: everything that a manifest
// which stays refers to stays with it.
func (c *chooser) chooseManifests() {
	g := c.graph
	for _, m := range g.Unread() {
		c.out.Unread = append(c.out.Unread, m.Digest)
	}
	takes := slices.ContainsFunc(c.about, func(r *Compiled) bool { return r.Untagged || r.UntaggedOnly })
	gone := map[digest.Digest]bool{}
	if takes && len(c.out.Unread) == 0 {
		var roots []digest.Digest
		may := map[digest.Digest]bool{}
		for d, m := range g.Manifests {
			if c.mayGo(m) {
				may[d] = true
			} else {
				roots = append(roots, d)
			}
		}
		stays := g.Reach(roots...)
		var list []digest.Digest
		for d := range may {
			if !stays[d] {
				list = append(list, d)
			}
		}
		for _, d := range g.DeletionOrder(list) {
			gone[d] = true
			c.out.Manifests = append(c.out.Manifests, g.Manifests[d])
			c.out.Why[d.String()] = c.why(g.Manifests[d])
		}
	}
	left := map[digest.Digest]int{}
	for _, t := range g.Tags {
		rule := c.chosen[t.Name]
		if rule == nil || gone[t.Digest] {
			continue
		}
		c.out.Tags = append(c.out.Tags, t)
		c.out.Why[t.Name] = rule.word()
		left[t.Digest]++
	}
	for d, n := range left {
		if m := g.Manifests[d]; m != nil && n == len(m.Tags) && len(g.Needs(d)) == 0 {
			c.out.Nameless++
		}
	}
}

// mayGo reports whether nothing of a manifest itself keeps it: a name, a lock,
// its age, a time that isn't known.
func (c *chooser) mayGo(m *artifact.GraphManifest) bool {
	follows := m.Subject != "" && c.graph.Manifests[m.Subject] != nil
	for _, name := range m.Tags {
		if _, ok := c.follows(name, m.Digest); ok && !c.rules.protected(c.graph.Repository, name) {
			if t := c.tag(name); t == nil || t.Locked || t.LastUpdatedOn == nil {
				return false
			}
			follows = true
			continue
		}
		if c.chosen[name] == nil {
			return false
		}
	}
	switch {
	case m.LastUpdatedOn == nil:
		c.out.Timeless = append(c.out.Timeless, m.Digest.String())
		return false
	case m.Locked:
		if len(m.Tags) == 0 && slices.ContainsFunc(c.about, func(r *Compiled) bool { return c.takesUntagged(r, m) }) {
			c.out.Locked = append(c.out.Locked, m.Digest.String())
		}
		return false
	case follows:
		return true // it goes with what it belongs to, however young it is
	}
	return slices.ContainsFunc(c.about, func(r *Compiled) bool { return c.takesUntagged(r, m) })
}

func (c *chooser) takesUntagged(rule *Compiled, m *artifact.GraphManifest) bool {
	return (rule.Untagged || rule.UntaggedOnly) && rule.old(m.LastUpdatedOn, c.now) && c.fits(rule, m)
}

func (c *chooser) tag(name string) *artifact.GraphTag {
	i, found := slices.BinarySearchFunc(c.graph.Tags, name, func(t artifact.GraphTag, name string) int { return strings.Compare(t.Name, name) })
	if !found {
		return nil
	}
	return &c.graph.Tags[i]
}

func (c *chooser) why(m *artifact.GraphManifest) string {
	for _, name := range m.Tags {
		if rule := c.chosen[name]; rule != nil {
			return rule.word()
		}
	}
	if m.Subject != "" && c.graph.Manifests[m.Subject] != nil {
		return "refers to " + short(m.Subject)
	}
	for _, name := range m.Tags {
		if subject, ok := c.follows(name, m.Digest); ok {
			return "belongs to " + short(subject)
		}
	}
	return "untagged"
}

func short(d digest.Digest) string {
	if hex := d.Encoded(); len(hex) > 12 {
		return string(d.Algorithm()) + ":" + hex[:12]
	}
	return d.String()
}

// word says in short why a rule takes a tag.
func (c *Compiled) word() string {
	var words []string
	if c.Older != "" {
		words = append(words, "older than "+c.Older)
	}
	if c.Keep > 0 {
		by := ""
		if c.KeepBy == KeepByVersion {
			by = " by version"
		}
		words = append(words, fmt.Sprintf("not of the newest %d%s", c.Keep, by))
	}
	if len(words) == 0 {
		return "chosen by its name"
	}
	return strings.Join(words, ", ")
}
