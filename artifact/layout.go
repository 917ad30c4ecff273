package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxIndexSize bounds index.json: 100,000 roots of 600 bytes fit.
const maxIndexSize = 64 << 20

// Layout is an OCI image layout folder (OCI image-spec, image-layout.md),
// Source and Target. It may be used concurrently, by several processes too.
// Nothing outside its folder is ever read or written: symbolic links that
// leave it are refused.
type Layout struct {
	dir  string
	name string
	root *os.Root

	mu      sync.Mutex // guards index.json within this process
	pushing keyedMutex // one writer a blob
	hashed  hashedFiles

	referrers referrerCache
}

var _ interface {
	Source
	Target
	Checker
	ReferrerLister
	TagLister
	Namer
	io.Closer
} = (*Layout)(nil)

// OpenLayout opens an existing layout folder. A folder that isn't one is an
// [*InvalidError], one that doesn't exist matches [fs.ErrNotExist].
func OpenLayout(dir string) (*Layout, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open layout: %w", err)
	}
	return openLayout(dir, root)
}

// openLayout takes root over, which it closes if that is no layout.
func openLayout(dir string, root *os.Root) (*Layout, error) {
	l := &Layout{dir: dir, name: "oci:" + dir, root: root}
	err := checkLayoutFile(l)
	if err == nil {
		_, err = l.readIndex()
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return l, nil
}

func checkLayoutFile(l *Layout) error {
	data, err := l.readFile(ocispec.ImageLayoutFile, 4096)
	if errors.Is(err, fs.ErrNotExist) {
		rule := "the folder is not an OCI layout, this file is missing"
		if below := layoutsBelow(l.dir); len(below) > 0 {
			rule += "; there are layouts below it, say which one: " + joinShort(below)
		}
		return &InvalidError{Code: codeNotLayout, Store: l.name, Thing: ocispec.ImageLayoutFile, Rule: rule}
	}
	if err != nil {
		return err
	}
	return checkLayoutVersion(l.name, data)
}

// maxLooked is how many entries of a folder are looked at for layouts below it,
// where one of them is only to be named.
const maxLooked = 10_000

// layoutsBelow are the folders below one that are layouts, by their paths, sorted:
// as many as are soon found.
func layoutsBelow(dir string) []string {
	var names []string
	looked := 0
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if looked++; err != nil || looked > maxLooked {
			return fs.SkipAll
		}
		if name, err := filepath.Rel(dir, filepath.Dir(path)); err == nil && !entry.IsDir() && entry.Name() == ocispec.ImageLayoutFile {
			names = append(names, filepath.ToSlash(name))
			return fs.SkipDir
		}
		return nil
	})
	slices.Sort(names)
	return names
}

func checkLayoutVersion(store string, data []byte) error {
	var marker ocispec.ImageLayout
	if err := json.Unmarshal(data, &marker); err != nil {
		return &InvalidError{Store: store, Thing: ocispec.ImageLayoutFile, Rule: "it is not JSON", Err: err}
	}
	if marker.Version != ocispec.ImageLayoutVersion {
		return &InvalidError{
			Store: store, Thing: ocispec.ImageLayoutFile,
			Rule: fmt.Sprintf("layout version %.40q is not supported, want %q", marker.Version, ocispec.ImageLayoutVersion),
		}
	}
	return nil
}

// CreateLayout opens the layout folder dir, and makes it first when it doesn't
// exist or is empty. A folder with other things in it is refused.
func CreateLayout(dir string) (*Layout, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create layout: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("create layout: %w", err)
	}
	return createLayout(dir, root, false)
}

// createLayout takes root over, which it closes if that can't be a layout.
// among says that other layouts may be in folders of it.
func createLayout(dir string, root *os.Root, among bool) (*Layout, error) {
	l := &Layout{dir: dir, name: "oci:" + dir, root: root}
	fail := func(err error) (*Layout, error) {
		root.Close()
		return nil, err
	}
	made, err := l.made(among)
	if err != nil {
		return fail(err)
	}
	if made {
		return openLayout(dir, root)
	}
	if err := l.initialise(); err != nil {
		return fail(err)
	}
	return l, nil
}

// PlanLayout opens the layout folder dir to plan what would be written to it:
// it makes nothing. Where there is no layout yet, it is a store without content.
// What [CreateLayout] refuses is refused here. Close the target if it is an
// io.Closer.
func PlanLayout(dir string) (Target, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return absent{NewMemory(), "oci:" + dir}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("create layout: %w", err)
	}
	return planLayout(dir, root, false)
}

