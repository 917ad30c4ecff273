package wire

import (
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// timestamp is a time as ACR writes it: UTC, up to seven digits of a second,
// trailing zeros cut (ACR protocol §1.7).
type timestamp store.Ticks

const timestampFormat = "2006-01-02T15:04:05.9999999Z"

func (t timestamp) MarshalJSON() ([]byte, error) {
	return store.Ticks(t).Time().AppendFormat(nil, `"`+timestampFormat+`"`), nil
}

// attributesJSON are the changeable attributes in the registry's order.
type attributesJSON struct {
	DeleteEnabled     bool   `json:"deleteEnabled"`
	WriteEnabled      bool   `json:"writeEnabled"`
	ReadEnabled       bool   `json:"readEnabled"`
	ListEnabled       bool   `json:"listEnabled"`
	QuarantineDetails string `json:"quarantineDetails,omitempty"`
	QuarantineState   string `json:"quarantineState,omitempty"`
}

func newAttributes(a store.Attributes) attributesJSON {
	return attributesJSON{
		DeleteEnabled: !a.DeleteDisabled, WriteEnabled: !a.WriteDisabled,
		ReadEnabled: !a.ReadDisabled, ListEnabled: !a.ListDisabled,
	}
}

// repositoryJSON is a repository's properties (ACR protocol §3.2).
type repositoryJSON struct {
	Registry             string         `json:"registry"`
	ImageName            string         `json:"imageName"`
	CreatedTime          timestamp      `json:"createdTime"`
	LastUpdateTime       timestamp      `json:"lastUpdateTime"`
	ManifestCount        int            `json:"manifestCount"`
	TagCount             int            `json:"tagCount"`
	ChangeableAttributes attributesJSON `json:"changeableAttributes"`
}

// tagJSON is a tag's properties (ACR protocol §3.5).
type tagJSON struct {
	Name                 string         `json:"name"`
	Digest               string         `json:"digest"`
	CreatedTime          timestamp      `json:"createdTime"`
	LastUpdateTime       timestamp      `json:"lastUpdateTime"`
	Signed               bool           `json:"signed"`
	ChangeableAttributes attributesJSON `json:"changeableAttributes"`
}

func newTag(t store.Tag) tagJSON {
	return tagJSON{
		Name: t.Name, Digest: t.Digest, CreatedTime: timestamp(t.Created),
		LastUpdateTime: timestamp(t.Updated), ChangeableAttributes: newAttributes(t.Attributes),
	}
}

// manifestJSON is a manifest's properties (ACR protocol §3.8, §3.9).
type manifestJSON struct {
	Digest               string            `json:"digest"`
	ImageSize            int64             `json:"imageSize"`
	CreatedTime          timestamp         `json:"createdTime"`
	LastUpdateTime       timestamp         `json:"lastUpdateTime"`
	Architecture         string            `json:"architecture,omitempty"`
	OS                   string            `json:"os,omitempty"`
	MediaType            string            `json:"mediaType"`
	ConfigMediaType      string            `json:"configMediaType,omitempty"`
	Tags                 []string          `json:"tags,omitempty"`
	ChangeableAttributes attributesJSON    `json:"changeableAttributes"`
	References           []store.Reference `json:"references,omitempty"`
}

// newManifest describes a manifest as a listing does, without references.
func newManifest(tx *store.Tx, repository string, m store.Manifest) manifestJSON {
	attributes := newAttributes(m.Attributes)
	attributes.QuarantineDetails, attributes.QuarantineState = m.QuarantineDetails, m.QuarantineState
	return manifestJSON{
		Digest: m.Digest, ImageSize: m.ImageSize, CreatedTime: timestamp(m.Created),
		LastUpdateTime: timestamp(m.Updated), Architecture: m.Architecture, OS: m.OS,
		MediaType: m.MediaType, ConfigMediaType: m.ConfigMediaType,
		Tags: tx.TagsOf(repository, m.Digest, ""), ChangeableAttributes: attributes,
	}
}

// image is the frame around properties below a repository.
type image struct {
	Registry  string `json:"registry"`
	ImageName string `json:"imageName"`
}
