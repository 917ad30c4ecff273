package artifact

import (
	"archive/tar"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/internal/filelock"
)

// ArchiveWriter is a Target that becomes a tar archive. Content is gathered in
// a layout folder beside the file first; Close writes the archive from it, in
// one step, when at least one image is whole. After an interrupted copy the
// folder stays, and the next ArchiveWriter for the same path resumes with it.
type ArchiveWriter struct {
	path    string // where to write, "" for out
	out     io.Writer
	format  ArchiveFormat
	staging *Layout
	lock    *os.File
	done    bool // an image is whole
	closed  bool
}

var _ interface {
	Target
	Admitter
	Namer
	io.Closer
} = (*ArchiveWriter)(nil)

// stagingSuffix is what the folder beside the archive is called.
const stagingSuffix = ".acrkit-partial"

// stagingLayout is the layout in that folder.
const stagingLayout = "layout"

// stagingLock keeps two processes from writing one archive.
const stagingLock = "lock"

// CreateArchive begins an archive at path. A file that is there already is
// replaced by Close, and not before.
func CreateArchive(path string, format ArchiveFormat) (*ArchiveWriter, error) {
	w := &ArchiveWriter{path: path, format: format}
	if err := w.check(); err != nil {
		return nil, err
	}
	return newArchiveWriter(w, path+stagingSuffix)
}

// CreateArchiveStream begins an archive of several images that Close writes to w.
// The content is gathered in the folder dir until then; [NewArchiveStream] writes
// a single one without that.
func CreateArchiveStream(w io.Writer, dir string, format ArchiveFormat) (*ArchiveWriter, error) {
	writer := &ArchiveWriter{out: w, format: format}
	if err := writer.check(); err != nil {
		return nil, err
	}
	return newArchiveWriter(writer, dir)
}

func newArchiveWriter(w *ArchiveWriter, dir string) (*ArchiveWriter, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create archive: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, stagingLock), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create archive: %w", err)
	}
	locked, err := filelock.Try(lock)
	if err != nil || !locked {
		lock.Close()
		if err == nil {
			err = &InUseError{Thing: w.Name()}
		}
		return nil, err
	}
	inner := filepath.Join(dir, stagingLayout)
	if w.staging, err = CreateLayout(inner); err == nil {
		// Blobs of an earlier attempt are worth keeping, its roots are not: this
		// archive holds what this writer is given.
		err = w.staging.writeIndex(&ocispec.Index{})
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	w.lock = lock
	return w, nil
}

// Name is "archive" and the path.
func (w *ArchiveWriter) Name() string {
	if w.path == "" {
		return "archive"
	}
	return "archive " + w.path
}

// Admit refuses what docker's format cannot hold.
func (w *ArchiveWriter) Admit(root ocispec.Descriptor, reference string) error {
	if err := checkName(reference); err != nil {
		return err
	}
	if w.format != ArchiveDocker {
		return nil
	}
	switch root.MediaType {
	case ocispec.MediaTypeImageManifest, mediaTypeDockerManifest:
	default:
		return &InvalidError{
			Store: w.Name(), Thing: thingOf(root),
			Rule: "a docker archive holds images for one platform, and this is an index: choose a platform, or write an OCI archive",
		}
	}
	return nil
}

// imagesOnly reports a format that cannot hold referrers.
func (w *ArchiveWriter) imagesOnly() bool { return w.format == ArchiveDocker }

func (w *ArchiveWriter) admitGraph(ctx context.Context, src Source, g *graph) error {
	if w.format != ArchiveDocker {
		return nil
	}
	return admitToDocker(ctx, w.Name(), src, g)
}

// keepReferrer records a referrer; the archive is not done by that.
func (w *ArchiveWriter) keepReferrer(ctx context.Context, desc ocispec.Descriptor, tag string) error {
	return w.staging.Tag(ctx, desc, tag)
}

// Exists reports whether the content has been gathered.
func (w *ArchiveWriter) Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	return w.staging.Exists(ctx, desc)
}

// Push gathers content.
func (w *ArchiveWriter) Push(ctx context.Context, desc ocispec.Descriptor, content *Content) error {
	return w.staging.Push(ctx, desc, content)
}

// Tag adds an image to the archive, under a name such as "app:1.4".
func (w *ArchiveWriter) Tag(ctx context.Context, desc ocispec.Descriptor, reference string) error {
	if err := w.Admit(desc, reference); err != nil {
		return err
	}
	if err := w.staging.Tag(ctx, desc, reference); err != nil {
		return err
	}
	w.done = true
	return nil
}

// Close writes the archive and removes the folder, when an image was tagged;
// otherwise it leaves the folder for another attempt. It must be called.
func (w *ArchiveWriter) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	defer w.lock.Close()
	if !w.done {
		return w.staging.Close()
	}
	if err := w.write(context.Background()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", w.Name(), err), w.staging.Close())
	}
	return w.remove()
}

// Discard ends the writer without an archive, and removes the folder.
func (w *ArchiveWriter) Discard() error {
	if w.closed {
		return nil
	}
	w.closed = true
	defer w.lock.Close()
	return w.remove()
}

func (w *ArchiveWriter) remove() error {
	err := w.staging.Close()
	return errors.Join(err, os.RemoveAll(w.staging.Dir()), os.Remove(w.lock.Name()), os.Remove(filepath.Dir(w.staging.Dir())))
}

func (w *ArchiveWriter) write(ctx context.Context) error {
	if w.path == "" {
		return w.writeTar(ctx, w.out)
	}
	temp := w.path + "." + rand.Text()
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	err = w.writeTar(ctx, f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, w.path)
	}
	if err != nil {
		os.Remove(temp)
	}
	return err
}

