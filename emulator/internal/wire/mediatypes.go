package wire

import "strings"

// The media types of manifests that are told apart (ACR protocol §4.3).
const (
	TypeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	TypeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	TypeOCIManifest    = "application/vnd.oci.image.manifest.v1+json"
	TypeOCIIndex       = "application/vnd.oci.image.index.v1+json"
	TypeOCIArtifact    = "application/vnd.oci.artifact.manifest.v1+json"
	typeORASArtifact   = "application/vnd.cncf.oras.artifact.manifest.v1+json"
	TypeDockerSigned   = "application/vnd.docker.distribution.manifest.v1+prettyjws"
	TypeDockerSchema1  = "application/vnd.docker.distribution.manifest.v1+json"

	TypeDockerConfig = "application/vnd.docker.container.image.v1+json"
	TypeOCIConfig    = "application/vnd.oci.image.config.v1+json"
)

// manifestKind is the shape of a manifest.
type manifestKind int

const (
	kindImage    manifestKind = iota + 1 // config and layers
	kindIndex                            // manifests
	kindArtifact                         // blobs
	kindSchema1                          // fsLayers and history
)

var manifestKinds = map[string]manifestKind{
	TypeDockerManifest: kindImage, TypeOCIManifest: kindImage,
	TypeDockerList: kindIndex, TypeOCIIndex: kindIndex,
	TypeOCIArtifact: kindArtifact, typeORASArtifact: kindArtifact,
	TypeDockerSigned: kindSchema1, TypeDockerSchema1: kindSchema1,
}

// ociRefusals are the messages for stored types that Accept must name.
var ociRefusals = map[string]string{
	TypeOCIManifest: "OCI manifest found, but accept header does not support OCI manifests",
	TypeOCIIndex:    "OCI index found, but accept header does not support OCI indexes",
	TypeOCIArtifact: "OCI artifact found, but accept header does not support OCI artifacts",
}

// accepts reports whether the lines of an Accept header cover a media type.
// Every line counts, and */* covers everything.
func accepts(lines []string, mediaType string) bool {
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			item, _, _ = strings.Cut(item, ";")
			switch strings.ToLower(strings.TrimSpace(item)) {
			case mediaType, "*/*", "application/*":
				return true
			}
		}
	}
	return false
}
