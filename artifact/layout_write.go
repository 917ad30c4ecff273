package artifact

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/internal/filelock"
)

// partialDir holds what is not whole yet. The image-layout specification
// leaves other names in the folder to us.
const partialDir = ".acrkit-partial"

// Push writes a blob or manifest: into a partial file first, which becomes the
// blob by a rename once every byte is verified. A partial file that an earlier,
// interrupted Push left is resumed. A manifest is a root of the layout only
// when Tag makes it one.
func (l *Layout) Push(ctx context.Context, desc ocispec.Descriptor, content *Content) error {
	if err := checkDescriptor(desc); err != nil {
		return err
	}
	unlock, err := l.pushing.lock(ctx, desc.Digest.String())
	if err != nil {
		return err
	}
	defer unlock()
	exists, err := l.Exists(ctx, desc)
	if err != nil {
		return err
	}
	switch {
	case exists:
		// Another image of the sync has brought it while this one waited.
		content.report(Event{Kind: EventBlobExists, Descriptor: desc, Total: desc.Size})
	default:
		if err := l.receive(ctx, desc, content); err != nil {
			return err
		}
	}
	return nil
}

// keepReferrer makes a referrer a root of the layout: nobody could find it
// again otherwise.
func (l *Layout) keepReferrer(ctx context.Context, desc ocispec.Descriptor, tag string) error {
	return l.Tag(ctx, desc, tag)
}

func (l *Layout) receive(ctx context.Context, desc ocispec.Descriptor, content *Content) error {
	if err := l.mkdirs(path.Dir(blobPath(desc))); err != nil {
		return err
	}
	f, name, err := l.openPartial(desc)
	if err != nil {
		return err
	}
	defer f.Close()
	err = receiveInto(ctx, f, desc, content)
	if err != nil {
		l.dropPartial(f, name, err)
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("write %s: %w", desc.Digest, err)
	}
	// It isn't synced: twenty layers that wait for the disk take half as long
	// again. What a power cut leaves of it is found by [Layout.Exists], which
	// hashes before it says yes, and by whoever reads it.
	if err := l.root.Rename(name, blobPath(desc)); err != nil {
		return fmt.Errorf("store %s: %w", desc.Digest, err)
	}
	// Some file systems tell only here that the disk is full.
	if err := f.Close(); err != nil {
		_ = l.root.Remove(blobPath(desc))
		return fmt.Errorf("write %s: %w", desc.Digest, err)
	}
	l.hashed.add(desc.Digest, info)
	// Fails while other blobs are on their way, and that is right.
	_ = l.root.Remove(partialDir)
	return nil
}

// receiveInto fills a partial file, continuing after what it holds already.
func receiveInto(ctx context.Context, f *os.File, desc ocispec.Descriptor, content *Content) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	have := info.Size()
	if have > 0 && have <= desc.Size {
		h := desc.Digest.Algorithm().Hash()
		if _, err := io.Copy(h, contextReader{ctx, f}); err != nil {
			return fmt.Errorf("read partial %s: %w", desc.Digest, err)
		}
		content.report(Event{Kind: EventBlobResumed, Descriptor: desc, Bytes: have, Total: desc.Size})
		err := content.writeRest(ctx, f, have, h)
		if !isMismatch(err) {
			return err
		}
		// Either the old part or the source is bad; without the old part we
		// know which.
	}
	if have > 0 {
		if err := f.Truncate(0); err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	return content.WriteTo(ctx, f)
}

// openPartial opens the partial file of desc for this process alone. When
// another process is at the same blob, this one gets a file of its own.
func (l *Layout) openPartial(desc ocispec.Descriptor) (*os.File, string, error) {
	name := path.Join(partialDir, desc.Digest.Algorithm().String()+"-"+desc.Digest.Encoded())
	for {
		// Not MkdirAll, which gives up when the folder goes while it looks.
		if err := l.root.Mkdir(partialDir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, "", fmt.Errorf("write to %s: %w", l.name, err)
		}
		f, err := l.root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another blob was done just now, and took the folder along
		}
		if err != nil {
			return nil, "", fmt.Errorf("store %s: %w", desc.Digest, err)
		}
		locked, err := filelock.Try(f)
		if err != nil {
			f.Close()
			return nil, "", fmt.Errorf("lock %s: %w", name, err)
		}
		if !locked {
			f.Close()
			name += "-" + rand.Text()
			continue
		}
		// Whoever held the lock before may have renamed or removed the file.
		ours, err1 := f.Stat()
		named, err2 := l.root.Stat(name)
		if err1 == nil && err2 == nil && os.SameFile(ours, named) {
			return f, name, nil
		}
		f.Close()
		if err2 != nil && !errors.Is(err2, fs.ErrNotExist) {
			return nil, "", err2
		}
	}
}

// dropPartial removes a partial file after a failure, unless it can be resumed.
func (l *Layout) dropPartial(f *os.File, name string, cause error) {
	info, err := f.Stat()
	wrong := isMismatch(cause) || errors.Is(cause, ErrInvalid)
	if err != nil || wrong || info.Size() == 0 {
		_ = l.root.Remove(name)
		_ = l.root.Remove(partialDir)
	}
}

