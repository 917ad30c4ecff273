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
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/internal/names"
	"github.com/acrkit/azcontainerregistry/internal/network"
	"github.com/acrkit/azcontainerregistry/internal/transfer"
	"github.com/acrkit/azcontainerregistry/internal/wire"
)

const (
	// streamTokenTime is how long a token must stay valid when nobody knows
	// how long the body is; a registry looks at it when the request begins.
	streamTokenTime = 5 * time.Minute

	// maxTokenTime bounds what is asked of a token for a long body: ACR's are
	// valid for 75 minutes (ACR protocol §5.3).
	maxTokenTime = 30 * time.Minute
)

// uploads is a repository's blobs as the engine sees them.
type uploads struct {
	client     *BlobClient
	repository string
}

// Start implements [transfer.Uploads].
func (u uploads) Start(ctx context.Context) (transfer.Session, error) {
	response, err := u.client.startUpload(withoutRetries(ctx), uploadsPath(u.repository), statuses(ctx, http.StatusAccepted, http.StatusCreated), pushScope(u.repository))
	if err != nil {
		return nil, fault(err)
	}
	return u.session(response)
}

// Mount implements [transfer.Uploads].
func (u uploads) Mount(ctx context.Context, from, digest string) (transfer.Session, error) {
	query := "?from=" + from + "&mount=" + digest
	response, err := u.client.startUpload(withoutRetries(ctx), uploadsPath(u.repository)+query, statuses(ctx, http.StatusAccepted, http.StatusCreated), pullScope(from), pushScope(u.repository))
	if err != nil {
		return nil, fault(err)
	}
	if response.StatusCode == http.StatusCreated {
		return nil, nil // the interface says what that means
	}
	return u.session(response)
}

// Exists implements [transfer.Uploads].
func (u uploads) Exists(ctx context.Context, digest string) (int64, bool, error) {
	resp, err := u.client.CheckBlobExists(withoutRetries(ctx), u.repository, digest, nil)
	var respErr *azcore.ResponseError
	switch {
	case errors.As(err, &respErr) && respErr.StatusCode == http.StatusNotFound:
		return 0, false, nil
	case err != nil:
		return 0, false, fault(err)
	case resp.ContentLength == nil:
		return -1, true, nil
	}
	return *resp.ContentLength, true, nil
}

func (u uploads) session(response *http.Response) (transfer.Session, error) {
	s := &uploadSession{uploads: u}
	return s, s.updateLocation(response)
}

// resume returns the session of an upload that was begun before.
func (u uploads) resume(location string) (transfer.Session, error) {
	at, err := u.client.registry().location(location)
	if err != nil {
		return nil, err
	}
	return &uploadSession{uploads: u, at: at}, nil
}

// uploadSession is one upload (ACR protocol §4.5).
type uploadSession struct {
	uploads
	at *url.URL // the latest Location, a secret
}

// Location implements [transfer.Session].
func (s *uploadSession) Location() string { return s.at.String() }

// Write implements [transfer.Session].
func (s *uploadSession) Write(ctx context.Context, chunk transfer.Chunk) (transfer.UploadStatus, error) {
	response, err := s.send(ctx, http.MethodPatch, s.at.String(), &chunk, http.StatusAccepted, http.StatusCreated, http.StatusNoContent)
	if err != nil {
		return transfer.UploadStatus{}, err
	}
	return uploadStatus(response.Header.Get("Range")), s.updateLocation(response)
}

// Status implements [transfer.Session].
func (s *uploadSession) Status(ctx context.Context) (transfer.UploadStatus, error) {
	response, err := s.send(ctx, http.MethodGet, s.at.String(), nil, http.StatusNoContent, http.StatusOK, http.StatusAccepted)
	if err != nil {
		return transfer.UploadStatus{}, err
	}
	return uploadStatus(response.Header.Get("Range")), s.updateLocation(response)
}

// Complete implements [transfer.Session].
func (s *uploadSession) Complete(ctx context.Context, digest string, last transfer.Chunk) (string, error) {
	body := &last
	if last.Body == nil {
		body = nil
	}
	response, err := s.send(ctx, http.MethodPut, withDigest(s.at, digest), body, http.StatusCreated, http.StatusNoContent)
	if err != nil {
		return "", err
	}
	confirmed := response.Header.Get(headerDigest)
	if !names.IsSHA256(confirmed) {
		// A registry may name the blob by an algorithm of its own, or not at all.
		confirmed = ""
	}
	return confirmed, nil
}

// Cancel implements [transfer.Session].
func (s *uploadSession) Cancel(ctx context.Context) error {
	req, err := s.client.registry().newRequestTo(withoutRetries(ctx), http.MethodDelete, s.at.String(), deleteScope(s.repository))
	if err != nil {
		return err
	}
	_, err = s.client.registry().call(req, http.StatusNoContent, http.StatusAccepted, http.StatusOK)
	return err
}

