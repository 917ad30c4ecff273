package wire

import "strings"

// Challenge is one challenge of a WWW-Authenticate header (RFC 9110 §11.6.1).
type Challenge struct {
	Scheme  string            // in lower case
	Token68 string            // instead of parameters
	Params  map[string]string // names in lower case; the first of a name counts
}

// MaxChallenges bounds what a header may make us keep. ACR sends one.
const MaxChallenges = 16

// ParseChallenges reads the challenges of all header lines: several in a line,
// quoted pairs, token68, any case. What is malformed ends its line; what came
// before it counts.
func ParseChallenges(lines []string) []Challenge {
	var all []Challenge
	for _, line := range lines {
		p := challengeParser{rest: line}
		for len(all) < MaxChallenges {
			c, ok := p.next()
			if !ok {
				break
			}
			all = append(all, c)
		}
	}
	return all
}

// FindChallenge returns the first challenge of a scheme.
func FindChallenge(all []Challenge, scheme string) (Challenge, bool) {
	for _, c := range all {
		if c.Scheme == scheme {
			return c, true
		}
	}
	return Challenge{}, false
}

type challengeParser struct{ rest string }

// next reads a scheme with its token68 or parameters, which end where a token
// without "=" begins the next scheme.
func (p *challengeParser) next() (Challenge, bool) {
	p.skip(" \t,")
	scheme := p.take(isTokenChar)
	if scheme == "" {
		return Challenge{}, false
	}
	c := Challenge{Scheme: strings.ToLower(scheme), Params: map[string]string{}}
	if p.rest == "" || (p.rest[0] != ' ' && p.rest[0] != '\t' && p.rest[0] != ',') {
		return c, p.rest == ""
	}
	p.skip(" \t")
	if t, ok := p.token68(); ok {
		c.Token68 = t
		return c, true
	}
	for {
		before := p.rest
		p.skip(" \t,")
		name := p.take(isTokenChar)
		p.skip(" \t")
		if name == "" || !strings.HasPrefix(p.rest, "=") {
			// Not a parameter: the next scheme, the end, or rubbish, which the
			// next call tells apart.
			p.rest = before
			return c, true
		}
		p.rest = p.rest[1:]
		p.skip(" \t")
		value, ok := p.value()
		if !ok {
			p.rest = ""
			return c, true
		}
		name = strings.ToLower(name)
		if _, dup := c.Params[name]; !dup {
			c.Params[name] = value
		}
	}
}

// token68 reads a value such as a base64 blob, which only the end of the
// challenge may follow.
func (p *challengeParser) token68() (string, bool) {
	before := p.rest
	t := p.take(func(b byte) bool {
		return isAlphanumeric(b) || strings.IndexByte("-._~+/", b) >= 0
	})
	if t != "" {
		t += p.take(func(b byte) bool { return b == '=' })
		p.skip(" \t")
		// A lone word before a comma is a scheme without parameters to some and
		// a token68 to others; after a scheme it can only be the latter.
		if p.rest == "" || p.rest[0] == ',' {
			return t, true
		}
	}
	p.rest = before
	return "", false
}

// value reads a token or a quoted string.
func (p *challengeParser) value() (string, bool) {
	if !strings.HasPrefix(p.rest, `"`) {
		v := p.take(func(b byte) bool { return b != ',' && b != ' ' && b != '\t' && b != '"' })
		return v, v != ""
	}
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; c {
		case '"':
			p.rest = p.rest[i+1:]
			return b.String(), true
		case '\\':
			if i++; i < len(p.rest) {
				b.WriteByte(p.rest[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

func (p *challengeParser) skip(set string) { p.rest = strings.TrimLeft(p.rest, set) }

func (p *challengeParser) take(ok func(byte) bool) string {
	i := 0
	for i < len(p.rest) && ok(p.rest[i]) {
		i++
	}
	taken := p.rest[:i]
	p.rest = p.rest[i:]
	return taken
}

func isAlphanumeric(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// isTokenChar is tchar of RFC 9110 §5.6.2.
func isTokenChar(b byte) bool {
	return isAlphanumeric(b) || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
}
