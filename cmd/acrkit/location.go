package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
)

// locationKind says where images are.
type locationKind int

const (
	inRegistry locationKind = iota
	inLayout                // oci:DIR
	inArchive               // oci:FILE.tar or docker:FILE.tar
	inStream                // "-", or oci:- and docker:-
)

// location is the SRC or DST of push, pull and copy.
type location struct {
	kind   locationKind
	ref    reference // of inRegistry
	path   string    // of inLayout and inArchive
	name   string    // the image inside a layout or archive; may be empty
	format artifact.ArchiveFormat
}

// parseLocation reads REF, oci:DIR[:NAME], oci:FILE.tar[:NAME],
// docker:FILE.tar[:NAME] or -.
func parseLocation(text, ownRegistry string) (location, error) {
	scheme, rest, _ := strings.Cut(text, ":")
	switch {
	case text == "-":
		return location{kind: inStream, format: artifact.ArchiveOCI}, nil
	case scheme == "oci" && rest == "-":
		return location{kind: inStream, format: artifact.ArchiveOCI}, nil
	case scheme == "docker" && rest == "-":
		return location{kind: inStream, format: artifact.ArchiveDocker}, nil
	case (scheme == "oci" || scheme == "docker") && rest == "":
		return location{}, usagef("location %q: it names no path", text)
	case scheme == "oci" || scheme == "docker":
		return parsePathLocation(scheme, rest)
	case looksLikePath(text):
		return location{}, usagef("location %q: write oci:%[1]s for a layout folder or an OCI tar, docker:%[1]s for the tar of docker save", text)
	}
	ref, err := parseReference(text, ownRegistry)
	return location{kind: inRegistry, ref: ref}, err
}

