package artifact

import (
	"bytes"
	"context"
	"encoding"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/internal/order"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// Repository is one repository of a registry, Source and Target. It may be
// used concurrently.
type Repository struct {
	client *azcontainerregistry.Client
	blobs  *azcontainerregistry.BlobClient
	name   string

	listing keyedMutex // one writer a subject's list of referrers
}

var _ interface {
	Source
	Target
	ManifestResolver
	ManifestPusher
	Downloader
	Mounter
	ReferrerLister
	TagLister
	Namer
} = (*Repository)(nil)

// NewRepository is a repository of the client's registry. blobs may be nil;
// then it is the client's own.
func NewRepository(client *azcontainerregistry.Client, blobs *azcontainerregistry.BlobClient, repository string) (*Repository, error) {
	if client == nil {
		return nil, &InvalidError{Thing: "client", Rule: "it must not be nil"}
	}
	if repository == "" {
		return nil, &InvalidError{Thing: "repository name", Rule: "it must not be empty"}
	}
	if blobs == nil {
		blobs = client.NewBlobClient()
	}
	return &Repository{client: client, blobs: blobs, name: repository}, nil
}

// Name is the login server and the repository.
func (r *Repository) Name() string { return r.host() + "/" + r.name }

func (r *Repository) host() string {
	_, host, _ := strings.Cut(strings.TrimSuffix(r.client.Endpoint(), "/"), "://")
	return host
}

func (*Repository) remote() {}

// Resolve asks what a tag or digest means, without reading the manifest.
func (r *Repository) Resolve(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	none := ocispec.Descriptor{}
	if reference == "" {
		return none, &InvalidError{Store: r.Name(), Thing: "reference", Rule: "a repository needs a tag or a digest"}
	}
	response, err := r.client.CheckManifestExists(ctx, r.name, reference, nil)
	if err != nil {
		return none, err
	}
	d, err := digest.Parse(response.Digest)
	if err != nil || response.Size < 0 {
		// A registry that doesn't say all of it in its response to HEAD.
		desc, _, err := r.ResolveManifest(ctx, reference)
		return desc, err
	}
	return ocispec.Descriptor{MediaType: response.MediaType, Digest: d, Size: response.Size}, nil
}

// ResolveManifest reads the manifest that a tag or digest means. A digest is
// verified; what a tag means is the digest of what came, and it has to be the
// one that the registry stated.
func (r *Repository) ResolveManifest(ctx context.Context, reference string) (ocispec.Descriptor, []byte, error) {
	none := ocispec.Descriptor{}
	if reference == "" {
		return none, nil, &InvalidError{Store: r.Name(), Thing: "reference", Rule: "a repository needs a tag or a digest"}
	}
	response, err := r.client.GetManifest(strict.Context(ctx), r.name, reference, nil)
	if err != nil {
		return none, nil, err
	}
	defer response.ManifestData.Close()
	data, err := io.ReadAll(io.LimitReader(contextReader{ctx, response.ManifestData}, maxManifestSize+1))
	if err != nil {
		return none, nil, fmt.Errorf("read manifest %s of %s: %w", reference, r.Name(), err)
	}
	if len(data) > maxManifestSize {
		return none, nil, &InvalidError{Store: r.Name(), Thing: "manifest " + reference, Rule: fmt.Sprintf("it has more than %d bytes", maxManifestSize)}
	}
	desc := ocispec.Descriptor{Digest: digest.FromBytes(data), Size: int64(len(data))}
	if response.MediaType != nil {
		desc.MediaType = *response.MediaType
	}
	if !isManifest(desc.MediaType) {
		if desc.MediaType, err = sniffMediaType(data); err != nil {
			if err := r.webPage(reference, data); err != nil {
				return none, nil, err
			}
			return none, nil, &InvalidError{Store: r.Name(), Thing: "manifest " + reference, Rule: "it is not a manifest", Err: err}
		}
	}
	expected := reference
	if !isDigest(expected) && response.DockerContentDigest != nil {
		expected = *response.DockerContentDigest
	}
	if d, err := digest.Parse(expected); err == nil {
		desc.Digest = d
		if err := verifyBytes(r.Name(), desc, data); err != nil {
			return none, nil, err
		}
	}
	return desc, data, nil
}

// webPage is the error of a web page that came in place of a manifest: a proxy
// in between responded, and package diagnose tells which from the page. It is nil
// where the data is none.
func (r *Repository) webPage(reference string, data []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("<")) {
		return nil
	}
	to, err := url.Parse(r.client.Endpoint())
	if err != nil {
		return nil
	}
	return fmt.Errorf("read manifest %s of %s: a web page came in its place: %w", reference, r.Name(), runtime.NewResponseError(&http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(data)), Header: http.Header{"Content-Type": {"text/html"}},
		Request: &http.Request{Method: http.MethodGet, URL: to.JoinPath("v2", r.name, "manifests", reference), Host: to.Host, Header: http.Header{}},
	}))
}

