package rootfs

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
)

// The annotations of a layer that has a table of contents: zstd:chunked's
// (containers/storage) and eStargz's (stargz-snapshotter, docs/estargz.md). They
// have the digest of the table, so that the manifest vouches for it.
const (
	annotationChunkedChecksum = "io.github.containers.zstd-chunked.manifest-checksum"
	annotationChunkedPosition = "io.github.containers.zstd-chunked.manifest-position"
	annotationStargzDigest    = "containerd.io/snapshot/stargz/toc.digest"
)

// What a table of contents may take: packed, and unpacked. The largest of real
// images, a million files, have some 300 MB.
const (
	maxTablePacked = 128 << 20
	maxTable       = 512 << 20
)

// stargzFooter is the length of what stands at the end of an eStargz layer: an
// empty gzip member whose header says where the table begins.
const stargzFooter = 51

// stargzTable is the name of the table's entry.
const stargzTable = "stargz.index.json"

// extent is where in a layer, as it is stored, a file's content begins.
type extent struct {
	offset int64 // of a gzip member or zstd frame; 0 for none
	last   int64 // where the last of the file's members begins
	end    int64 // of that
	skip   int64 // bytes of what is unpacked from there that come before
}

// tableEntry is an entry of either table of contents.
type tableEntry struct {
	Type        string            `json:"type"`
	Name        string            `json:"name"`
	LinkName    string            `json:"linkName"`
	Mode        int64             `json:"mode"`
	Size        int64             `json:"size"`
	UID         int               `json:"uid"`
	GID         int               `json:"gid"`
	User        string            `json:"userName"`
	Group       string            `json:"groupName"`
	ModTime     time.Time         `json:"modtime"`
	Major       int64             `json:"devMajor"`
	Minor       int64             `json:"devMinor"`
	Attributes  map[string][]byte `json:"xattrs"`
	Digest      digest.Digest     `json:"digest"`
	Offset      int64             `json:"offset"`
	EndOffset   int64             `json:"endOffset"`
	InnerOffset int64             `json:"innerOffset"`
}

// tableTypes are the types of a table's entries.
var tableTypes = map[string]byte{
	"reg": tar.TypeReg, "dir": tar.TypeDir, "symlink": tar.TypeSymlink, "hardlink": tar.TypeLink,
	"char": tar.TypeChar, "block": tar.TypeBlock, "fifo": tar.TypeFifo,
}

// header is the entry as the layer's tar has it.
func (t *tableEntry) header() (*tar.Header, bool) {
	kind, known := tableTypes[t.Type]
	h := &tar.Header{
		Typeflag: kind, Name: t.Name, Linkname: t.LinkName, Mode: t.Mode, Size: t.Size, Uid: t.UID, Gid: t.GID,
		Uname: t.User, Gname: t.Group, ModTime: t.ModTime, Devmajor: t.Major, Devminor: t.Minor,
	}
	for name, value := range t.Attributes {
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords["SCHILY.xattr."+name] = string(value)
	}
	return h, known
}

// table reads the entries of a layer from its table of contents: nil where it
// has none, or the store can't read parts of it.
func (i *Image) table(ctx context.Context, layer int, b *budget) ([]entry, error) {
	desc := i.layers[layer]
	var read func(io.ReaderAt, ocispec.Descriptor) (io.Reader, int64, error)
	var want digest.Digest
	switch {
	case desc.Annotations[annotationChunkedPosition] != "":
		read, want = readChunkedTable, digest.Digest(desc.Annotations[annotationChunkedChecksum])
	case desc.Annotations[annotationStargzDigest] != "":
		read, want = readStargzTable, digest.Digest(desc.Annotations[annotationStargzDigest])
	}
	if read == nil || want.Validate() != nil {
		return nil, nil
	}
	at, closeLayer, err := i.openAt(ctx, desc)
	if err != nil || at == nil {
		return nil, err
	}
	defer closeLayer()
	source, end, err := read(at, desc)
	if err != nil || source == nil {
		return nil, i.tableError(layer, err)
	}
	verified := &verifyingTable{r: source, hash: want.Algorithm().Digester(), want: want}
	entries, err := parseTable(verified, layer, end, b)
	if err == nil {
		err = verified.finish()
	}
	return entries, i.tableError(layer, err)
}

