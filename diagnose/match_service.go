package diagnose

import (
	"slices"
	"strings"
)

// disallowed is the registry's response to what a lock, a quarantine or a limit
// forbids (ACR protocol §6, §7.3, §7.4, §13).
func disallowed(ev *evidence) bool {
	if ev.code == "IMAGE_QUARANTINED" {
		return true
	}
	// The response to a HEAD has no body for a code; its routes all take it.
	return ev.status == 405 && (ev.code == "REGISTRY_DISALLOWED_OPERATION" || ev.method == "HEAD" && ev.phase == phaseResource && !ev.page)
}

func methods(list ...string) func(*evidence) bool {
	return func(ev *evidence) bool { return slices.Contains(list, ev.method) }
}

func throttled(ev *evidence) bool {
	return ev.status == 429 && ev.phase != phaseStorage && ev.phase != phaseEntra
}

func fromCache(ev *evidence) bool { return strings.Contains(ev.message, "for cache rule") }

func registryStatus(status int) func(*evidence) bool {
	return func(ev *evidence) bool {
		return ev.status == status && ev.phase != phaseStorage && ev.phase != phaseEntra
	}
}

func storage(statuses ...int) func(*evidence) bool {
	return func(ev *evidence) bool {
		for _, s := range statuses {
			if ev.phase == phaseStorage && ev.status == s {
				return true
			}
		}
		return false
	}
}

func storageCode(code string) func(*evidence) bool {
	return func(ev *evidence) bool { return ev.code == code }
}
