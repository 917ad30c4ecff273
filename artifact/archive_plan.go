package artifact

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// PlanArchive is the archive at path as a target to plan with: it makes nothing,
// and refuses what [CreateArchive] and the archive's format would. What an
// interrupted writer has left is there already. An empty path is a stream. Close
// the target if it is an io.Closer.
func PlanArchive(path string, format ArchiveFormat) (Target, error) {
	w := &ArchiveWriter{path: path, format: format}
	if err := w.check(); err != nil {
		return nil, err
	}
	p := &plannedArchive{Target: NewMemory(), writer: w}
	if path == "" {
		return p, nil
	}
	left, err := OpenLayout(filepath.Join(path+stagingSuffix, stagingLayout))
	if err == nil {
		p.Target, p.close = left, left.Close
	}
	return p, nil
}

// check refuses a path and a format that no archive can be written to.
func (w *ArchiveWriter) check() error {
	switch w.format {
	case ArchiveOCI, ArchiveDocker:
	default:
		return &InvalidError{Code: codeOptionInvalid, Thing: fmt.Sprintf("archive format %q", w.format), Rule: "want oci or docker"}
	}
	if w.path == "" {
		return nil
	}
	info, err := os.Stat(w.path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return &InvalidError{Code: codeOptionInvalid, Store: w.Name(), Thing: "the path", Rule: "something is there that is not a regular file"}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("create archive: %w", err)
	}
	if _, err := os.Stat(filepath.Dir(w.path)); err != nil {
		return fmt.Errorf("create archive %s: its folder: %w", w.path, err)
	}
	return nil
}

// plannedArchive is an archive that will be written. It isn't a Source, so that
// nothing takes names from it that the archive won't have.
type plannedArchive struct {
	Target
	writer *ArchiveWriter
	close  func() error // nil when there is nothing to close
}

var _ interface {
	Admitter
	graphAdmitter
	Namer
} = (*plannedArchive)(nil)

func (p *plannedArchive) Name() string { return p.writer.Name() }

func (p *plannedArchive) Admit(root ocispec.Descriptor, reference string) error {
	return p.writer.Admit(root, reference)
}

func (p *plannedArchive) admitGraph(ctx context.Context, src Source, g *graph) error {
	return p.writer.admitGraph(ctx, src, g)
}

func (p *plannedArchive) imagesOnly() bool { return p.writer.imagesOnly() }

func (p *plannedArchive) Close() error {
	if p.close == nil {
		return nil
	}
	return p.close()
}
