package artifact

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

const (
	// maxTarEntries bounds the table of contents: docker-save archives have
	// three entries a layer, OCI ones one a blob.
	maxTarEntries = 1_000_000
	// maxTarLinks bounds a chain of links; docker's own are one long.
	maxTarLinks = 8
	// maxTarName bounds the names that are kept: file systems take no more.
	maxTarName = 4096
)

// tarEntry is where a file's bytes are in the archive, or where a link points.
type tarEntry struct {
	offset, size int64
	link         string // the name it points to, for links
	// packed is set for a layer that is offered unpacked, because no media
	// type says how it is compressed; size is the unpacked one then, and stored
	// what it takes in the archive.
	packed *compression
	stored int64
}

// tarIndex is the table of contents of a tar file, or of the folder that one
// was unpacked to.
type tarIndex struct {
	store   string
	file    io.ReaderAt // nil for a folder
	folder  *os.Root    // nil for a tar file
	entries map[string]tarEntry
	paths   []string // of a folder: the file at each entry's offset
}

// scanTar reads the headers of an archive. Names that leave it are refused, and
// names that come twice with different content: what those mean depends on who
// reads them.
func scanTar(store string, file io.ReaderAt, size int64) (*tarIndex, error) {
	t := &tarIndex{store: store, file: file, entries: map[string]tarEntry{}}
	// tar.Reader seeks over what it isn't asked to read, and doesn't read
	// ahead: so the position after a header is where the content begins.
	section := io.NewSectionReader(file, 0, size)
	reader := tar.NewReader(section)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, t.unreadable("it is not a whole tar file", cutOff(err))
		}
		if len(t.entries) == maxTarEntries {
			return nil, t.invalid("the archive", fmt.Sprintf("it has more than %d entries", maxTarEntries), nil)
		}
		offset, err := section.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		if err := t.add(header, offset, size); err != nil {
			return nil, err
		}
	}
	if len(t.entries) == 0 {
		return nil, t.unreadable("it is empty or not a tar file", nil)
	}
	return t, nil
}

func (t *tarIndex) add(header *tar.Header, offset, archiveSize int64) error {
	if header.Typeflag == tar.TypeXGlobalHeader {
		return nil // a remark on the archive itself
	}
	if len(header.Name) > maxTarName || len(header.Linkname) > maxTarName {
		return t.invalid(fmt.Sprintf("entry %.100q", header.Name), fmt.Sprintf("its name or its link has more than %d bytes", maxTarName), nil)
	}
	name, ok := inside(".", header.Name)
	if !ok {
		return t.invalid(fmt.Sprintf("entry %.100q", header.Name), "it points outside the archive", nil)
	}
	entry := tarEntry{offset: offset, size: header.Size}
	switch header.Typeflag {
	case tar.TypeDir:
		return nil
	case tar.TypeReg:
		for key := range header.PAXRecords {
			if strings.HasPrefix(key, "GNU.sparse.") {
				return t.invalid(fmt.Sprintf("entry %.100q", name), "sparse files are not supported", nil)
			}
		}
		if header.Size < 0 || header.Size > archiveSize-offset {
			return t.invalid(fmt.Sprintf("entry %.100q", name), fmt.Sprintf("it says that it has %d bytes, the archive ends after %d of them", header.Size, max(0, archiveSize-offset)), nil)
		}
	case tar.TypeSymlink, tar.TypeLink:
		dir := path.Dir(name)
		if header.Typeflag == tar.TypeLink {
			dir = "." // hard links name their target from the root of the archive
		}
		if entry.link, ok = inside(dir, header.Linkname); !ok {
			return t.invalid(fmt.Sprintf("entry %.100q", name), fmt.Sprintf("the link to %.100q points outside the archive", header.Linkname), nil)
		}
	default:
		return t.invalid(fmt.Sprintf("entry %.100q", name), fmt.Sprintf("entries of type %q have no place in an image archive", header.Typeflag), nil)
	}
	if first, twice := t.entries[name]; twice {
		same, err := t.same(first, entry)
		if err != nil {
			return fmt.Errorf("read %s of %s: %w", name, t.store, err)
		}
		if !same {
			return t.invalid(fmt.Sprintf("entry %.100q", name), "it comes twice, with different content", nil)
		}
		return nil
	}
	t.entries[name] = entry
	return nil
}

// same reports whether two entries are the same link, or hold the same bytes.
func (t *tarIndex) same(a, b tarEntry) (bool, error) {
	if a.link != b.link || a.size != b.size {
		return false, nil
	}
	x, y := make([]byte, bufferFor(a.size)), make([]byte, bufferFor(a.size))
	for at := int64(0); at < a.size; at += int64(len(x)) {
		n := min(int64(len(x)), a.size-at)
		for _, part := range []struct {
			into []byte
			from int64
		}{{x, a.offset}, {y, b.offset}} {
			if _, err := t.file.ReadAt(part.into[:n], part.from+at); err != nil {
				return false, cutOff(err)
			}
		}
		if !bytes.Equal(x[:n], y[:n]) {
			return false, nil
		}
	}
	return true, nil
}

