package plan

import (
	"context"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

func setRepositoryLocks(ctx context.Context, r *session.Registry, s Step) error {
	_, err := r.Client.UpdateRepositoryProperties(ctx, s.Repository, &azcontainerregistry.ClientUpdateRepositoryPropertiesOptions{
		Value: &azcontainerregistry.RepositoryWriteableProperties{
			CanDelete: &s.Set.CanDelete, CanList: &s.Set.CanList, CanRead: &s.Set.CanRead, CanWrite: &s.Set.CanWrite,
		},
	})
	return err
}

func setTagLocks(ctx context.Context, r *session.Registry, s Step) error {
	_, err := r.Client.UpdateTagProperties(ctx, s.Repository, s.Tag, &azcontainerregistry.ClientUpdateTagPropertiesOptions{
		Value: &azcontainerregistry.TagWriteableProperties{
			CanDelete: &s.Set.CanDelete, CanList: &s.Set.CanList, CanRead: &s.Set.CanRead, CanWrite: &s.Set.CanWrite,
		},
	})
	return err
}

func setManifestLocks(ctx context.Context, r *session.Registry, s Step) error {
	_, err := r.Client.UpdateManifestProperties(ctx, s.Repository, s.Digest, &azcontainerregistry.ClientUpdateManifestPropertiesOptions{
		Value: &azcontainerregistry.ManifestWriteableProperties{
			CanDelete: &s.Set.CanDelete, CanList: &s.Set.CanList, CanRead: &s.Set.CanRead, CanWrite: &s.Set.CanWrite,
		},
	})
	return err
}
