package rootfs

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
)

// errStop ends the reading of a layer early.
var errStop = errors.New("stop")

var errTooLarge = errors.New("it unpacks to more bytes than the limit")

// reading is how a layer is fetched.
type reading int

const (
	ahead    reading = iota // all of it, as fast as the store can
	asNeeded                // in order, no further than what is read of it
)

// layerReader is a layer, unpacked while it is read.
type layerReader struct {
	ctx    context.Context
	plain  io.Reader
	closer []func() error
	hash   digest.Digester // of what was unpacked; nil where nothing can be compared
	left   int64           // bytes that may still be unpacked, and one
}

func (r *layerReader) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	if r.left <= 0 {
		return 0, errTooLarge
	}
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.plain.Read(p)
	r.left -= int64(n)
	if r.hash != nil {
		r.hash.Hash().Write(p[:n])
	}
	return n, err
}

func (r *layerReader) Close() error {
	var errs []error
	for i := len(r.closer) - 1; i >= 0; i-- {
		errs = append(errs, r.closer[i]())
	}
	return errors.Join(errs...)
}

// openLayer opens a layer. Its packed bytes are verified as they come: the last
// read fails where they aren't what the digest says.
func (i *Image) openLayer(ctx context.Context, layer int, how reading) (*layerReader, error) {
	r := &layerReader{ctx: ctx, left: i.o.MaxBytes + 1}
	packed, err := i.openPacked(ctx, i.layers[layer], how, r)
	if err != nil {
		return nil, err
	}
	plain, err := artifact.Decompress(sourceReader{packed})
	if err != nil {
		return nil, errors.Join(i.unreadable(layer, err), r.Close())
	}
	r.plain = plain
	r.closer = append(r.closer, plain.Close)
	if i.diffIDs != nil && i.diffIDs[layer].Validate() == nil && i.diffIDs[layer].Algorithm() == digest.SHA256 {
		r.hash = digest.SHA256.Digester()
	}
	return r, nil
}

// openPacked opens a layer as it is stored.
func (i *Image) openPacked(ctx context.Context, desc ocispec.Descriptor, how reading, r *layerReader) (io.Reader, error) {
	if how == asNeeded {
		stored, err := i.src.Fetch(ctx, desc)
		if err != nil {
			return nil, err
		}
		r.closer = append(r.closer, stored.Close)
		return &verifyingReader{r: stored, desc: desc, hash: desc.Digest.Algorithm().Hash()}, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	in, out := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The pipe's reader gets the error, and io.EOF only after it was verified.
		out.CloseWithError(artifact.NewContent(i.src, desc).WriteTo(ctx, out))
	}()
	r.closer = append(r.closer, func() error {
		cancel()
		in.CloseWithError(context.Canceled)
		<-done
		return nil
	})
	return in, nil
}

// verifyingReader tells the end of content only when it is what its descriptor
// says.
type verifyingReader struct {
	r    io.Reader
	desc ocispec.Descriptor
	hash hash.Hash
	size int64
}

func (v *verifyingReader) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	v.size += int64(n)
	v.hash.Write(p[:n])
	if v.size > v.desc.Size || errors.Is(err, io.EOF) && v.size != v.desc.Size {
		return n, &artifact.InvalidError{
			Thing: "layer " + v.desc.Digest.String(), Rule: fmt.Sprintf("its descriptor says %d bytes, and it has another length", v.desc.Size),
		}
	}
	if got := digest.NewDigest(v.desc.Digest.Algorithm(), v.hash); errors.Is(err, io.EOF) && got != v.desc.Digest {
		return n, &azcontainerregistry.DigestMismatchError{Expected: v.desc.Digest.String(), Actual: got.String(), Size: v.size}
	}
	return n, err
}

// sourceError is an error of reading what is stored, or of writing the result:
// not of what the content is.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// sourceReader marks the errors of its reader.
type sourceReader struct{ r io.Reader }

func (r sourceReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &sourceError{err}
	}
	return n, err
}

// resultWriter marks the errors of its writer.
type resultWriter struct{ w io.Writer }

func (w resultWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err != nil {
		err = &sourceError{err}
	}
	return n, err
}

// unreadable tells a broken archive from one that could not be fetched.
func (i *Image) unreadable(layer int, err error) error {
	var source *sourceError
	switch {
	case errors.As(err, &source):
		return source.err
	case errors.As(err, new(*artifact.InvalidError)), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return i.layerError(layer, "it cannot be unpacked", cutOff(err))
}

// cutOff says of an end in the middle that it is the content's: the error of the
// standard library is that of a broken connection too.
func cutOff(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errEndsEarly
	}
	return err
}

var errEndsEarly = errors.New("it ends too early")

// finish reads what comes after the archive's end, and compares the whole with
// what the config says of it.
func (i *Image) finish(layer int, r *layerReader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return i.unreadable(layer, err)
	}
	if r.hash != nil && r.hash.Digest() != i.diffIDs[layer] {
		return i.layerError(layer, fmt.Sprintf("unpacked it is %s, and by the image's config %s", r.hash.Digest(), i.diffIDs[layer]), nil)
	}
	return nil
}
