package items

import (
	"fmt"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// Root is an image of a layout or an archive.
type Root struct {
	Name         string `json:"name,omitempty"`
	Reference    string `json:"reference"`
	Digest       string `json:"digest"`
	MediaType    string `json:"mediaType"`
	ArtifactType string `json:"artifactType,omitempty"`
	Platform     string `json:"platform,omitempty"`
	Size         int64  `json:"size"` // of the manifest
	CreatedOn    string `json:"createdOn,omitempty"`
}

// Label is the name of the image, or its digest where it has none.
func (r Root) Label() string {
	if r.Name == "" {
		return r.Digest
	}
	return r.Name
}

// RootView shows the images of a layout or an archive.
func RootView() output.View[Root] {
	return output.View[Root]{Kind: "LocalImage", Columns: []output.Column[Root]{
		{Name: "name", Value: Root.Label},
		{Name: "digest", Value: func(r Root) string { return r.Digest }},
		{Name: "type", Value: func(r Root) string { return ShortType(r.MediaType) }},
		{Name: "platform", Value: func(r Root) string { return r.Platform }},
		{Name: "size", Value: func(r Root) string { return fmt.Sprint(r.Size) }},
	}}
}
