package diagnose

import "strings"

func tooLarge(ev *evidence) bool { return ev.status == 413 && ev.phase != phaseStorage }

func parsingFailed(ev *evidence) bool {
	return len(ev.entries) > 0 && strings.Contains(string(ev.entries[0].Detail), "parsing failed")
}
