// Package interop lets strangers judge the project: clients that others wrote
// against the emulator, registries that others wrote against the client, and
// programs written for the official library against ours. It holds tests
// only, and the programs they build. Modules of their own are the OCI
// conformance suite, in conformance, cosign's library, in cosign, and the
// strangers' commands at the versions that their projects released, in clients.
package interop
