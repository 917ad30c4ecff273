package artifact

import (
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

// DefaultConnections is how many connections a copy uses at most: enough for
// every layer of a large image at once.
const DefaultConnections = 45

// sharedRanges is how many parallel ranges the blobs of one copy have between
// them. A range that runs ahead holds its bytes in memory, some 6 MB each: these
// stay below 80 MB.
const sharedRanges = 12

// ReferrersMode says whether a copy takes along what refers to the image.
type ReferrersMode int

const (
	// ReferrersAuto follows referrers from registry to registry, and out of
	// folders and archives, but doesn't ask a registry for them on behalf of a
	// folder or an archive.
	ReferrersAuto ReferrersMode = iota
	// ReferrersFollow copies signatures, SBOMs and every other manifest whose
	// subject is part of the graph, and theirs in turn, and what cosign keeps
	// under tags that are made of a digest.
	ReferrersFollow
	// ReferrersSkip leaves them.
	ReferrersSkip
)

// Options tunes a copy. The zero value, and nil, is right for most callers.
type Options struct {
	// Platforms picks images out of an index: a single platform gives its
	// image, several an index of those images with the attestations that belong
	// to them. None copies the whole index. A root that isn't an index is checked
	// against its config. See [ParsePlatform] for how platforms match.
	Platforms []ocispec.Platform
	// Referrers says whether signatures and the like are copied.
	Referrers ReferrersMode
	// ReferrerKinds says which of them: [ReferrersOCI], [ReferrersCosign], or
	// artifact types, in which * stands for any run of characters but "/". None
	// is all.
	ReferrerKinds []string
	// ForeignLayers copies layers that are to be fetched from elsewhere (base
	// layers of Windows, of old), where the source holds them. They are left out
	// otherwise, and [Result.LeftOut] names them.
	ForeignLayers bool
	// MountFrom names repositories of the target's registry that may hold blobs
	// of the image: they are taken from there without moving bytes.
	MountFrom []string
	// NoClobber refuses to move a tag that exists with another digest: the
	// copy ends with an [*ExistsError] before anything is written.
	NoClobber bool
	// Concurrency is how many blobs move at a time. 0 lets the copy find it:
	// it starts with 20, adds while that brings speed, and takes back when it
	// doesn't or when the registry throttles.
	Concurrency int
	// MaxRetries is the retry budget of one blob. 0 means 8; negative disables
	// retries. Progress restores the budget.
	MaxRetries int
	// NoProgressTimeout is how long a connection may move no byte before the
	// transfer is tried again; 0 is the transfer engine's own default.
	NoProgressTimeout time.Duration
	// Budget bounds connections and bytes a second, and may be shared with
	// other copies and transfers. Nil is a budget of this copy's own, of
	// [DefaultConnections] connections.
	Budget *azcontainerregistry.TransferBudget
	// Journal records the copy on disk until it is done, so that another
	// process can resume it. Nil records nothing.
	Journal *JournalEntry
	// OnEvent observes the copy. It is called by one goroutine at a time and
	// should return soon. Nil observes nothing.
	OnEvent func(Event)

	expect *Plan        // set by Plan.Apply
	nested bool         // set by Sync: the journal's entry is the sync's
	mounts *mountMemory // set by Sync
	tags   []string     // set by Sync: all tags of the source, in lexical order
}

// ExistsError says that the tag exists already and points to something else.
type ExistsError struct {
	Reference string
	Digest    string // what it points to
}

// Error names the tag.
func (e *ExistsError) Error() string {
	return "tag " + e.Reference + " already exists and points to " + e.Digest
}

// DiagnosisCode names the error in the catalogue of package diagnose.
func (e *ExistsError) DiagnosisCode() string { return "EXISTS" }

// tuning is the part of the options that a Target gets through its Content.
type tuning struct {
	maxRetries        int
	noProgressTimeout time.Duration
	budget            *azcontainerregistry.TransferBudget
	journal           *JournalEntry
	mounts            *mountMemory
	mountFrom         []string // repositories that may hold this blob
	ranges            int      // the most connections for this blob, 0 for the engine's own limit
}

func (o *Options) tuning() tuning {
	return tuning{
		maxRetries: o.MaxRetries, noProgressTimeout: o.NoProgressTimeout,
		budget: o.Budget, journal: o.Journal, mounts: o.mounts,
	}
}