// inside joins a name to a folder of the archive, and reports whether it stays
// inside the archive.
func inside(dir, name string) (string, bool) {
	name = strings.ReplaceAll(name, `\`, "/") // from docker on Windows
	if name == "" || path.IsAbs(name) || strings.ContainsRune(name, 0) {
		return "", false
	}
	joined := path.Join(dir, name)
	return joined, joined != ".." && !strings.HasPrefix(joined, "../")
}

// errCutOff is what io.ErrUnexpectedEOF means of a file. That error itself is
// what broken connections end with, and would be read as one.
var errCutOff = errors.New("it ends too early")

func cutOff(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errCutOff
	}
	return err
}

func (t *tarIndex) unreadable(rule string, err error) error {
	return &InvalidError{Code: codeArchiveBroken, Store: t.store, Thing: "the archive", Rule: rule, Err: err}
}

func (t *tarIndex) invalid(thing, rule string, err error) error {
	return &InvalidError{Store: t.store, Thing: thing, Rule: rule, Err: err}
}

func (t *tarIndex) has(name string) bool {
	_, ok := t.entries[name]
	return ok
}

// lookup finds a file, through links if need be.
func (t *tarIndex) lookup(name string) (tarEntry, error) {
	asked, ok := inside(".", name)
	if !ok {
		return tarEntry{}, t.invalid(fmt.Sprintf("path %.100q", name), "it points outside the archive", nil)
	}
	name = asked
	for range maxTarLinks {
		entry, ok := t.entries[name]
		if !ok {
			return entry, &NotFoundError{Store: t.store, Thing: "file " + asked}
		}
		if entry.link == "" {
			return entry, nil
		}
		name = entry.link
	}
	return tarEntry{}, t.invalid(fmt.Sprintf("entry %.100q", asked), "its links point to nothing", nil)
}

// section is what the archive stores of an entry.
func (t *tarIndex) section(entry tarEntry) *io.SectionReader {
	size := entry.size
	if entry.packed != nil {
		size = entry.stored
	}
	if t.folder != nil {
		return io.NewSectionReader(folderFile{t.folder, t.paths[entry.offset]}, 0, size)
	}
	return io.NewSectionReader(t.file, entry.offset, size)
}

// open reads an entry, unpacked if that is how it is offered.
func (t *tarIndex) open(entry tarEntry) (io.ReadCloser, error) {
	if entry.packed == nil {
		return sectionCloser{t.section(entry)}, nil
	}
	return entry.packed.decompress(t.section(entry))
}

// sectionCloser is one file of the archive, opened.
type sectionCloser struct{ *io.SectionReader }

func (sectionCloser) Close() error { return nil }

// folderFile is a file of an unpacked archive. It is opened for each read, so
// that nothing stays open as long as nobody reads.
type folderFile struct {
	folder *os.Root
	name   string
}

func (f folderFile) ReadAt(p []byte, offset int64) (int, error) {
	file, err := f.folder.Open(f.name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return file.ReadAt(p, offset)
}

// scanFolder lists the folder that an archive was unpacked to. Links are
// followed as long as they stay inside.
func scanFolder(store string, folder *os.Root) (*tarIndex, error) {
	t := &tarIndex{store: store, folder: folder, entries: map[string]tarEntry{}}
	err := fs.WalkDir(folder.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if len(t.entries) == maxTarEntries {
			return t.invalid("the folder", fmt.Sprintf("it has more than %d files", maxTarEntries), nil)
		}
		info, err := folder.Stat(name)
		switch {
		case isEscape(err):
			return t.invalid(name, leavesFolder, err)
		case errors.Is(err, fs.ErrNotExist):
			return nil // a link to nothing counts as no file
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return nil
		}
		t.entries[name] = tarEntry{offset: int64(len(t.paths)), size: info.Size()}
		t.paths = append(t.paths, name)
		return nil
	})
	if err != nil && !errors.Is(err, ErrInvalid) {
		err = fmt.Errorf("read %s: %w", store, err)
	}
	return t, err
}

// enterOnlyFolder makes the names relative to the folder that holds everything,
// if one does: tar puts the folder's name before each when it packs a folder
// from outside.
func (t *tarIndex) enterOnlyFolder() {
	for {
		folder, ok := t.onlyFolder()
		if !ok {
			return
		}
		entries := make(map[string]tarEntry, len(t.entries))
		for name, entry := range t.entries {
			entry.link = strings.TrimPrefix(entry.link, folder)
			entries[strings.TrimPrefix(name, folder)] = entry
		}
		t.entries = entries
	}
}

// onlyFolder returns the first part of all names, with its slash. A link that
// points out of that folder keeps it from being the only one.
func (t *tarIndex) onlyFolder() (folder string, ok bool) {
	for name, entry := range t.entries {
		if folder == "" {
			first, _, nested := strings.Cut(name, "/")
			if !nested {
				return "", false
			}
			folder = first + "/"
		}
		if !strings.HasPrefix(name, folder) || entry.link != "" && !strings.HasPrefix(entry.link, folder) {
			return "", false
		}
	}
	return folder, folder != ""
}

// read gives a small file whole.
func (t *tarIndex) read(name string, limit int64) ([]byte, error) {
	entry, err := t.lookup(name)
	if err != nil {
		return nil, err
	}
	if entry.size > limit {
		return nil, t.invalid(name, fmt.Sprintf("it has %d bytes, the limit is %d", entry.size, limit), nil)
	}
	data, err := io.ReadAll(t.section(entry))
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, t.store, err)
	}
	return data, nil
}
