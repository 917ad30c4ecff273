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
			return &InvalidError{Code: codeOptionInvalid, Store: t.Name(), Thing: "the folder", Rule: "it is a layout itself, not a folder of layouts"}
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
	return t.layout(repository, false)
}

// Target opens the layout of a repository, and makes it when it isn't there.
func (t *LayoutTree) Target(repository string) (Target, error) {
	return t.layout(repository, true)
}

// planTarget opens the layout of a repository to plan what would be written to
// it, and makes nothing.
func (t *LayoutTree) planTarget(repository string) (Target, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l, ok := t.open[repository]; ok {
		return l, nil
	}
	root, dir, err := t.folder(repository, false)
	if errors.Is(err, fs.ErrNotExist) {
		return absent{NewMemory(), "oci:" + dir}, nil
	}
	if err != nil {
		return nil, err
	}
	target, err := planLayout(dir, root, true)
	if l, ok := target.(*Layout); ok && err == nil {
		t.open[repository] = l
	}
	return target, err
}

// folder opens the folder of a repository.
func (t *LayoutTree) folder(repository string, create bool) (*os.Root, string, error) {
	outside := &InvalidError{Store: t.Name(), Thing: fmt.Sprintf("repository %.100q", repository), Rule: "it points outside the folder"}
	inner := filepath.FromSlash(repository)
	if !filepath.IsLocal(inner) {
		return nil, "", outside
	}
	dir := filepath.Join(t.dir, inner)
	root, err := t.root(inner, create)
	if isEscape(err) {
		outside.Err = err
		return nil, dir, outside
	}
	if err != nil {
		return nil, dir, fmt.Errorf("open layout of %s in %s: %w", repository, t.Name(), err)
	}
	return root, dir, nil
}

func (t *LayoutTree) layout(repository string, create bool) (*Layout, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l, ok := t.open[repository]; ok {
		return l, nil
	}
	root, dir, err := t.folder(repository, create)
	if err != nil {
		return nil, err
	}
	var l *Layout
	if create {
		l, err = createLayout(dir, root, true)
	} else {
		l, err = openLayout(dir, root)
	}
	if err != nil {
		return nil, err
	}
	t.open[repository] = l
	return l, nil
}

// root opens a folder of the tree, by a path that doesn't leave the tree
// through a link.
func (t *LayoutTree) root(inner string, create bool) (*os.Root, error) {
	if create {
		if err := os.MkdirAll(t.dir, 0o755); err != nil {
			return nil, err
		}
	}
	tree, err := os.OpenRoot(t.dir)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	if create {
		if err := mkdirAll(tree, inner); err != nil {
			return nil, err
		}
	}
	return tree.OpenRoot(inner)
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
