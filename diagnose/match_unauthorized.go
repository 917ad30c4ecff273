package diagnose

import (
	"slices"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// resource401 is the registry's own refusal of a request; it never returns 403
// for a missing permission (ACR protocol §2.2).
var resource401 = all(either(phased(phaseResource, 401), phased(phaseChallenge, 401)), func(ev *evidence) bool { return !ev.page })

func bearer(ev *evidence) bool { return ev.auth.scheme == "bearer" }

func basic(ev *evidence) bool { return ev.auth.scheme == "basic" }

func insufficient(ev *evidence) bool { return ev.challenge.err == "insufficient_scope" }

// readable reports whether the token is one of the registry's, so its grants
// can be compared with what was asked.
func readable(ev *evidence) bool { return ev.auth.claims.ok && !ev.auth.claims.fromEntra() }

// expired reports whether the token had expired by the registry's own clock.
func expired(ev *evidence) bool {
	now, ok := ev.serverTime()
	end := ev.auth.claims.expiry()
	return ok && !end.IsZero() && now.After(end)
}

// foreign reports whether the token is for another registry.
func foreign(ev *evidence) bool {
	audience := ev.auth.claims.audience()
	service := or(ev.challenge.service, ev.host)
	return readable(ev) && audience != "" && service != "" && audience != service
}

// sound is a token of this registry that had not ended.
var sound = all(bearer, readable, not(expired), not(foreign))

// anonymous reports whether the token was issued to nobody: it names neither a
// person nor an application.
func anonymous(ev *evidence) bool {
	c := ev.auth.claims
	return c.ok && (c.Subject == "" || c.Subject == "anonymous") && c.AppID == "" && c.ObjectID == "" && c.UPN == ""
}

// guid is the form of Entra's ids.
var guid = pattern.New(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// named reports whether the token belongs to a name that is none of Entra's:
// no GUID and no user's address. Scope-map tokens have such names.
func named(ev *evidence) bool {
	c := ev.auth.claims
	return c.Subject != "" && c.AppID == "" && c.ObjectID == "" && c.UPN == "" && !anonymous(ev) &&
		!guid.MatchString(c.Subject) && !strings.Contains(c.Subject, "@")
}

// denied is a request that a sound token does not cover.
var denied = all(resource401, sound, func(ev *evidence) bool { return insufficient(ev) && len(ev.missing) > 0 })

func lacksOnly(actions ...string) func(*evidence) bool {
	return func(ev *evidence) bool {
		for _, s := range ev.missing {
			for _, a := range s.actions {
				if !slices.Contains(actions, a) {
					return false
				}
			}
		}
		return true
	}
}

// lacksCatalog reports whether listing the registry is what is missing.
func lacksCatalog(ev *evidence) bool {
	for _, s := range ev.missing {
		if s.kind == "registry" {
			return true
		}
	}
	return false
}

// grantsSome reports whether the token grants any action on the repository that
// it is refused for.
func grantsSome(ev *evidence) bool {
	for _, m := range ev.missing {
		for _, h := range ev.granted {
			if h.kind == m.kind && h.name == m.name && len(h.actions) > 0 {
				return true
			}
		}
	}
	return false
}

// abac reports whether the token says that the registry is in ABAC mode.
func abac(ev *evidence) bool {
	return len(ev.auth.claims.ABAC) > 0 && string(ev.auth.claims.ABAC) != "null"
}