// Fetch opens a blob or reads a manifest.
func (r *Repository) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if isManifest(desc.MediaType) {
		response, err := r.client.GetManifest(strict.Context(ctx), r.name, desc.Digest.String(), nil)
		if err != nil {
			return nil, err
		}
		return response.ManifestData, nil
	}
	return r.blobs.Open(ctx, r.name, desc.Digest.String(), &azcontainerregistry.OpenOptions{Size: desc.Size})
}

// Download writes a blob in order, over as many connections as make it faster.
func (r *Repository) Download(ctx context.Context, desc ocispec.Descriptor, w io.Writer, offset int64, hashed hash.Hash, content *Content) error {
	o := &azcontainerregistry.DownloadOptions{
		Size:              desc.Size,
		Concurrency:       content.tuning.ranges,
		MaxRetries:        content.tuning.maxRetries,
		NoProgressTimeout: content.tuning.noProgressTimeout,
		Budget:            content.tuning.budget,
		OnProgress:        content.onTransfer,
	}
	if offset > 0 {
		state, ok := hashed.(encoding.BinaryMarshaler)
		if !ok {
			return fmt.Errorf("resume %s: the state of its hash cannot be kept", desc.Digest)
		}
		data, err := state.MarshalBinary()
		if err != nil {
			return fmt.Errorf("resume %s: %w", desc.Digest, err)
		}
		o.Resume = &azcontainerregistry.DownloadCheckpoint{Digest: desc.Digest.String(), Size: desc.Size, Offset: offset, HashState: data}
	}
	_, err := r.blobs.Download(ctx, r.name, desc.Digest.String(), w, o)
	return err
}

// Exists asks the registry, by one request.
func (r *Repository) Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	if err := checkDescriptor(desc); err != nil {
		return false, err
	}
	var err error
	if isManifest(desc.MediaType) {
		_, err = r.client.CheckManifestExists(ctx, r.name, desc.Digest.String(), nil)
	} else {
		_, err = r.blobs.CheckBlobExists(strict.Context(ctx), r.name, desc.Digest.String(), nil)
	}
	if isRegistryNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// blobSize asks the registry how large a blob is.
func (r *Repository) blobSize(ctx context.Context, d digest.Digest) (int64, error) {
	response, err := r.blobs.CheckBlobExists(ctx, r.name, d.String(), nil)
	if err != nil {
		return 0, err
	}
	if response.ContentLength == nil {
		return 0, &InvalidError{Store: r.Name(), Thing: "blob " + d.String(), Rule: "the registry doesn't tell its size"}
	}
	return *response.ContentLength, nil
}

// Push stores a blob: by a mount where its source is another repository of
// this registry, by an upload otherwise. The registry verifies the digest. A
// manifest is stored by its digest.
func (r *Repository) Push(ctx context.Context, desc ocispec.Descriptor, content *Content) error {
	if err := checkDescriptor(desc); err != nil {
		return err
	}
	if isManifest(desc.MediaType) {
		var data bytes.Buffer
		if err := content.WriteTo(ctx, &data); err != nil {
			return err
		}
		return r.PushManifest(ctx, desc, data.Bytes(), "")
	}
	o := &azcontainerregistry.UploadOptions{
		Digest:            desc.Digest.String(),
		Size:              desc.Size,
		MaxRetries:        content.tuning.maxRetries,
		NoProgressTimeout: content.tuning.noProgressTimeout,
		Budget:            content.tuning.budget,
		OnProgress:        content.onTransfer,
	}
	if source, ok := holderOf(content.source, desc.Digest).(*Repository); ok && r.sameRegistry(source) && source.name != r.name {
		o.MountFrom = []string{source.name}
	}
	for _, name := range content.tuning.mountFrom {
		if !slices.Contains(o.MountFrom, name) {
			o.MountFrom = append(o.MountFrom, name)
		}
	}
	done, err := content.tuning.mounts.turn(ctx, desc.Digest.String())
	if err != nil {
		return err
	}
	defer done()
	switch other := content.tuning.mounts.find(desc.Digest.String()); {
	case other == r.name:
		// Another image of the sync has brought it while this one waited.
		o.CheckExists = true
	case other != "" && !slices.Contains(o.MountFrom, other):
		o.MountFrom = append(o.MountFrom, other)
	}
	content.resumeUpload(r, o)
	// The part that is being sent when ctx ends is read to its end.
	reading, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()
	if o.StopGrace == 0 {
		reading = ctx
	}
	source := &body{ctx: reading, content: content, desc: desc}
	defer source.Close()
	response, err := r.blobs.Upload(ctx, r.name, source, o)
	if err != nil {
		return explainUpload(ctx, content, err)
	}
	content.forgetUpload(r)
	content.tuning.mounts.remember(desc.Digest.String(), r.name)
	switch {
	case response.MountedFrom != "":
		content.report(Event{Kind: EventBlobMounted, From: response.MountedFrom})
	case response.Existed:
		content.report(Event{Kind: EventBlobExists})
	}
	return nil
}

// explainUpload finds out whether it was the source that had other bytes than
// its digest says, which the registry only notices and cannot name.
func explainUpload(ctx context.Context, content *Content, err error) error {
	if !azcontainerregistry.HasCode(err, azcontainerregistry.ErrorCodeDigestInvalid) || ctx.Err() != nil {
		return err
	}
	if checked := NewContent(content.source, content.desc).WriteTo(ctx, io.Discard); isMismatch(checked) {
		return fmt.Errorf("%s: %w", content.sourceName(), checked)
	}
	return err
}

