package artifact

import (
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/ulikunitz/xz"
)

// compression is a way in which archives and layers come compressed. It is
// told by the first bytes, never by a name.
type compression struct {
	name      string
	magic     string
	open      func(io.Reader) (io.ReadCloser, error)
	mediaType string // of a layer compressed so; "" where OCI names none
	// corrupt matches what open and its reader say about bad input, where that
	// isn't an early end.
	corrupt func(error) bool
}

// maxZstdWindow is what "zstd --ultra -22" needs, and the most that zstd itself
// unpacks unless it is told otherwise.
const maxZstdWindow = 128 << 20

// The standard library has no zstd and no xz: klauspost/compress and
// ulikunitz/xz are what the container tools use for them.
var (
	gzipCompression = &compression{
		name: "gzip", magic: "\x1f\x8b", mediaType: ocispec.MediaTypeImageLayerGzip,
		open: func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) },
		corrupt: func(err error) bool {
			return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, new(flate.CorruptInputError))
		},
	}
	zstdCompression = &compression{
		name: "zstd", magic: "\x28\xb5\x2f\xfd", mediaType: ocispec.MediaTypeImageLayerZstd,
		open: func(r io.Reader) (io.ReadCloser, error) {
			d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
			if err != nil {
				return nil, err
			}
			return d.IOReadCloser(), nil
		},
		corrupt: corruptIfNotRead,
	}
	xzCompression = &compression{
		name: "xz", magic: "\xfd7zXZ\x00",
		open: func(r io.Reader) (io.ReadCloser, error) {
			d, err := xz.NewReader(r)
			return io.NopCloser(d), err
		},
		corrupt: corruptIfNotRead,
	}
	bzip2Compression = &compression{
		name: "bzip2", magic: "BZh",
		open: func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(r)), nil },
		corrupt: func(err error) bool {
			return errors.As(err, new(bzip2.StructuralError))
		},
	}
	compressions = []*compression{gzipCompression, zstdCompression, xzCompression, bzip2Compression}
)

// corruptIfNotRead is for libraries whose errors have no common type: what is
// not from reading the input, which [inputReader] marks, is about its content.
func corruptIfNotRead(err error) bool { return !errors.As(err, new(*inputError)) }

// magicLength is enough to tell every compression.
const magicLength = 6

// compressionOf tells from the first bytes how content is compressed, nil for
// not at all.
func compressionOf(head []byte) *compression {
	for _, c := range compressions {
		if bytes.HasPrefix(head, []byte(c.magic)) {
			return c
		}
	}
	return nil
}

// inputError is an error of what is unpacked, not of the unpacking.
type inputError struct{ err error }

func (e *inputError) Error() string { return e.err.Error() }
func (e *inputError) Unwrap() error { return e.err }

// inputReader marks the errors of its reader.
type inputReader struct{ r io.Reader }

func (r inputReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &inputError{err}
	}
	return n, err
}

// decompress opens r, which the compression was told from.
func (c *compression) decompress(r io.Reader) (io.ReadCloser, error) {
	return c.open(inputReader{r})
}

// isCorrupt reports whether err, of decompress or its reader, says that the
// input is not what this compression makes.
func (c *compression) isCorrupt(err error) bool {
	return !errors.As(err, new(*inputError)) && (cutOff(err) != err || c.corrupt(err))
}
