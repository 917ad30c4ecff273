package rootfs

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/acrkit/azcontainerregistry/artifact/internal/extract"
)

// Skipped is a file that CopyTo did not make, and why.
type Skipped struct {
	Path   string
	Reason string
}

// place is where the content of an inode is in the layers.
type place struct{ layer, ordinal int }

// contents streams the content of regular files, each once, in the order of the
// layers, and calls write for each. All of the layers that are needed is read and
// verified.
func (t *Tree) contents(ctx context.Context, wanted map[place]*inode, write func(in *inode, content io.Reader) error) error {
	last := map[int]int{} // how many are requested of each layer
	for p := range wanted {
		last[p.layer]++
	}
	b := t.image.newBudget()
	for _, layer := range slices.Sorted(maps.Keys(last)) {
		err := t.image.scan(ctx, layer, ahead, b, func(e *entry, content io.Reader) error {
			in := wanted[place{layer, e.ordinal}]
			if in == nil || e.kind != tar.TypeReg || e.whiteout || e.opaque {
				return nil
			}
			last[layer]--
			marked := &contentReader{r: content}
			err := write(in, marked)
			if marked.err != nil {
				return t.image.unreadable(layer, marked.err)
			}
			return err
		})
		if err != nil {
			return err
		}
		if last[layer] > 0 {
			return t.image.layerError(layer, "it has changed while it was read", nil)
		}
	}
	return nil
}

// contentReader keeps the error that reading content ended with, to tell it from
// one of writing it.
type contentReader struct {
	r   io.Reader
	err error
}

func (c *contentReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// header is a file as an entry of a tar, under another name.
func (f *File) header(name string) *tar.Header {
	h := &tar.Header{
		Name: name, Mode: int64(f.Mode.Perm()), Uid: f.UID, Gid: f.GID, Uname: f.User, Gname: f.Group,
		ModTime: f.ModTime, Format: tar.FormatPAX,
	}
	for bit, value := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if f.Mode&bit != 0 {
			h.Mode |= value
		}
	}
	switch {
	case f.HardLink != "":
		h.Typeflag = tar.TypeLink
	case f.Mode.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, strings.TrimSuffix(name, "/")+"/"
	case f.isLink():
		h.Typeflag, h.Linkname = tar.TypeSymlink, f.Link
	case f.Mode&fs.ModeNamedPipe != 0:
		h.Typeflag = tar.TypeFifo
	case f.Mode&fs.ModeCharDevice != 0:
		h.Typeflag, h.Devmajor, h.Devminor = tar.TypeChar, f.Major, f.Minor
	case f.Mode&fs.ModeDevice != 0:
		h.Typeflag, h.Devmajor, h.Devminor = tar.TypeBlock, f.Major, f.Minor
	default:
		h.Typeflag, h.Size = tar.TypeReg, f.Size
	}
	for key, value := range f.Attributes {
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords["SCHILY.xattr."+key] = value
	}
	return h
}

