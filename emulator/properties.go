package emulator

import (
	"net/http"

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

func (c *call) image() image { return image{c.op.login, c.op.repository} }

// unknownRepository is the 404 of /acr/v1 in the wording of GET and PATCH
// (ACR protocol §3.2).
func (c *call) unknownRepository() error {
	return errNameUnknown.withMessage("repository %q is not found", c.op.repository)
}

// undeletedRepository is the same in the wording of DELETE (ACR protocol
// §3.4).
func (c *call) undeletedRepository() error {
	return errNameUnknown.withDetail(map[string]string{"name": c.op.repository})
}

// unknownRepositoryAs is the same in the wording that a quirk chooses.
func (c *call) unknownRepositoryAs(quirk string) error {
	if c.quirks.is(quirk, "not-known") {
		return c.undeletedRepository()
	}
	return c.unknownRepository()
}

// knownRepository returns the request's repository or its 404.
func (c *call) knownRepository(tx *store.Tx) (store.Repository, error) {
	r, ok, err := tx.Repository(c.op.repository)
	if err == nil && !ok {
		err = c.unknownRepository()
	}
	return r, err
}

func (c *call) repositoryJSON(r store.Repository) repositoryJSON {
	return repositoryJSON{
		Registry: c.op.login, ImageName: c.op.repository, CreatedTime: timestamp(r.Created),
		LastUpdateTime: timestamp(r.Updated), ManifestCount: r.Manifests, TagCount: r.Tags,
		ChangeableAttributes: newAttributes(r.Attributes),
	}
}

// getRepository answers GET /acr/v1/<name>.
func (c *call) getRepository() error {
	var r store.Repository
	err := c.data.View(func(tx *store.Tx) error {
		var err error
		r, err = c.knownRepository(tx)
		return err
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.repositoryJSON(r))
}

// patchRepository answers PATCH /acr/v1/<name>.
func (c *call) patchRepository() error {
	change, err := c.readPatch()
	if err != nil {
		return err
	}
	var r store.Repository
	err = c.data.Update(func(tx *store.Tx) error {
		var err error
		if r, err = c.knownRepository(tx); err != nil {
			return err
		}
		change.apply(&r.Attributes)
		return tx.PutRepository(c.op.repository, r)
	})
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, c.repositoryJSON(r))
}

// listTags answers GET /acr/v1/<name>/_tags.
func (c *call) listTags() error {
	p, err := c.readPage()
	if err != nil {
		return err
	}
	digest := c.r.URL.Query().Get("digest")
	tags := collector[tagJSON]{size: p.size}
	err = c.data.View(func(tx *store.Tx) error {
		if _, ok, err := tx.Repository(c.op.repository); err != nil {
			return err
		} else if !ok {
			return c.unknownRepositoryAs(quirkTagsUnknownRepo)
		}
		add := func(tag store.Tag) bool {
			return tag.Attributes.ListDisabled || tags.add(newTag(tag), p.cursorOf(tag.Name, tag.Updated))
		}
		if digest != "" && p.order == store.ByName {
			return c.tagsOfDigest(tx, digest, p.last, add)
		}
		return tx.Tags(c.op.repository, p.order, p.cursor(), func(tag store.Tag) bool {
			return digest != "" && tag.Digest != digest || add(tag)
		})
	})
	if err != nil {
		return err
	}
	if tags.more {
		c.setNext(p, tags.last)
	}
	return c.json(http.StatusOK, struct {
		image
		Tags []tagJSON `json:"tags"`
	}{c.image(), tags.items})
}

// tagsOfDigest lists the tags of one manifest by their index.
func (c *call) tagsOfDigest(tx *store.Tx, digest, after string, yield func(store.Tag) bool) error {
	for _, name := range tx.TagsOf(c.op.repository, digest, after) {
		tag, ok, err := tx.Tag(c.op.repository, name)
		if err != nil {
			return err
		}
		if ok && !yield(tag) {
			return nil
		}
	}
	return nil
}

// tagProperties is the answer of GET and PATCH on a tag.
func (c *call) tagProperties(tag store.Tag) error {
	return c.json(http.StatusOK, struct {
		image
		Tag tagJSON `json:"tag"`
	}{c.image(), newTag(tag)})
}

// knownTag returns the request's tag or its 404, which an unknown repository
// answers too.
func (c *call) knownTag(tx *store.Tx) (store.Tag, error) {
	tag, ok, err := tx.Tag(c.op.repository, c.op.reference)
	if err == nil && !ok {
		err = errTagUnknown
	}
	return tag, err
}

// getTag answers GET /acr/v1/<name>/_tags/<tag>.
func (c *call) getTag() error {
	var tag store.Tag
	err := c.data.View(func(tx *store.Tx) error {
		var err error
		tag, err = c.knownTag(tx)
		return err
	})
	if err != nil {
		return err
	}
	return c.tagProperties(tag)
}

// patchTag answers PATCH /acr/v1/<name>/_tags/<tag>.
func (c *call) patchTag() error {
	change, err := c.readPatch()
	if err != nil {
		return err
	}
	var tag store.Tag
	err = c.data.Update(func(tx *store.Tx) error {
		var err error
		if tag, err = c.knownTag(tx); err != nil {
			return err
		}
		if err := checkPushAllowed(tx, c.op.repository); err != nil {
			return err
		}
		change.apply(&tag.Attributes)
		return tx.PutTag(c.op.repository, tag)
	})
	if err != nil {
		return err
	}
	return c.tagProperties(tag)
}

// listManifests answers GET /acr/v1/<name>/_manifests.
func (c *call) listManifests() error {
	p, err := c.readPage()
	if err != nil {
		return err
	}
	manifests := collector[manifestJSON]{size: p.size}
	err = c.data.View(func(tx *store.Tx) error {
		if _, err := c.knownRepository(tx); err != nil {
			return err
		}
		return tx.Manifests(c.op.repository, p.order, p.cursor(), func(m store.Manifest) bool {
			return m.Attributes.ListDisabled ||
				manifests.add(newManifest(tx, c.op.repository, m), p.cursorOf(m.Digest, m.Updated))
		})
	})
	if err != nil {
		return err
	}
	if manifests.more {
		c.setNext(p, manifests.last)
	}
	if manifests.items == nil && c.quirks.is(quirkEmptyManifests, "array") {
		manifests.items = []manifestJSON{}
	}
	return c.json(http.StatusOK, struct {
		image
		Manifests []manifestJSON `json:"manifests"`
	}{c.image(), manifests.items})
}

// manifestProperties is the answer of GET and PATCH on a manifest, which has
// the references that listings lack.
func (c *call) manifestProperties(described manifestJSON) error {
	return c.json(http.StatusOK, struct {
		image
		Manifest manifestJSON `json:"manifest"`
	}{c.image(), described})
}

func (c *call) knownManifest(tx *store.Tx) (store.Manifest, error) {
	m, ok, err := tx.Manifest(c.op.repository, c.op.reference)
	if err == nil && !ok {
		err = errManifestUnknown
	}
	return m, err
}

// getManifestInfo answers GET /acr/v1/<name>/_manifests/<digest>.
func (c *call) getManifestInfo() error {
	var described manifestJSON
	err := c.data.View(func(tx *store.Tx) error {
		m, err := c.knownManifest(tx)
		if err != nil {
			return err
		}
		described = newManifest(tx, c.op.repository, m)
		described.References = m.References
		return nil
	})
	if err != nil {
		return err
	}
	return c.manifestProperties(described)
}

// patchManifest answers PATCH /acr/v1/<name>/_manifests/<digest>. The state of
// quarantine is for those who may release; all others lack a permission, which
// a resource never answers with 403 (ACR protocol §2.2).
func (c *call) patchManifest() error {
	change, err := c.readPatch()
	if err != nil {
		return err
	}
	if (change.QuarantineState != nil || change.QuarantineDetails != nil) && !c.caller.quarantineReleaser {
		refused := lacking(c.r, c.op)
		refused.setHeaders(c.w)
		return refused.err
	}
	var described manifestJSON
	err = c.data.Update(func(tx *store.Tx) error {
		m, err := c.knownManifest(tx)
		if err != nil {
			return err
		}
		if err := checkPushAllowed(tx, c.op.repository); err != nil {
			return err
		}
		change.apply(&m.Attributes)
		if change.QuarantineState != nil {
			m.QuarantineState = *change.QuarantineState
		}
		if change.QuarantineDetails != nil {
			m.QuarantineDetails = *change.QuarantineDetails
		}
		described = newManifest(tx, c.op.repository, m)
		described.References = m.References
		return tx.PutManifest(c.op.repository, m)
	})
	if err != nil {
		return err
	}
	return c.manifestProperties(described)
}
