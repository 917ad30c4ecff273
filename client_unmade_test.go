package azcontainerregistry

import (
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAClientThatNoConstructorMadeFails calls zero and nil clients by what v0.2.3
// lacks; the side-by-side program in interop does so by the rest.
func TestAClientThatNoConstructorMadeFails(t *testing.T) {
	ctx := t.Context()
	for name, c := range map[string]struct {
		*Client
		blobs *BlobClient
	}{"zero": {&Client{}, &BlobClient{}}, "nil": {}} {
		errs := map[string]error{}
		_, errs["GetAccessToken"] = c.GetAccessToken(ctx, []string{"repository:app:pull"}, nil)
		_, errs["CheckManifestExists"] = c.CheckManifestExists(ctx, "app", "v1", nil)
		for _, err := range c.Tags(ctx, "app", nil) {
			errs["Tags"] = err
		}
		for _, err := range c.Referrers(ctx, "app", someDigest, nil) {
			errs["Referrers"] = err
		}
		_, errs["Download"] = c.blobs.Download(ctx, "app", someDigest, io.Discard, nil)
		_, errs["shared"] = c.NewBlobClient().CheckBlobExists(ctx, "app", someDigest, nil)
		for call, err := range errs {
			if !errors.Is(err, errUnmade) {
				t.Errorf("%s client, %s: %v", name, call, err)
			}
		}
		if got := []string{c.Endpoint(), c.blobs.Endpoint()}; cmp.Diff([]string{"", ""}, got) != "" {
			t.Errorf("%s client: endpoints %q", name, got)
		}
	}
}