// writeTar writes the layout as a tar, deterministically: the same images give
// the same bytes.
func (w *ArchiveWriter) writeTar(ctx context.Context, out io.Writer) error {
	index, err := w.staging.readIndex()
	if err != nil {
		return err
	}
	content := map[string]ocispec.Descriptor{}
	var images []dockerImage
	repositories := dockerRepositories{}
	for i, root := range index.Manifests {
		g, err := readGraph(ctx, w.staging, bare(root), walkOptions{})
		if err != nil {
			return err
		}
		for _, blob := range g.blobs {
			content[blobPath(blob)] = blob
		}
		for _, n := range g.nodes {
			content[blobPath(n.desc)] = n.desc
		}
		if w.format == ArchiveDocker {
			name := root.Annotations[ocispec.AnnotationRefName]
			images = addImage(images, repositories, g.nodes[root.Digest], name)
			index.Manifests[i].Annotations = dockerAnnotations(name)
		}
	}
	if w.format != ArchiveDocker {
		images, repositories = nil, nil
	}
	t := &tarWriter{Writer: tar.NewWriter(out)}
	if err := t.head(index, images, repositories); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(content)) {
		if err := t.blob(ctx, w.staging, name, content[name]); err != nil {
			return err
		}
	}
	return t.finish()
}

// addImage adds an image to docker's manifest.json and repositories; one image
// under several names is one entry.
func addImage(images []dockerImage, repositories dockerRepositories, n *node, name string) []dockerImage {
	config := blobPath(*n.parsed.Config)
	i := slices.IndexFunc(images, func(other dockerImage) bool { return other.Config == config })
	if i < 0 {
		image := dockerImage{Config: config, RepoTags: []string{}, Layers: []string{}}
		for _, layer := range n.parsed.Layers {
			image.Layers = append(image.Layers, blobPath(layer))
		}
		images = append(images, image)
		i = len(images) - 1
	}
	if name == "" {
		return images
	}
	repository, tag := dockerName(name)
	images[i].RepoTags = append(images[i].RepoTags, repository+":"+tag)
	if top := len(n.parsed.Layers); top > 0 {
		if repositories[repository] == nil {
			repositories[repository] = map[string]string{}
		}
		repositories[repository][tag] = n.parsed.Layers[top-1].Digest.Encoded()
	}
	return images
}

// dockerName splits a name as docker reads it: no tag means latest.
func dockerName(name string) (repository, tag string) {
	if tag = tagPart(name); tag == "" {
		return name, "latest"
	}
	return strings.TrimSuffix(name, ":"+tag), tag
}

// dockerAnnotations is how containerd and current docker name an image in the
// OCI index: in full, with docker.io where no registry is named.
func dockerAnnotations(name string) map[string]string {
	if name == "" {
		return nil
	}
	repository, tag := dockerName(name)
	return map[string]string{
		annotationContainerdName:  dockerFullName(repository) + ":" + tag,
		ocispec.AnnotationRefName: tag,
	}
}

func dockerFullName(repository string) string {
	first, _, hasSlash := strings.Cut(repository, "/")
	switch {
	case !hasSlash:
		return "docker.io/library/" + repository
	case strings.ContainsAny(first, ".:") || first == "localhost":
		return repository
	}
	return "docker.io/" + repository
}

// tarWriter writes entries that depend on nothing but their content. Its first
// error sticks.
type tarWriter struct {
	*tar.Writer
	err  error
	dirs map[string]bool
}

func (t *tarWriter) header(name string, kind byte, size, mode int64) {
	if t.err == nil {
		t.err = t.WriteHeader(&tar.Header{Typeflag: kind, Name: name, Size: size, Mode: mode, ModTime: time.Unix(0, 0)})
	}
}

func (t *tarWriter) dir(name string) {
	if t.dirs == nil {
		t.dirs = map[string]bool{}
	}
	if !t.dirs[name] {
		t.dirs[name] = true
		t.header(name+"/", tar.TypeDir, 0, 0o755)
	}
}

func (t *tarWriter) file(name string, data []byte) {
	t.header(name, tar.TypeReg, int64(len(data)), 0o644)
	if t.err == nil {
		_, t.err = t.Write(data)
	}
}

func (t *tarWriter) json(name string, v any) {
	data, err := json.Marshal(v)
	if err != nil && t.err == nil {
		t.err = err
		return
	}
	t.file(name, data)
}

// head writes what says which images the archive holds; for docker too where
// there are repositories.
func (t *tarWriter) head(index *ocispec.Index, images []dockerImage, repositories dockerRepositories) error {
	t.json(ocispec.ImageLayoutFile, ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion})
	data, err := marshalIndex(index)
	if err != nil {
		return err
	}
	t.file(ocispec.ImageIndexFile, data)
	if repositories != nil {
		t.json(dockerManifestFile, images)
		t.json(dockerRepositoriesFile, repositories)
	}
	t.dir(ocispec.ImageBlobsDir)
	return t.err
}

func (t *tarWriter) blob(ctx context.Context, from *Layout, name string, desc ocispec.Descriptor) error {
	t.dir(filepath.ToSlash(filepath.Dir(name)))
	t.header(name, tar.TypeReg, desc.Size, 0o644)
	if t.err != nil {
		return t.err
	}
	// Hashed once more while it is read: what the disk has lost since is found
	// before the archive has its name.
	content := NewContent(from, desc)
	return content.WriteTo(ctx, t)
}

func (t *tarWriter) finish() error {
	if t.err != nil {
		return t.err
	}
	return t.Close()
}
