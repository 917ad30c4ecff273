package purge

import (
	"cmp"
	"strings"
)

// version is a tag that can be ordered: numbers with dots, and what comes
// behind a hyphen before a release.
type version struct {
	numbers []string
	before  []string // of a pre-release; nil is a release
}

// parseVersion reads 1, v1.2, 1.2.3, 1.2.3-rc.1 and 1.2.3+build.
func parseVersion(tag string) (version, bool) {
	text := strings.TrimPrefix(strings.TrimPrefix(tag, "v"), "V")
	text, _, _ = strings.Cut(text, "+")
	main, before, isBefore := strings.Cut(text, "-")
	v := version{numbers: strings.Split(main, ".")}
	for _, n := range v.numbers {
		if !isNumber(n) {
			return version{}, false
		}
	}
	if isBefore {
		v.before = strings.Split(before, ".")
	}
	return v, true
}

func isNumber(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// compareVersions orders versions as semver does, with as many numbers as there
// are.
func compareVersions(a, b version) int {
	for i := range max(len(a.numbers), len(b.numbers)) {
		if c := compareNumbers(at(a.numbers, i), at(b.numbers, i)); c != 0 {
			return c
		}
	}
	switch {
	case a.before == nil && b.before == nil:
		return 0
	case a.before == nil:
		return 1
	case b.before == nil:
		return -1
	}
	for i := range min(len(a.before), len(b.before)) {
		x, y := a.before[i], b.before[i]
		var c int
		switch numberX, numberY := isNumber(x), isNumber(y); {
		case numberX && numberY:
			c = compareNumbers(x, y)
		case numberX:
			c = -1
		case numberY:
			c = 1
		default:
			c = strings.Compare(x, y)
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a.before), len(b.before))
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "0"
}

// compareNumbers compares numbers of any length.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}
