package artifact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Draft is an artifact that is stored nowhere yet: its manifests and configs are
// in memory and its new blobs in files, and what it has from another image is
// still at that image's source. [Copy] stores it: only what is new moves, and
// what another repository of the target's registry has is mounted. A Draft is a
// [Source] with one root, which Resolve gives for an empty reference; it may be
// used concurrently. Close removes the files that it made.
type Draft struct {
	name      string
	base      Source // may be nil
	root      ocispec.Descriptor
	blobs     map[digest.Digest]draftBlob
	others    map[digest.Digest]Source // what is from elsewhere than the base
	left      []LeftOut                // what of the base's image is not in it
	notes     []string
	temporary []string
}

// draftBlob is new content: in memory, or in a file.
type draftBlob struct {
	data []byte
	file string
	size int64
}

var _ interface {
	Source
	Namer
	io.Closer
} = (*Draft)(nil)

func newDraft(name string, base Source) *Draft {
	return &Draft{name: name, base: base, blobs: map[digest.Digest]draftBlob{}}
}

// Name is what the draft was made from.
func (d *Draft) Name() string { return d.name }

// Root is the manifest or index that the draft is of.
func (d *Draft) Root() ocispec.Descriptor { return d.root }

// Close removes the temporary files of the draft. Nothing can be read of them
// afterwards.
func (d *Draft) Close() error {
	var errs []error
	for _, path := range d.temporary {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	d.temporary = nil
	return errors.Join(errs...)
}

// Resolve gives the root, for no reference and for its digest.
func (d *Draft) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	if reference == "" || reference == d.root.Digest.String() {
		return d.root, nil
	}
	if d.base != nil && isDigest(reference) {
		return d.base.Resolve(ctx, reference)
	}
	return ocispec.Descriptor{}, &NotFoundError{Store: d.name, Thing: "reference " + reference}
}

// Fetch opens new content, or the content of the draft's base.
func (d *Draft) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if blob, own := d.blobs[desc.Digest]; own {
		if blob.file == "" {
			return readSeekNopCloser{bytes.NewReader(blob.data)}, nil
		}
		return os.Open(blob.file)
	}
	if other := d.others[desc.Digest]; other != nil {
		return other.Fetch(ctx, desc)
	}
	if d.base == nil {
		return nil, &NotFoundError{Store: d.name, Thing: thingOf(desc)}
	}
	return d.base.Fetch(ctx, desc)
}

// Notes are what a person should know of the draft: that docker's media types
// have become OCI's, for one.
func (d *Draft) Notes() []string { return d.notes }

// leftOut is what of the changed image is not in the draft.
func (d *Draft) leftOut(digest.Digest) []LeftOut { return d.left }

// adopt takes over a manifest of another store, with all that it refers to.
func (d *Draft) adopt(ctx context.Context, src Source, desc ocispec.Descriptor, depth int) error {
	if d.others[desc.Digest] != nil {
		return nil
	}
	if depth > maxDepth {
		return &InvalidError{Thing: thingOf(desc), Rule: fmt.Sprintf("it is more than %d levels deep", maxDepth)}
	}
	data, err := fetchSmall(ctx, src, desc)
	if err != nil {
		return err
	}
	_, m, err := readManifest(desc, data)
	if err != nil {
		return err
	}
	d.adoptBlob(src, desc.Digest)
	for _, blob := range m.blobs() {
		d.adoptBlob(src, blob.Digest)
	}
	for _, child := range m.children() {
		if err := d.adopt(ctx, src, bare(child), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (d *Draft) adoptBlob(src Source, of digest.Digest) {
	if d.others == nil {
		d.others = map[digest.Digest]Source{}
	}
	d.others[of] = src
}

// New lists what the draft has of its own, by digest: what a copy to where the
// base is would move.
func (d *Draft) New() []digest.Digest { return slices.Sorted(maps.Keys(d.blobs)) }

// owns reports whether content is the draft's own, and not its base's.
func (d *Draft) owns(of digest.Digest) bool {
	_, own := d.blobs[of]
	return own
}

// addData adds content in memory.
func (d *Draft) addData(mediaType string, data []byte) ocispec.Descriptor {
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	d.blobs[desc.Digest] = draftBlob{data: data, size: desc.Size}
	return desc
}

// addJSON adds a manifest or a config.
func (d *Draft) addJSON(mediaType string, v any) (ocispec.Descriptor, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if isManifest(mediaType) && len(data) > maxManifestSize {
		return ocispec.Descriptor{}, &InvalidError{Thing: "manifest", Rule: fmt.Sprintf("it would have %d bytes, a registry takes %d", len(data), maxManifestSize)}
	}
	return d.addData(mediaType, data), nil
}

// addFile adds a file, which must not change until the draft is stored.
func (d *Draft) addFile(ctx context.Context, mediaType, path string) (ocispec.Descriptor, error) {
	file, err := os.Open(path)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return ocispec.Descriptor{}, errors.Join(err, &InvalidError{Code: codeOptionInvalid, Thing: path, Rule: "it is not a regular file"})
	}
	hash := digest.SHA256.Digester()
	size, err := io.Copy(hash.Hash(), contextReader{ctx, file})
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("read %s: %w", path, err)
	}
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: hash.Digest(), Size: size}
	d.blobs[desc.Digest] = draftBlob{file: path, size: size}
	return desc, nil
}

// addMade adds content that fill writes to a temporary file.
func (d *Draft) addMade(mediaType string, fill func(w io.Writer) error) (ocispec.Descriptor, error) {
	file, err := os.CreateTemp("", "acrkit-draft-")
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	d.temporary = append(d.temporary, file.Name())
	hash := digest.SHA256.Digester()
	err = errors.Join(fill(io.MultiWriter(file, hash.Hash())))
	info, statErr := file.Stat()
	if err = errors.Join(err, statErr, file.Close()); err != nil {
		return ocispec.Descriptor{}, err
	}
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: hash.Digest(), Size: info.Size()}
	d.blobs[desc.Digest] = draftBlob{file: file.Name(), size: desc.Size}
	return desc, nil
}

// holderOf is the store that has content of src: for what a draft has from its
// base, that base.
func holderOf(src Source, of digest.Digest) Source {
	d, ok := src.(*Draft)
	switch {
	case !ok || d.owns(of):
		return src
	case d.others[of] != nil:
		return d.others[of]
	case d.base != nil:
		return d.base
	}
	return src
}

// baseOf is the store that most of src is from.
func baseOf(src Source) Source {
	if d, ok := src.(*Draft); ok && d.base != nil {
		return d.base
	}
	return src
}
