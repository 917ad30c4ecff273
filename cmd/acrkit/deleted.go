package main

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

type deletedManifestItem struct {
	Digest    string    `json:"digest"`
	Reference string    `json:"reference"`
	Tags      []string  `json:"tags"`
	DeletedOn time.Time `json:"deletedOn"`
}

type deletedTagItem struct {
	Name      string    `json:"name"`
	Reference string    `json:"reference"`
	Digest    string    `json:"digest"`
	DeletedOn time.Time `json:"deletedOn"`
}

// paged ranges over the items of a pager's pages.
func paged[P, T any](ctx context.Context, pager *runtime.Pager[P], items func(P) []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for pager.More() {
			page, err := pager.NextPage(ctx)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range items(page) {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

func (a *app) listDeletedRepositories(ctx context.Context, h host, f listFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	r, err := a.open(ctx, h)
	if err != nil {
		return err
	}
	pager := r.client.NewListDeletedRepositoriesPager(&azcontainerregistry.ClientListDeletedRepositoriesOptions{Last: f.last, PageSize: *f.page()})
	names := paged(ctx, pager, func(p azcontainerregistry.ClientListDeletedRepositoriesResponse) []string { return p.Repositories })
	view := a.repositoryView()
	view.Kind = "DeletedRepository"
	return list(a, f, view, mapped(names, func(name string) repositoryItem {
		return repositoryItem{Name: name, Reference: reference{Registry: h, Repository: name}.String()}
	}))
}

func (r *registry) deletedManifests(ctx context.Context, ref reference, f listFlags) iter.Seq2[azcontainerregistry.DeletedManifest, error] {
	pager := r.client.NewListDeletedManifestsPager(ref.Repository, &azcontainerregistry.ClientListDeletedManifestsOptions{Last: f.last, PageSize: *f.page()})
	return paged(ctx, pager, func(p azcontainerregistry.ClientListDeletedManifestsResponse) []azcontainerregistry.DeletedManifest {
		return p.Manifests
	})
}

func (a *app) listDeletedManifests(ctx context.Context, ref reference, f listFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	r, err := a.open(ctx, ref.Registry)
	if err != nil {
		return err
	}
	view := output.View[deletedManifestItem]{Kind: "DeletedManifest", Columns: []output.Column[deletedManifestItem]{
		{Name: "digest", Value: func(i deletedManifestItem) string { return i.Digest }},
		{Name: "tags", Value: func(i deletedManifestItem) string { return strings.Join(i.Tags, ",") }},
		{Name: "deleted", Value: func(i deletedManifestItem) string { return when(&i.DeletedOn) }},
	}}
	return list(a, f, view, mapped(r.deletedManifests(ctx, ref, f), func(m azcontainerregistry.DeletedManifest) deletedManifestItem {
		return deletedManifestItem{m.Digest, ref.withDigest(m.Digest).String(), append([]string{}, m.Tags...), m.DeletedOn}
	}))
}

func (a *app) listDeletedTags(ctx context.Context, ref reference, f listFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	r, err := a.open(ctx, ref.Registry)
	if err != nil {
		return err
	}
	view := output.View[deletedTagItem]{Kind: "DeletedTag", Columns: []output.Column[deletedTagItem]{
		{Name: "tag", Value: func(i deletedTagItem) string { return i.Name }},
		{Name: "digest", Value: func(i deletedTagItem) string { return i.Digest }},
		{Name: "deleted", Value: func(i deletedTagItem) string { return when(&i.DeletedOn) }},
	}}
	return list(a, f, view, mapped(r.deletedTags(ctx, ref, f), func(t azcontainerregistry.DeletedTag) deletedTagItem {
		named := ref
		named.Tag = t.Name
		return deletedTagItem{t.Name, named.String(), t.Digest, t.DeletedOn}
	}))
}

func (r *registry) deletedTags(ctx context.Context, ref reference, f listFlags) iter.Seq2[azcontainerregistry.DeletedTag, error] {
	pager := r.client.NewListDeletedTagsPager(ref.Repository, &azcontainerregistry.ClientListDeletedTagsOptions{Last: f.last, PageSize: *f.page()})
	return paged(ctx, pager, func(p azcontainerregistry.ClientListDeletedTagsResponse) []azcontainerregistry.DeletedTag {
		return p.Tags
	})
}

// restoreSteps plans to restore the chosen soft-deleted manifests with all
// their tags; one call restores one tag (ACR protocol §3.10).
func (a *app) restoreSteps(ctx context.Context, ref reference, choose func(azcontainerregistry.DeletedManifest) bool, force bool) ([]step, error) {
	r, err := a.open(ctx, ref.Registry)
	if err != nil {
		return nil, err
	}
	var steps []step
	for m, err := range r.deletedManifests(ctx, ref, listFlags{}) {
		if err != nil {
			return nil, err
		}
		if !choose(m) {
			continue
		}
		s := step{Action: actionRestore, Registry: ref.Registry.String(), Repository: ref.Repository, Digest: m.Digest, Force: force}
		if len(m.Tags) == 0 {
			steps = append(steps, s)
		}
		for _, tag := range m.Tags {
			s.Tag = tag
			steps = append(steps, s)
		}
	}
	if len(steps) == 0 {
		return nil, nothingDeleted(ref)
	}
	return steps, nil
}

// restorable names a soft-deleted manifest, with one of its tags or none.
type restorable struct{ repository, digest, tag string }

// checkDeleted refuses when what shall be restored is no longer there to be.
// The registry is asked once for all the steps of a repository.
func checkDeleted(ctx context.Context, r *registry, s step) error {
	if r.restorable == nil {
		r.restorable = map[restorable]bool{}
	}
	if all := (restorable{repository: s.Repository}); !r.restorable[all] {
		ref := reference{Repository: s.Repository}
		for m, err := range r.deletedManifests(ctx, ref, listFlags{}) {
			if err != nil {
				return err
			}
			for _, tag := range append(m.Tags, "") {
				r.restorable[restorable{s.Repository, m.Digest, tag}] = true
			}
		}
		// A tag that was taken away alone has left its manifest where it was.
		for t, err := range r.deletedTags(ctx, ref, listFlags{}) {
			if err != nil {
				return err
			}
			r.restorable[restorable{s.Repository, t.Digest, t.Name}] = true
		}
		r.restorable[all] = true
	}
	if !r.restorable[restorable{s.Repository, s.Digest, s.Tag}] {
		return changed(s, "it", "soft-deleted", "not")
	}
	return nil
}
