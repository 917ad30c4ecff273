package rootfs

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
)

// item is an entry of a layer.
type item struct {
	tar.Header
	content string
}

func file(name, content string) item {
	return item{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, content}
}

func folder(name string) item {
	return item{tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}, ""}
}

func symlink(name, target string) item {
	return item{tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, ""}
}

func hardlink(name, target string) item {
	return item{tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o644}, ""}
}

func device(name string) item {
	return item{tar.Header{Typeflag: tar.TypeChar, Name: name, Mode: 0o600, Devmajor: 1, Devminor: 3}, ""}
}

// packed is a layer as a test stores it.
type packed struct {
	desc  ocispec.Descriptor
	data  []byte
	plain []byte
}

func plainTar(t testing.TB, items ...item) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, i := range items {
		i.Size = int64(len(i.content))
		if err := w.WriteHeader(&i.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, i.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func pack(mediaType string, data, plain []byte) packed {
	return packed{ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}, data, plain}
}

func layer(t testing.TB, items ...item) packed {
	plain := plainTar(t, items...)
	return pack(ocispec.MediaTypeImageLayer, plain, plain)
}

func gzipped(data []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	w.Write(data)
	w.Close()
	return buf.Bytes()
}

func zstandard(data []byte) []byte {
	w, _ := zstd.NewWriter(nil)
	defer w.Close()
	return w.EncodeAll(data, nil)
}

func gzipLayer(t testing.TB, items ...item) packed {
	plain := plainTar(t, items...)
	return pack(ocispec.MediaTypeImageLayerGzip, gzipped(plain), plain)
}

func zstdLayer(t testing.TB, items ...item) packed {
	plain := plainTar(t, items...)
	return pack(ocispec.MediaTypeImageLayerZstd, zstandard(plain), plain)
}

// segments writes items so that the content of each file is packed by itself,
// and says where: what both kinds of tables of contents need.
func segments(t testing.TB, squeeze func([]byte) []byte, items []item) (data, plain []byte, entries []map[string]any) {
	var out bytes.Buffer
	whole := plainTar(t, items...)
	at := 0
	for _, i := range items {
		header := plainTar(t, item{i.Header, i.content})
		length := len(header) - 1024 - (len(i.content)+511)/512*512
		out.Write(squeeze(whole[at : at+length]))
		at += length
		e := map[string]any{"name": i.Name, "mode": i.Mode, "uid": i.Uid, "gid": i.Gid, "size": len(i.content)}
		e["type"] = map[byte]string{tar.TypeReg: "reg", tar.TypeDir: "dir", tar.TypeSymlink: "symlink", tar.TypeLink: "hardlink", tar.TypeChar: "char"}[i.Typeflag]
		if i.Linkname != "" {
			e["linkName"] = i.Linkname
		}
		if i.content != "" {
			e["offset"], e["digest"] = out.Len(), digest.FromString(i.content)
			out.Write(squeeze(whole[at : at+len(i.content)]))
			e["endOffset"] = out.Len()
			out.Write(squeeze(whole[at+len(i.content) : at+(len(i.content)+511)/512*512]))
			at += (len(i.content) + 511) / 512 * 512
		}
		entries = append(entries, e)
	}
	out.Write(squeeze(whole[at:]))
	return out.Bytes(), whole, entries
}

// chunkedLayer is a layer of zstd:chunked.
func chunkedLayer(t testing.TB, items ...item) packed {
	data, plain, entries := segments(t, zstandard, items)
	table, _ := json.Marshal(map[string]any{"version": 1, "entries": entries})
	stored := zstandard(table)
	frame := append([]byte{0x50, 0x2a, 0x4d, 0x18, byte(len(stored)), byte(len(stored) >> 8), byte(len(stored) >> 16), 0}, stored...)
	position := fmt.Sprintf("%d:%d:%d:1", len(data)+8, len(stored), len(table))
	p := pack(ocispec.MediaTypeImageLayerZstd, append(data, frame...), plain)
	p.desc.Annotations = map[string]string{annotationChunkedPosition: position, annotationChunkedChecksum: digest.FromBytes(stored).String()}
	return p
}

// stargzLayer is a layer of eStargz.
func stargzLayer(t testing.TB, items ...item) packed {
	data, plain, entries := segments(t, gzipped, items)
	for _, e := range entries {
		delete(e, "endOffset")
	}
	table, _ := json.Marshal(map[string]any{"version": 1, "entries": entries})
	offset := len(data)
	stored := plainTar(t, file(stargzTable, string(table)))
	data = append(data, gzipped(stored)...)
	var footer bytes.Buffer
	w, _ := gzip.NewWriterLevel(&footer, gzip.NoCompression)
	w.Extra = []byte("SG\x16\x00" + fmt.Sprintf("%016xSTARGZ", offset))
	w.Close()
	if footer.Len() != stargzFooter {
		t.Fatalf("the footer has %d bytes", footer.Len())
	}
	p := pack(ocispec.MediaTypeImageLayerGzip, append(data, footer.Bytes()...), append(plain, stored...))
	p.desc.Annotations = map[string]string{annotationStargzDigest: digest.FromBytes(table).String()}
	return p
}

// store is memory that counts what is read of it.
type store struct {
	*artifact.Memory
	read atomic.Int64
}

func (s *store) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	r, err := s.Memory.Fetch(ctx, desc)
	if err != nil || artifact.IsManifest(desc.MediaType) || strings.Contains(desc.MediaType, "config") {
		return r, err
	}
	return &countedReader{r.(memoryReader), s}, nil
}

