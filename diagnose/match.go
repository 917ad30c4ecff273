package diagnose

import (
	"strings"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

func ofEntra(kind entraKind) func(*evidence) bool {
	return func(ev *evidence) bool { return ev.entra.kind == kind }
}

// found matches a failure that the library found by itself.
func found(kind libraryKind) func(*evidence) bool {
	return func(ev *evidence) bool { return ev.library.kind == kind }
}

// responseLacks matches a response of success that lacks something.
func responseLacks(what azcontainerregistry.ResponsePart) func(*evidence) bool {
	return func(ev *evidence) bool {
		return ev.library.kind == libraryResponse && ev.library.response.Missing == what
	}
}

// pointedBy matches an untrusted origin by what pointed there.
func pointedBy(kind azcontainerregistry.OriginKind) func(*evidence) bool {
	return func(ev *evidence) bool { return ev.library.kind == libraryOrigin && ev.library.origin.Kind == kind }
}

// phased matches an HTTP response of a phase with a status.
func phased(p phase, status int) func(*evidence) bool {
	return func(ev *evidence) bool { return ev.phase == p && ev.status == status }
}

// coded matches an error of the registry by status and code.
func coded(status int, code string) func(*evidence) bool {
	return func(ev *evidence) bool { return ev.status == status && ev.code == code && ev.phase != phaseStorage }
}

// saying narrows a match to a text in the registry's message.
func saying(match func(*evidence) bool, text string) func(*evidence) bool {
	return func(ev *evidence) bool { return match(ev) && strings.Contains(ev.message, text) }
}

// all matches when every one of its matches does.
func all(matches ...func(*evidence) bool) func(*evidence) bool {
	return func(ev *evidence) bool {
		for _, m := range matches {
			if !m(ev) {
				return false
			}
		}
		return true
	}
}

// not inverts a match.
func not(match func(*evidence) bool) func(*evidence) bool {
	return func(ev *evidence) bool { return !match(ev) }
}

// either matches when one of its matches does.
func either(matches ...func(*evidence) bool) func(*evidence) bool {
	return func(ev *evidence) bool {
		for _, m := range matches {
			if m(ev) {
				return true
			}
		}
		return false
	}
}
