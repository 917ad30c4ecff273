package diagnose

import (
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/names"
)

func registry404(ev *evidence) bool {
	return ev.status == 404 && (ev.phase == phaseResource || ev.phase == phaseChallenge)
}

// plain404 is the response of a path that no route of the registry matches (ACR
// protocol §1.5).
func plain404(ev *evidence) bool {
	return registry404(ev) && len(ev.entries) == 0 && strings.HasPrefix(string(ev.body), "404 page not found")
}

func badRepository(ev *evidence) bool {
	return ev.repository != "" && !names.IsRepository(ev.repository)
}

func badDigest(ev *evidence) bool {
	if ev.reference == "" || !strings.Contains(ev.path, "/blobs/") && !strings.Contains(ev.path, "/_manifests/") &&
		!strings.Contains(ev.reference, ":") {
		return false
	}
	return !names.IsSHA256(ev.reference)
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
