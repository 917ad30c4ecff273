// Package items has what listings show of repositories, tags, manifests and blobs:
// its form in JSON, and its views.
package items

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

type Repository struct {
	Name          string     `json:"name"`
	Reference     string     `json:"reference"`
	ManifestCount *int32     `json:"manifestCount,omitempty"`
	TagCount      *int32     `json:"tagCount,omitempty"`
	CreatedOn     *time.Time `json:"createdOn,omitempty"`
	LastUpdatedOn *time.Time `json:"lastUpdatedOn,omitempty"`
	Locks         *Locks     `json:"locks,omitempty"`
}

type Tag struct {
	Name          string     `json:"name"`
	Reference     string     `json:"reference"`
	Digest        string     `json:"digest"`
	CreatedOn     *time.Time `json:"createdOn,omitempty"`
	LastUpdatedOn *time.Time `json:"lastUpdatedOn,omitempty"`
	Locks         *Locks     `json:"locks,omitempty"`

	// Of a listing with sizes.
	Size      *int64   `json:"size,omitempty"` // of all that pulling it takes; nil where it isn't known
	Platforms []string `json:"platforms,omitempty"`
	Unread    string   `json:"unread,omitempty"` // why the size isn't known, or not all of it
}

type Manifest struct {
	Digest          string     `json:"digest"`
	Reference       string     `json:"reference"`
	MediaType       string     `json:"mediaType,omitempty"`
	ConfigMediaType string     `json:"configMediaType,omitempty"`
	Size            int64      `json:"size"`
	Platform        string     `json:"platform,omitempty"`
	Tags            []string   `json:"tags"`
	CreatedOn       *time.Time `json:"createdOn,omitempty"`
	LastUpdatedOn   *time.Time `json:"lastUpdatedOn,omitempty"`
	Locks           *Locks     `json:"locks,omitempty"`
}

type Blob struct {
	Digest    string `json:"digest"`
	Reference string `json:"reference"`
	Role      string `json:"role,omitempty"`
	MediaType string `json:"mediaType,omitempty"`
	Size      int64  `json:"size"`
}

type Referrer struct {
	Digest       string            `json:"digest"`
	Reference    string            `json:"reference"`
	MediaType    string            `json:"mediaType"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Size         int64             `json:"size"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

type DeletedManifest struct {
	Digest    string    `json:"digest"`
	Reference string    `json:"reference"`
	Tags      []string  `json:"tags"`
	DeletedOn time.Time `json:"deletedOn"`
}

type DeletedTag struct {
	Name      string    `json:"name"`
	Reference string    `json:"reference"`
	Digest    string    `json:"digest"`
	DeletedOn time.Time `json:"deletedOn"`
}

func ToRepository(h reference.Host, p azcontainerregistry.ContainerRepositoryProperties) Repository {
	name := Value(p.Name)
	item := Repository{
		Name: name, Reference: reference.Reference{Registry: h, Repository: name}.String(),
		ManifestCount: p.ManifestCount, TagCount: p.TagCount,
		CreatedOn: p.CreatedOn, LastUpdatedOn: p.LastUpdatedOn,
	}
	if c := p.ChangeableAttributes; c != nil {
		item.Locks = toLocks(c.CanDelete, c.CanList, c.CanRead, c.CanWrite)
	}
	return item
}

func ToTag(r reference.Reference, t *azcontainerregistry.TagAttributes) Tag {
	r.Tag, r.Digest = Value(t.Name), ""
	item := Tag{
		Name: Value(t.Name), Reference: r.String(), Digest: Value(t.Digest),
		CreatedOn: t.CreatedOn, LastUpdatedOn: t.LastUpdatedOn,
	}
	if c := t.ChangeableAttributes; c != nil {
		item.Locks = toLocks(c.CanDelete, c.CanList, c.CanRead, c.CanWrite)
	}
	return item
}

func ToManifest(r reference.Reference, m *azcontainerregistry.ManifestAttributes) Manifest {
	item := Manifest{
		Digest: Value(m.Digest), Reference: r.WithDigest(Value(m.Digest)).String(),
		MediaType: Value(m.MediaType), ConfigMediaType: Value(m.ConfigMediaType),
		Size: Value(m.Size), CreatedOn: m.CreatedOn, LastUpdatedOn: m.LastUpdatedOn, Tags: []string{},
	}
	if m.OperatingSystem != nil && m.Architecture != nil {
		item.Platform = string(*m.OperatingSystem) + "/" + string(*m.Architecture)
	}
	for _, tag := range m.Tags {
		item.Tags = append(item.Tags, Value(tag))
	}
	if c := m.ChangeableAttributes; c != nil {
		item.Locks = toLocks(c.CanDelete, c.CanList, c.CanRead, c.CanWrite)
	}
	return item
}

func ToReferrer(ref reference.Reference, d *azcontainerregistry.Descriptor) Referrer {
	return Referrer{
		Digest: d.Digest, Reference: ref.WithDigest(d.Digest).String(), MediaType: d.MediaType,
		ArtifactType: d.ArtifactType, Size: d.Size, Annotations: d.Annotations,
	}
}

// Value is what p points to, or the zero value.
func Value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// TagOf reads a tag's properties.
func TagOf(ctx context.Context, sess *session.Session, ref reference.Reference) (Tag, error) {
	r, err := sess.OpenFor(ctx, ref)
	if err != nil {
		return Tag{}, err
	}
	got, err := r.Client.GetTagProperties(ctx, ref.Repository, ref.Tag, nil)
	if err != nil {
		return Tag{}, err
	}
	if got.Tag == nil {
		return Tag{}, fmt.Errorf("properties of %s: the registry's response holds no tag", ref)
	}
	return ToTag(ref, got.Tag), nil
}

func ManifestOf(ctx context.Context, r *session.Registry, repository, digest string) (Manifest, error) {
	got, err := r.Client.GetManifestProperties(ctx, repository, digest, nil)
	if err != nil {
		return Manifest{}, err
	}
	if got.Manifest == nil {
		return Manifest{}, fmt.Errorf("properties of %s@%s: the registry's response holds no manifest", repository, digest)
	}
	item := ToManifest(reference.Reference{Registry: r.Host, Repository: repository}, got.Manifest)
	slices.Sort(item.Tags)
	return item, nil
}

func RepositoryOf(ctx context.Context, r *session.Registry, repository string) (Repository, error) {
	got, err := r.Client.GetRepositoryProperties(ctx, repository, nil)
	if err != nil {
		return Repository{}, err
	}
	return ToRepository(r.Host, got.ContainerRepositoryProperties), nil
}