// Export writes a tar of the whole file system, as it would be unpacked:
// folders first, then the files layer by layer, then the links. It fits docker
// import and tar.
func (t *Tree) Export(ctx context.Context, w io.Writer) error {
	archive := tar.NewWriter(w)
	wanted := map[place]*inode{}
	var links []File
	var failed error
	t.each("/", t.root, func(name string, n *node) bool {
		f := n.file(name)
		switch {
		case n == t.root && f.Layer < 0:
		case f.isFolder():
			failed = archive.WriteHeader(f.header(relative(name)))
		case f.HardLink == "" && f.Mode.IsRegular():
			wanted[place{n.inode.file.Layer, n.inode.ordinal}] = n.inode
		default:
			links = append(links, f)
		}
		return failed == nil
	})
	if failed != nil {
		return fmt.Errorf("export: %w", failed)
	}
	err := t.contents(ctx, wanted, func(in *inode, content io.Reader) error {
		if err := archive.WriteHeader(in.file.header(relative(in.first))); err != nil {
			return err
		}
		_, err := io.Copy(archive, content)
		return err
	})
	for k := 0; err == nil && k < len(links); k++ {
		h := links[k].header(relative(links[k].Path))
		if links[k].HardLink != "" {
			h.Linkname, h.PAXRecords = relative(links[k].HardLink), nil
		}
		err = archive.WriteHeader(h)
	}
	if err == nil {
		err = archive.Close()
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// relative is a path of the image as a tar names it.
func relative(name string) string {
	if name == "/" {
		return "./"
	}
	return name[1:]
}

// Copied is what CopyTo did.
type Copied struct {
	// Path is where the file or folder is now.
	Path    string
	Files   int // regular files, each once
	Folders int
	Links   int   // symbolic links, and further names of files
	Bytes   int64 // of the files
	Skipped []Skipped
}

// CopyTo writes a file or folder of the image to dst: below it where dst is a
// folder, or ends in a slash, and under this name otherwise; "/" is written into
// dst itself. A file that is there already is replaced. Owners and setuid bits
// are not kept, and what a folder of this machine must not get from an untrusted
// image is left out and returned: devices, pipes, and symbolic links that point
// out of what is copied. A link that is named itself is followed. Everything
// that was copied has been verified when CopyTo returns nil; when it fails, files
// that were written before stay.
func (t *Tree) CopyTo(ctx context.Context, name, dst string) (Copied, error) {
	n, where := t.locate(name, true)
	if n == nil {
		return Copied{}, &NotFoundError{Path: path.Clean("/" + name)}
	}
	dir, called := dst, path.Base(path.Clean("/"+name))
	if info, err := os.Stat(dst); n != t.root && (err != nil || !info.IsDir()) && dst != "" && !os.IsPathSeparator(dst[len(dst)-1]) {
		dir, called = filepath.Split(dst)
	}
	if n == t.root {
		called = "."
	}
	dir = cmp.Or(dir, ".")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Copied{}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Copied{}, err
	}
	defer root.Close()
	c := &copying{
		w: extract.New(root, t.image.o.MaxBytes, t.image.o.MaxFiles), base: where, called: called,
		wanted: map[place]*inode{}, names: map[*inode][]string{}, result: Copied{Path: filepath.Join(dir, called)},
	}
	t.each(where, n, func(name string, n *node) bool {
		err = c.plan(name, n)
		return err == nil
	})
	if err == nil {
		err = t.contents(ctx, c.wanted, c.writeFile)
	}
	for k := 0; err == nil && k < len(c.links); k++ {
		err = c.writeLink(c.links[k])
	}
	return c.result, errors.Join(err, c.w.Close())
}

// link is a symbolic or hard link that is made once its target is there.
type link struct {
	at     string // in the image
	header *tar.Header
}

// copying is one CopyTo.
type copying struct {
	w      *extract.Writer
	base   string // what is copied, in the image
	called string // and below the folder
	wanted map[place]*inode
	names  map[*inode][]string // the paths of each file in what is copied
	links  []link
	result Copied
}

// name is where a path of the image goes; "." is the folder itself.
func (c *copying) name(at string) string {
	rest := strings.TrimPrefix(strings.TrimPrefix(at, c.base), "/")
	return path.Join(c.called, rest)
}

// inside is a path within what is copied, so that links of it can be checked.
func (c *copying) inside(at string) string {
	return path.Clean(strings.TrimPrefix(strings.TrimPrefix(at, c.base), "/"))
}

func (c *copying) plan(at string, n *node) error {
	f := n.inode.file
	switch {
	case f.isFolder():
		f.Mode |= 0o700 // so that what is in it can be written and removed
		made, err := c.write(at, f.header(c.name(at)), nil)
		if made {
			c.result.Folders++
		}
		return err
	case f.isLink():
		if !extract.Inside(c.inside(at), f.Link) {
			c.skip(at, "it is a link to "+f.Link+", outside of what is copied")
			return nil
		}
		c.links = append(c.links, link{at, f.header(c.name(at))})
	case f.Mode.IsRegular():
		c.wanted[place{f.Layer, n.inode.ordinal}] = n.inode
		c.names[n.inode] = append(c.names[n.inode], at)
	default:
		c.skip(at, "it is a device or a pipe")
	}
	return nil
}

func (c *copying) skip(at, reason string) {
	c.result.Skipped = append(c.result.Skipped, Skipped{at, reason})
}

// writeFile writes a file, and its further names as hard links.
func (c *copying) writeFile(in *inode, content io.Reader) error {
	names := c.names[in]
	made, err := c.write(names[0], in.file.header(c.name(names[0])), content)
	if err != nil {
		return err
	}
	if !made {
		for _, at := range names[1:] {
			c.skip(at, "it is a further name of "+names[0])
		}
		return nil
	}
	c.result.Files++
	c.result.Bytes += in.file.Size
	for _, at := range names[1:] {
		h := in.file.header(c.name(at))
		h.Typeflag, h.Linkname, h.Size = tar.TypeLink, c.name(names[0]), 0
		if err := c.writeLink(link{at, h}); err != nil {
			return err
		}
	}
	return nil
}

func (c *copying) writeLink(l link) error {
	made, err := c.write(l.at, l.header, nil)
	if made {
		c.result.Links++
	}
	return err
}

// write reports whether something was made. What is refused is left out.
func (c *copying) write(at string, h *tar.Header, content io.Reader) (bool, error) {
	err := c.w.Write(h, content)
	var refused *extract.RefusedError
	if errors.As(err, &refused) {
		c.skip(at, refused.Rule)
		return false, nil
	}
	return err == nil, err
}
