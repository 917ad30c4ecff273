// Package extract writes the entries of a tar archive into a folder, and nothing
// outside it: whatever an archive says, no link is followed out of the folder, no
// device is made, and neither its bytes nor its entries are without bounds.
package extract

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// RefusedError is an entry that would do what an archive must not.
type RefusedError struct {
	Name string // of the entry
	Rule string // what is wrong with it
}

// Error names the entry and the rule.
func (e *RefusedError) Error() string { return fmt.Sprintf("entry %q: %s", e.Name, e.Rule) }

// Writer writes entries below one folder. It is not for concurrent use.
type Writer struct {
	root    *os.Root
	bytes   int64 // that may still be written
	entries int   // that may still be written
	folders map[string]folder
}

type folder struct {
	mode fs.FileMode
	time time.Time
}

// New writes below root, which the caller closes. At most so many bytes and
// entries are written.
func New(root *os.Root, bytes int64, entries int) *Writer {
	return &Writer{root: root, bytes: bytes, entries: entries, folders: map[string]folder{}}
}

// Local gives the path below the folder that an entry's name means, in slashes;
// "." is the folder itself. It refuses what is outside.
func Local(name string) (string, error) {
	switch clean := path.Clean(strings.TrimSuffix(name, "/")); {
	case name == "", strings.ContainsRune(name, 0):
		return "", &RefusedError{name, "it is no name of a file"}
	case !filepath.IsLocal(filepath.FromSlash(clean)), strings.Contains(clean, `\`) && filepath.Separator == '\\':
		return "", &RefusedError{name, "it is outside the folder"}
	default:
		return clean, nil
	}
}

// Write writes one entry, with its content from r. Owners are not set, and of
// the mode only the permissions are.
func (w *Writer) Write(h *tar.Header, r io.Reader) error {
	name, err := Local(h.Name)
	if err != nil {
		return err
	}
	if w.entries--; w.entries < 0 {
		return &RefusedError{h.Name, "the archive has too many entries"}
	}
	if h.Typeflag == tar.TypeDir {
		return w.makeFolder(name, h)
	}
	if name == "." {
		return &RefusedError{h.Name, "it is no folder, and named as the folder itself"}
	}
	if parent := path.Dir(name); parent != "." {
		if err := w.root.MkdirAll(parent, 0o755); err != nil {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
		return w.writeFile(name, h, r)
	case tar.TypeSymlink:
		return w.writeSymlink(name, h)
	case tar.TypeLink:
		target, err := Local(h.Linkname)
		if err != nil {
			return &RefusedError{h.Name, "it is a hard link to something outside the folder"}
		}
		return w.place(name, func() error { return w.root.Link(target, name) })
	case tar.TypeXGlobalHeader:
		return nil
	}
	return &RefusedError{h.Name, "it is a device, a pipe or something else that is neither file, folder nor link"}
}

func (w *Writer) makeFolder(name string, h *tar.Header) error {
	if name != "." {
		info, err := w.root.Lstat(name)
		if err == nil && !info.IsDir() {
			err = errors.Join(w.root.Remove(name), fs.ErrNotExist)
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = w.root.MkdirAll(name, 0o755)
		}
		if err != nil {
			return err
		}
	}
	w.folders[name] = folder{h.FileInfo().Mode().Perm(), h.ModTime}
	return nil
}

// writeFile writes to a name of its own first, so that nothing that is there is
// written through, and what fails leaves no half.
func (w *Writer) writeFile(name string, h *tar.Header, r io.Reader) error {
	if h.Size > w.bytes {
		return &RefusedError{h.Name, "the archive has too many bytes"}
	}
	w.bytes -= h.Size
	partial := path.Join(path.Dir(name), ".acrkit-partial-"+path.Base(name))
	if len(path.Base(partial)) > 255 {
		partial = path.Join(path.Dir(name), ".acrkit-partial")
	}
	if err := w.root.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := w.root.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(file, io.LimitReader(r, h.Size))
	if err == nil && n != h.Size {
		err = io.ErrUnexpectedEOF
	}
	err = errors.Join(err, file.Chmod(h.FileInfo().Mode().Perm()), file.Close())
	if err == nil && !h.ModTime.IsZero() {
		err = w.root.Chtimes(partial, h.ModTime, h.ModTime)
	}
	if err == nil {
		err = w.place(name, func() error { return w.root.Rename(partial, name) })
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), w.root.Remove(partial))
	}
	return nil
}

func (w *Writer) writeSymlink(name string, h *tar.Header) error {
	if !Inside(name, h.Linkname) {
		return &RefusedError{h.Name, fmt.Sprintf("it is a link to %q, outside the folder", h.Linkname)}
	}
	// Below another link, "..", and so the target, is not what the names say.
	for parent := path.Dir(name); parent != "."; parent = path.Dir(parent) {
		if info, err := w.root.Lstat(parent); err != nil || !info.IsDir() {
			return &RefusedError{h.Name, fmt.Sprintf("it is a link below %q, which is a link itself", parent)}
		}
	}
	return w.place(name, func() error { return w.root.Symlink(filepath.FromSlash(h.Linkname), name) })
}

// Inside reports whether a symbolic link at name, whose parents are folders,
// points to somewhere below the folder, through other links of this kind too:
// ".." may only come first.
func Inside(name, target string) bool {
	if target == "" || path.IsAbs(target) || filepath.IsAbs(target) || strings.ContainsRune(target, 0) {
		return false
	}
	down := false
	for part := range strings.SplitSeq(filepath.ToSlash(target), "/") {
		switch part {
		case "", ".":
		case "..":
			if down {
				return false
			}
		default:
			down = true
		}
	}
	return filepath.IsLocal(filepath.FromSlash(path.Join(path.Dir(name), target)))
}

// place makes name what do makes it. A file or link of that name goes; a folder
// stays, and is an error.
func (w *Writer) place(name string, do func() error) error {
	if info, err := w.root.Lstat(name); err == nil {
		if info.IsDir() {
			return &RefusedError{name, "there is a folder of this name"}
		}
		if err := w.root.Remove(name); err != nil {
			return err
		}
	}
	return do()
}

// Close gives the folders the modes and times that the archive says. Until then
// they can be written to.
func (w *Writer) Close() error {
	names := make([]string, 0, len(w.folders))
	for name := range w.folders {
		names = append(names, name)
	}
	// The deepest first: changing what is in a folder changes its time.
	slices.SortFunc(names, func(a, b string) int { return -cmp.Compare(a, b) })
	var errs []error
	for _, name := range names {
		if name == "." {
			continue // the caller's own folder
		}
		f := w.folders[name]
		errs = append(errs, w.root.Chmod(name, f.mode))
		if !f.time.IsZero() {
			errs = append(errs, w.root.Chtimes(name, f.time, f.time))
		}
	}
	return errors.Join(errs...)
}
