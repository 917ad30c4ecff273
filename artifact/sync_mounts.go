package artifact

import (
	"context"
	"sync"
)

// mountMemory remembers which repository of the target has a blob, so that
// the next repository gets it without moving bytes.
type mountMemory struct {
	moving keyedMutex // by digest

	mu   sync.Mutex
	repo map[string]string
}

// turn waits until no other image of the sync moves the same blob: once one of
// them has it, the others mount it.
func (m *mountMemory) turn(ctx context.Context, digest string) (done func(), err error) {
	if m == nil {
		return func() {}, nil
	}
	return m.moving.lock(ctx, digest)
}

func newMountMemory() *mountMemory { return &mountMemory{repo: map[string]string{}} }

// maxMounts bounds the memory: some 20 MB.
const maxMounts = 100_000

func (m *mountMemory) remember(digest, repository string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.repo) < maxMounts {
		m.repo[digest] = repository
	}
}

func (m *mountMemory) find(digest string) string {
	if m == nil {
		return ""
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.repo[digest]
}
