// Package order sorts slices of structs. [slices.SortStableFunc] compiles its
// whole code for each type of element, some 15 KB of the command for each; here
// it is there once.
package order

import "sort"

// By sorts a slice in place, stably: compare is less than zero where a comes
// before b, zero where their order stays, more than zero elsewhere.
func By[S ~[]E, E any](s S, compare func(a, b E) int) {
	sort.SliceStable(s, func(i, j int) bool { return compare(s[i], s[j]) < 0 })
}
