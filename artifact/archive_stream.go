package artifact

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ArchiveStream is a Target that one [Copy] writes to as a tar archive, byte for
// byte the one that [ArchiveWriter] would make, without gathering it: what the
// archive's list needs is known before the first blob comes, and each blob is
// written while it is received. One blob is received at a time, over as many
// connections as the source has ranges for.
//
// Every blob is verified, at its end: when Copy fails, w holds the beginning of
// an archive, without a tar's end, that must not be used.
type ArchiveStream struct {
	writer *ArchiveWriter // its rules; it gathers nothing
	tar    *tarWriter
	used   bool
}

var _ interface {
	Target
	Admitter
	Namer
	graphAdmitter
	graphWriter
} = (*ArchiveStream)(nil)

// graphWriter is a Target that writes a whole graph in an order of its own.
type graphWriter interface {
	writeGraph(ctx context.Context, c *copier) error
}

// NewArchiveStream makes an archive that goes to w, such as standard output.
// Nothing is written before Copy has read all manifests, and w is not closed.
func NewArchiveStream(w io.Writer, format ArchiveFormat) (*ArchiveStream, error) {
	s := &ArchiveStream{writer: &ArchiveWriter{out: w, format: format}, tar: &tarWriter{Writer: tar.NewWriter(w)}}
	return s, s.writer.check()
}

// Name is "archive".
func (s *ArchiveStream) Name() string { return s.writer.Name() }

// Admit refuses what docker's format cannot hold.
func (s *ArchiveStream) Admit(root ocispec.Descriptor, reference string) error {
	return s.writer.Admit(root, reference)
}

func (s *ArchiveStream) admitGraph(ctx context.Context, src Source, g *graph) error {
	return s.writer.admitGraph(ctx, src, g)
}

func (s *ArchiveStream) imagesOnly() bool { return s.writer.imagesOnly() }

// Exists reports false: nothing can be asked of a stream.
func (s *ArchiveStream) Exists(context.Context, ocispec.Descriptor) (bool, error) { return false, nil }

// Push writes one blob or manifest as the archive's next entry.
func (s *ArchiveStream) Push(ctx context.Context, desc ocispec.Descriptor, content *Content) error {
	name := blobPath(desc)
	s.tar.dir(path.Dir(name))
	s.tar.header(name, tar.TypeReg, desc.Size, 0o644)
	if s.tar.err != nil {
		return s.tar.err
	}
	// The last byte waits for the verification, so that a reader of what isn't
	// right finds the end of the stream in the middle of an entry.
	verified := &lastHeld{w: s.tar}
	if err := content.WriteTo(ctx, verified); err != nil {
		return err
	}
	_, err := s.tar.Write(verified.last)
	return err
}

// lastHeld writes all but the last byte.
type lastHeld struct {
	w    io.Writer
	last []byte
}

func (h *lastHeld) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if _, err := h.w.Write(h.last); err != nil {
		return 0, err
	}
	n, err := h.w.Write(p[:len(p)-1])
	if err != nil {
		h.last = nil
		return n, err
	}
	h.last = append(h.last[:0], p[len(p)-1])
	return len(p), nil
}

// Tag fails: the list of the archive's images is its beginning.
func (s *ArchiveStream) Tag(context.Context, ocispec.Descriptor, string) error {
	return &InvalidError{Store: s.Name(), Thing: "a tag", Rule: "the list of a stream's images is written before their content"}
}

// writeGraph writes the archive.
func (s *ArchiveStream) writeGraph(ctx context.Context, c *copier) error {
	if s.used {
		return &InvalidError{Store: s.Name(), Thing: "a second copy", Rule: "a stream holds what one copy writes to it"}
	}
	s.used = true
	c.limiter = newLimiter(1)
	if err := s.writeHead(c); err != nil {
		return fmt.Errorf("write %s: %w", s.Name(), err)
	}
	blobs := map[string]ocispec.Descriptor{}
	for _, blob := range c.graph.blobs {
		blobs[blobPath(blob)] = blob
	}
	manifests := map[string]*node{}
	for _, n := range c.graph.nodes {
		manifests[blobPath(n.desc)] = n
	}
	names := slices.Collect(maps.Keys(manifests))
	for name := range blobs {
		if manifests[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		n := manifests[name]
		if n == nil {
			if err := c.pushBlob(ctx, blobs[name]); err != nil {
				return err
			}
			continue
		}
		if err := errors.Join(context.Cause(ctx), c.putManifest(ctx, n, "")); err != nil {
			return fmt.Errorf("manifest %s: %w", n.desc.Digest, err)
		}
		c.observer.emit(Event{Kind: EventManifestDone, Descriptor: n.desc})
	}
	if err := s.tar.finish(); err != nil {
		return fmt.Errorf("write %s: %w", s.Name(), err)
	}
	if c.tag != "" {
		c.observer.emit(Event{Kind: EventTagged, Descriptor: c.graph.root, Reference: c.tag})
	}
	return nil
}

// writeHead writes what says which images the archive holds.
func (s *ArchiveStream) writeHead(c *copier) error {
	index := &ocispec.Index{}
	for _, level := range c.graph.levels {
		for _, n := range level {
			for _, tag := range n.rootNames() {
				setRoot(index, n.desc, tag)
			}
		}
	}
	root := c.graph.nodes[c.graph.root.Digest]
	setRoot(index, root.desc, c.tag)
	if s.writer.format != ArchiveDocker {
		return s.tar.head(index, nil, nil)
	}
	repositories := dockerRepositories{}
	images := addImage(nil, repositories, root, c.tag)
	for i := range index.Manifests {
		index.Manifests[i].Annotations = dockerAnnotations(c.tag)
	}
	return s.tar.head(index, images, repositories)
}
