// Package interop lets strangers judge the project: clients that others wrote
// against the emulator, registries that others wrote against the client, and
// programs written for the official library against ours. It holds tests
// only, and the programs they build; the OCI conformance suite is a module of
// its own, in conformance.
package interop