func (i *Image) tableError(layer int, err error) error {
	var source *sourceError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &source):
		return source.err
	case errors.As(err, new(*azcontainerregistry.DigestMismatchError)):
		return fmt.Errorf("layer %d (%s): its table of contents: %w", layer, i.layers[layer].Digest, err)
	}
	return i.layerError(layer, "its table of contents cannot be read", cutOff(err))
}

// openAt opens a layer to read parts of it; nil where its store can't.
func (i *Image) openAt(ctx context.Context, desc ocispec.Descriptor) (io.ReaderAt, func(), error) {
	stored, err := i.src.Fetch(ctx, desc)
	if err != nil {
		return nil, nil, err
	}
	at, ok := stored.(io.ReaderAt)
	if !ok {
		return nil, nil, stored.Close()
	}
	return at, func() { _ = stored.Close() }, nil
}

// verifyingTable hashes a table as it is stored, packed or not.
type verifyingTable struct {
	r    io.Reader
	hash digest.Digester
	want digest.Digest
	size int64
}

func (v *verifyingTable) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	v.size += int64(n)
	v.hash.Hash().Write(p[:n])
	if v.size > maxTable {
		return n, errTooLarge
	}
	return n, err
}

// finish reads the rest and compares.
func (v *verifyingTable) finish() error {
	if _, err := io.Copy(io.Discard, v); err != nil {
		return err
	}
	if got := v.hash.Digest(); got != v.want {
		return &azcontainerregistry.DigestMismatchError{Expected: v.want.String(), Actual: got.String(), Size: v.size}
	}
	return nil
}

// readChunkedTable opens zstd:chunked's: a zstd frame whose place the
// annotation tells as offset:length:length unpacked:type.
func readChunkedTable(at io.ReaderAt, desc ocispec.Descriptor) (io.Reader, int64, error) {
	var numbers []int64
	for part := range strings.SplitSeq(desc.Annotations[annotationChunkedPosition], ":") {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil || n < 0 {
			return nil, 0, fmt.Errorf("its position is %q", desc.Annotations[annotationChunkedPosition])
		}
		numbers = append(numbers, n)
	}
	if len(numbers) < 4 || numbers[3] != 1 {
		return nil, 0, nil // of a kind that isn't known here
	}
	offset, length := numbers[0], numbers[1]
	if offset > desc.Size || length > desc.Size-offset || length > maxTablePacked {
		return nil, 0, fmt.Errorf("its position is %q, and the layer has %d bytes", desc.Annotations[annotationChunkedPosition], desc.Size)
	}
	return section(at, offset, length), offset, nil
}

// readStargzTable opens eStargz's: the JSON in a tar in the last gzip member but
// one.
func readStargzTable(at io.ReaderAt, desc ocispec.Descriptor) (io.Reader, int64, error) {
	if desc.Size < stargzFooter {
		return nil, 0, fmt.Errorf("the layer has %d bytes", desc.Size)
	}
	packed, err := gzip.NewReader(section(at, desc.Size-stargzFooter, stargzFooter))
	if err != nil {
		return nil, 0, fmt.Errorf("the layer's end says nothing of it: %w", err)
	}
	// A field of the header's extra part: SG, its length, 16 digits, STARGZ.
	extra := packed.Extra
	if len(extra) != 26 || string(extra[:4]) != "SG\x16\x00" || string(extra[20:]) != "STARGZ" {
		return nil, 0, errors.New("the layer's end says nothing of it")
	}
	offset, err := strconv.ParseInt(string(extra[4:20]), 16, 64)
	length := desc.Size - stargzFooter - offset
	if err != nil || offset < 0 || length < 0 || length > maxTablePacked {
		return nil, 0, fmt.Errorf("it begins at %q of %d bytes", extra[4:20], desc.Size)
	}
	if packed, err = gzip.NewReader(section(at, offset, length)); err != nil {
		return nil, 0, err
	}
	archive := tar.NewReader(packed)
	h, err := archive.Next()
	if err != nil {
		return nil, 0, err
	}
	if h.Name != stargzTable {
		return nil, 0, fmt.Errorf("%q stands in its place", h.Name)
	}
	return archive, offset, nil
}

// section reads a part of a layer, each read of the store a large one.
func section(at io.ReaderAt, offset, length int64) io.Reader {
	const window = 1 << 20 // one request's worth
	return bufio.NewReaderSize(sourceReader{io.NewSectionReader(at, offset, length)}, int(min(length+1, window)))
}

