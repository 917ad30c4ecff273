package diagnose

import (
	"slices"
	"strings"
)

// empty reports whether the response had no body at all.
func empty(ev *evidence) bool { return ev.response != nil && len(ev.body) == 0 && ev.message == "" }

func granting(grants ...string) func(*evidence) bool {
	return func(ev *evidence) bool { return slices.Contains(grants, ev.auth.grant) }
}

// admin reports whether the user is the registry's admin user, whose name is
// the registry's (ACR protocol §2.9).
func admin(ev *evidence) bool {
	name, _ := registryName(ev.host)
	return ev.auth.user != "" && strings.EqualFold(ev.auth.user, name)
}

// refusedPassword is a 401 of the token endpoint that gives no closer reason.
var refusedPassword = all(phased(phaseToken, 401), either(empty, func(ev *evidence) bool {
	return strings.HasPrefix(ev.message, messageRequired)
}))

// refreshing is a token request with a refresh token, or one of which nothing
// is known but the empty response that such a token gets.
var refreshing = either(granting("refresh_token"), func(ev *evidence) bool { return ev.auth.user == nullUser }, all(granting(""), empty))

// unknownUser is a user name that is none of a token's, and no GUID. A disabled
// admin user is one of them.
var unknownUser = saying(phased(phaseToken, 401), "client id must be guid")

func registry403(ev *evidence) bool { return ev.status == 403 && ev.phase != phaseStorage }

func firewall(ev *evidence) bool {
	return registry403(ev) && ev.code == "DENIED" && strings.Contains(ev.message, "is not allowed access")
}

func firewallPrivate(ev *evidence) bool {
	ip, ok := ev.clientIP()
	return ok && isPrivate(ip)
}

// messageRequired begins the text of every 401 that gives no closer reason.
const messageRequired = "authentication required"
