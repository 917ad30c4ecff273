package artifact

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

// SyncSource holds many repositories.
type SyncSource interface {
	Namer
	// Repositories lists all of them, in lexical order.
	Repositories(ctx context.Context) ([]string, error)
	// Source opens one.
	Source(repository string) (Source, error)
}

// SyncTarget takes many repositories.
type SyncTarget interface {
	Namer
	// Target opens one, and makes it if it has to.
	Target(repository string) (Target, error)
}

// Registry is all repositories of one registry, SyncSource and SyncTarget.
type Registry struct {
	client *azcontainerregistry.Client
	blobs  *azcontainerregistry.BlobClient
}

// NewRegistry is the client's registry. blobs may be nil; then it is the
// client's own.
func NewRegistry(client *azcontainerregistry.Client, blobs *azcontainerregistry.BlobClient) (*Registry, error) {
	if client == nil {
		return nil, &InvalidError{Thing: "client", Rule: "it must not be nil"}
	}
	if blobs == nil {
		blobs = client.NewBlobClient()
	}
	return &Registry{client: client, blobs: blobs}, nil
}

// Name is the login server.
func (r *Registry) Name() string { return (&Repository{client: r.client}).host() }

// Repositories lists the catalog. A listing that was cut short is an error.
func (r *Registry) Repositories(ctx context.Context) ([]string, error) {
	var names []string
	for name, err := range r.client.Repositories(ctx, &azcontainerregistry.ClientListRepositoriesOptions{MaxNum: pageSize()}) {
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// pageSize is the most that ACR gives in one page (ACR protocol §3.1).
func pageSize() *int32 {
	n := int32(1000)
	return &n
}

// Source opens a repository.
func (r *Registry) Source(repository string) (Source, error) {
	return NewRepository(r.client, r.blobs, repository)
}

// Target opens a repository.
func (r *Registry) Target(repository string) (Target, error) {
	return NewRepository(r.client, r.blobs, repository)
}

// LayoutTree is a folder with one OCI layout a repository, at the path that is
// the repository's name: SyncSource and SyncTarget, for carrying a registry to
// where no network reaches.
type LayoutTree struct {
	dir string

	mu   sync.Mutex
	open map[string]*Layout
}

// NewLayoutTree is the folder dir, which is made when something is written.
func NewLayoutTree(dir string) *LayoutTree {
	return &LayoutTree{dir: dir, open: map[string]*Layout{}}
}

// Name is "oci:" and the folder.
func (t *LayoutTree) Name() string { return "oci:" + t.dir }

// Repositories finds the layouts.
func (t *LayoutTree) Repositories(ctx context.Context) ([]string, error) {
	var names []string
	err := filepath.WalkDir(t.dir, func(path string, entry fs.DirEntry, err error) error {
		if err := errors.Join(err, context.Cause(ctx)); err != nil {
			return err
		}
		if entry.IsDir() || entry.Name() != ocispec.ImageLayoutFile {
			return nil
		}
		name, err := filepath.Rel(t.dir, filepath.Dir(path))
		if err != nil {
			return err
		}
		if name == "." {
			return &InvalidError{Store: t.Name(), Thing: "the folder", Rule: "it is a layout itself, not a folder of layouts"}
		}
		names = append(names, filepath.ToSlash(name))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", t.Name(), err)
	}
	slices.Sort(names)
	return names, nil
}

// Source opens the layout of a repository.
func (t *LayoutTree) Source(repository string) (Source, error) {
	return t.layout(repository, OpenLayout)
}

// Target opens the layout of a repository, and makes it when it isn't there.
func (t *LayoutTree) Target(repository string) (Target, error) {
	return t.layout(repository, func(dir string) (*Layout, error) {
		if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
			return nil, fmt.Errorf("create layout: %w", err)
		}
		return CreateLayout(dir)
	})
}

func (t *LayoutTree) layout(repository string, open func(dir string) (*Layout, error)) (*Layout, error) {
	if !filepath.IsLocal(filepath.FromSlash(repository)) {
		return nil, &InvalidError{Store: t.Name(), Thing: fmt.Sprintf("repository %.100q", repository), Rule: "it leads outside the folder"}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if l, ok := t.open[repository]; ok {
		return l, nil
	}
	l, err := open(filepath.Join(t.dir, filepath.FromSlash(repository)))
	if err != nil {
		return nil, err
	}
	t.open[repository] = l
	return l, nil
}

// Close closes every layout that was opened.
func (t *LayoutTree) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var err error
	for name, l := range t.open {
		err = errors.Join(err, l.Close())
		delete(t.open, name)
	}
	return err
}
