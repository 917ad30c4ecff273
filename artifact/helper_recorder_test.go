package artifact

import (
	"bytes"
	"context"
	"io"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// recorder is a Memory that remembers in which order it was written to.
type recorder struct {
	*Memory
	// fail, if set, is asked before each write.
	fail func(thing string, desc ocispec.Descriptor) error

	mu    sync.Mutex
	order []string
}

func (r *recorder) record(thing string, desc ocispec.Descriptor) error {
	if r.fail != nil {
		if err := r.fail(thing, desc); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order = append(r.order, thing)
	return nil
}

func (r *recorder) Push(ctx context.Context, desc ocispec.Descriptor, content *Content) error {
	if err := r.record("push "+desc.Digest.String(), desc); err != nil {
		return err
	}
	return r.Memory.Push(ctx, desc, content)
}

func (r *recorder) Tag(ctx context.Context, desc ocispec.Descriptor, reference string) error {
	if err := r.record("tag "+reference, desc); err != nil {
		return err
	}
	return r.Memory.Tag(ctx, desc, reference)
}

// lose makes the store forget content.
func (m *Memory) lose(d digest.Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.blobs, d)
}

// fakeSource gives out data, whatever is asked for.
type fakeSource struct{ data []byte }

func (f fakeSource) Resolve(context.Context, string) (ocispec.Descriptor, error) {
	return ocispec.Descriptor{}, ErrNotFound
}

func (f fakeSource) Fetch(context.Context, ocispec.Descriptor) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(f.data)), nil
}
