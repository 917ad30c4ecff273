package emulator

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// The actions of repository scopes (ACR protocol §2.3).
const (
	actionPull           = "pull"
	actionPush           = "push"
	actionDelete         = "delete"
	actionMetadataRead   = "metadata_read"
	actionMetadataWrite  = "metadata_write"
	actionDeletedRead    = "deleted_read"
	actionDeletedRestore = "deleted_restore"
	actionAny            = "*"
)

// repositoryActions are what * stands for in a repository scope.
var repositoryActions = []string{
	actionPull, actionPush, actionDelete, actionMetadataRead, actionMetadataWrite,
	actionDeletedRead, actionDeletedRestore,
}

// The kinds of resource that a scope names, and the names of the registry's
// own resources.
const (
	kindRepository     = "repository"
	kindRegistry       = "registry"
	nameCatalog        = "catalog"
	nameDeletedCatalog = "deleted_catalog"
)

// maxScopes bounds the scopes of one token request: a token for more would
// not fit into a header any more.
const maxScopes = 512

// scope is a resource and what a caller wants to do with it; as an entry of
// an access token, what the bearer may do with it.
type scope struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

func repositoryScope(name string, actions ...string) scope {
	return scope{Type: kindRepository, Name: name, Actions: actions}
}

func catalogScope() scope {
	return scope{Type: kindRegistry, Name: nameCatalog, Actions: []string{actionAny}}
}

func deletedCatalogScope() scope {
	return scope{Type: kindRegistry, Name: nameDeletedCatalog, Actions: []string{actionAny}}
}

// covers reports whether grants allow everything that a scope asks for.
func covers(grants []scope, asked scope) bool {
	for _, action := range asked.Actions {
		if !slices.ContainsFunc(grants, func(g scope) bool {
			return g.Type == asked.Type && (g.Name == asked.Name || g.Name == actionAny) &&
				(slices.Contains(g.Actions, action) || slices.Contains(g.Actions, actionAny))
		}) {
			return false
		}
	}
	return true
}

// parseScopes reads the values of the form field scope: the field may be
// repeated, and one value may hold several scopes with spaces between them.
// What is not a scope is left out, as nothing is granted for it.
func parseScopes(values []string) []scope {
	var scopes []scope
	for _, value := range values {
		for field := range strings.FieldsSeq(value) {
			if s, ok := parseScope(field); ok {
				scopes = append(scopes, s)
			}
		}
	}
	return scopes
}

// parseScope reads type:name:action[,action…]. The name may hold colons.
func parseScope(text string) (scope, bool) {
	kind, rest, ok := strings.Cut(text, ":")
	if !ok || kind == "" {
		return scope{}, false
	}
	i := strings.LastIndexByte(rest, ':')
	if i <= 0 {
		return scope{}, false
	}
	s := scope{Type: kind, Name: rest[:i]}
	for action := range strings.SplitSeq(rest[i+1:], ",") {
		if action != "" && !slices.Contains(s.Actions, action) {
			s.Actions = append(s.Actions, action)
		}
	}
	return s, len(s.Actions) > 0
}

// scopeText returns the scope attribute of a challenge. The real service
// varies the order of actions and of scopes from call to call, and so does
// this, lest a client comes to rely on it (ACR protocol §2.2).
func scopeText(scopes []scope) string {
	texts := make([]string, len(scopes))
	for i, s := range scopes {
		actions := slices.Clone(s.Actions)
		rand.Shuffle(len(actions), func(i, j int) { actions[i], actions[j] = actions[j], actions[i] })
		texts[i] = s.Type + ":" + s.Name + ":" + strings.Join(actions, ",")
	}
	rand.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
	return strings.Join(texts, " ")
}
