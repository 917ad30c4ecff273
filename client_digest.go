package azcontainerregistry

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strings"
	"sync"
)

// BlobDigestCalculator computes the digest of a blob that is uploaded in
// chunks: give the same one to every [BlobClient.UploadChunk] of the blob, in
// order, and to [BlobClient.CompleteUpload]. A chunk counts once the registry
// has accepted it, exactly once, however often it was sent; a chunk that
// failed doesn't count. Chunks of one blob go one after the other, so it is not
// meant for concurrent calls, though concurrent calls are safe. The zero value is ready.
type BlobDigestCalculator struct {
	mu   sync.Mutex
	hash hash.Hash
	size int64
}

// NewBlobDigestCalculator returns a calculator for one blob.
func NewBlobDigestCalculator() *BlobDigestCalculator { return &BlobDigestCalculator{} }

// begin returns an observer that computes what the digest will be once the
// chunk is accepted.
func (c *BlobDigestCalculator) begin() (*chunkDigest, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hash == nil {
		c.hash = sha256.New()
	}
	base, err := cloneHash(c.hash)
	if err != nil {
		return nil, err
	}
	d := &chunkDigest{base: base}
	d.restart()
	return d, d.err
}

// commit makes the chunk part of the blob.
func (c *BlobDigestCalculator) commit(d *chunkDigest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hash = d.next
	c.size += d.size
}

// digest returns the digest of all chunks so far.
func (c *BlobDigestCalculator) digest() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hash == nil {
		c.hash = sha256.New()
	}
	return "sha256:" + hex.EncodeToString(c.hash.Sum(nil))
}

// chunkDigest is the state of the hash while one chunk is sent. Each attempt
// begins where the chunk before ended; requestBody sees to it that only one
// attempt is heard.
type chunkDigest struct {
	base, next hash.Hash
	size       int64
	err        error
}

func (d *chunkDigest) restart() {
	d.next, d.err = cloneHash(d.base)
	d.size = 0
}

func (d *chunkDigest) sent(p []byte) {
	if d.err == nil {
		d.next.Write(p)
		d.size += int64(len(p))
	}
}

// complete makes up for bytes that the registry accepted without having been
// sent them through us: a transport may have had them from elsewhere.
func (d *chunkDigest) complete(source io.ReadSeeker, size int64) error {
	if d.err == nil && d.size == size {
		return nil
	}
	d.restart()
	if d.err != nil {
		return d.err
	}
	if _, err := source.Seek(0, io.SeekStart); err != nil {
		return err
	}
	n, err := io.Copy(d.next, source)
	d.size = n
	return err
}

func cloneHash(h hash.Hash) (hash.Hash, error) {
	cloner, ok := h.(hash.Cloner)
	if !ok {
		return nil, errors.New("hash has no state to copy")
	}
	return cloner.Clone()
}

// DigestValidationReader reads content and verifies its digest at the end.
type DigestValidationReader struct {
	reader io.Reader
	check  digestCheck
}

// NewDigestValidationReader returns a reader that verifies, when reader is at
// its end, that its content has the digest. An algorithm other than sha256 is
// [ErrDigestAlgNotSupported].
func NewDigestValidationReader(digest string, reader io.Reader) (*DigestValidationReader, error) {
	switch {
	case !strings.HasPrefix(digest, "sha256:"):
		return nil, ErrDigestAlgNotSupported
	case isNil(reader):
		return nil, errNoReader
	}
	return &DigestValidationReader{reader: reader, check: digestCheck{expected: digest, hash: sha256.New()}}, nil
}

var errNoReader = &ArgumentError{Argument: "reader", Value: "nil", Rule: "must be the content to verify"}

// Read reads from the underlying reader. At its end it returns io.EOF, or
// [ErrMismatchedHash]: then nothing that was read may be used. After another
// error reading continues where the underlying reader does.
func (d *DigestValidationReader) Read(p []byte) (int, error) {
	if d == nil || d.reader == nil {
		return 0, errNoReader
	}
	n, err := d.reader.Read(p)
	err = d.check.add(p[:n], err)
	if errors.As(err, new(*DigestMismatchError)) {
		err = ErrMismatchedHash
	}
	return n, err
}

// digestCheck verifies content as it passes.
type digestCheck struct {
	expected string
	hash     hash.Hash
	size     int64
}

// add takes the next bytes and the error that came with them, and returns that
// error or, at the end of wrong content, a [*DigestMismatchError].
func (c *digestCheck) add(p []byte, err error) error {
	c.hash.Write(p)
	c.size += int64(len(p))
	if err != io.EOF {
		return err
	}
	// Written in place: a manifest is often smaller than what it costs.
	var sum [sha256.Size]byte
	var text [2 * sha256.Size]byte
	hex.Encode(text[:], c.hash.Sum(sum[:0]))
	if hexadecimal, ok := strings.CutPrefix(c.expected, "sha256:"); !ok || hexadecimal != string(text[:]) {
		return &DigestMismatchError{Expected: c.expected, Actual: "sha256:" + string(text[:]), Size: c.size}
	}
	return io.EOF
}

// verifiedBody is a response's body that verifies itself.
type verifiedBody struct {
	body  io.ReadCloser
	check digestCheck
	err   error
}

func newVerifiedBody(body io.ReadCloser, digest string) *verifiedBody {
	return &verifiedBody{body: body, check: digestCheck{expected: digest, hash: sha256.New()}}
}

func (b *verifiedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.body.Read(p)
	b.err = b.check.add(p[:n], err)
	return n, b.err
}

func (b *verifiedBody) Close() error { return b.body.Close() }
