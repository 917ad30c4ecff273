package diagnose

// namesItself matches an error that names this row.
func namesItself(code Code) func(*evidence) bool {
	return func(ev *evidence) bool {
		e, ok := find[diagnosable](ev)
		return ok && onThisMachine(ev) && e.DiagnosisCode() == string(code)
	}
}

// onThisMachine reports whether neither a server, nor the network, nor a
// credential has to do with a failure.
func onThisMachine(ev *evidence) bool {
	return ev.status == 0 && ev.transport.kind == "" && ev.entra.kind == "" && ev.library.kind == "" && !ofCredential(ev)
}

// file matches a failure of the file system, by the operating system's error.
func file(causes ...error) func(*evidence) bool {
	return func(ev *evidence) bool {
		if _, is := find[diagnosable](ev); is || !onThisMachine(ev) {
			return false
		}
		for _, cause := range causes {
			if ev.is(cause) {
				return true
			}
		}
		return false
	}
}
