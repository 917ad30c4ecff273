package emulator

import "github.com/acrkit/azcontainerregistry/emulator/internal/quirk"

// Quirk is a behaviour that can be turned: a fact about ACR that no recording
// settles, or a departure of ACR from the OCI distribution specification.
type Quirk = quirk.Quirk

// Quirks lists the quirks with their values, defaults and evidence, in a
// stable order.
func Quirks() []Quirk { return quirk.All() }
