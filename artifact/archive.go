package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ArchiveFormat is how a tar archive holds images.
type ArchiveFormat string

const (
	// ArchiveOCI is an OCI image layout in a tar file.
	ArchiveOCI ArchiveFormat = "oci"
	// ArchiveDocker is what "docker save" writes and "docker load" reads. Ours
	// holds the OCI layout beside it, as current docker's does.
	ArchiveDocker ArchiveFormat = "docker"
)

// Archive is a tar archive with images, as a Source: an OCI layout in a tar,
// or docker-save's output, those of docker before 1.10 included, or the folder
// that such a tar was unpacked to. It is read in place, nothing is unpacked;
// only a compressed archive, or one from a stream, is copied into a temporary
// file first. It may be used concurrently.
//
// An archive that has both index.json and docker's manifest.json, as docker 25
// and later write, is read by both: what one of them lacks the other tells, and
// where they contradict one another the archive is refused. Of an index that
// names more than the archive holds, the complete images are offered;
// [Result.LeftOut] says which were not.
type Archive struct {
	name   string
	file   *os.File // nil for a folder
	temp   bool     // file is ours to remove
	format ArchiveFormat
	tar    *tarIndex
	index  *ocispec.Index

	// What a docker-save archive holds under other names than its digest, and
	// the manifests, indexes and configs that were made for it.
	sections map[digest.Digest]tarEntry
	made     map[digest.Digest][]byte
	absent   map[digest.Digest][]LeftOut // by root: what the archive lacks of it

	referrers referrerCache
}

var _ interface {
	Source
	Checker
	ReferrerLister
	TagLister
	Namer
	io.Closer
} = (*Archive)(nil)

// OpenArchive opens a tar archive, compressed or not, and finds out its format;
// path may be the folder that docker-save's tar was unpacked to. That may read
// much of it: compressed layers of docker-save have no digest that an image
// could name them by.
func OpenArchive(ctx context.Context, path string) (*Archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open archive: %w", err)
	}
	name := "archive " + path
	if info.IsDir() {
		f.Close()
		return openUnpacked(ctx, name, path)
	}
	if !info.Mode().IsRegular() {
		f.Close()
		return nil, &InvalidError{Code: codeArchiveBroken, Store: name, Thing: "the archive", Rule: "it is not a regular file"}
	}
	head := make([]byte, magicLength)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		f.Close()
		return nil, fmt.Errorf("open archive: %w", err)
	}
	if compressionOf(head[:n]) != nil {
		defer f.Close()
		return OpenArchiveStream(ctx, name, f)
	}
	return newArchive(ctx, &Archive{name: name, file: f})
}

func openUnpacked(ctx context.Context, name, path string) (*Archive, error) {
	folder, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	index, err := scanFolder(name, folder)
	if err != nil {
		folder.Close()
		return nil, err
	}
	return newArchive(ctx, &Archive{name: name, tar: index})
}

// OpenArchiveStream reads an archive from a stream, such as standard input:
// into a temporary file, which Close removes. name is what messages call it.
func OpenArchiveStream(ctx context.Context, name string, r io.Reader) (*Archive, error) {
	temp, err := os.CreateTemp("", "acrkit-archive-*.tar")
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	if err := spool(ctx, name, temp, r); err != nil {
		temp.Close()
		os.Remove(temp.Name())
		return nil, err
	}
	return newArchive(ctx, &Archive{name: name, file: temp, temp: true})
}

// spool writes a stream to a file, unpacked if it is compressed.
func spool(ctx context.Context, name string, w io.Writer, r io.Reader) error {
	head := make([]byte, magicLength)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", name, err)
	}
	r = contextReader{ctx, io.MultiReader(bytes.NewReader(head[:n]), r)}
	packed := compressionOf(head[:n])
	if packed == nil {
		if _, err := io.Copy(w, r); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		return nil
	}
	unpacked, err := packed.decompress(r)
	if err == nil {
		_, err = io.Copy(w, unpacked)
		unpacked.Close()
	}
	switch {
	case err == nil:
		return nil
	case context.Cause(ctx) == nil && packed.isCorrupt(err):
		return &InvalidError{Code: codeArchiveBroken, Store: name, Thing: "the archive", Rule: "it is not a whole " + packed.name + " file", Err: cutOff(err)}
	}
	return fmt.Errorf("read %s: %w", name, err)
}

