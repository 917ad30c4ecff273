//go:build !linux

package interop

// Container engines run on Linux.
func engineReaders() []reader { return nil }

func engineMakers() []maker { return nil }
