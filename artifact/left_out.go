package artifact

import (
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// LeftOut is something that belongs to an image and that a copy did not bring
// along, though nothing failed.
type LeftOut struct {
	Descriptor ocispec.Descriptor `json:"descriptor"`
	Reason     string             `json:"reason"`            // why it is not there
	Foreign    bool               `json:"foreign,omitempty"` // a layer that [Options.ForeignLayers] may copy
}

// String is the sentence for a report.
func (l LeftOut) String() string {
	what := thingOf(l.Descriptor)
	if l.Descriptor.Platform != nil && !isUnknown(*l.Descriptor.Platform) {
		what += " (" + FormatPlatform(l.Descriptor.Platform) + ")"
	}
	return what + ": " + l.Reason
}

// partialSource is a Source that may hold less of an image than the image's
// author made.
type partialSource interface {
	leftOut(root digest.Digest) []LeftOut
}
