package wire

import (
	"errors"
	"strings"
)

// ErrMalformedLink is for a Link header of which can't be known whether there
// are more items.
var ErrMalformedLink = errors.New("malformed Link header")

// NextLink returns the target of the next page of all Link header lines (RFC
// 8288 §3), or "" if there is none: the first link with the relation "next", or
// else the first without any relation, which is how simple servers write it.
// Relations between single quotes are read, though the RFC doesn't have them. A
// relation that is no name of one is [ErrMalformedLink]: a list must not end
// because of it.
func NextLink(lines []string) (string, error) {
	plain := ""
	for _, line := range lines {
		p := linkParser{rest: line}
		for {
			l, ok, err := p.link()
			if err != nil {
				return "", err
			}
			if !ok {
				break
			}
			switch {
			case l.next:
				return l.target, nil
			case !l.hasRel && plain == "":
				plain = l.target
			}
		}
	}
	return plain, nil
}

type link struct {
	target string
	hasRel bool
	next   bool
}

// relation reads the value of rel. ok is false when it names no relation.
func (l *link) relation(value string) (ok bool) {
	l.hasRel = true
	names := strings.Fields(strings.Trim(value, "'"))
	for _, name := range names {
		l.next = l.next || strings.EqualFold(name, "next")
		if !isRelation(name) {
			return false
		}
	}
	return len(names) > 0
}

// isRelation reports whether name can be a relation: a registered name or an
// address (RFC 8288 §3.3).
func isRelation(name string) bool {
	if strings.Contains(name, ":") {
		return !strings.ContainsAny(name, `'"<>`)
	}
	for i := range len(name) {
		if c := name[i]; !isAlphanumeric(c) && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

type linkParser struct{ rest string }

// link reads one link-value. ok is false at the end of the line.
func (p *linkParser) link() (l link, ok bool, err error) {
	p.rest = strings.TrimLeft(p.rest, " \t,")
	if p.rest == "" {
		return link{}, false, nil
	}
	end := strings.IndexByte(p.rest, '>')
	if p.rest[0] != '<' || end < 0 {
		return link{}, false, ErrMalformedLink
	}
	l.target, p.rest = p.rest[1:end], p.rest[end+1:]
	if strings.TrimSpace(l.target) == "" || strings.ContainsFunc(l.target, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return link{}, false, ErrMalformedLink
	}
	for {
		p.space()
		switch {
		case p.rest == "":
			return l, true, nil
		case p.rest[0] == ',':
			p.rest = p.rest[1:]
			return l, true, nil
		case p.rest[0] != ';':
			return link{}, false, ErrMalformedLink
		}
		p.rest = p.rest[1:]
		p.space()
		if p.rest == "" || p.rest[0] == ';' || p.rest[0] == ',' {
			// A semicolon too many is no parameter.
			continue
		}
		name, value, err := p.parameter()
		if err != nil {
			return link{}, false, err
		}
		// A link has one rel: RFC 8288 §3.3 ignores the others.
		if strings.EqualFold(name, "rel") && !l.hasRel && !l.relation(value) {
			return link{}, false, ErrMalformedLink
		}
	}
}

func (p *linkParser) parameter() (name, value string, err error) {
	i := 0
	for i < len(p.rest) && isTokenChar(p.rest[i]) {
		i++
	}
	name, p.rest = p.rest[:i], p.rest[i:]
	if name == "" {
		return "", "", ErrMalformedLink
	}
	p.space()
	if !strings.HasPrefix(p.rest, "=") {
		return name, "", nil
	}
	p.rest = p.rest[1:]
	p.space()
	if !strings.HasPrefix(p.rest, `"`) {
		i := strings.IndexAny(p.rest, ";, \t")
		if i < 0 {
			i = len(p.rest)
		}
		value, p.rest = p.rest[:i], p.rest[i:]
		return name, value, nil
	}
	quoted := challengeParser{rest: p.rest}
	value, ok := quoted.value()
	p.rest = quoted.rest
	if !ok {
		return "", "", ErrMalformedLink
	}
	return name, value, nil
}

func (p *linkParser) space() { p.rest = strings.TrimLeft(p.rest, " \t") }