// Tag writes reference into index.json. An empty reference makes the manifest
// a root without a name.
func (l *Layout) Tag(ctx context.Context, desc ocispec.Descriptor, reference string) error {
	if err := checkName(reference); err != nil {
		return err
	}
	if err := l.Check(ctx, desc); err != nil {
		return err
	}
	return l.changeIndex(ctx, func(index *ocispec.Index) bool { return setRoot(index, desc, reference) })
}

// setRoot adds a root, in place of the one that had the name before. It
// reports whether that changed anything.
func setRoot(index *ocispec.Index, desc ocispec.Descriptor, reference string) bool {
	root := bare(desc)
	if reference == "" {
		if slices.ContainsFunc(index.Manifests, sameDigest(desc)) {
			return false
		}
		index.Manifests = append(index.Manifests, root)
		return true
	}
	root.Annotations = map[string]string{ocispec.AnnotationRefName: reference}
	for _, other := range index.Manifests {
		if other.Annotations[ocispec.AnnotationRefName] == reference && other.Digest == desc.Digest {
			return false
		}
	}
	index.Manifests = slices.DeleteFunc(index.Manifests, func(other ocispec.Descriptor) bool {
		name := other.Annotations[ocispec.AnnotationRefName]
		return name == reference || (name == "" && other.Digest == desc.Digest)
	})
	index.Manifests = append(index.Manifests, root)
	return true
}

// changeIndex reads, changes and replaces index.json while no other process
// does.
func (l *Layout) changeIndex(ctx context.Context, change func(*ocispec.Index) bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	marker, err := l.root.Open(ocispec.ImageLayoutFile)
	if err != nil {
		return fmt.Errorf("lock %s: %w", l.name, err)
	}
	defer marker.Close()
	if err := filelock.Lock(ctx, marker); err != nil {
		return fmt.Errorf("lock %s: %w", l.name, err)
	}
	index, err := l.readIndex()
	if err != nil {
		return err
	}
	if !change(index) {
		return nil
	}
	return l.writeIndex(index)
}

func (l *Layout) writeIndex(index *ocispec.Index) error {
	data, err := marshalIndex(index)
	if err != nil {
		return err
	}
	return l.writeFile(ocispec.ImageIndexFile, data)
}

func marshalIndex(index *ocispec.Index) ([]byte, error) {
	index.SchemaVersion = 2
	index.MediaType = ocispec.MediaTypeImageIndex
	if index.Manifests == nil {
		index.Manifests = []ocispec.Descriptor{}
	}
	return json.Marshal(index)
}

// writeFile replaces a small file in one step.
func (l *Layout) writeFile(name string, data []byte) error {
	temp := name + "." + rand.Text()
	if err := l.writeNew(temp, data); err != nil {
		_ = l.root.Remove(temp)
		return fmt.Errorf("write %s of %s: %w", name, l.name, err)
	}
	if err := l.root.Rename(temp, name); err != nil {
		_ = l.root.Remove(temp)
		return fmt.Errorf("write %s of %s: %w", name, l.name, err)
	}
	return l.syncDir(".")
}

func (l *Layout) writeNew(name string, data []byte) error {
	f, err := l.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func (l *Layout) mkdirs(names ...string) error {
	for _, name := range names {
		if err := mkdirAll(l.root, name); err != nil {
			if isEscape(err) {
				return l.invalid(name, "it points outside the folder", err)
			}
			return fmt.Errorf("write to %s: %w", l.name, err)
		}
	}
	return nil
}

// syncDir makes renames in a folder durable.
func (l *Layout) syncDir(name string) error {
	if runtime.GOOS == "windows" { // which has no such call and needs none
		return nil
	}
	d, err := l.root.Open(name)
	if err != nil {
		return fmt.Errorf("write to %s: %w", l.name, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("write to %s: %w", l.name, err)
	}
	return nil
}

// fetchAny opens a blob whose size is not known.
func (l *Layout) fetchAny(d digest.Digest) (io.ReadCloser, int64, error) {
	f, size, err := l.openFile(blobPath(ocispec.Descriptor{Digest: d}))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, &NotFoundError{Store: l.name, Thing: d.String()}
	}
	if err != nil {
		return nil, 0, err
	}
	return f, size, nil
}

// checkName refuses what cannot be the name of a root in a layout or archive.
func checkName(reference string) error {
	const most = 512 // a repository of 256, a host of 253 and separators
	if len(reference) > most {
		return &InvalidError{Code: codeOptionInvalid, Thing: fmt.Sprintf("reference %.40q…", reference), Rule: fmt.Sprintf("it is longer than %d bytes", most)}
	}
	for _, r := range reference {
		if r <= ' ' || r == 0x7f {
			return &InvalidError{Code: codeOptionInvalid, Thing: fmt.Sprintf("reference %q", reference), Rule: "it holds a space or a control character"}
		}
	}
	return nil
}
