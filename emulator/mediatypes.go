package emulator

import "strings"

// The media types of manifests that are told apart (ACR protocol §4.3).
const (
	typeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	typeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	typeOCIManifest    = "application/vnd.oci.image.manifest.v1+json"
	typeOCIIndex       = "application/vnd.oci.image.index.v1+json"
	typeOCIArtifact    = "application/vnd.oci.artifact.manifest.v1+json"
	typeORASArtifact   = "application/vnd.cncf.oras.artifact.manifest.v1+json"
	typeDockerSigned   = "application/vnd.docker.distribution.manifest.v1+prettyjws"
	typeDockerSchema1  = "application/vnd.docker.distribution.manifest.v1+json"

	typeDockerConfig = "application/vnd.docker.container.image.v1+json"
	typeOCIConfig    = "application/vnd.oci.image.config.v1+json"
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
	typeDockerManifest: kindImage, typeOCIManifest: kindImage,
	typeDockerList: kindIndex, typeOCIIndex: kindIndex,
	typeOCIArtifact: kindArtifact, typeORASArtifact: kindArtifact,
	typeDockerSigned: kindSchema1, typeDockerSchema1: kindSchema1,
}

// ociRefusals are the messages for stored types that Accept must name.
var ociRefusals = map[string]string{
	typeOCIManifest: "OCI manifest found, but accept header does not support OCI manifests",
	typeOCIIndex:    "OCI index found, but accept header does not support OCI indexes",
	typeOCIArtifact: "OCI artifact found, but accept header does not support OCI artifacts",
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