// updateLocation takes the response's Location as where the upload continues.
func (s *uploadSession) updateLocation(response *http.Response) error {
	value := nextLocation(response)
	if value == "" {
		if s.at == nil {
			return errNoLocation
		}
		return nil
	}
	at, err := s.client.registry().location(value)
	if err != nil {
		return err
	}
	s.at = at
	return nil
}

func (s *uploadSession) send(ctx context.Context, method, address string, chunk *transfer.Chunk, ok ...int) (*http.Response, error) {
	r := s.client.registry()
	req, err := r.newRequestTo(withoutRetries(ctx), method, address, pushScope(s.repository))
	if err != nil {
		return nil, err
	}
	req.Raw().Header.Set("Accept", "application/json")
	if chunk != nil {
		setChunk(req, *chunk)
		req.SetOperationValue(operationScopes{scopes: []string{pushScope(s.repository)}, validFor: tokenTime(chunk.Size)})
	}
	response, err := r.send(r.content, req, ok...)
	if err != nil {
		if errors.Is(err, errStaleBody) {
			return nil, &transfer.Fault{Class: transfer.Unauthorized, Err: errors.New("the registry refused the token, and the body can't be sent twice")}
		}
		return nil, s.refused(err)
	}
	return response, nil
}

// refused classes a failure. A 416 may say how much the registry has, and where
// to continue (ACR protocol §4.5).
func (s *uploadSession) refused(err error) error {
	failure := uploadFault(err)
	var f *transfer.Fault
	var respErr *azcore.ResponseError
	if !errors.As(failure, &f) || f.Class != transfer.OutOfStep || !errors.As(err, &respErr) || respErr.RawResponse == nil {
		return failure
	}
	if at := nextLocation(respErr.RawResponse); at != "" && s.updateLocation(respErr.RawResponse) == nil {
		f.Status = uploadStatus(respErr.RawResponse.Header.Get("Range"))
	}
	return f
}

func tokenTime(size int64) time.Duration {
	if size < 0 {
		return streamTokenTime
	}
	return min(sendingTime(size), maxTokenTime)
}

// setChunk makes the chunk the body of req, without azcore's wrapping, which
// costs a copy and needs the length.
func setChunk(req *policy.Request, chunk transfer.Chunk) {
	raw := req.Raw()
	raw.Body, raw.ContentLength = &sentBody{reader: chunk.Body}, chunk.Size
	raw.Header.Set("Content-Type", "application/octet-stream")
	if chunk.Size > 0 && (chunk.Offset > 0 || raw.Method == http.MethodPatch) {
		// Without it a registry would append the chunk to whatever it has, and ACR
		// returns 404 instead of 416 where the location is stale (ACR protocol §4.5).
		raw.Header.Set("Content-Range", fmt.Sprintf("%d-%d", chunk.Offset, chunk.Offset+chunk.Size-1))
	}
}

// sentBody is an attempt to send a body that can't be read twice. A transport
// may still read it when the response is there already: the next attempt would
// begin in the middle, beside it.
type sentBody struct {
	reader io.Reader

	mu   sync.Mutex
	read bool
	over bool
}

// again ends this attempt and returns the next, or errStaleBody when this one
// has read something.
func (b *sentBody) again() (*sentBody, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	if b.read {
		return nil, errStaleBody
	}
	return &sentBody{reader: b.reader}, nil
}

func (b *sentBody) begin() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return errStaleBody
	}
	b.read = true
	return nil
}

// Read reads on until the attempt is over.
func (b *sentBody) Read(p []byte) (int, error) {
	if err := b.begin(); err != nil {
		return 0, err
	}
	return b.reader.Read(p)
}

// WriteTo lets net/http skip its own buffer where the content can.
func (b *sentBody) WriteTo(w io.Writer) (int64, error) {
	if err := b.begin(); err != nil {
		return 0, err
	}
	if from, ok := b.reader.(io.WriterTo); ok {
		return from.WriteTo(w)
	}
	return io.Copy(w, struct{ io.Reader }{b})
}

// InPieces implements [network.Pieces].
func (b *sentBody) InPieces() bool {
	body, ok := b.reader.(network.Pieces)
	return ok && body.InPieces()
}

var _ network.Pieces = (*sentBody)(nil)

// Close ends the attempt.
func (b *sentBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	return nil
}

// uploadStatus reads an upload's Range header: the offset of the last byte that is
// there. "0-0" stands for one byte and for none (ACR protocol §4.5).
func uploadStatus(value string) transfer.UploadStatus {
	last, ok := wire.ParseUploadRange(value)
	if !ok {
		return transfer.UploadStatus{}
	}
	return transfer.UploadStatus{Offset: last + 1, Known: true, Ambiguous: last == 0}
}
