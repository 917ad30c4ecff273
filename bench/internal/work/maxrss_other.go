//go:build !darwin

package work

// maxrssUnit is the unit of ru_maxrss: KiB here.
const maxrssUnit = 1 << 10
