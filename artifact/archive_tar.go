package artifact

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
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

// tarEntry is where a file's bytes lie in the archive, or where a link leads.
type tarEntry struct {
	offset, size int64
	link         string // the name it leads to, for links
}

// tarIndex is the table of contents of a tar file.
type tarIndex struct {
	store   string
	file    io.ReaderAt
	entries map[string]tarEntry
}

// scanTar reads the headers of an archive. Names that leave it and names that
// come twice are refused: what they mean depends on who reads them.
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
			return nil, t.invalid("the archive", "it is not a whole tar file", cutOff(err))
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
		return nil, t.invalid("the archive", "it is empty or not a tar file", nil)
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
		return t.invalid(fmt.Sprintf("entry %.100q", header.Name), "it leads outside the archive", nil)
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
			return t.invalid(fmt.Sprintf("entry %.100q", name), fmt.Sprintf("the link to %.100q leads outside the archive", header.Linkname), nil)
		}
	default:
		return t.invalid(fmt.Sprintf("entry %.100q", name), fmt.Sprintf("entries of type %q have no place in an image archive", header.Typeflag), nil)
	}
	if _, twice := t.entries[name]; twice {
		return t.invalid(fmt.Sprintf("entry %.100q", name), "it comes twice", nil)
	}
	t.entries[name] = entry
	return nil
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
		return tarEntry{}, t.invalid(fmt.Sprintf("path %.100q", name), "it leads outside the archive", nil)
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
	return tarEntry{}, t.invalid(fmt.Sprintf("entry %.100q", asked), "its links lead nowhere", nil)
}

func (t *tarIndex) section(entry tarEntry) *io.SectionReader {
	return io.NewSectionReader(t.file, entry.offset, entry.size)
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
