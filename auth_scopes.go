package azcontainerregistry

import (
	"net/url"
	"slices"
	"strings"
)

// scopeKey writes scopes in the one way in which they are cached.
func scopeKey(scopes []string) string {
	if len(scopes) < 2 {
		return strings.Join(scopes, "")
	}
	sorted := slices.Clone(scopes)
	slices.Sort(sorted)
	return strings.Join(slices.Compact(sorted), " ")
}

// sameScope compares scopes whatever the order of their actions: the registry
// writes "pull,push" and "push,pull" by turns (ACR protocol §2.2).
func sameScope(a, b string) bool {
	return a == b || canonicalScope(a) == canonicalScope(b)
}

// coversScope reports whether a token for scope would do for asked, too: what a
// challenge asks for may be less than what the operation needs next.
func coversScope(scope, asked string) bool {
	has := map[string]bool{}
	each := func(scope string, f func(string)) {
		for _, field := range strings.Fields(scope) {
			at := strings.LastIndexByte(field, ':')
			for action := range strings.SplitSeq(field[at+1:], ",") {
				f(field[:at+1] + action)
			}
		}
	}
	each(scope, func(s string) { has[s] = true })
	covered := true
	each(asked, func(s string) { covered = covered && has[s] })
	return covered
}

func canonicalScope(scope string) string {
	fields := strings.Fields(scope)
	for i, f := range fields {
		if at := strings.LastIndexByte(f, ':'); at >= 0 {
			actions := strings.Split(f[at+1:], ",")
			slices.Sort(actions)
			fields[i] = f[:at+1] + strings.Join(actions, ",")
		}
	}
	return scopeKey(fields)
}

// Scopes of ACR protocol §2.3.
const (
	catalogScope        = "registry:catalog:*"
	deletedCatalogScope = "registry:deleted_catalog:*"
)

func pullScope(repository string) string { return "repository:" + repository + ":pull" }

func pushScope(repository string) string { return "repository:" + repository + ":pull,push" }

func deleteScope(repository string) string { return "repository:" + repository + ":delete" }

func readScope(repository string) string { return "repository:" + repository + ":metadata_read" }

func metaWriteScope(repository string) string { return "repository:" + repository + ":metadata_write" }

func deletedReadScope(repository string) string {
	return "repository:" + repository + ":deleted_read"
}

func restoreScope(repository string) string {
	return "repository:" + repository + ":deleted_read,deleted_restore"
}

// uploadScopes are the scopes of a call on an upload's address. Of an address
// that isn't ACR's nothing is known before the registry challenges.
func uploadScopes(u *url.URL, scope func(string) string) []string {
	name, ok := uploadRepository(u)
	if !ok {
		return nil
	}
	return []string{scope(name)}
}
