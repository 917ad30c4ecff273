package azcontainerregistry

import (
	"errors"
	"strings"
)

// errMalformedLink is for a Link header that doesn't follow RFC 8288: whether
// there are more items can't be known from it.
var errMalformedLink = errors.New("malformed Link header")

// nextLink returns the target of the first link with the relation "next" of
// all Link header lines (RFC 8288 §3), or "" if there is none.
func nextLink(lines []string) (string, error) {
	for _, line := range lines {
		p := linkParser{rest: line}
		for {
			target, next, ok, err := p.link()
			if err != nil {
				return "", err
			}
			if !ok {
				break
			}
			if next {
				return target, nil
			}
		}
	}
	return "", nil
}

type linkParser struct{ rest string }

// link reads one link-value. ok is false at the end of the line.
func (p *linkParser) link() (target string, next, ok bool, err error) {
	p.rest = strings.TrimLeft(p.rest, " \t,")
	if p.rest == "" {
		return "", false, false, nil
	}
	if p.rest[0] != '<' {
		return "", false, false, errMalformedLink
	}
	end := strings.IndexByte(p.rest, '>')
	if end < 0 {
		return "", false, false, errMalformedLink
	}
	target, p.rest = p.rest[1:end], p.rest[end+1:]
	if strings.TrimSpace(target) == "" || strings.ContainsFunc(target, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", false, false, errMalformedLink
	}
	hasRel := false
	for {
		p.space()
		switch {
		case p.rest == "":
			return target, next, true, nil
		case p.rest[0] == ',':
			p.rest = p.rest[1:]
			return target, next, true, nil
		case p.rest[0] != ';':
			return "", false, false, errMalformedLink
		}
		p.rest = p.rest[1:]
		p.space()
		if p.rest == "" || p.rest[0] == ';' || p.rest[0] == ',' {
			// A semicolon too many is no parameter.
			continue
		}
		name, value, err := p.parameter()
		if err != nil {
			return "", false, false, err
		}
		// A link has one rel: RFC 8288 §3.3 ignores the others.
		if strings.EqualFold(name, "rel") && !hasRel {
			hasRel = true
			for _, relation := range strings.Fields(value) {
				next = next || strings.EqualFold(relation, "next")
			}
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
		return "", "", errMalformedLink
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
		return "", "", errMalformedLink
	}
	return name, value, nil
}

func (p *linkParser) space() { p.rest = strings.TrimLeft(p.rest, " \t") }
