package rootfs

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/acrkit/azcontainerregistry/artifact"
)

// What a layer says goes, by names (OCI image-spec, layer.md, "Whiteouts").
const (
	whiteoutPrefix = ".wh."
	whiteoutOpaque = ".wh..wh..opq"
	whiteoutMeta   = ".wh..wh."
)

// entry is an entry of a layer.
type entry struct {
	file     File // its Path is clean, "/" the root
	kind     byte // tar.TypeReg, tar.TypeLink, …
	target   string
	ordinal  int  // among the layer's entries
	whiteout bool // Path goes
	opaque   bool // what lower layers have in Path goes
	extent   extent
}

// newEntry reads a header; ok is false for what is no entry of a file system.
func newEntry(h *tar.Header, layer, ordinal int) (e entry, ok bool) {
	name := path.Clean("/" + h.Name)
	dir, base := path.Split(name)
	dir = path.Clean(dir)
	e = entry{kind: h.Typeflag, ordinal: ordinal, file: File{Path: name, Layer: layer}}
	switch {
	case base == whiteoutOpaque:
		e.opaque, e.file.Path = true, dir
		return e, true
	case strings.HasPrefix(base, whiteoutMeta):
		return e, false // aufs' own
	case strings.HasPrefix(base, whiteoutPrefix):
		e.whiteout, e.file.Path = true, path.Join(dir, base[len(whiteoutPrefix):])
		return e, len(base) > len(whiteoutPrefix)
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		e.kind, e.file.Size = tar.TypeReg, h.Size
	case tar.TypeDir, tar.TypeSymlink, tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
	case tar.TypeLink:
		e.target = path.Clean("/" + h.Linkname)
	default:
		return e, false
	}
	e.file.Mode = modeOf(h)
	e.file.UID, e.file.GID, e.file.User, e.file.Group = h.Uid, h.Gid, h.Uname, h.Gname
	e.file.ModTime = h.ModTime
	switch h.Typeflag {
	case tar.TypeSymlink:
		e.file.Link = h.Linkname
	case tar.TypeChar, tar.TypeBlock:
		e.file.Major, e.file.Minor = h.Devmajor, h.Devminor
	}
	for key, value := range h.PAXRecords {
		if name, is := strings.CutPrefix(key, "SCHILY.xattr."); is {
			if e.file.Attributes == nil {
				e.file.Attributes = map[string]string{}
			}
			e.file.Attributes[name] = value
		}
	}
	return e, true
}

