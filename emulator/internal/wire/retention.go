package wire

import (
	"slices"

	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// PurgeUntagged deletes the manifests that have had no tag for longer than the
// registry keeps such, and returns how many that were (ACR protocol §7.2).
func (h *Handler) PurgeUntagged(reg *Registry) (int, error) {
	if reg.UntaggedRetention == 0 {
		return 0, nil
	}
	limit := store.TicksOf(h.Clock.Now().Add(-reg.UntaggedRetention))
	var repositories []string
	err := reg.Data.View(func(tx *store.Tx) error {
		return tx.Repositories("", func(name string, _ store.Repository) bool {
			repositories = append(repositories, name)
			return true
		})
	})
	purged := 0
	for _, name := range repositories {
		if err != nil {
			break
		}
		c := manifestHandler{&Call{Services: h.Services, op: &operation{registry: reg, parsedPath: parsedPath{repository: name}}, data: reg.Data}}
		n := 0
		err = c.data.Update(func(tx *store.Tx) (failure error) {
			n, failure = c.purgeUntagged(tx, limit)
			return failure
		})
		if err == nil {
			purged += n
		}
	}
	return purged, err
}

func (c manifestHandler) purgeUntagged(tx *store.Tx, limit store.Ticks) (int, error) {
	before, ok, err := tx.Repository(c.op.repository)
	if err != nil || !ok || before.Attributes.WriteDisabled || before.Attributes.DeleteDisabled {
		return 0, err
	}
	due, err := c.dueUntagged(tx, limit)
	if err != nil {
		return 0, err
	}
	for _, m := range due {
		// It may have gone with its subject.
		if _, present, err := tx.Manifest(c.op.repository, m.Digest); err != nil {
			return 0, err
		} else if !present {
			continue
		}
		if err := c.removeManifest(tx, m, !c.Quirks.Is(quirk.ReferrersOnDelete, "keep")); err != nil {
			return 0, err
		}
	}
	after, _, err := tx.Repository(c.op.repository)
	return before.Manifests - after.Manifests, err
}

// dueUntagged lists the manifests that lost their last tag by limit. What is
// locked is not among them, nor what belongs to a manifest that stays: the
// children of an index, and the referrers of a subject.
func (c manifestHandler) dueUntagged(tx *store.Tx, limit store.Ticks) ([]store.Manifest, error) {
	var all []store.Manifest
	err := tx.Manifests(c.op.repository, store.ByName, store.Cursor{}, func(m store.Manifest) bool {
		all = append(all, m)
		return true
	})
	if err != nil {
		return nil, err
	}
	parents := map[string][]string{} // of an index's children, and of referrers
	present := map[string]bool{}
	for _, m := range all {
		present[m.Digest] = true
		for _, child := range m.References {
			parents[child.Digest] = append(parents[child.Digest], m.Digest)
		}
		if m.Subject != "" {
			parents[m.Digest] = append(parents[m.Digest], m.Subject)
		}
	}
	due := map[string]bool{}
	for _, m := range all {
		locked, err := lockedManifest(tx, c.op.repository, m)
		if err != nil {
			return nil, err
		}
		since, untagged := tx.UntaggedSince(c.op.repository, m)
		due[m.Digest] = untagged && since <= limit && !locked
	}
	stays := func(digest string) bool { return present[digest] && !due[digest] }
	for changed := true; changed; {
		changed = false
		for _, m := range all {
			if due[m.Digest] && slices.ContainsFunc(parents[m.Digest], stays) {
				due[m.Digest], changed = false, true
			}
		}
	}
	return slices.DeleteFunc(all, func(m store.Manifest) bool { return !due[m.Digest] }), nil
}
