package diagnose

import (
	"slices"
	"strings"
)

// scope is one resource and the actions on it, as in
// repository:team/app:pull,push.
type scope struct {
	kind, name string
	actions    []string
}

func (s scope) String() string {
	return s.kind + ":" + s.name + ":" + strings.Join(s.actions, ",")
}

// parseScopes reads the scope attribute of a challenge: scopes separated by
// spaces. What is not a scope is left out.
func parseScopes(text string) []scope {
	var scopes []scope
	for field := range strings.FieldsSeq(text) {
		first, last := strings.Index(field, ":"), strings.LastIndex(field, ":")
		if first < 0 || first == last {
			continue
		}
		scopes = addScope(scopes, scope{field[:first], field[first+1 : last], strings.Split(field[last+1:], ",")})
	}
	return scopes
}

// addScope adds the actions of one scope to the list, one entry a resource.
func addScope(scopes []scope, more scope) []scope {
	for i := range scopes {
		if s := &scopes[i]; s.kind == more.kind && s.name == more.name {
			for _, action := range more.actions {
				if !slices.Contains(s.actions, action) {
					s.actions = append(s.actions, action)
				}
			}
			return scopes
		}
	}
	more.actions = slices.Clone(more.actions)
	return append(scopes, more)
}

// lacking returns the actions of want that have does not grant.
func lacking(want, have []scope) []scope {
	var missing []scope
	for _, w := range want {
		for _, action := range w.actions {
			if !grants(have, w.kind, w.name, action) {
				missing = addScope(missing, scope{w.kind, w.name, []string{action}})
			}
		}
	}
	return missing
}

func grants(have []scope, kind, name, action string) bool {
	for _, h := range have {
		if h.kind == kind && h.name == name && (slices.Contains(h.actions, action) || slices.Contains(h.actions, "*")) {
			return true
		}
	}
	return false
}

// scopeText writes scopes in a stable order, as the protocol spells them.
func scopeText(scopes []scope) string {
	if len(scopes) == 0 {
		return "nothing"
	}
	words := make([]string, len(scopes))
	for i, s := range scopes {
		actions := slices.Clone(s.actions)
		slices.Sort(actions)
		words[i] = scope{s.kind, s.name, actions}.String()
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// gatherScopes compares what the request needs, by the challenge or else by the
// body, with what the token grants.
func (ev *evidence) gatherScopes() {
	if ev.asked = parseScopes(ev.challenge.scope); len(ev.asked) == 0 {
		ev.asked = ev.actions()
	}
	ev.granted = ev.auth.claims.scopes()
	ev.missing = lacking(ev.asked, ev.granted)
}

// missingOrAsked returns the actions that the token lacks, or those asked for
// when no token says what it grants.
func (ev *evidence) missingOrAsked() []scope {
	if missing := ev.missing; len(missing) > 0 {
		return missing
	}
	return ev.asked
}

func actionText(scopes []scope) string {
	var words []string
	for _, s := range scopes {
		words = append(words, s.actions...)
	}
	return strings.Join(words, ",")
}

// scopeMapRights names the actions as scope maps do (ACR protocol §2.9).
func scopeMapRights(scopes []scope) string {
	var rights []string
	for _, s := range scopes {
		for _, action := range s.actions {
			rights = append(rights, rightsOf[action]...)
		}
	}
	slices.Sort(rights)
	return strings.Join(slices.Compact(rights), " ")
}

var rightsOf = map[string][]string{
	"pull": {"content/read"},
	// Writing needs reading.
	"push":           {"content/read", "content/write"},
	"delete":         {"content/delete"},
	"metadata_read":  {"metadata/read"},
	"metadata_write": {"metadata/write"},
}
