package wire

import (
	"bytes"
	"strings"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// descriptor is the part of a descriptor that the registry looks at, in the
// order of keys in which referrers are listed (ACR protocol §4.6).
type descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	URLs         []string          `json:"urls,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Platform     *platform         `json:"platform,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// manifest is what the registry reads of a manifest of any kind.
type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        *descriptor       `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Manifests     []descriptor      `json:"manifests"`
	Blobs         []descriptor      `json:"blobs"`
	Subject       *descriptor       `json:"subject"`
	Annotations   map[string]string `json:"annotations"`

	kind manifestKind
	V1   *schema1 // of kindSchema1, which has none of the others
}

// ParseManifest reads a manifest and checks it against its media type. The
// second result says what is wrong, in words for the log; the registry's
// response names no reason.
func ParseManifest(mediaType string, raw []byte) (*manifest, string) {
	kind, ok := manifestKinds[mediaType]
	if !ok {
		return nil, "Content-Type is no manifest type"
	}
	if trimmed := bytes.TrimLeft(raw, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, "not a JSON object"
	}
	if kind == kindSchema1 {
		v1, why := parseSchema1(mediaType, raw)
		if v1 == nil {
			return nil, why
		}
		return &manifest{kind: kind, V1: v1}, ""
	}
	m := manifest{kind: kind}
	if err := strictOne(raw, &m); err != nil {
		return nil, err.Error()
	}
	if m.MediaType != "" && m.MediaType != mediaType {
		return nil, "mediaType is not the Content-Type"
	}
	if why := m.check(); why != "" {
		return nil, why
	}
	return &m, ""
}

func (m *manifest) check() string {
	switch m.kind {
	case kindImage:
		switch {
		case m.SchemaVersion != 2:
			return "schemaVersion is not 2"
		case m.Config == nil:
			return "config is missing"
		case m.Manifests != nil:
			return "an image manifest has manifests"
		}
	case kindIndex:
		switch {
		case m.SchemaVersion != 2:
			return "schemaVersion is not 2"
		case m.Config != nil || m.Layers != nil:
			return "an index has config or layers"
		}
	}
	for _, d := range m.descriptors() {
		switch {
		case !protocol.ValidDigest(d.Digest):
			return "a digest is malformed"
		case d.Size < 0:
			return "a size is negative"
		}
	}
	return ""
}

func (m *manifest) descriptors() []descriptor {
	all := append(append(append([]descriptor{}, m.Layers...), m.Manifests...), m.Blobs...)
	for _, d := range []*descriptor{m.Config, m.Subject} {
		if d != nil {
			all = append(all, *d)
		}
	}
	return all
}

// BlobDigests are those that must be in the repository before the manifest,
// in the manifest's order, each once. Layers that are fetched from elsewhere
// are none of them.
func (m *manifest) BlobDigests() []string {
	var all []descriptor
	if m.Config != nil {
		all = append(all, *m.Config)
	}
	if m.V1 != nil {
		for _, layer := range m.V1.FSLayers {
			all = append(all, descriptor{Digest: layer.BlobSum})
		}
	}
	for _, d := range append(append([]descriptor{}, m.Layers...), m.Blobs...) {
		foreign := len(d.URLs) > 0 || strings.Contains(d.MediaType, ".nondistributable.") || strings.Contains(d.MediaType, ".foreign.")
		if !foreign {
			all = append(all, d)
		}
	}
	return uniqueDigests(all)
}

func uniqueDigests(all []descriptor) []string {
	seen := make(map[string]bool, len(all))
	var digests []string
	for _, d := range all {
		if !seen[d.Digest] {
			seen[d.Digest] = true
			digests = append(digests, d.Digest)
		}
	}
	return digests
}

// Referrer is the descriptor under which the manifest is listed among the
// referrers of its subject (ACR protocol §4.6).
func (m *manifest) Referrer(record store.Manifest, configFallback bool) descriptor {
	d := descriptor{
		MediaType: record.MediaType, Digest: record.Digest, Size: record.Size,
		ArtifactType: m.ArtifactType, Annotations: m.Annotations,
	}
	if d.ArtifactType == "" && m.Config != nil && configFallback {
		d.ArtifactType = m.Config.MediaType
	}
	return d
}

// References are the entries of an index as manifest properties list them.
func (m *manifest) References() []store.Reference {
	var all []store.Reference
	for _, d := range m.Manifests {
		r := store.Reference{Digest: d.Digest}
		if d.Platform != nil {
			r.Architecture, r.OS = d.Platform.Architecture, d.Platform.OS
		}
		all = append(all, r)
	}
	return all
}
