package listing

import (
	"context"
	"iter"
	"strings"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

func DeletedRepositories(ctx context.Context, sess *session.Session, p *output.Printer, h reference.Host, f Flags) error {
	if err := f.check(); err != nil {
		return err
	}
	r, err := sess.Open(ctx, h)
	if err != nil {
		return err
	}
	pager := r.Client.NewListDeletedRepositoriesPager(&azcontainerregistry.ClientListDeletedRepositoriesOptions{Last: f.last, PageSize: *f.page()})
	names := paged(ctx, pager, func(p azcontainerregistry.ClientListDeletedRepositoriesResponse) []string { return p.Repositories })
	view := items.RepositoryView()
	view.Kind = "DeletedRepository"
	return Print(p, f, view, Mapped(names, func(name string) items.Repository {
		return items.Repository{Name: name, Reference: reference.Reference{Registry: h, Repository: name}.String()}
	}))
}

func PrintDeletedManifests(ctx context.Context, sess *session.Session, p *output.Printer, ref reference.Reference, f Flags) error {
	if err := f.check(); err != nil {
		return err
	}
	r, err := sess.OpenFor(ctx, ref)
	if err != nil {
		return err
	}
	view := output.View[items.DeletedManifest]{Kind: "DeletedManifest", Columns: []output.Column[items.DeletedManifest]{
		{Name: "digest", Value: func(i items.DeletedManifest) string { return i.Digest }},
		{Name: "tags", Value: func(i items.DeletedManifest) string { return strings.Join(i.Tags, ",") }},
		{Name: "deleted", Value: func(i items.DeletedManifest) string { return items.When(&i.DeletedOn) }},
	}}
	return Print(p, f, view, Mapped(DeletedManifests(ctx, r, ref, f), func(m azcontainerregistry.DeletedManifest) items.DeletedManifest {
		return items.DeletedManifest{Digest: m.Digest, Reference: ref.WithDigest(m.Digest).String(), Tags: append([]string{}, m.Tags...), DeletedOn: m.DeletedOn}
	}))
}

func PrintDeletedTags(ctx context.Context, sess *session.Session, p *output.Printer, ref reference.Reference, f Flags) error {
	if err := f.check(); err != nil {
		return err
	}
	r, err := sess.OpenFor(ctx, ref)
	if err != nil {
		return err
	}
	view := output.View[items.DeletedTag]{Kind: "DeletedTag", Columns: []output.Column[items.DeletedTag]{
		{Name: "tag", Value: func(i items.DeletedTag) string { return i.Name }},
		{Name: "digest", Value: func(i items.DeletedTag) string { return i.Digest }},
		{Name: "deleted", Value: func(i items.DeletedTag) string { return items.When(&i.DeletedOn) }},
	}}
	return Print(p, f, view, Mapped(DeletedTags(ctx, r, ref, f), func(t azcontainerregistry.DeletedTag) items.DeletedTag {
		named := ref
		named.Tag = t.Name
		return items.DeletedTag{Name: t.Name, Reference: named.String(), Digest: t.Digest, DeletedOn: t.DeletedOn}
	}))
}

func DeletedManifests(ctx context.Context, r *session.Registry, ref reference.Reference, f Flags) iter.Seq2[azcontainerregistry.DeletedManifest, error] {
	pager := r.Client.NewListDeletedManifestsPager(ref.Repository, &azcontainerregistry.ClientListDeletedManifestsOptions{Last: f.last, PageSize: *f.page()})
	return paged(ctx, pager, func(p azcontainerregistry.ClientListDeletedManifestsResponse) []azcontainerregistry.DeletedManifest {
		return p.Manifests
	})
}

func DeletedTags(ctx context.Context, r *session.Registry, ref reference.Reference, f Flags) iter.Seq2[azcontainerregistry.DeletedTag, error] {
	pager := r.Client.NewListDeletedTagsPager(ref.Repository, &azcontainerregistry.ClientListDeletedTagsOptions{Last: f.last, PageSize: *f.page()})
	return paged(ctx, pager, func(p azcontainerregistry.ClientListDeletedTagsResponse) []azcontainerregistry.DeletedTag {
		return p.Tags
	})
}