type memoryReader interface {
	io.ReadCloser
	io.ReaderAt
}

type countedReader struct {
	memoryReader
	store *store
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.memoryReader.Read(p)
	c.store.read.Add(int64(n))
	return n, err
}

func (c *countedReader) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.memoryReader.ReadAt(p, at)
	c.store.read.Add(int64(n))
	return n, err
}

// newImage stores layers as the image x.
func newImage(t testing.TB, layers ...packed) *store {
	t.Helper()
	s := &store{Memory: artifact.NewMemory()}
	push := func(desc ocispec.Descriptor, data []byte) {
		_, content := artifact.NewContentBytes(desc.MediaType, data)
		if err := s.Push(t.Context(), desc, content); err != nil {
			t.Fatal(err)
		}
	}
	config := ocispec.Image{RootFS: ocispec.RootFS{Type: "layers"}}
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Layers: []ocispec.Descriptor{}}
	for _, l := range layers {
		push(l.desc, l.data)
		m.Layers = append(m.Layers, l.desc)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(l.plain))
	}
	add := func(mediaType string, v any) ocispec.Descriptor {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		desc, _ := artifact.NewContentBytes(mediaType, data)
		push(desc, data)
		return desc
	}
	m.Config = add(ocispec.MediaTypeImageConfig, config)
	root := add(ocispec.MediaTypeImageManifest, m)
	if err := s.Tag(t.Context(), root, "x"); err != nil {
		t.Fatal(err)
	}
	return s
}

func openImage(t testing.TB, s *store, o *Options) *Image {
	t.Helper()
	i, err := Open(t.Context(), s, "x", o)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func readTree(t testing.TB, layers ...packed) *Tree {
	t.Helper()
	tree, err := openImage(t, newImage(t, layers...), nil).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// listing is a tree in short, a line a file: path, kind, link or size, layer.
func listing(t testing.TB, tree *Tree) string {
	t.Helper()
	files, err := tree.Walk("/")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for f := range files {
		fmt.Fprintf(&b, "%s %s %d", f.Path, f.Mode, f.Layer)
		switch {
		case f.HardLink != "":
			fmt.Fprintf(&b, " = %s", f.HardLink)
		case f.isLink():
			fmt.Fprintf(&b, " -> %s", f.Link)
		case f.Mode.IsRegular():
			fmt.Fprintf(&b, " %d", f.Size)
		}
		b.WriteString("\n")
	}
	return b.String()
}
