package diagnose

// observeSentAuthorization says that the request carried credentials, without
// showing them.
var observeSentAuthorization observer = func(ev *evidence, report reporter) {
	if ev.auth.scheme != "" {
		report(FromRequest, "the request carried an Authorization header of the scheme %s", ev.auth.scheme)
	}
}

// observeLinkEnd shows until when a signed link is good. Its other parameters are
// secret.
var observeLinkEnd observer = func(ev *evidence, report reporter) {
	if ev.request == nil || ev.request.URL == nil {
		return
	}
	if end := ev.request.URL.Query().Get("se"); end != "" {
		report(FromRequest, "the link was valid until %s", end)
	}
	if now, ok := ev.serverTime(); ok {
		report(FromRegistry, "the storage host's clock said %s", now.UTC().Format("2006-01-02T15:04:05Z"))
	}
}
