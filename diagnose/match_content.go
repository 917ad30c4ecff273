package diagnose

import (
	"regexp"
	"strings"
)

// The grammar of names in paths (ACR protocol §1.2).
var (
	repositoryGrammar = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)
	digestGrammar     = regexp.MustCompile(`^sha256:[a-f0-9]{64}$`)
)

func registry404(ev *evidence) bool {
	return ev.status == 404 && (ev.phase == phaseResource || ev.phase == phaseChallenge)
}

// plain404 is the answer of a path that no route of the registry matches (ACR
// protocol §1.5).
func plain404(ev *evidence) bool {
	return registry404(ev) && len(ev.entries) == 0 && strings.HasPrefix(string(ev.body), "404 page not found")
}

func badRepository(ev *evidence) bool {
	return ev.repository != "" && !repositoryGrammar.MatchString(ev.repository)
}

func badDigest(ev *evidence) bool {
	if ev.reference == "" || !strings.Contains(ev.path, "/blobs/") && !strings.Contains(ev.path, "/_manifests/") &&
		!strings.Contains(ev.reference, ":") {
		return false
	}
	return !digestGrammar.MatchString(ev.reference)
}

func byDigest(ev *evidence) bool { return strings.Contains(ev.reference, ":") }

// headNotFound is a 404 to HEAD, which has no body to name its reason.
func headNotFound(ev *evidence) bool {
	return registry404(ev) && ev.method == "HEAD" && len(ev.entries) == 0 && !ev.page
}

func pathHas(part string) func(*evidence) bool {
	return func(ev *evidence) bool { return strings.Contains(ev.path, part) }
}

// tooNarrow reports whether the registry has the manifest in a type that was
// not accepted (ACR protocol §6).
func tooNarrow(ev *evidence) bool {
	return strings.Contains(ev.message, "accept header does not support")
}
