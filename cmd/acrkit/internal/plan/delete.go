package plan

import (
	"context"
	"fmt"
	"strings"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// deleteTag takes the name away first and looks again, so that a tag that
// somebody gave to the manifest meanwhile keeps it.
func deleteTag(ctx context.Context, r *session.Registry, s Step) error {
	if _, err := r.Client.DeleteTag(ctx, s.Repository, s.Tag, nil); err != nil {
		return err
	}
	item, err := items.ManifestOf(ctx, r, s.Repository, s.Digest)
	if err == nil && len(item.Tags) > 0 {
		err = fmt.Errorf("it has been tagged %s meanwhile", strings.Join(item.Tags, ", "))
	}
	if err == nil {
		_, err = r.Client.DeleteManifest(ctx, s.Repository, s.Digest, nil)
	}
	if err != nil {
		return failure.Coded(failure.ExitPartly, fmt.Errorf("the tag is gone, the manifest %s stays: %w", s.Digest, err))
	}
	return nil
}
