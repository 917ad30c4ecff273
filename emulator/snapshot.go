package emulator

import (
	"errors"
	"fmt"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// Snapshot is what a registry holds at one moment.
type Snapshot struct {
	Registry     string               `json:"registry"`
	Repositories []RepositorySnapshot `json:"repositories"`
}

// RepositorySnapshot is one repository of a [Snapshot].
type RepositorySnapshot struct {
	Name string `json:"name"`
	// Manifests are in the order of their digests.
	Manifests []ManifestSnapshot `json:"manifests"`
	// Tags maps the tags to the digests they point to.
	Tags map[string]string `json:"tags"`
}

// ManifestSnapshot is one manifest of a [RepositorySnapshot].
type ManifestSnapshot struct {
	Digest    string `json:"digest"`
	MediaType string `json:"mediaType"`
	// Size is that of the manifest itself in bytes.
	Size int64 `json:"size"`
	// Subject is the digest of the manifest that this one refers to.
	Subject string `json:"subject,omitempty"`
	// Tags are those that point to it, in the order of their names.
	Tags []string `json:"tags,omitempty"`
}

// Snapshot returns what the registry with a name holds: one consistent state,
// hidden and locked things included, soft-deleted ones left out.
func (e *Emulator) Snapshot(registryName string) (Snapshot, error) {
	reg, err := e.registryNamed(registryName)
	if err != nil {
		return Snapshot{}, fmt.Errorf("snapshot: %w", err)
	}
	e.wire.RemoveOrphans()
	s := Snapshot{Registry: reg.Name, Repositories: []RepositorySnapshot{}}
	err = reg.Data.View(func(t *store.Tx) error {
		var failure error
		err := t.Repositories("", func(name string, _ store.Repository) bool {
			repository := RepositorySnapshot{Name: name, Manifests: []ManifestSnapshot{}, Tags: map[string]string{}}
			manifests := t.Manifests(name, store.ByName, store.Cursor{}, func(m store.Manifest) bool {
				repository.Manifests = append(repository.Manifests, ManifestSnapshot{
					Digest: m.Digest, MediaType: m.MediaType, Size: m.Size, Subject: m.Subject,
					Tags: t.TagsOf(name, m.Digest, ""),
				})
				return true
			})
			tags := t.Tags(name, store.ByName, store.Cursor{}, func(tag store.Tag) bool {
				repository.Tags[tag.Name] = tag.Digest
				return true
			})
			failure = errors.Join(manifests, tags)
			s.Repositories = append(s.Repositories, repository)
			return failure == nil
		})
		return errors.Join(failure, err)
	})
	if err != nil {
		return Snapshot{}, fmt.Errorf("snapshot of %s: %w", reg.Name, err)
	}
	return s, nil
}

// Reset empties every registry: repositories, soft-deleted contents, blobs
// and uploads that nobody is writing to. It ends all faults, forgets the
// recorded requests and sets the clock back. The space that blobs take comes
// back with the next garbage collection; policies and tokens stay.
func (e *Emulator) Reset() error {
	e.ClearFaults()
	e.ResetRequests()
	e.Clock().Reset()
	if _, err := e.store.ExpireUploads(endOfTime); err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	for _, reg := range e.wire.Registries {
		if err := reg.Data.Update((*store.Tx).Clear); err != nil {
			return fmt.Errorf("reset %s: %w", reg.Name, err)
		}
	}
	return nil
}

// endOfTime is later than any upload was started.
var endOfTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

func (e *Emulator) registryNamed(name string) (*wire.Registry, error) {
	for _, reg := range e.wire.Registries {
		if reg.Name == name {
			return reg, nil
		}
	}
	return nil, fmt.Errorf("no registry is named %q", name)
}
