package protocol

import (
	"crypto/subtle"
	"math/rand/v2"
	"slices"
	"strings"
)

// The actions of repository scopes (ACR protocol §2.3).
const (
	ActionPull           = "pull"
	ActionPush           = "push"
	ActionDelete         = "delete"
	ActionMetadataRead   = "metadata_read"
	ActionMetadataWrite  = "metadata_write"
	ActionDeletedRead    = "deleted_read"
	ActionDeletedRestore = "deleted_restore"
	ActionAny            = "*"
)

// repositoryActions are what * stands for in a repository scope.
var RepositoryActions = []string{
	ActionPull, ActionPush, ActionDelete, ActionMetadataRead, ActionMetadataWrite,
	ActionDeletedRead, ActionDeletedRestore,
}

// The kinds of resource that a scope names, and the names of the registry's
// own resources.
const (
	KindRepository     = "repository"
	KindRegistry       = "registry"
	NameCatalog        = "catalog"
	NameDeletedCatalog = "deleted_catalog"
)

// maxScopes bounds the scopes of one token request: a token for more would
// not fit into a header any more.
const MaxScopes = 512

// Scope is a resource and what a caller does with it; as an entry of
// an access token, what the bearer may do with it.
type Scope struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

func RepositoryScope(name string, actions ...string) Scope {
	return Scope{Type: KindRepository, Name: name, Actions: actions}
}

func CatalogScope() Scope {
	return Scope{Type: KindRegistry, Name: NameCatalog, Actions: []string{ActionAny}}
}

func DeletedCatalogScope() Scope {
	return Scope{Type: KindRegistry, Name: NameDeletedCatalog, Actions: []string{ActionAny}}
}

// Covers reports whether grants allow everything that a scope asks for.
func Covers(grants []Scope, asked Scope) bool {
	for _, action := range asked.Actions {
		if !slices.ContainsFunc(grants, func(g Scope) bool {
			return g.Type == asked.Type && (g.Name == asked.Name || g.Name == ActionAny) &&
				(slices.Contains(g.Actions, action) || slices.Contains(g.Actions, ActionAny))
		}) {
			return false
		}
	}
	return true
}

// ParseScopes reads the values of the form field scope: the field may be
// repeated, and one value may hold several scopes with spaces between them.
// What is not a scope is left out, as nothing is granted for it.
func ParseScopes(values []string) []Scope {
	var scopes []Scope
	for _, value := range values {
		for field := range strings.FieldsSeq(value) {
			if s, ok := ParseScope(field); ok {
				scopes = append(scopes, s)
			}
		}
	}
	return scopes
}

// ParseScope reads type:name:action[,action…]. The name may hold colons.
func ParseScope(text string) (Scope, bool) {
	kind, rest, ok := strings.Cut(text, ":")
	if !ok || kind == "" {
		return Scope{}, false
	}
	i := strings.LastIndexByte(rest, ':')
	if i <= 0 {
		return Scope{}, false
	}
	s := Scope{Type: kind, Name: rest[:i]}
	for action := range strings.SplitSeq(rest[i+1:], ",") {
		if action != "" && !slices.Contains(s.Actions, action) {
			s.Actions = append(s.Actions, action)
		}
	}
	return s, len(s.Actions) > 0
}

// ScopeText returns the scope attribute of a challenge. The real service
// varies the order of actions and of scopes from call to call, and so does
// this, lest a client comes to rely on it (ACR protocol §2.2).
func ScopeText(scopes []Scope) string {
	texts := make([]string, len(scopes))
	for i, s := range scopes {
		actions := slices.Clone(s.Actions)
		rand.Shuffle(len(actions), func(i, j int) { actions[i], actions[j] = actions[j], actions[i] })
		texts[i] = s.Type + ":" + s.Name + ":" + strings.Join(actions, ",")
	}
	rand.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
	return strings.Join(texts, " ")
}

// Same compares secrets in constant time.
func Same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
