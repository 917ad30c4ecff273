package diagnose

import "net/url"

// observeContentType shows as what the request's body was sent.
var observeContentType observer = func(ev *evidence, report reporter) {
	if ev.request != nil {
		report(FromRequest, "the body was sent as %q, %d bytes", ev.request.Header.Get("Content-Type"), ev.request.ContentLength)
	}
}

var observeLength observer = func(ev *evidence, report reporter) {
	if ev.request != nil && ev.request.ContentLength > 0 {
		report(FromRequest, "the request's body had %d bytes", ev.request.ContentLength)
	}
}

// observeRange shows the ranges that request and response name.
var observeRange observer = func(ev *evidence, report reporter) {
	if ev.request != nil {
		for _, name := range []string{"Content-Range", "Range"} {
			if value := ev.request.Header.Get(name); value != "" {
				report(FromRequest, "the request's %s: %s", name, value)
			}
		}
	}
	if ev.response != nil {
		for _, name := range []string{"Range", "Content-Range"} {
			if value := ev.response.Header.Get(name); value != "" {
				report(ev.origin(), "the response's %s: %s", name, value)
			}
		}
	}
}

// observeQuery shows the parameters that rows are about, and no others: a query may
// carry secrets.
var observeQuery observer = func(ev *evidence, report reporter) {
	if ev.request == nil || ev.request.URL == nil {
		return
	}
	query, err := url.ParseQuery(ev.request.URL.RawQuery)
	if err != nil {
		return
	}
	for _, name := range []string{"n", "last", "from", "mount"} {
		if query.Has(name) {
			report(FromRequest, "the request's parameter %s=%s", name, query.Get(name))
		}
	}
}