// PushManifest stores a manifest, under a tag when there is one.
func (r *Repository) PushManifest(ctx context.Context, desc ocispec.Descriptor, data []byte, reference string) error {
	if err := checkDescriptor(desc); err != nil {
		return err
	}
	if err := verifyBytes(r.Name(), desc, data); err != nil {
		return err
	}
	if reference == "" {
		reference = desc.Digest.String()
	}
	var raw *http.Response
	response, err := r.client.UploadManifest(policy.WithCaptureResponse(strict.Context(ctx), &raw), r.name, reference, azcontainerregistry.ContentType(desc.MediaType), readSeekNopCloser{bytes.NewReader(data)}, nil)
	if err != nil {
		return err
	}
	if got := response.DockerContentDigest; got != nil && *got != desc.Digest.String() {
		return mismatch(desc, *got, desc.Size)
	}
	if raw != nil && raw.Header.Get("OCI-Subject") != "" {
		return nil // the registry keeps the list of referrers itself
	}
	return r.listReferrer(ctx, desc, data)
}

// Tag reads the manifest and puts it again under the tag; no blob moves.
func (r *Repository) Tag(ctx context.Context, desc ocispec.Descriptor, reference string) error {
	if reference == "" || reference == desc.Digest.String() {
		return nil
	}
	data, err := fetchSmall(ctx, r, desc)
	if err != nil {
		return err
	}
	return r.PushManifest(ctx, desc, data, reference)
}

// Tags lists the repository's tags, in lexical order.
func (r *Repository) Tags(ctx context.Context) ([]string, error) {
	list, err := r.tagDigests(ctx)
	if err != nil {
		return nil, err
	}
	tags := make([]string, 0, len(list))
	for _, tag := range list {
		tags = append(tags, tag.tag)
	}
	return tags, nil
}

func (r *Repository) tagDigests(ctx context.Context) ([]taggedDigest, error) {
	var list []taggedDigest
	for tag, err := range r.client.Tags(ctx, r.name, &azcontainerregistry.ClientListTagsOptions{MaxNum: pageSize()}) {
		if err != nil {
			return nil, err
		}
		if tag.Name == nil {
			continue
		}
		entry := taggedDigest{tag: *tag.Name}
		if tag.Digest != nil {
			entry.digest = *tag.Digest
		}
		list = append(list, entry)
	}
	order.By(list, func(a, b taggedDigest) int { return strings.Compare(a.tag, b.tag) })
	return list, nil
}

// MountsFrom reports whether src is another repository of the same registry, or
// a draft over one.
func (r *Repository) MountsFrom(src Source) (string, bool) {
	source, ok := baseOf(src).(*Repository)
	if !ok || !r.sameRegistry(source) || source.name == r.name {
		return "", false
	}
	return source.name, true
}

func (r *Repository) sameRegistry(other *Repository) bool { return r.host() == other.host() }

func (r *Repository) sameStore(src Source) bool {
	source, ok := src.(*Repository)
	return ok && r.sameRegistry(source) && source.name == r.name
}

// onTransfer passes on what the transfer engine says about one blob.
func (c *Content) onTransfer(e azcontainerregistry.TransferEvent) {
	event := Event{Descriptor: c.desc, Bytes: e.Bytes, Confirmed: e.Confirmed, Total: c.desc.Size, Ranges: e.Ranges}
	switch e.Kind {
	case azcontainerregistry.TransferProgress, azcontainerregistry.TransferRanges, azcontainerregistry.TransferRestarted:
		event.Kind = EventBlobProgress
	case azcontainerregistry.TransferResumed:
		event.Kind = EventBlobResumed
	case azcontainerregistry.TransferRetrying:
		event.Kind, event.Attempt, event.Wait, event.Err = EventBlobRetrying, e.Attempt, e.Wait, e.Err
	default:
		return // how it ended is told by the upload's result
	}
	c.report(event)
}

// mismatch says that content doesn't have its digest.
func mismatch(desc ocispec.Descriptor, actual string, size int64) error {
	return &azcontainerregistry.DigestMismatchError{Expected: desc.Digest.String(), Actual: actual, Size: size}
}

func isMismatch(err error) bool { return errors.Is(err, azcontainerregistry.ErrMismatchedHash) }

// isRegistryNotFound reports a 404: HEAD responses have no body and so no code.
func isRegistryNotFound(err error) bool { return hasStatus(err, http.StatusNotFound) }

func isThrottled(err error) bool { return hasStatus(err, http.StatusTooManyRequests) }

func hasStatus(err error, status int) bool {
	var response *azcore.ResponseError
	return errors.As(err, &response) && response.StatusCode == status
}

// isBlobUnknown reports that a manifest was refused because the registry
// doesn't see what it refers to.
func isBlobUnknown(err error) bool {
	return azcontainerregistry.HasCode(err, azcontainerregistry.ErrorCodeManifestBlobUnknown)
}
