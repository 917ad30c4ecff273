package inspector

import (
	"context"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/trace"
)

// Source is what the pages show and change. Lists are pages: at most limit
// entries behind a cursor, and the cursor of the next, "" at the end.
type Source interface {
	Registries() []Registry
	Repositories(registry, after string, limit int) (all []Repository, next string, err error)
	Repository(registry, name string) (Repository, error)
	Tags(registry, repository, after string, limit int) (all []Tag, next string, err error)
	Manifests(registry, repository, after string, limit int) (all []Manifest, next string, err error)
	Manifest(registry, repository, digest string) (ManifestDetail, error)
	Blob(registry, digest string) (BlobDetail, error)

	// Requests are the records below a number, the latest first; 0 means all.
	Requests(before int64, limit int) []trace.Request
	// Exchange is one request with its headers and body, false when it is no
	// longer kept.
	Exchange(number int64) (trace.Request, trace.Exchange, bool)
	// Watch calls f with each request that ends, until ctx does.
	Watch(ctx context.Context, f func(trace.Request))
	// Diagnose says in words why a request failed; nil where nothing is known.
	Diagnose(trace.Request, trace.Exchange) []string

	Settings() Settings
	// Change does what a form of the settings asks for.
	Change(what string, value func(name string) string) error
}

// Registry is a registry of the emulator.
type Registry struct{ Name, LoginServer string }

// Repository is a repository and how much it holds.
type Repository struct {
	Name             string
	Manifests, Tags  int
	Created, Updated time.Time
	Locked           bool
}

// Tag is a tag.
type Tag struct {
	Name, Digest     string
	Created, Updated time.Time
	Locked           bool
}

// Manifest is a manifest as a list shows it.
type Manifest struct {
	Digest, MediaType, Platform, Subject string
	Size, ImageSize                      int64
	Tags                                 []string
	Updated                              time.Time
	Locked                               bool
}

// ManifestDetail is a manifest with what it names and what names it.
type ManifestDetail struct {
	Manifest
	Content   string // indented JSON
	Children  []Manifest
	Referrers []Manifest
	Blobs     []Blob
}

// Blob is a blob that a manifest names.
type Blob struct {
	Digest, MediaType string
	Size              int64
	Missing           bool
	SharedBy          int // manifests of the repository that name it
}

// BlobDetail is a blob and who has it.
type BlobDetail struct {
	Digest       string
	Size         int64
	Repositories []string
}

// Settings are what can be switched.
type Settings struct {
	Now        time.Time
	Faults     string // as JSON
	Presets    []Preset
	Quirks     []Quirk
	Registries []RegistrySettings
	Snapshots  []string
}

// Preset is a ready-made fault.
type Preset struct{ Name, Summary string }

// Quirk is a behaviour that can be turned.
type Quirk struct {
	Name, Value, Effect, Evidence string
	Values                        []string
}

// RegistrySettings are the policies of a registry, identities included, as JSON
// without secrets.
type RegistrySettings struct {
	Name, Policies string
	Webhooks       string // as JSON, without secrets
	Deliveries     []Delivery
}

// Delivery is an event that went to a webhook.
type Delivery struct {
	Time                               time.Time
	Webhook, Action, What, State, Said string
	Attempts                           int
}