// planLayout takes root over, as createLayout does.
func planLayout(dir string, root *os.Root, among bool) (Target, error) {
	l := &Layout{dir: dir, name: "oci:" + dir, root: root}
	made, err := l.made(among)
	if err == nil && made {
		return openLayout(dir, root)
	}
	if err = errors.Join(err, root.Close()); err != nil {
		return nil, err
	}
	return absent{NewMemory(), l.name}, nil
}

// absent is a store that doesn't exist yet.
type absent struct {
	*Memory
	name string
}

// Name is what the store will be called.
func (a absent) Name() string { return a.name }

// made reports whether the folder is a layout already, and refuses one that
// can't become one.
func (l *Layout) made(among bool) (bool, error) {
	entries, err := fs.ReadDir(l.root.FS(), ".")
	if err != nil {
		return false, fmt.Errorf("create layout: %w", err)
	}
	foreign := false
	for _, entry := range entries {
		switch name := entry.Name(); {
		case name == ocispec.ImageLayoutFile:
			return true, nil
		case name == ocispec.ImageBlobsDir, name == partialDir,
			name == ocispec.ImageIndexFile, strings.HasPrefix(name, ocispec.ImageIndexFile+"."), strings.HasPrefix(name, ocispec.ImageLayoutFile+"."):
			// What a process that ended while it created the layout leaves.
		default:
			foreign = foreign || !among || !entry.IsDir()
		}
	}
	if foreign {
		return false, &InvalidError{Code: codeFolderNotEmpty, Store: l.name, Thing: "the folder", Rule: "it is neither empty nor an OCI layout"}
	}
	return false, nil
}

func (l *Layout) initialise() error {
	if _, err := l.root.Stat(ocispec.ImageIndexFile); errors.Is(err, fs.ErrNotExist) {
		if err := l.writeIndex(&ocispec.Index{}); err != nil {
			return err
		}
	} else if _, err := l.readIndex(); err != nil {
		return err // somebody else's file of that name
	}
	marker, err := json.Marshal(ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion})
	if err != nil {
		return err
	}
	return l.writeFile(ocispec.ImageLayoutFile, marker)
}

// Name is "oci:" and the folder.
func (l *Layout) Name() string { return l.name }

// Dir is the folder.
func (l *Layout) Dir() string { return l.dir }

// Close releases the folder. Readers that Fetch returned stay usable.
func (l *Layout) Close() error { return l.root.Close() }

func (l *Layout) invalid(thing, rule string, err error) error {
	return &InvalidError{Store: l.name, Thing: thing, Rule: rule, Err: err}
}

func blobPath(desc ocispec.Descriptor) string {
	return path.Join(ocispec.ImageBlobsDir, desc.Digest.Algorithm().String(), desc.Digest.Encoded())
}

// openFile opens a regular file inside the folder.
func (l *Layout) openFile(name string) (*os.File, int64, error) {
	// Opening a pipe would wait for a writer, so what it is comes first.
	info, err := l.root.Stat(name)
	if isEscape(err) {
		inner, ok := l.linkedInside(name)
		if !ok {
			return nil, 0, l.invalid(name, leavesFolder, err)
		}
		name = inner
		info, err = l.root.Stat(name)
	}
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, l.invalid(name, "it is not a regular file", nil)
	}
	f, err := l.root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// linkedInside is where a path points through links that are absolute and stay
// in the folder all the same; os.Root follows relative ones only.
func (l *Layout) linkedInside(name string) (string, bool) {
	dir, err := filepath.EvalSymlinks(l.dir)
	if err != nil {
		return "", false
	}
	target, err := filepath.EvalSymlinks(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return "", false
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", false
	}
	if target, err = filepath.Abs(target); err != nil {
		return "", false
	}
	inner, err := filepath.Rel(dir, target)
	return filepath.ToSlash(inner), err == nil && filepath.IsLocal(inner)
}

// leavesFolder is the rule for links that os.Root doesn't follow.
const leavesFolder = "a symbolic link points outside the folder; copy the folder with its links followed (cp -rL)"

// isEscape reports what os.Root says about a path that leaves it; the os
// package has no error value for that.
func isEscape(err error) bool {
	var pathError *fs.PathError
	return errors.As(err, &pathError) && pathError.Err.Error() == "path escapes from parent"
}

