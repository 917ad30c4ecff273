package emulator

import (
	"github.com/acrkit/azcontainerregistry/emulator/internal/fault"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// Fault is something that goes wrong on purpose: which requests it applies
// to, and what happens to them. A rule that names a Preset takes from it what
// it does not say itself. Of several rules that match a request, the first one
// counts.
type Fault = fault.Rule

// The parts of a [Fault].
type (
	// FaultResponse is a response in the place of the registry's.
	FaultResponse = fault.Response
	// FaultBreak breaks the connection.
	FaultBreak = fault.Break
	// FaultCorrupt changes a byte of a body.
	FaultCorrupt = fault.Corrupt
	// FaultReplica sends every other request to a replica that is behind.
	FaultReplica = fault.Replica
)

// FaultState is a rule in force, with its counters.
type FaultState = fault.State

// FaultPreset is a ready-made fault.
type FaultPreset = fault.Preset

type (
	// FaultBody is one of the two bodies of a request, which [FaultBreak] and
	// [FaultCorrupt] act on.
	FaultBody = fault.Body
	// FaultBreakKind is a way in which a connection breaks.
	FaultBreakKind = fault.BreakKind
)

// The bodies, and the ways in which a connection breaks.
const (
	OnRequest  = fault.OnRequest
	OnResponse = fault.OnResponse

	BreakCut   = fault.BreakCut
	BreakReset = fault.BreakReset
	BreakStall = fault.BreakStall
)

// SetFaults puts faults in force, in the place of those before. An error
// names the rule and the field, and leaves everything as it was.
func (e *Emulator) SetFaults(rules ...Fault) error { return e.faults.Set(rules...) }

// AddFaults puts more faults in force, after those there are.
func (e *Emulator) AddFaults(rules ...Fault) error { return e.faults.Add(rules...) }

// ClearFaults ends all faults.
func (e *Emulator) ClearFaults() {
	// No rules are always good ones.
	_ = e.faults.Set()
}

// Faults returns the rules in force with their counters.
func (e *Emulator) Faults() []FaultState { return e.faults.States() }

// FaultPresets lists the ready-made faults: every error of the official
// troubleshooting guide, every row of the error catalogue (ACR protocol §6),
// and the ways in which a connection or a proxy fails. The order is stable,
// and the list is the caller's own.
func FaultPresets() []FaultPreset { return fault.Presets(wire.Routes()) }

// ParseFaults reads the JSON form of fault rules: an object with one member,
// "faults", a list of them. Unknown members are errors. The rules are
// checked, their presets filled in.
func ParseFaults(data []byte) ([]Fault, error) { return fault.Parse(wire.Routes(), data) }
