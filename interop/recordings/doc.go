// Package recordings replays recorded sessions of Azure Container Registry.
//
// Microsoft handed in reports to OCI's conformance programme, which hold every
// exchange of the suite with the real service; they are in the public
// repository opencontainers/oci-conformance. The command write reads them and
// writes table.jsonl: the requests with stand-ins for names and content, and of
// the responses the status, the header names and constants, the challenge and
// the shape of the body. Whoever has the reports makes the table again by
//
//	go run ./recordings/write -out recordings/table.jsonl DIR/report.html …
//
// The test in interop sends the sessions again to the emulator and compares.
package recordings
