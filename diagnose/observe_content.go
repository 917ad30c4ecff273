package diagnose

import "strings"

// observeAccept shows which types the request took.
var observeAccept observer = func(ev *evidence, report reporter) {
	if ev.request == nil {
		return
	}
	if accept := ev.request.Header.Values("Accept"); len(accept) > 0 {
		report(FromRequest, "the request accepts %s", strings.Join(accept, ", "))
	} else {
		report(FromRequest, "the request named no types that it accepts")
	}
}
