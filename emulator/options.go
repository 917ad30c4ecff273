package emulator

import (
	"log/slog"
	"time"
)

// Options configures an [Emulator]. The zero value is one registry named
// "acrkit" in a temporary folder, where any well-formed Entra token is an
// owner.
type Options struct {
	// Dir is the folder that holds the data. It is created when missing, and
	// one process at a time may use it. Empty means a temporary folder that
	// Close removes.
	Dir string

	// NoSync leaves out the flushes to the disk: what was acknowledged
	// survives the end of the process but not the loss of power. A temporary
	// folder is never flushed.
	NoSync bool

	// Registries are the registries served, told apart by the request's host.
	// Empty means one, with the zero RegistryOptions.
	Registries []RegistryOptions

	// WebhooksBeyondLoopback allows webhooks on hosts that are not on loopback.
	WebhooksBeyondLoopback bool

	// Quirks turns named behaviours away from their defaults, for every
	// registry; [Quirks] lists the names and their values. An unknown name or
	// value is an error of New.
	Quirks map[string]string

	// IdentityProvider turns the emulator's own stand-in for Entra on, and
	// with its Strict field makes it the only one whose tokens count. Nil
	// means off.
	IdentityProvider *IdentityProvider

	// Faults are what goes wrong from the start, see [Emulator.SetFaults].
	Faults []Fault

	// Now is the clock for tokens, timestamps, signed URLs and retention.
	// Nil means time.Now. [Emulator.Clock] moves it.
	Now func() time.Time

	// Logger receives what the emulator has to say outside of responses, such
	// as what a start swept away. Nil discards it.
	Logger *slog.Logger

	// GCInterval is the time between two collections of unreferenced blobs
	// and expired soft-deleted manifests; 0 means none but those asked for
	// with [Emulator.CollectGarbage].
	GCInterval time.Duration
}

// RegistryOptions configures one registry of an [Emulator].
type RegistryOptions struct {
	// Name is the registry's name, 5 to 50 letters and digits. Empty means
	// "acrkit".
	Name string

	// LoginServer is the host that clients use. Empty means
	// "<name>.azurecr.io".
	LoginServer string

	// DataHost is the host of the signed URLs that a blob GET redirects to,
	// with a port when it needs one. Empty means a host of Azure Storage's
	// form, or for a login server on loopback the other loopback name with
	// the same port.
	DataHost string

	// SoftDelete keeps deleted manifests for this long, to be listed and
	// restored (ACR protocol §3.10). 0 means deleting is final.
	SoftDelete time.Duration

	// UntaggedRetention makes [Emulator.CollectGarbage] delete manifests that
	// have had no tag for this long, as the retention policy of Premium
	// registries does (ACR protocol §7.2). 0 keeps them. It excludes
	// SoftDelete.
	UntaggedRetention time.Duration

	// Quarantine hides pushed images until their manifest's quarantineState
	// is "Passed" (ACR protocol §7.4).
	Quarantine bool

	// Webhooks are told of what happens in the registry. Empty means none.
	Webhooks []Webhook

	// Policies say who may do what.
	Policies Policies
}
