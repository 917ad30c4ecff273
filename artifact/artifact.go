// Package artifact moves whole images and any other graph of OCI content:
// push, pull, copy, retag and sync, between registries, OCI layout folders and
// tar archives.
//
// A [Source] gives content by descriptor, a [Target] stores it. [Copy]
// walks the graph under a reference and moves what the target lacks: children
// before parents, everything by digest, the tag last, so that an interrupted
// copy never leaves a tag that points at something incomplete. What a store
// can do beyond the two interfaces (mounting, listing referrers, listing tags)
// is an optional interface of its own.
package artifact

import (
	"context"
	"hash"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Source gives content. Implementations may be called concurrently.
type Source interface {
	// Resolve turns a tag or a digest into the descriptor of a manifest.
	// An empty reference means the only root the source has. A reference that
	// doesn't exist is a [*NotFoundError], or for a registry an error with the
	// registry's own code.
	Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error)
	// Fetch opens the content of a descriptor, from its first byte. The caller
	// closes it. What it yields has not been verified yet. When the reader is
	// an [io.Seeker], a broken transfer resumes where it stopped.
	Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error)
}

// Target stores content. Implementations may be called concurrently.
type Target interface {
	// Exists reports whether the content of desc is stored already. For a
	// manifest it says nothing about the manifest's own children.
	Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error)
	// Push stores the content and verifies its digest and size: when it
	// returns nil, exactly the described bytes are stored. A failed Push leaves
	// nothing behind that Exists would report.
	Push(ctx context.Context, desc ocispec.Descriptor, content *Content) error
	// Tag makes reference point to a manifest that was pushed before. An empty
	// reference records the manifest as a root without a name, where the store
	// needs that to find it again.
	Tag(ctx context.Context, desc ocispec.Descriptor, reference string) error
}

// ManifestResolver is a Source that resolves a reference and reads the
// manifest in one step.
type ManifestResolver interface {
	// ResolveManifest is Resolve and Fetch; data is verified against desc.
	ResolveManifest(ctx context.Context, reference string) (desc ocispec.Descriptor, data []byte, err error)
}

// ManifestPusher is a Target that stores a manifest and tags it in one step.
type ManifestPusher interface {
	// PushManifest stores data under its digest and, when reference isn't
	// empty, points reference to it.
	PushManifest(ctx context.Context, desc ocispec.Descriptor, data []byte, reference string) error
}

// Checker is a Source that can tell cheaply, without reading it, whether the
// content of a descriptor is there in the size that the descriptor says. Copy
// asks for every blob before it writes anything.
type Checker interface {
	Check(ctx context.Context, desc ocispec.Descriptor) error
}

// Downloader is a Source that has a faster way than Fetch to write one blob in
// order, and verifies it.
type Downloader interface {
	// Download writes to w what comes after the first offset bytes, which
	// hashed has seen, and verifies the digest of the whole.
	Download(ctx context.Context, desc ocispec.Descriptor, w io.Writer, offset int64, hashed hash.Hash, content *Content) error
}

// Mounter is a Target whose Push takes blobs from some sources without moving
// their bytes (a cross-repository mount within one registry).
type Mounter interface {
	// MountsFrom reports whether blobs of src can be mounted, and the name
	// that src has in events.
	MountsFrom(src Source) (from string, ok bool)
}

// ReferrerLister is a Source that knows which manifests refer to another
// (signatures, SBOMs, attestations).
type ReferrerLister interface {
	// Referrers lists the manifests whose subject is the given digest.
	Referrers(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error)
}

// TagLister is a Source that can list its tags, in lexical order.
type TagLister interface {
	Tags(ctx context.Context) ([]string, error)
}

// Admitter is a Target that can refuse a graph before anything of it is moved,
// because its format cannot hold it.
type Admitter interface {
	Admit(root ocispec.Descriptor, reference string) error
}

// Namer is a store that has a name for messages, plans and the journal, such
// as "myreg.azurecr.io/app" or "oci:out".
type Namer interface {
	Name() string
}

// nameOf gives the name of a store in messages.
func nameOf(store any) string {
	if n, ok := store.(Namer); ok {
		return n.Name()
	}
	return "custom store"
}
