package artifact

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Memory keeps content in memory: for tests, and for small artifacts that a
// program builds itself before it pushes them. It is Source and Target, and
// may be used concurrently.
type Memory struct {
	mu    sync.RWMutex
	blobs map[digest.Digest][]byte
	index ocispec.Index

	referrers referrerCache
}

// NewMemory is an empty store.
func NewMemory() *Memory { return &Memory{blobs: map[digest.Digest][]byte{}} }

// Name is "memory".
func (*Memory) Name() string { return "memory" }

// Resolve finds a root by tag, by digest, or the only one.
func (m *Memory) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	return resolveIndex(ctx, m, m.Name(), m.snapshot(), reference)
}

func (m *Memory) snapshot() *ocispec.Index {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return &ocispec.Index{Manifests: slices.Clone(m.index.Manifests)}
}

// Fetch opens content.
func (m *Memory) Fetch(_ context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if err := checkDescriptor(desc); err != nil {
		return nil, err
	}
	r, _, err := m.fetchAny(desc.Digest)
	if err != nil {
		return nil, &NotFoundError{Store: m.Name(), Thing: thingOf(desc)}
	}
	return r, nil
}

func (m *Memory) fetchAny(d digest.Digest) (io.ReadCloser, int64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	data, ok := m.blobs[d]
	if !ok {
		return nil, 0, &NotFoundError{Store: m.Name(), Thing: d.String()}
	}
	return readSeekNopCloser{bytes.NewReader(data)}, int64(len(data)), nil
}

func (m *Memory) blobSize(_ context.Context, d digest.Digest) (int64, error) {
	_, size, err := m.fetchAny(d)
	return size, err
}

// Exists reports whether the content is there.
func (m *Memory) Exists(_ context.Context, desc ocispec.Descriptor) (bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	data, ok := m.blobs[desc.Digest]
	return ok && int64(len(data)) == desc.Size, nil
}

// Check finds out whether the content is there.
func (m *Memory) Check(ctx context.Context, desc ocispec.Descriptor) error {
	if ok, _ := m.Exists(ctx, desc); !ok {
		return &NotFoundError{Store: m.Name(), Thing: thingOf(desc)}
	}
	return nil
}

// Push stores content after it has verified it.
func (m *Memory) Push(ctx context.Context, desc ocispec.Descriptor, content *Content) error {
	if err := checkDescriptor(desc); err != nil {
		return err
	}
	var buf bytes.Buffer
	if err := content.WriteTo(ctx, &buf); err != nil {
		return err
	}
	var subject *ocispec.Descriptor
	if isManifest(desc.MediaType) {
		parsed, err := parseManifest(desc, buf.Bytes())
		if err != nil {
			return err
		}
		subject = parsed.Subject
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blobs[desc.Digest] = buf.Bytes()
	if subject != nil {
		setRoot(&m.index, desc, "")
	}
	return nil
}

// Tag names a manifest.
func (m *Memory) Tag(ctx context.Context, desc ocispec.Descriptor, reference string) error {
	if err := checkName(reference); err != nil {
		return err
	}
	if err := m.Check(ctx, desc); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	setRoot(&m.index, desc, reference)
	return nil
}

// Tags lists the names, in lexical order.
func (m *Memory) Tags(context.Context) ([]string, error) { return tagsOf(m.snapshot()), nil }

// Referrers lists the manifests whose subject is desc.
func (m *Memory) Referrers(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	return m.referrers.list(ctx, m, m.snapshot(), desc.Digest)
}
