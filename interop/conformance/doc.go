// Package conformance runs the OCI distribution conformance suite against the
// emulator. It is a module of its own, so that the suite's dependencies stay
// out of the shipping module; run it with
//
//	go test ./...
//
// The suite is the module github.com/opencontainers/distribution-spec's
// command conformance, pinned as a tool in go.mod and configured by its
// environment variables. Its reports are kept when CONFORMANCE_RESULTS names
// a folder.
package conformance