// looksLikePath recognises what a person probably meant as a file.
func looksLikePath(text string) bool {
	return strings.HasPrefix(text, ".") || strings.HasPrefix(text, "/") || strings.HasPrefix(text, "~") ||
		strings.Contains(text, `\`) || (isTar(text) && !strings.Contains(text, "/"))
}

func isTar(path string) bool {
	for _, suffix := range []string{".tar", ".tar.gz", ".tgz"} {
		if strings.HasSuffix(strings.ToLower(path), suffix) {
			return true
		}
	}
	return false
}

func parsePathLocation(scheme, rest string) (location, error) {
	l := location{path: rest}
	if colon := nameColon(rest); colon > 0 {
		l.path, l.name = rest[:colon], rest[colon+1:]
		if l.name == "" {
			return location{}, usagef("location %q: the name behind the last colon is empty", scheme+":"+rest)
		}
	}
	info, err := os.Stat(l.path)
	folder := err == nil && info.IsDir()
	switch {
	case err == nil && !folder && !info.Mode().IsRegular():
		return location{}, usagef("location %q: %s is neither a folder nor a regular file; a stream goes through -", scheme+":"+rest, l.path)
	case scheme == "docker" && folder:
		return location{}, usagef("location %q: it is a folder, and docker: means a tar file", scheme+":"+rest)
	case scheme == "docker":
		l.kind, l.format = inArchive, artifact.ArchiveDocker
	case !folder && (isTar(l.path) || err == nil):
		l.kind, l.format = inArchive, artifact.ArchiveOCI
	default:
		l.kind = inLayout
	}
	return l, nil
}

// nameColon finds the colon between a path and the name of an image, -1 when
// there is none. Behind a tar file's suffix it is the first, since names such
// as team/app:1 have separators and colons of their own; elsewhere it is the
// last, if no separator follows: that of a Windows drive comes before one.
func nameColon(rest string) int {
	for i := range len(rest) {
		if rest[i] == ':' && isTar(rest[:i]) {
			return i
		}
	}
	colon := strings.LastIndexByte(rest, ':')
	if colon > 0 && strings.ContainsAny(rest[colon:], `/\`) {
		return -1
	}
	return colon
}

// String is the location as a person writes it.
func (l location) String() string {
	name := ""
	if l.name != "" {
		name = ":" + l.name
	}
	switch l.kind {
	case inRegistry:
		return l.ref.String()
	case inLayout:
		return "oci:" + l.path + name
	case inArchive:
		return string(l.format) + ":" + l.path + name
	}
	return "-"
}

// absolute is String with a path that means the same in any folder.
func (l location) absolute() string {
	if l.path != "" {
		if path, err := filepath.Abs(l.path); err == nil {
			l.path = path
		}
	}
	return l.String()
}

// version is what the location calls the image.
func (l location) version() string {
	if l.kind == inRegistry {
		return l.ref.Version()
	}
	return l.name
}

// source opens the location to read from.
func (a *app) source(ctx context.Context, l location) (artifact.Source, error) {
	switch l.kind {
	case inRegistry:
		return a.repository(ctx, l.ref)
	case inLayout:
		layout, err := artifact.OpenLayout(l.path)
		if err != nil {
			return nil, err
		}
		a.onClose(layout.Close)
		return layout, nil
	case inArchive:
		archive, err := artifact.OpenArchive(ctx, l.path)
		if err != nil {
			return nil, err
		}
		a.onClose(archive.Close)
		return archive, nil
	}
	archive, err := artifact.OpenArchiveStream(ctx, "standard input", a.stdin)
	if err != nil {
		return nil, err
	}
	a.onClose(archive.Close)
	return archive, nil
}

func (a *app) repository(ctx context.Context, ref reference) (*artifact.Repository, error) {
	r, err := a.open(ctx, ref.Registry)
	if err != nil {
		return nil, err
	}
	return artifact.NewRepository(r.client, r.blobs, ref.Repository)
}

// target opens the location to write to. finish makes what was written final;
// it is called once, with the result of the writing.
func (a *app) target(ctx context.Context, l location) (target artifact.Target, finish func(error) error, err error) {
	unchanged := func(err error) error { return err }
	switch l.kind {
	case inRegistry:
		repository, err := a.repository(ctx, l.ref)
		return repository, unchanged, err
	case inLayout:
		_, missing := os.Stat(l.path)
		layout, err := artifact.CreateLayout(l.path)
		if err != nil {
			return nil, nil, err
		}
		return layout, func(err error) error {
			bare := err != nil && missing != nil && isBare(l.path)
			err = errors.Join(err, layout.Close())
			if bare {
				err = errors.Join(err, os.RemoveAll(l.path))
			}
			return err
		}, nil
	case inArchive:
		if err := plainTar(l); err != nil {
			return nil, nil, err
		}
		writer, err := artifact.CreateArchive(l.path, l.format)
		if err != nil {
			return nil, nil, err
		}
		return writer, func(err error) error {
			if err != nil && isBare(l.path+".acrkit-partial") {
				return errors.Join(err, writer.Discard())
			}
			return errors.Join(err, writer.Close())
		}, nil
	}
	return a.streamTarget(l.format)
}

// plainTar refuses a name that would promise another form than is written.
func plainTar(l location) error {
	for _, suffix := range []string{".gz", ".tgz"} {
		if strings.HasSuffix(strings.ToLower(l.path), suffix) {
			return usagef("location %q: an archive is written as a plain tar, since its layers are compressed already; name it so", l)
		}
	}
	return nil
}

// isBare reports whether a layout folder holds nothing that a transfer could go
// on with: it failed before its first byte, and leaves no trace.
func isBare(dir string) bool {
	bare := true
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch entry.Name() {
		case ocispec.ImageLayoutFile, ocispec.ImageIndexFile, "lock":
			return nil
		}
		bare = false
		return fs.SkipAll
	})
	return bare && err == nil
}

// streamTarget gathers an archive in a temporary folder and writes it to
// standard output when it is whole.
func (a *app) streamTarget(format artifact.ArchiveFormat) (artifact.Target, func(error) error, error) {
	dir, err := os.MkdirTemp("", "acrkit-stream-")
	if err != nil {
		return nil, nil, err
	}
	writer, err := artifact.CreateArchiveStream(a.stdout, dir, format)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return writer, func(err error) error {
		return errors.Join(err, writer.Close(), os.RemoveAll(dir))
	}, nil
}

// rehearsal opens the location to plan what would be written to it, and
// creates nothing.
func (a *app) rehearsal(ctx context.Context, l location) (artifact.Target, error) {
	switch l.kind {
	case inRegistry:
		return a.repository(ctx, l.ref)
	case inLayout:
		layout, err := artifact.OpenLayout(l.path)
		if err == nil {
			a.onClose(layout.Close)
			return layout, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		return empty{artifact.NewMemory(), "oci:" + l.path}, nil
	case inArchive:
		if err := plainTar(l); err != nil {
			return nil, err
		}
		return empty{artifact.NewMemory(), "archive " + l.path}, nil
	}
	return empty{artifact.NewMemory(), "archive"}, nil
}

// empty is a place that doesn't exist yet.
type empty struct {
	*artifact.Memory
	name string
}

func (e empty) Name() string { return e.name }

// readAll reads at most limit bytes, and says so when there is more.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("over %d bytes", limit)
	}
	return data, err
}
