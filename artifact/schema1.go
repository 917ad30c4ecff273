package artifact

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Docker's first form of a manifest, which ACR still takes (ACR protocol §4.3):
// it names its layers by digest alone, its repository and its tag, and in its
// signed form its digest is that of what is signed.

func isSchema1(mediaType string) bool {
	return mediaType == mediaTypeDockerSchema1 || mediaType == mediaTypeDockerSchema1JWS
}

// parseSchema1 reads such a manifest. Its layers have no size yet; walker.size
// finds them out.
func parseSchema1(desc ocispec.Descriptor, data []byte) (*manifest, error) {
	invalid := func(rule string, err error) error {
		return &InvalidError{Thing: "manifest " + desc.Digest.String(), Rule: rule, Err: err}
	}
	var parsed struct {
		SchemaVersion int `json:"schemaVersion"`
		FSLayers      []struct {
			BlobSum digest.Digest `json:"blobSum"`
		} `json:"fsLayers"`
	}
	if err := json.Unmarshal(data, &parsed); err != nil {
		return nil, invalid("it is not a JSON manifest", err)
	}
	if parsed.SchemaVersion != 1 || len(parsed.FSLayers) == 0 {
		return nil, invalid("a manifest of docker's schema 1 has schemaVersion 1 and fsLayers", nil)
	}
	m := &manifest{MediaType: desc.MediaType}
	for _, layer := range parsed.FSLayers {
		blob := ocispec.Descriptor{MediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip", Digest: layer.BlobSum}
		if err := checkDescriptor(blob); err != nil {
			return nil, invalid("a layer of it is wrong", err)
		}
		if !slices.ContainsFunc(m.Layers, sameDigest(blob)) {
			m.Layers = append(m.Layers, blob)
		}
	}
	return m, nil
}

// signedPart is what the digest of a signed manifest is of: its beginning up to
// a length, and a tail that its signature brings along. It is data itself
// where that is not to be found.
func signedPart(data []byte) []byte {
	var m struct {
		Signatures []struct {
			Protected string `json:"protected"`
		} `json:"signatures"`
	}
	if json.Unmarshal(data, &m) != nil || len(m.Signatures) == 0 {
		return data
	}
	protected, err := base64.RawURLEncoding.DecodeString(m.Signatures[0].Protected)
	if err != nil {
		return data
	}
	var form struct {
		Length int    `json:"formatLength"`
		Tail   string `json:"formatTail"`
	}
	if json.Unmarshal(protected, &form) != nil || form.Length < 0 || form.Length > len(data) {
		return data
	}
	tail, err := base64.RawURLEncoding.DecodeString(form.Tail)
	if err != nil {
		return data
	}
	return slices.Concat(data[:form.Length], tail)
}

// sizer is a Source that tells the size of a blob.
type sizer interface {
	blobSize(ctx context.Context, d digest.Digest) (int64, error)
}
