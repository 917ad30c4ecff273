package diagnose

import (
	"fmt"
	"net/http"
	"strings"
)

// reporter adds one observation: its origin, and a text made as by fmt.Sprintf.
type reporter func(origin Origin, format string, args ...any)

// observer takes observations from the evidence: facts only, in the words of who
// said them.
type observer func(ev *evidence, report reporter)

// add appends what the observer sees. Each value put into a text is cleaned of
// secrets and control characters, and a text is shown once.
func (s observer) add(seen []Observation, ev *evidence) []Observation {
	// The values shown come from foreign errors' own methods in some observers.
	defer func() { _ = recover() }()
	s(ev, func(origin Origin, format string, args ...any) {
		for i, arg := range args {
			switch arg := arg.(type) {
			case string:
				args[i] = clean(arg, maxSeen)
			case []byte:
				args[i] = clean(string(arg), maxSeen)
			}
		}
		text := format
		if len(args) > 0 {
			text = fmt.Sprintf(format, args...)
		}
		for _, o := range seen {
			if o.Text == text {
				return
			}
		}
		if text != "" {
			seen = append(seen, Observation{origin, text})
		}
	})
	return seen
}

// maxSeen is how much of one observation is shown, in bytes: a line or two.
const maxSeen = 400

// observeResponse shows what was asked and the response's status.
var observeResponse observer = func(ev *evidence, report reporter) {
	if ev.status == 0 {
		return
	}
	status := fmt.Sprintf("%d %s", ev.status, http.StatusText(ev.status))
	if ev.method == "" {
		report(FromRegistry, "returned %s", status)
		return
	}
	report(ev.origin(), "%s %s%s returned %s", ev.method, ev.host, ev.path, strings.TrimSpace(status))
}

// observeMessage shows the registry's own words.
var observeMessage observer = func(ev *evidence, report reporter) {
	for i, e := range ev.entries {
		// More entries than this are one per missing blob, of the same kind.
		if i == 3 {
			report(ev.origin(), "and %d more errors in the same response", len(ev.entries)-i)
			return
		}
		detail := string(e.Detail)
		if len(detail) == 0 || detail == "null" || detail == "{}" || detail[0] == '[' {
			detail = ""
		} else {
			detail = ", detail " + detail
		}
		report(ev.origin(), "%s responded: %s (%s)%s", ev.speaker(), e.Message, e.Code, detail)
	}
	if len(ev.entries) == 0 && ev.message != "" {
		report(ev.origin(), "%s responded: %s (%s)", ev.speaker(), ev.message, ev.code)
	}
}

// observeBody shows the beginning of a body that is not the registry's envelope.
var observeBody observer = func(ev *evidence, report reporter) {
	if len(ev.entries) > 0 || ev.response == nil || ev.message != "" {
		return
	}
	if len(ev.body) == 0 {
		report(ev.origin(), "the response had no body")
		return
	}
	if ev.page {
		report(ev.origin(), "the response was a web page%s", pageTitle(ev.body))
		return
	}
	report(ev.origin(), "the response's body: %s", ev.body[:min(len(ev.body), maxSeen)])
}

// observeEmpty says that a response had no body, where that is the way this failure
// is recognised.
var observeEmpty observer = func(ev *evidence, report reporter) {
	if ev.response != nil && len(ev.body) == 0 {
		report(ev.origin(), "the response had no body")
	}
}

// observeText shows the error's own text, when there was no HTTP response.
var observeText observer = func(ev *evidence, report reporter) {
	if ev.status == 0 {
		report(FromClient, "%s", ev.err.Error())
	}
}

// observeWait shows the wait that was asked for.
var observeWait observer = func(ev *evidence, report reporter) {
	if wait, ok := ev.retryAfter(); ok {
		report(ev.origin(), "the response asks to wait %s (Retry-After)", wait)
	} else if ev.response != nil {
		report(ev.origin(), "the response has no Retry-After")
	}
}

// observeEnd closes every diagnosis with what concerns the operation as a whole.
var observeEnd observer = func(ev *evidence, report reporter) {
	if ev.library.attempts > 0 {
		report(FromClient, "the library tried %d times", ev.library.attempts)
	}
	if ev.waited > 0 {
		report(FromClient, "the time limit of %s was exceeded", ev.waited)
	}
	if ev.library.listed > 0 {
		report(FromClient, "%d items had been listed before", ev.library.listed)
	}
}

// origin says who the HTTP response came from.
func (ev *evidence) origin() Origin {
	if ev.phase == phaseEntra {
		return FromEntra
	}
	return FromRegistry
}

func (ev *evidence) speaker() string {
	switch ev.phase {
	case phaseEntra:
		if ev.host != "" && !isEntraHost(hostnameOf(ev.host)) {
			return ev.host // what a credential of the caller's own asks
		}
		return "the identity service"
	case phaseStorage:
		return "the storage host"
	}
	return "the registry"
}

// saw makes an observation out of what a check found out.
func observed(origin Origin, format string, args ...any) Observation {
	seen := observer(func(_ *evidence, report reporter) { report(origin, format, args...) }).add(nil, nil)
	if len(seen) == 0 {
		return Observation{origin, format}
	}
	return seen[0]
}
