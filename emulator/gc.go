package emulator

import (
	"context"
	"fmt"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// collectGrace keeps what collections could take from a push that
// is still running.
const collectGrace = time.Hour

// Garbage says what a collection removed.
type Garbage struct {
	Uploads   int   `json:"uploads"`   // unfinished uploads that were too old
	Manifests int   `json:"manifests"` // soft-deleted or untagged manifests past their retention
	Links     int   `json:"links"`     // links of repositories to blobs that no manifest names
	Blobs     int   `json:"blobs"`     // blobs that no repository links
	Bytes     int64 `json:"bytes"`     // their size
}

// CollectGarbage removes what nothing needs any more: uploads older than a
// day, soft-deleted and untagged manifests past their retention, and blobs that
// no manifest names. Blobs that were pushed, mounted or asked for within the
// grace period stay, so that pushes that run are safe. It may run beside any
// request.
func (e *Emulator) CollectGarbage(ctx context.Context, grace time.Duration) (Garbage, error) {
	e.wire.RemoveOrphans()
	var garbage Garbage
	var err error
	if garbage.Uploads, err = e.store.ExpireUploads(e.clock.Now().Add(-e.quirks.Duration(quirk.UploadLifetime))); err != nil {
		return garbage, fmt.Errorf("collect garbage: %w", err)
	}
	for _, reg := range e.wire.Registries {
		for _, purge := range []func(*wire.Registry) (int, error){e.wire.PurgeDeleted, e.wire.PurgeUntagged} {
			n, err := purge(reg)
			garbage.Manifests += n
			if err != nil {
				return garbage, fmt.Errorf("collect garbage: %w", err)
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return garbage, fmt.Errorf("collect garbage: %w", err)
	}
	collected, err := e.store.CollectGarbage(grace)
	garbage.Links, garbage.Blobs, garbage.Bytes = collected.Links, collected.Blobs, collected.Bytes
	if err != nil {
		return garbage, fmt.Errorf("collect garbage: %w", err)
	}
	return garbage, nil
}

// collectOnSchedule collects until the emulator closes.
func (e *Emulator) collectOnSchedule(ctx context.Context) {
	ticker := time.NewTicker(e.options.GCInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		garbage, err := e.CollectGarbage(ctx, collectGrace)
		if err != nil && ctx.Err() == nil {
			e.logger.Error("garbage collection failed", "error", err)
			continue
		}
		e.logger.Info("collected garbage", "uploads", garbage.Uploads, "manifests", garbage.Manifests,
			"links", garbage.Links, "blobs", garbage.Blobs, "bytes", garbage.Bytes)
	}
}
