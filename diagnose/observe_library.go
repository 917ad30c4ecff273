package diagnose

import (
	"strconv"
	"strings"
)

// observeOwn shows what the library's own error holds.
var observeOwn observer = func(ev *evidence, report reporter) {
	l := &ev.library
	switch l.kind {
	case libraryArgument:
		rule := strings.TrimPrefix(l.argument.Rule, "must ")
		if rule == l.argument.Rule {
			rule = "be " + rule
		}
		report(FromClient, "%s was %s; it must %s", l.argument.Argument, strconv.Quote(l.argument.Value), rule)
	case libraryDigest:
		report(FromClient, "%d bytes were read, with the digest %s", l.digest.Size, l.digest.Actual)
		report(FromClient, "the digest asked for is %s", l.digest.Expected)
	case libraryOrigin:
		report(FromClient, "a %s pointed to %s; only %s is right", l.origin.Kind, l.origin.Got, l.origin.Want)
	default:
		report(FromClient, "%s", l.own.Error())
	}
}
