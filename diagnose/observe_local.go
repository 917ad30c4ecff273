package diagnose

// observeNamed shows the words of an error that names its row, and observeFile those of
// the file system.
var (
	observeNamed observer = func(ev *evidence, report reporter) {
		if e, ok := find[diagnosable](ev); ok {
			report(FromClient, "%s", e.Error())
		}
	}
	observeFile observer = func(ev *evidence, report reporter) {
		report(FromMachine, "%s", ev.err.Error())
	}
)
