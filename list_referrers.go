package azcontainerregistry

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// Referrers yields the descriptors of the manifests whose subject is digest:
// signatures, SBOMs and the like (OCI distribution specification 1.1, "Listing
// Referrers"). A registry without that call is asked for the tag
// sha256-<hex> instead. A subject that is unknown has no referrers. An error
// comes once, last, with a nil descriptor. See [Client.Repositories].
func (c *Client) Referrers(ctx context.Context, name, digest string, options *ClientListReferrersOptions) iter.Seq2[*Descriptor, error] {
	var o ClientListReferrersOptions
	if options != nil {
		o = *options
	}
	l := &listing{registry: c.registry(), path: "/v2/" + name + "/referrers/" + digest, sticky: url.Values{}, scope: pullScope(name)}
	if o.ArtifactType != "" {
		l.sticky.Set("artifactType", o.ArtifactType)
	}
	invalid := checkAll(checkRepository("name", name), checkDigest("digest", digest))
	fromAPI := iterate(ctx, l, invalid, "Client.Referrers", "list referrers of", name, digest,
		func(body []byte) ([]*Descriptor, string, error) { return decodeReferrers(body, o.ArtifactType) })
	return func(yield func(*Descriptor, error) bool) {
		for d, err := range fromAPI {
			var incomplete *IncompleteListingError
			if err != nil && isStatus(err, http.StatusNotFound) && !errors.As(err, &incomplete) {
				c.taggedReferrers(ctx, name, digest, o.ArtifactType, yield)
				return
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

// taggedReferrers yields the referrers that the tag of a subject lists, which
// is how a registry without the call keeps them.
func (c *Client) taggedReferrers(ctx context.Context, name, digest, artifactType string, yield func(*Descriptor, error) bool) {
	resp, err := c.GetManifest(strict.Context(ctx), name, strings.Replace(digest, ":", "-", 1), nil)
	if isStatus(err, http.StatusNotFound) {
		return
	}
	var list []*Descriptor
	if err == nil {
		var body []byte
		body, err = io.ReadAll(io.LimitReader(resp.ManifestData, maxManifest+1))
		resp.ManifestData.Close()
		if err == nil {
			list, _, err = decodeReferrers(body, artifactType)
		}
		err = c.registry().operationError("list referrers of", name, digest, err)
	}
	if err != nil {
		yield(nil, err)
		return
	}
	for _, d := range list {
		if !yield(d, nil) {
			return
		}
	}
}

func (d *Descriptor) name() *string {
	if d == nil {
		return nil
	}
	return optional(d.Digest)
}

// decodeReferrers reads an image index. A registry may ignore the filter, so
// it is applied once more.
func decodeReferrers(body []byte, artifactType string) ([]*Descriptor, string, error) {
	var index struct {
		Manifests []*Descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(body, &index); err != nil {
		return nil, "", err
	}
	if err := checkPage(body, "manifests", index.Manifests, (*Descriptor).name); err != nil {
		return nil, "", err
	}
	list := make([]*Descriptor, 0, len(index.Manifests))
	last := ""
	for _, d := range index.Manifests {
		if d == nil || checkDigest("digest", d.Digest) != nil {
			return nil, "", errors.New("a descriptor without a digest")
		}
		last = d.Digest
		if artifactType == "" || d.ArtifactType == artifactType {
			list = append(list, d)
		}
	}
	return list, last, nil
}