func newArchive(ctx context.Context, a *Archive) (*Archive, error) {
	a.sections, a.made, a.absent = map[digest.Digest]tarEntry{}, map[digest.Digest][]byte{}, map[digest.Digest][]LeftOut{}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *Archive) open(ctx context.Context) error {
	if a.tar == nil {
		info, err := a.file.Stat()
		if err != nil {
			return fmt.Errorf("open %s: %w", a.name, err)
		}
		if a.tar, err = scanTar(a.name, a.file, info.Size()); err != nil {
			return err
		}
	}
	a.tar.enterOnlyFolder()
	switch {
	case a.tar.has(ocispec.ImageLayoutFile):
		a.format = ArchiveOCI
		return a.openOCI(ctx)
	case a.tar.has(dockerManifestFile):
		a.format = ArchiveDocker
		a.index = &ocispec.Index{}
		return a.addDockerHalf(ctx)
	case a.tar.has(dockerRepositoriesFile):
		a.format = ArchiveDocker
		return a.openLegacyDocker(ctx)
	case a.tar.has(ocispec.ImageIndexFile):
		return &InvalidError{
			Store: a.name, Thing: "the archive",
			Rule: fmt.Sprintf("it holds %s but no %s, which every OCI layout has", ocispec.ImageIndexFile, ocispec.ImageLayoutFile),
		}
	}
	return &InvalidError{
		Store: a.name, Thing: "the archive",
		Rule: fmt.Sprintf("it holds none of %s, %s and %s, so it is neither an OCI layout nor from docker save",
			ocispec.ImageLayoutFile, dockerManifestFile, dockerRepositoriesFile),
	}
}

func (a *Archive) openOCI(ctx context.Context) error {
	marker, err := a.tar.read(ocispec.ImageLayoutFile, 4096)
	if err != nil {
		return err
	}
	if err := checkLayoutVersion(a.name, marker); err != nil {
		return err
	}
	data, err := a.tar.read(ocispec.ImageIndexFile, maxIndexSize)
	if errors.Is(err, ErrNotFound) {
		return &InvalidError{Store: a.name, Thing: ocispec.ImageIndexFile, Rule: "this file is missing"}
	}
	if err != nil {
		return err
	}
	if a.index, err = parseIndexFile(a.name, data); err != nil {
		return err
	}
	if a.tar.has(dockerManifestFile) {
		if err := a.addDockerHalf(ctx); err != nil {
			return err
		}
	}
	a.reduceRoots()
	return nil
}

// Name is "archive" and the path.
func (a *Archive) Name() string { return a.name }

// Format is what the archive was found to be.
func (a *Archive) Format() ArchiveFormat { return a.format }

// Close closes the file. Readers that Fetch returned end with it.
func (a *Archive) Close() error {
	if a.file == nil {
		return a.tar.folder.Close()
	}
	err := a.file.Close()
	if a.temp {
		err = errors.Join(err, os.Remove(a.file.Name()))
	}
	return err
}

// Resolve finds an image by its name, its tag, its digest, or the only one.
func (a *Archive) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	return resolveIndex(ctx, a, a.name, a.index, reference)
}

// Tags lists the names in the archive, in lexical order.
func (a *Archive) Tags(context.Context) ([]string, error) { return tagsOf(a.index), nil }

// Referrers lists the archive's roots whose subject is desc.
func (a *Archive) Referrers(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	return a.referrers.list(ctx, a, a.index, desc.Digest)
}

// Fetch opens content, which stays valid until Close.
func (a *Archive) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if err := checkDescriptor(desc); err != nil {
		return nil, err
	}
	r, size, err := a.fetchAny(desc.Digest)
	if errors.Is(err, ErrNotFound) {
		return nil, &NotFoundError{Store: a.name, Thing: thingOf(desc)}
	}
	if err != nil {
		return nil, err
	}
	if size != desc.Size {
		return nil, &InvalidError{
			Store: a.name, Thing: thingOf(desc),
			Rule: fmt.Sprintf("the archive has %d bytes of it, its descriptor says %d", size, desc.Size),
		}
	}
	return r, context.Cause(ctx)
}

// Check finds out whether content is there in the right size.
func (a *Archive) Check(ctx context.Context, desc ocispec.Descriptor) error {
	if err := checkDescriptor(desc); err != nil || a.holds(desc) {
		return errors.Join(err, context.Cause(ctx))
	}
	r, err := a.Fetch(ctx, desc)
	if err == nil {
		err = r.Close()
	}
	return err
}

// leftOut is what the archive lacks of an image that it offers.
func (a *Archive) leftOut(root digest.Digest) []LeftOut { return a.absent[root] }

func (a *Archive) fetchAny(d digest.Digest) (io.ReadCloser, int64, error) {
	if data, ok := a.made[d]; ok {
		return readSeekNopCloser{bytes.NewReader(data)}, int64(len(data)), nil
	}
	entry, err := a.entry(d)
	if err != nil {
		return nil, 0, err
	}
	r, err := a.tar.open(entry)
	return r, entry.size, err
}

func (a *Archive) entry(d digest.Digest) (tarEntry, error) {
	if entry, ok := a.sections[d]; ok {
		return entry, nil
	}
	return a.tar.lookup(blobPath(ocispec.Descriptor{Digest: d}))
}

// holds reports whether content is there in the right size, without opening
// it.
func (a *Archive) holds(desc ocispec.Descriptor) bool {
	if data, ok := a.made[desc.Digest]; ok {
		return int64(len(data)) == desc.Size
	}
	entry, err := a.entry(desc.Digest)
	return err == nil && entry.size == desc.Size
}
