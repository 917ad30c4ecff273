package artifact

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
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
// or docker-save's output, those of docker before 1.10 included. It is read in
// place, nothing is unpacked; only a compressed archive, or one from a stream,
// is copied into a temporary file first. It may be used concurrently.
type Archive struct {
	name   string
	file   *os.File
	temp   bool // file is ours to remove
	format ArchiveFormat
	tar    *tarIndex
	index  *ocispec.Index

	// What a docker-save archive holds under other names than its digest, and
	// the manifests and configs that were made for it.
	sections map[digest.Digest]tarEntry
	made     map[digest.Digest][]byte
}

var _ interface {
	Source
	Checker
	ReferrerLister
	TagLister
	Namer
	io.Closer
} = (*Archive)(nil)

// OpenArchive opens a tar archive, gzipped or not, and finds out its format.
// That may read much of it: compressed layers of docker-save have no digest that
// an image could name them by.
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
	if !info.Mode().IsRegular() {
		f.Close()
		return nil, &InvalidError{Store: name, Thing: "the archive", Rule: "it is not a regular file"}
	}
	head := make([]byte, len(gzipMagic))
	if _, err := f.ReadAt(head, 0); err == nil && bytes.Equal(head, gzipMagic) {
		defer f.Close()
		return OpenArchiveStream(ctx, name, f)
	}
	return newArchive(ctx, name, f, false)
}

var gzipMagic = []byte{0x1f, 0x8b}

// OpenArchiveStream reads an archive from a stream, such as standard input:
// into a temporary file, which Close removes. name is what messages call it.
func OpenArchiveStream(ctx context.Context, name string, r io.Reader) (*Archive, error) {
	temp, err := os.CreateTemp("", "acrkit-archive-*.tar")
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	discard := func(err error) (*Archive, error) {
		temp.Close()
		os.Remove(temp.Name())
		return nil, err
	}
	if err := spool(ctx, temp, r); err != nil {
		if cutOff(err) != err || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, new(flate.CorruptInputError)) {
			err = &InvalidError{Store: name, Thing: "the archive", Rule: "it is not a whole gzip file", Err: cutOff(err)}
		} else {
			err = fmt.Errorf("read %s: %w", name, err)
		}
		return discard(err)
	}
	return newArchive(ctx, name, temp, true)
}

// spool writes a stream to a file, unpacked if it is gzipped.
func spool(ctx context.Context, w io.Writer, r io.Reader) error {
	head := make([]byte, len(gzipMagic))
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	r = contextReader{ctx, io.MultiReader(bytes.NewReader(head[:n]), r)}
	if bytes.Equal(head[:n], gzipMagic) {
		unzipped, err := gzip.NewReader(r)
		if err != nil {
			return err
		}
		r = unzipped
	}
	_, err = io.Copy(w, r)
	return err
}

func newArchive(ctx context.Context, name string, f *os.File, temp bool) (*Archive, error) {
	a := &Archive{
		name: name, file: f, temp: temp,
		sections: map[digest.Digest]tarEntry{}, made: map[digest.Digest][]byte{},
	}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *Archive) open(ctx context.Context) error {
	info, err := a.file.Stat()
	if err != nil {
		return fmt.Errorf("open %s: %w", a.name, err)
	}
	if a.tar, err = scanTar(a.name, a.file, info.Size()); err != nil {
		return err
	}
	switch {
	case a.tar.has(ocispec.ImageLayoutFile):
		a.format = ArchiveOCI
		return a.openOCI()
	case a.tar.has(dockerManifestFile):
		a.format = ArchiveDocker
		return a.openDocker(ctx)
	case a.tar.has(dockerRepositoriesFile):
		a.format = ArchiveDocker
		return a.openLegacyDocker(ctx)
	}
	return &InvalidError{
		Store: a.name, Thing: "the archive",
		Rule: fmt.Sprintf("it holds none of %s, %s and %s, so it is neither an OCI layout nor from docker save",
			ocispec.ImageLayoutFile, dockerManifestFile, dockerRepositoriesFile),
	}
}

func (a *Archive) openOCI() error {
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
	a.index, err = parseIndexFile(a.name, data)
	return err
}

// Name is "archive" and the path.
func (a *Archive) Name() string { return a.name }

// Format is what the archive was found to be.
func (a *Archive) Format() ArchiveFormat { return a.format }

// Close closes the file. Readers that Fetch returned end with it.
func (a *Archive) Close() error {
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
	return referrersIn(ctx, a, a.index, desc)
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
	_, err := a.Fetch(ctx, desc)
	return err
}

func (a *Archive) fetchAny(d digest.Digest) (io.ReadCloser, int64, error) {
	if data, ok := a.made[d]; ok {
		return readSeekNopCloser{bytes.NewReader(data)}, int64(len(data)), nil
	}
	entry, ok := a.sections[d]
	if !ok {
		var err error
		if entry, err = a.tar.lookup(blobPath(ocispec.Descriptor{Digest: d})); err != nil {
			return nil, 0, err
		}
	}
	return sectionCloser{a.tar.section(entry)}, entry.size, nil
}

// sectionCloser is one file of the archive, opened.
type sectionCloser struct{ *io.SectionReader }

func (sectionCloser) Close() error { return nil }
