package azcontainerregistry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/acrkit/azcontainerregistry/internal/names"
	"github.com/acrkit/azcontainerregistry/internal/redact"
	"github.com/acrkit/azcontainerregistry/internal/transfer"
	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// signatureMargin is how long a signed address must still be good to be used:
// clocks differ, and the request has a way to go. ACR's are valid for about 20 minutes
// (ACR protocol §4.4).
const signatureMargin = 30 * time.Second

// blobRanges opens parts of one blob. The address of its bytes is asked for
// once and used until it expires.
type blobRanges struct {
	registry           *registry
	repository, digest string

	turn chan struct{} // holds one token while nobody asks for the address

	mu       sync.Mutex
	location *blobLocation
	proven   bool  // the address has worked
	refusals int   // of addresses that never worked, in a row
	size     int64 // of the blob, once a response has told; at least 0
}

func newBlobRanges(r *registry, repository, digest string) *blobRanges {
	b := &blobRanges{registry: r, repository: repository, digest: digest, turn: make(chan struct{}, 1)}
	b.turn <- struct{}{}
	return b
}

// Open implements [transfer.Ranges].
func (b *blobRanges) Open(ctx context.Context, offset, length int64) (*transfer.Body, error) {
	ctx = withoutRetries(ctx)
	location, whole, err := b.locate(ctx, offset == 0 && length < 0)
	if err != nil {
		return nil, fault(err)
	}
	if whole != nil {
		return b.learn(partOf(whole))
	}
	last := int64(-1)
	if length >= 0 {
		last = offset + length - 1
	} else if offset > 0 {
		// Some registries know only ranges with an end, and return 416 to
		// others: go-containerregistry's.
		last = b.end(offset)
	}
	resp, err := b.registry.readRange(ctx, *location, b.repository, offset, last)
	if err != nil {
		return nil, b.refused(location, err)
	}
	b.mu.Lock()
	b.proven, b.refusals = true, 0
	b.mu.Unlock()
	return b.learn(partOf(resp))
}

// learn keeps the blob's size.
func (b *blobRanges) learn(part *transfer.Body, err error) (*transfer.Body, error) {
	if err == nil && part.Size > 0 {
		b.mu.Lock()
		b.size = part.Size
		b.mu.Unlock()
	}
	return part, err
}

// end returns the blob's last byte, or -1 if there is none known after offset.
func (b *blobRanges) end(offset int64) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.size <= offset {
		return -1
	}
	return b.size - 1
}

// locate returns the blob's address, asking for it when there is none that is
// still good. A registry that responds with the blob itself is left to do so
// if all of it is needed.
func (b *blobRanges) locate(ctx context.Context, all bool) (*blobLocation, *http.Response, error) {
	if l := b.current(); l != nil {
		return l, nil, nil
	}
	select {
	case <-b.turn:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	defer func() { b.turn <- struct{}{} }()
	if l := b.current(); l != nil {
		return l, nil, nil
	}
	location, resp, err := b.registry.resolveBlob(ctx, b.repository, b.digest)
	if err != nil {
		return nil, nil, err
	}
	if location.digest != "" && location.digest != b.digest && names.IsSHA256(location.digest) {
		if resp != nil {
			resp.Body.Close()
		}
		return nil, nil, &DigestMismatchError{Expected: b.digest, Actual: location.digest, Size: -1}
	}
	b.mu.Lock()
	b.location, b.proven = &location, false
	b.mu.Unlock()
	if resp != nil && !all {
		resp.Body.Close()
		resp = nil
	}
	return &location, resp, nil
}

// current returns the address if it can be used. One that was never used is,
// whatever it says of its age: this machine's clock may be wrong.
func (b *blobRanges) current() *blobLocation {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.location; l != nil && (l.expires.IsZero() || time.Until(l.expires) > signatureMargin || !b.proven) {
		return l
	}
	return nil
}

// refused classes a failure at the blob's address.
func (b *blobRanges) refused(l *blobLocation, err error) error {
	var respErr *azcore.ResponseError
	if !l.redirected || !errors.As(err, &respErr) || respErr.StatusCode != http.StatusForbidden {
		return fault(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.location == l {
		if b.location = nil; !b.proven {
			b.refusals++
		}
	}
	if b.refusals > 1 {
		// A new address is refused like the one before: it isn't its age.
		return fault(err)
	}
	return &transfer.Fault{Class: transfer.Expired, Err: err}
}

// partOf says which part of the blob a response is.
func partOf(resp *http.Response) (*transfer.Body, error) {
	part := &transfer.Body{ReadCloser: namedBody{resp.Body, resp.Request}, Length: resp.ContentLength, Size: resp.ContentLength}
	if resp.StatusCode != http.StatusPartialContent {
		return part, nil
	}
	r, err := wire.ParseContentRange(resp.Header.Get("Content-Range"))
	if err != nil {
		resp.Body.Close()
		return nil, &transfer.Fault{Class: transfer.WrongRange, Err: err}
	}
	part.Offset, part.Size = r.First, r.Size
	if part.Length < 0 {
		part.Length = r.Length()
	}
	if part.Length != r.Length() {
		resp.Body.Close()
		return nil, &transfer.Fault{Class: transfer.WrongRange, Err: fmt.Errorf("response has %d bytes for range %d-%d", part.Length, r.First, r.Last)}
	}
	return part, nil
}

// namedBody names, in the error of a connection that breaks, where its bytes
// come from: the host that a network blocks is seldom the login server.
type namedBody struct {
	io.ReadCloser
	request *http.Request
}

func (b namedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = &url.Error{Op: "Get", URL: redact.URL(b.request.URL.String()), Err: err}
	}
	return n, err
}