// parseTable reads the JSON of a table, packed or not. No content is behind end.
func parseTable(r io.Reader, layer int, end int64, b *budget) ([]entry, error) {
	plain, err := artifact.Decompress(r)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	decoder := json.NewDecoder(io.LimitReader(plain, maxTable))
	entries := []entry{} // not nil: a table may be empty
	offsets := []int64{end}
	err = eachTableEntry(decoder, func(t *tableEntry) error {
		if t.Offset < 0 || t.Offset > end || t.EndOffset < 0 || t.EndOffset > end || t.InnerOffset < 0 || t.Size < 0 {
			return fmt.Errorf("entry %.40q is outside of the layer", t.Name)
		}
		if t.Offset > 0 {
			offsets = append(offsets, t.Offset)
		}
		h, known := t.header()
		if !known {
			if last := len(entries) - 1; last >= 0 && t.Type == "chunk" {
				entries[last].extent.last = max(entries[last].extent.last, t.Offset)
			}
			return nil
		}
		e, ok := newEntry(h, layer, -1)
		if !ok {
			return nil
		}
		if e.kind == tar.TypeReg && !e.whiteout && !e.opaque {
			e.file.Digest = t.Digest
			e.extent = extent{offset: t.Offset, last: t.Offset, end: t.EndOffset, skip: t.InnerOffset}
		}
		if err := b.takeEntry(&e); err != nil {
			return err
		}
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(offsets)
	for k := range entries {
		// eStargz doesn't say where a file's content ends: before the next member.
		if x := &entries[k].extent; x.offset > 0 && x.end == 0 {
			next, _ := slices.BinarySearch(offsets, x.last+1)
			x.end = end
			if next < len(offsets) {
				x.end = offsets[next]
			}
		}
	}
	return entries, nil
}

// eachTableEntry reads the entries of a table one by one.
func eachTableEntry(decoder *json.Decoder, visit func(*tableEntry) error) error {
	if err := expect(decoder, '{'); err != nil {
		return err
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		if key != "entries" {
			if err := decoder.Decode(new(json.RawMessage)); err != nil {
				return err
			}
			continue
		}
		switch token, err := decoder.Token(); {
		case err != nil:
			return err
		case token == nil:
			continue // null: there are none
		case token != json.Delim('['):
			return fmt.Errorf("its entries begin with %v", token)
		}
		for decoder.More() {
			var t tableEntry
			if err := decoder.Decode(&t); err != nil {
				return err
			}
			if err := visit(&t); err != nil {
				return err
			}
		}
		if err := expect(decoder, ']'); err != nil {
			return err
		}
	}
	return expect(decoder, '}')
}

func expect(decoder *json.Decoder, want json.Delim) error {
	token, err := decoder.Token()
	if err == nil && token != want {
		err = fmt.Errorf("there is %v where %v belongs", token, want)
	}
	return err
}

// writeExtent writes a file's content from the part of the layer that has it,
// and verifies it against the digest in the table.
func (i *Image) writeExtent(ctx context.Context, layer int, e *entry, w io.Writer) error {
	size, x := e.file.Size, e.extent
	if size == 0 {
		return nil
	}
	desc := i.layers[layer]
	at, closeLayer, err := i.openAt(ctx, desc)
	if err != nil {
		return err
	}
	if at == nil {
		return i.layerError(layer, "parts of it can no longer be read", nil)
	}
	defer closeLayer()
	if x.end < x.offset || e.file.Digest.Validate() != nil || x.skip > math.MaxInt64-size {
		return i.layerError(layer, "its table of contents says nothing that can be used of "+path.Base(e.file.Path), nil)
	}
	plain, err := artifact.Decompress(section(at, x.offset, x.end-x.offset))
	if err != nil {
		return i.unreadable(layer, err)
	}
	defer plain.Close()
	if _, err := io.CopyN(io.Discard, plain, x.skip); err != nil {
		return i.unreadable(layer, unexpected(err))
	}
	hash := e.file.Digest.Algorithm().Digester()
	if _, err := io.CopyN(io.MultiWriter(hash.Hash(), resultWriter{w}), plain, size); err != nil {
		return i.unreadable(layer, unexpected(err))
	}
	if got := hash.Digest(); got != e.file.Digest {
		return &azcontainerregistry.DigestMismatchError{Expected: e.file.Digest.String(), Actual: got.String(), Size: size}
	}
	return nil
}

// unexpected is the error of an end that comes too early.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
