package artifact

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Referrers lists the manifests whose subject is desc. A registry without that
// call is asked for the tag that lists them.
func (r *Repository) Referrers(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	list, _, err := r.referrers(ctx, desc.Digest)
	return list, err
}

// referrers also reports whether the registry has the call: ACR hasn't when
// the customer manages its keys (ACR protocol §4.6).
func (r *Repository) referrers(ctx context.Context, subject digest.Digest) (list []ocispec.Descriptor, native bool, err error) {
	var raw *http.Response
	for found, err := range r.client.Referrers(policy.WithCaptureResponse(ctx, &raw), r.name, subject.String(), nil) {
		if err != nil {
			return nil, false, err
		}
		d := ocispec.Descriptor{
			MediaType: found.MediaType, Digest: digest.Digest(found.Digest), Size: found.Size,
			ArtifactType: found.ArtifactType, Annotations: found.Annotations,
		}
		if err := checkDescriptor(d); err != nil {
			return nil, false, &InvalidError{Store: r.Name(), Thing: "referrers of " + subject.String(), Rule: "a descriptor in the list is wrong", Err: err}
		}
		list = append(list, d)
	}
	// The last response came from the call itself, or from the tag's manifest.
	native = raw != nil && raw.Request != nil && strings.Contains(raw.Request.URL.Path, "/referrers/")
	return list, native, nil
}

// listReferrer sees to it that a manifest with a subject can be found from it,
// at a registry that didn't say that it does so itself: an index under a tag
// made of the subject's digest then lists it (OCI distribution-spec, "Pushing
// Manifests with Subject").
func (r *Repository) listReferrer(ctx context.Context, desc ocispec.Descriptor, data []byte) error {
	_, m, err := readManifest(desc, data)
	if err != nil || m.Subject == nil {
		return nil // what can't be read has been taken by the registry as it is
	}
	unlock, err := r.listing.lock(ctx, m.Subject.Digest.String())
	if err != nil {
		return err
	}
	defer unlock()
	list, native, err := r.referrers(ctx, m.Subject.Digest)
	if err != nil || native || slices.ContainsFunc(list, sameDigest(desc)) {
		return err
	}
	entry := bare(desc)
	entry.Platform, entry.ArtifactType, entry.Annotations = nil, artifactTypeOf(m), m.Annotations
	index := &ocispec.Index{Manifests: append(list, entry)}
	index.SchemaVersion, index.MediaType = 2, ocispec.MediaTypeImageIndex
	written, err := json.Marshal(index)
	if err != nil {
		return err
	}
	described, _ := NewContentBytes(ocispec.MediaTypeImageIndex, written)
	return r.PushManifest(ctx, described, written, fallbackTag(m.Subject.Digest))
}
