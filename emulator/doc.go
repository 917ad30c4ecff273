// Package emulator is an Azure Container Registry (ACR) in a process: the
// token service, the ACR API under /acr/v1, the OCI API under /v2 and the
// storage host that blobs are redirected to, over data kept in a folder.
//
// It behaves like ACR rather than like a generic registry: statuses, header
// names and values, the bytes of bodies and the order of checks follow
// recordings of the real service. Where no recording exists, or where ACR
// departs from the OCI distribution specification, a named quirk decides; see
// [Quirks].
//
// An [Emulator] is an [http.Handler]. In tests, package emulatortest starts
// one over memory; `acrkit emulator` serves one on a loopback port.
package emulator
