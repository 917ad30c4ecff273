package wire

import (
	"sync"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// orphanDelay is how long the referrers of a deleted subject outlive it. They
// were still there after 0.6 seconds (ACR protocol §4.6).
const orphanDelay = time.Second

// orphans are the referrers of a subject that was deleted.
type orphans struct {
	registry   *Registry
	repository string
	subject    string
	due        time.Time
}

// orphanQueue keeps what is to be deleted later. Its zero value is ready.
type orphanQueue struct {
	mu      sync.Mutex
	waiting []orphans
}

func (o *orphanQueue) add(more orphans) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = append(o.waiting, more)
}

// due takes those whose time has come.
func (o *orphanQueue) due(now time.Time) []orphans {
	o.mu.Lock()
	defer o.mu.Unlock()
	var due, rest []orphans
	for _, each := range o.waiting {
		if each.due.After(now) {
			rest = append(rest, each)
		} else {
			due = append(due, each)
		}
	}
	o.waiting = rest
	return due
}

// RemoveOrphans deletes the referrers of deleted subjects whose time has come.
// It is called before a request is served, so that the clock decides what
// the request sees.
func (h *Handler) RemoveOrphans() {
	for _, each := range h.orphans.due(h.Clock.Now()) {
		c := manifestHandler{&Call{Services: h.Services, op: &operation{registry: each.registry, parsedPath: parsedPath{repository: each.repository}}, data: each.registry.Data}}
		err := each.registry.Data.Update(func(tx *store.Tx) error { return c.removeReferrers(tx, each.subject) })
		if err != nil {
			h.Logger.Error("referrers of a deleted manifest are left", "repository", each.repository, "subject", each.subject, "error", err)
		}
	}
}

// removeReferrers deletes what refers to a subject that is gone. One that was
// pushed again keeps them.
func (c manifestHandler) removeReferrers(tx *store.Tx, subject string) error {
	if _, present, err := tx.Manifest(c.op.repository, subject); err != nil || present {
		return err
	}
	referrers, err := c.unlockedReferrers(tx, subject, map[string]bool{})
	if err != nil {
		return err
	}
	for _, m := range referrers {
		if _, present, err := tx.Manifest(c.op.repository, m.Digest); err != nil {
			return err
		} else if !present {
			continue
		}
		if err := c.removeManifest(tx, m, true); err != nil {
			return err
		}
	}
	return nil
}
