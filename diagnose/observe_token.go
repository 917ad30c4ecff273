package diagnose

import "time"

// observeScopes shows what was asked for and what the token grants.
var observeScopes observer = func(ev *evidence, report reporter) {
	if asked := ev.asked; len(asked) > 0 {
		report(FromRegistry, "the registry asked for %s", scopeText(asked))
	}
	if !ev.auth.claims.ok {
		return
	}
	report(FromToken, "the token sent grants %s", scopeText(ev.granted))
	if missing := ev.missing; len(missing) > 0 {
		report(FromToken, "not granted: %s", scopeText(missing))
	}
}

// observeIdentity shows whom the token was issued to.
var observeIdentity observer = func(ev *evidence, report reporter) {
	c := ev.auth.claims
	switch {
	case c.UPN != "":
		report(FromToken, "the token belongs to %s", c.UPN)
	case c.AppID != "" && c.ObjectID != "":
		report(FromToken, "the token belongs to the application %s, object id %s", c.AppID, c.ObjectID)
	case c.AppID != "":
		report(FromToken, "the token belongs to the application %s", c.AppID)
	case c.Subject != "":
		report(FromToken, "the token belongs to %s", c.Subject)
	}
	if c.Tenant != "" {
		report(FromToken, "the token comes from the tenant %s", c.Tenant)
	}
	if ev.auth.scheme == "basic" {
		report(FromRequest, "the request named the user %q", ev.auth.user)
	}
}

// observeExpiry shows when the token ended, by the registry's clock.
var observeExpiry observer = func(ev *evidence, report reporter) {
	end := ev.auth.claims.expiry()
	if end.IsZero() {
		return
	}
	now, ok := ev.serverTime()
	switch {
	case ok && now.After(end):
		report(FromToken, "the token expired at %s, %s before the registry responded", end.Format(time.RFC3339), now.Sub(end))
	default:
		report(FromToken, "the token expires at %s", end.Format(time.RFC3339))
	}
}

// observeAudience shows for whom the token was issued and by whom.
var observeAudience observer = func(ev *evidence, report reporter) {
	if c := ev.auth.claims; c.ok {
		report(FromToken, "the token was issued by %q for %q", c.Issuer, c.audience())
	}
}

// observeNoCredentials says that the request carried none.
var observeNoCredentials observer = func(ev *evidence, report reporter) {
	if ev.request != nil && ev.auth.scheme == "" {
		report(FromRequest, "the request carried no credentials")
	}
}
