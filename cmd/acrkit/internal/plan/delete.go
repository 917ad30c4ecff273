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
		if ctx.Err() != nil {
			return manifestStays(r, s, "the tag may be gone", err)
		}
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
		return manifestStays(r, s, "the tag is gone", err)
	}
	return nil
}

// manifestStays says that a deletion ended between the tag and the manifest, which
// the same command would not find by its tag again.
func manifestStays(r *session.Registry, s Step, tag string, err error) error {
	return &failure.Explained{
		Err:  failure.Coded(failure.ExitPartly, fmt.Errorf("%s, the manifest %s stays: %w", tag, s.Digest, err)),
		Code: "PARTLY_DONE",
		Fix:  []string{fmt.Sprintf("acrkit manifest delete %s/%s@%s", r.Host, s.Repository, s.Digest)},
	}
}
