package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/internal/order"
)

// Finding is what [Repository.VerifyContent] says of one manifest or blob.
type Finding struct {
	Descriptor ocispec.Descriptor
	// State is "ok", "missing", "damaged" or "unread".
	State string
	Bytes int64 // that were read
	By    digest.Digest
	Err   error // why it isn't ok
}

// The states of a [Finding].
const (
	FindingOK      = "ok"
	FindingMissing = "missing" // it is named, and isn't there
	FindingDamaged = "damaged" // its bytes have another digest or size
	FindingUnread  = "unread"  // it may not be read
)

// VerifyOptions say how [Repository.VerifyContent] reads.
type VerifyOptions struct {
	// Skip leaves out blobs that were read before.
	Skip func(d digest.Digest) bool
	// OnFinding is called for everything that was read, one at a time.
	OnFinding func(f Finding)
}

// verifyReads is how many blobs are read at a time.
const verifyReads = 4

// VerifyContent reads every byte of manifests of the graph, of the children of
// indexes and of their blobs, each once, and compares it with its digest and
// its size. What is wrong with the content is a finding; the error is that of
// a registry that doesn't respond, or the end of ctx. Layers that are named by
// URLs are not the registry's, and left out.
func (r *Repository) VerifyContent(ctx context.Context, g *RepositoryGraph, roots []digest.Digest, o *VerifyOptions) error {
	if o == nil {
		o = &VerifyOptions{}
	}
	var mu sync.Mutex
	tell := func(f Finding) {
		mu.Lock()
		defer mu.Unlock()
		if o.OnFinding != nil {
			o.OnFinding(f)
		}
	}
	type part struct {
		desc ocispec.Descriptor
		by   digest.Digest
	}
	var manifests, blobs []part
	seen := map[digest.Digest]bool{}
	todo := make([]part, 0, len(roots))
	for _, d := range roots {
		todo = append(todo, part{desc: ocispec.Descriptor{Digest: d}})
	}
	for ; len(todo) > 0; todo = todo[1:] {
		at := todo[0]
		if seen[at.desc.Digest] {
			continue
		}
		seen[at.desc.Digest] = true
		node := g.Manifests[at.desc.Digest]
		if node == nil {
			tell(Finding{Descriptor: at.desc, State: FindingMissing, By: at.by, Err: fmt.Errorf("manifest %s: %w", at.desc.Digest, ErrNotFound)})
			continue
		}
		manifests = append(manifests, part{ocispec.Descriptor{MediaType: node.MediaType, Digest: node.Digest, Size: node.Size}, at.by})
		for _, child := range node.Children {
			todo = append(todo, part{child, node.Digest})
		}
		for _, b := range node.Blobs {
			if !seen[b.Digest] && len(b.URLs) == 0 && (o.Skip == nil || !o.Skip(b.Digest)) {
				seen[b.Digest] = true
				blobs = append(blobs, part{b, node.Digest})
			}
		}
	}
	err := parallel(ctx, GraphReads, len(manifests), func(ctx context.Context, i int) error {
		p := manifests[i]
		desc, _, err := r.ResolveManifest(ctx, p.desc.Digest.String())
		if err == nil && desc.Size != p.desc.Size && p.desc.Size > 0 {
			err = &InvalidError{Code: codeSizeMismatch, Store: r.Name(), Thing: "manifest " + p.desc.Digest.String(), Rule: fmt.Sprintf("it has %d bytes, not %d", desc.Size, p.desc.Size)}
		}
		return finding(tell, p.desc, p.by, desc.Size, err)
	})
	if err != nil {
		return err
	}
	// The largest first, so that the last ones are short.
	order.By(blobs, func(a, b part) int {
		switch {
		case a.desc.Size > b.desc.Size:
			return -1
		case a.desc.Size < b.desc.Size:
			return 1
		}
		return 0
	})
	return parallel(ctx, verifyReads, len(blobs), func(ctx context.Context, i int) error {
		n, err := r.readWhole(ctx, blobs[i].desc)
		return finding(tell, blobs[i].desc, blobs[i].by, n, err)
	})
}

// readWhole reads a blob and compares it with its descriptor.
func (r *Repository) readWhole(ctx context.Context, desc ocispec.Descriptor) (int64, error) {
	if err := desc.Digest.Validate(); err != nil {
		return 0, &InvalidError{Store: r.Name(), Thing: "digest " + string(desc.Digest), Rule: "it is not well formed", Err: err}
	}
	open := desc
	open.Size = max(open.Size, 0)
	reader, err := r.Fetch(ctx, open)
	if err != nil {
		return 0, err
	}
	hash := desc.Digest.Verifier()
	n, err := io.Copy(hash, contextReader{ctx, reader})
	if closing := reader.Close(); err == nil {
		err = closing
	}
	switch {
	case err != nil:
		return n, err
	case !hash.Verified():
		return n, &InvalidError{Code: codeDigestMismatch, Store: r.Name(), Thing: "blob " + desc.Digest.String(), Rule: "its bytes have another digest"}
	case desc.Size > 0 && n != desc.Size:
		return n, &InvalidError{Code: codeSizeMismatch, Store: r.Name(), Thing: "blob " + desc.Digest.String(), Rule: fmt.Sprintf("it has %d bytes, not %d", n, desc.Size)}
	}
	return n, nil
}

// finding tells what reading something came to; only what isn't about the
// content is an error.
func finding(tell func(Finding), desc ocispec.Descriptor, by digest.Digest, n int64, err error) error {
	f := Finding{Descriptor: desc, State: FindingOK, Bytes: n, By: by, Err: err}
	switch {
	case err == nil:
	case isRegistryNotFound(err), errors.Is(err, ErrNotFound):
		f.State = FindingMissing
	case errors.Is(err, ErrInvalid), isMismatch(err), errors.As(err, new(*azcontainerregistry.SizeMismatchError)), errors.As(err, new(*azcontainerregistry.RangeError)):
		f.State = FindingDamaged
	case isForbidden(err):
		f.State = FindingUnread
	default:
		return fmt.Errorf("read %s: %w", desc.Digest, err)
	}
	tell(f)
	return nil
}
