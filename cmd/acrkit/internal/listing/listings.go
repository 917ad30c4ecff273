package listing

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

func Repositories(ctx context.Context, sess *session.Session, p *output.Printer, h reference.Host, f Flags) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.order != "" && f.order != "name" {
		return failure.Usagef("--order %s: a registry lists its repositories by name only; tags and manifests have times", f.order)
	}
	r, err := sess.Open(ctx, h)
	if err != nil {
		return err
	}
	names := r.Client.Repositories(ctx, &azcontainerregistry.ClientListRepositoriesOptions{MaxNum: f.page(), Last: f.after()})
	return Print(p, f, items.RepositoryView(), Mapped(names, func(name string) items.Repository {
		return items.Repository{Name: name, Reference: reference.Reference{Registry: h, Repository: name}.String()}
	}))
}

func Tags(ctx context.Context, sess *session.Session, p *output.Printer, ref reference.Reference, f Flags) error {
	if err := f.check(); err != nil {
		return err
	}
	r, err := sess.OpenFor(ctx, ref)
	if err != nil {
		return err
	}
	options := &azcontainerregistry.ClientListTagsOptions{MaxNum: f.page(), Last: f.after()}
	switch f.order {
	case "oldest":
		options.OrderBy = to.Ptr(azcontainerregistry.ArtifactTagOrderByLastUpdatedOnAscending)
	case "newest":
		options.OrderBy = to.Ptr(azcontainerregistry.ArtifactTagOrderByLastUpdatedOnDescending)
	}
	if ref.Digest != "" {
		options.Digest = &ref.Digest
	}
	tags := Mapped(r.Client.Tags(ctx, ref.Repository, options), func(t *azcontainerregistry.TagAttributes) items.Tag {
		return items.ToTag(ref, t)
	})
	if f.sizes == nil {
		return Print(p, f, items.TagView(), tags)
	}
	source, err := artifact.NewRepository(r.Client, r.Blobs, ref.Repository)
	if err != nil {
		return err
	}
	return Print(p, f, items.SizedTagView(), sized(ctx, source, f.sizes, take(tags, f.limit)))
}

func Manifests(ctx context.Context, sess *session.Session, p *output.Printer, ref reference.Reference, f Flags) error {
	if err := f.check(); err != nil {
		return err
	}
	r, err := sess.OpenFor(ctx, ref)
	if err != nil {
		return err
	}
	options := &azcontainerregistry.ClientListManifestsOptions{MaxNum: f.page(), Last: f.after()}
	switch f.order {
	case "oldest":
		options.OrderBy = to.Ptr(azcontainerregistry.ArtifactManifestOrderByLastUpdatedOnAscending)
	case "newest":
		options.OrderBy = to.Ptr(azcontainerregistry.ArtifactManifestOrderByLastUpdatedOnDescending)
	}
	manifests := r.Client.Manifests(ctx, ref.Repository, options)
	return Print(p, f, items.ManifestView(), Mapped(manifests, func(m *azcontainerregistry.ManifestAttributes) items.Manifest {
		return items.ToManifest(ref, m)
	}))
}
