package emulator

import (
	"github.com/acrkit/azcontainerregistry/emulator/internal/trace"
)

// Request is the record of one request that the emulator served, for
// assertions and for the request log. It holds no secrets.
type Request = trace.Request

// Requests returns the latest requests that were served, up to 10,000 or
// 16 MiB of them, in the order of their numbers.
func (e *Emulator) Requests() []Request { return e.recorder.Requests() }

// RequestCounts returns how many requests were served since the start or
// the last ResetRequests, by route.
func (e *Emulator) RequestCounts() map[Route]int64 { return e.recorder.RequestCounts() }

// ResetRequests forgets the recorded requests and their counts.
func (e *Emulator) ResetRequests() { e.recorder.Reset() }
