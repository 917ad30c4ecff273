package location

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// OpenSource opens the location to read from.
func OpenSource(ctx context.Context, sess *session.Session, l Location) (artifact.Source, error) {
	switch l.Kind {
	case InRegistry:
		other, err := sess.Foreign(ctx, l.Ref.Registry)
		if err != nil {
			return nil, err
		}
		if other != nil {
			return other.Source(l.Ref.Repository)
		}
		return sess.Repository(ctx, l.Ref)
	case InLayout:
		if unpackedDocker(l.Path) {
			break
		}
		layout, err := artifact.OpenLayout(l.Path)
		if err != nil {
			return nil, err
		}
		sess.OnClose(layout.Close)
		return layout, nil
	case InStream:
		archive, err := artifact.OpenArchiveStream(ctx, "standard input", sess.Stdin)
		if err != nil {
			return nil, err
		}
		sess.OnClose(archive.Close)
		return archive, nil
	}
	archive, err := artifact.OpenArchive(ctx, l.Path)
	if err != nil {
		return nil, err
	}
	sess.OnClose(archive.Close)
	return archive, nil
}

// unpackedDocker reports a folder that docker save's tar was unpacked to: its
// manifest.json says what index.json may not.
func unpackedDocker(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "manifest.json"))
	return err == nil && info.Mode().IsRegular()
}

// OpenTarget opens the location to write to. finish makes what was written final;
// it is called once, with the result of the writing.
func OpenTarget(ctx context.Context, sess *session.Session, l Location) (target artifact.Target, finish func(error) error, err error) {
	unchanged := func(err error) error { return err }
	switch l.Kind {
	case InRegistry:
		repository, err := sess.Repository(ctx, l.Ref)
		return repository, unchanged, err
	case InLayout:
		_, missing := os.Stat(l.Path)
		layout, err := artifact.CreateLayout(l.Path)
		if err != nil {
			return nil, nil, err
		}
		return layout, func(err error) error {
			bare := err != nil && missing != nil && isBare(l.Path)
			err = errors.Join(err, layout.Close())
			if bare {
				err = errors.Join(err, os.RemoveAll(l.Path))
			}
			return err
		}, nil
	case InArchive:
		if err := plainTar(l); err != nil {
			return nil, nil, err
		}
		writer, err := artifact.CreateArchive(l.Path, l.Format)
		if err != nil {
			return nil, nil, err
		}
		return writer, func(err error) error {
			if err != nil && isBare(l.Path+".acrkit-partial") {
				return errors.Join(err, writer.Discard())
			}
			return errors.Join(err, writer.Close())
		}, nil
	}
	stream, err := artifact.NewArchiveStream(sess.Stdout, l.Format)
	return stream, unchanged, err
}

// plainTar refuses a name that says another form than is written.
func plainTar(l Location) error {
	if isPackedTar(l.Path) {
		return failure.Usagef("location %q: an archive is written as a plain tar, since its layers are compressed already; name it so", l)
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

// Rehearse opens the location to plan what would be written to it, and creates
// nothing. It refuses what OpenTarget would.
func Rehearse(ctx context.Context, sess *session.Session, l Location) (artifact.Target, error) {
	var target artifact.Target
	var err error
	switch l.Kind {
	case InRegistry:
		return sess.Repository(ctx, l.Ref)
	case InLayout:
		target, err = artifact.PlanLayout(l.Path)
	case InArchive:
		if err := plainTar(l); err != nil {
			return nil, err
		}
		target, err = artifact.PlanArchive(l.Path, l.Format)
	default:
		target, err = artifact.PlanArchive("", l.Format)
	}
	if closer, ok := target.(io.Closer); ok && err == nil {
		sess.OnClose(closer.Close)
	}
	return target, err
}