// modeOf gives the mode of an entry: its type by the entry's alone, since the
// bits that old archives have in the mode may say something else.
func modeOf(h *tar.Header) fs.FileMode {
	mode := fs.FileMode(h.Mode & 0o777)
	for bit, value := range map[int64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if h.Mode&bit != 0 {
			mode |= value
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		mode |= fs.ModeDir
	case tar.TypeSymlink:
		mode |= fs.ModeSymlink
	case tar.TypeFifo:
		mode |= fs.ModeNamedPipe
	case tar.TypeChar:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case tar.TypeBlock:
		mode |= fs.ModeDevice
	}
	return mode
}

// text is how many bytes of names and attributes the entry has.
func (e *entry) text() int {
	n := len(e.file.Path) + len(e.file.Link) + len(e.target) + len(e.file.User) + len(e.file.Group)
	for key, value := range e.file.Attributes {
		n += len(key) + len(value)
	}
	return n
}

// budget bounds what all layers of an image may hold together.
type budget struct {
	mu    sync.Mutex
	files int
	bytes int64
	text  int
}

// takeEntry counts an entry, and refuses one that nothing could unpack.
func (b *budget) takeEntry(e *entry) error {
	if len(e.file.Path) > maxPath || len(e.file.Link) > maxPath || len(e.target) > maxPath {
		return fmt.Errorf("entry %.40q…: its name or link is longer than %d bytes", e.file.Path, maxPath)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files, b.bytes, b.text = b.files-1, b.bytes-e.file.Size, b.text-e.text()
	switch {
	case b.files < 0:
		return errors.New("the layers have more entries than the limit")
	case b.bytes < 0:
		return errTooLarge
	case b.text < 0:
		return errors.New("the names in the layers have more bytes than the limit")
	}
	return nil
}

// giveBack counts entries that are not kept no more.
func (b *budget) giveBack(entries []entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := range entries {
		b.files, b.bytes, b.text = b.files+1, b.bytes+entries[k].file.Size, b.text+entries[k].text()
	}
}

func (i *Image) newBudget() *budget {
	return &budget{files: i.o.MaxFiles, bytes: i.o.MaxBytes, text: maxText}
}

// scan reads a layer's entries in their order, each with its content, until
// visit returns errStop. A layer that is read to its end was verified.
func (i *Image) scan(ctx context.Context, layer int, how reading, b *budget, visit func(e *entry, content io.Reader) error) error {
	r, err := i.openLayer(ctx, layer, how)
	if err != nil {
		return err
	}
	err = i.scanOpen(layer, r, b, visit)
	if closing := r.Close(); err == nil {
		err = closing
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (i *Image) scanOpen(layer int, r *layerReader, b *budget, visit func(e *entry, content io.Reader) error) error {
	archive := tar.NewReader(r)
	for ordinal := 0; ; ordinal++ {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return i.finish(layer, r)
		}
		if err != nil {
			return i.unreadable(layer, err)
		}
		e, ok := newEntry(h, layer, ordinal)
		if !ok {
			continue
		}
		if err := b.takeEntry(&e); err != nil {
			return i.layerError(layer, err.Error(), nil)
		}
		if err := visit(&e, archive); err != nil {
			return err
		}
	}
}

// Read reads every layer and merges them. Every byte of the layers is read, and
// verified against the digests of the manifest and of the config.
func (i *Image) Read(ctx context.Context) (*Tree, error) {
	layers, err := i.readLayers(ctx)
	if err != nil {
		return nil, err
	}
	return i.merge(layers)
}

// ReadBelow is Read that also gives the file system without the last layer, so
// that [Diff] can tell what the layer changes. The layer is one of the image's,
// counted from 0; those above it are left out.
func (i *Image) ReadBelow(ctx context.Context, layer int) (below, with *Tree, err error) {
	if layer < 0 || layer >= len(i.layers) {
		return nil, nil, &artifact.NotFoundError{Code: "OPTION_INVALID", Store: "image " + i.desc.Digest.String(), Thing: fmt.Sprintf("layer %d", layer), Known: []string{fmt.Sprintf("0 to %d", len(i.layers)-1)}}
	}
	upTo := *i
	upTo.layers = i.layers[:layer+1]
	layers, err := upTo.readLayers(ctx)
	if err != nil {
		return nil, nil, err
	}
	if below, err = i.merge(layers[:layer]); err != nil {
		return nil, nil, err
	}
	with, err = i.merge(layers)
	return below, with, err
}

// merge puts layers over each other.
func (i *Image) merge(layers [][]entry) (*Tree, error) {
	t := newTree(i)
	for layer, entries := range layers {
		if err := t.apply(layer, entries); err != nil {
			return nil, err
		}
	}
	t.name()
	return t, nil
}

// readLayers reads the entries of every layer.
func (i *Image) readLayers(ctx context.Context) ([][]entry, error) {
	layers := make([][]entry, len(i.layers))
	b := i.newBudget()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, i.o.Concurrency)
	var wait sync.WaitGroup
	for layer := range i.layers {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			if err := i.scanAll(ctx, layer, b, &layers[layer]); err != nil {
				cancel(err)
			}
		})
	}
	wait.Wait()
	return layers, context.Cause(ctx)
}

func (i *Image) scanAll(ctx context.Context, layer int, b *budget, entries *[]entry) error {
	return i.scan(ctx, layer, ahead, b, func(e *entry, content io.Reader) error {
		if e.kind == tar.TypeReg && !e.whiteout && !e.opaque {
			hash := digest.SHA256.Digester()
			if _, err := io.Copy(hash.Hash(), content); err != nil {
				return i.unreadable(layer, err)
			}
			e.file.Digest = hash.Digest()
		}
		*entries = append(*entries, *e)
		return nil
	})
}

// isFolder reports a folder.
func (f *File) isFolder() bool { return f.Mode.IsDir() }

// isLink reports a symbolic link.
func (f *File) isLink() bool { return f.Mode&fs.ModeSymlink != 0 }