func (l *Layout) readFile(name string, limit int64) ([]byte, error) {
	f, size, err := l.openFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > limit {
		return nil, l.invalid(name, fmt.Sprintf("it has %d bytes, the limit is %d", size, limit), nil)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, l.name, err)
	}
	return data, nil
}

func (l *Layout) readIndex() (*ocispec.Index, error) {
	data, err := l.readFile(ocispec.ImageIndexFile, maxIndexSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, l.invalid(ocispec.ImageIndexFile, "this file is missing", nil)
	}
	if err != nil {
		return nil, err
	}
	return parseIndexFile(l.name, data)
}

// parseIndexFile reads index.json of a layout or an archive.
func parseIndexFile(store string, data []byte) (*ocispec.Index, error) {
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, &InvalidError{Store: store, Thing: ocispec.ImageIndexFile, Rule: "it is not a JSON index", Err: err}
	}
	if index.SchemaVersion != 2 {
		return nil, &InvalidError{
			Store: store, Thing: ocispec.ImageIndexFile,
			Rule: fmt.Sprintf("schemaVersion is %d, want 2", index.SchemaVersion),
		}
	}
	for _, desc := range index.Manifests {
		if err := checkDescriptor(desc); err != nil {
			return nil, &InvalidError{Store: store, Thing: ocispec.ImageIndexFile, Rule: "a descriptor in it is wrong", Err: err}
		}
	}
	return &index, nil
}

// Resolve finds a root of the layout: by tag (the annotation
// org.opencontainers.image.ref.name, or the tag part of it), by digest, or the
// only one for an empty reference.
func (l *Layout) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	if err := context.Cause(ctx); err != nil {
		return ocispec.Descriptor{}, err
	}
	index, err := l.readIndex()
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return resolveIndex(ctx, l, l.name, index, reference)
}

// Fetch opens a blob or manifest file.
func (l *Layout) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	f, err := l.openBlob(desc)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (l *Layout) openBlob(desc ocispec.Descriptor) (*os.File, error) {
	if err := checkDescriptor(desc); err != nil {
		return nil, err
	}
	f, size, err := l.openFile(blobPath(desc))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NotFoundError{Store: l.name, Thing: thingOf(desc)}
	}
	if err != nil {
		return nil, err
	}
	if size != desc.Size {
		f.Close()
		return nil, l.invalid(thingOf(desc), fmt.Sprintf("the file has %d bytes, its descriptor says %d", size, desc.Size), nil)
	}
	return f, nil
}

func thingOf(desc ocispec.Descriptor) string {
	if isManifest(desc.MediaType) {
		return "manifest " + desc.Digest.String()
	}
	return "blob " + desc.Digest.String()
}

// Check finds out whether the file of desc is there and of the right size.
func (l *Layout) Check(ctx context.Context, desc ocispec.Descriptor) error {
	r, err := l.Fetch(ctx, desc)
	if err != nil {
		return err
	}
	return r.Close()
}

// Exists reports whether the file of desc is there and has its digest: it is
// read for that, once as long as it stays as it is. A file with other content,
// damaged or never right, is not what desc describes, and Push replaces it.
func (l *Layout) Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	if err := context.Cause(ctx); err != nil {
		return false, err
	}
	f, err := l.openBlob(desc)
	var notFound *NotFoundError
	var invalid *InvalidError
	switch {
	case err == nil:
	case errors.As(err, &notFound):
		return false, nil
	case errors.As(err, &invalid) && invalid.Thing == thingOf(desc):
		return false, nil
	default:
		return false, err
	}
	defer f.Close()
	right, err := l.hashed.check(ctx, f, desc.Digest)
	if err != nil {
		return false, fmt.Errorf("read %s of %s: %w", desc.Digest, l.name, err)
	}
	return right, nil
}

// Tags lists the names of the layout's roots, in lexical order.
func (l *Layout) Tags(ctx context.Context) ([]string, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	index, err := l.readIndex()
	if err != nil {
		return nil, err
	}
	return tagsOf(index), nil
}

// Referrers lists the layout's roots whose subject is desc.
func (l *Layout) Referrers(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	index, err := l.readIndex()
	if err != nil {
		return nil, err
	}
	return l.referrers.list(ctx, l, index, desc.Digest)
}
