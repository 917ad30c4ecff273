package emulator

import "net/http"

type Fault struct{}
type faults struct{}

func (e *Emulator) SetFaults(f ...Fault) error                { return nil }
func (e *Emulator) withFaults(next http.Handler) http.Handler { return next }
