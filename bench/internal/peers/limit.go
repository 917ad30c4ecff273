package peers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

// limit is no client: for each work it does the part that no client can do
// without, with nothing but net/http, so that the reports show how much of a
// client's time is the machine's own.
func limit() Peer {
	return Peer{
		Name: Limit,
		Works: map[work.Kind]work.Func{
			work.UploadUnknown: limitHash,
			work.UploadKnown:   limitPut,
			work.Download:      limitDownload,
			work.Push:          limitPush,
			work.Pull:          limitPull,
			work.ReadInTurn:    limitReads(work.InTurn),
			work.ReadTogether:  limitReads(work.Together),
			work.ListTags:      limitList("_tags"),
			work.ListManifests: limitList("_manifests"),
		},
	}
}

// bare is net/http with one token a scope.
type bare struct {
	http *http.Client
	base string

	mu     sync.Mutex
	tokens map[string]string
}

func newBare(job work.Job) *bare {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	// Larger than net/http's 4 KiB, for the bodies of blobs.
	transport.ReadBufferSize, transport.WriteBufferSize = 64<<10, 64<<10
	return &bare{http: &http.Client{Transport: transport}, base: job.Endpoint(), tokens: map[string]string{}}
}

func (b *bare) token(ctx context.Context, scope string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if token, ok := b.tokens[scope]; ok {
		return token, nil
	}
	form := url.Values{"grant_type": {"password"}, "service": {"neutral"}, "scope": {scope}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.base+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := b.http.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return "", err
	}
	b.tokens[scope] = answer.AccessToken
	return answer.AccessToken, nil
}

// do sends one request and wants a status below 400; the caller closes the
// body.
func (b *bare) do(ctx context.Context, method, path, scope string, body io.Reader, size int64, header ...string) (*http.Response, error) {
	token, err := b.token(ctx, scope)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, b.base+path, body)
	if err != nil {
		return nil, err
	}
	request.ContentLength = size
	request.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := b.http.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusBadRequest {
		response.Body.Close()
		return nil, fmt.Errorf("%s %s: %s", method, path, response.Status)
	}
	return response, nil
}

func drain(response *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// limitHash hashes, which takes longer than sending; over TLS it is the sending
// that does.
func limitHash(ctx context.Context, job work.Job) error {
	if job.TLS {
		return limitPut(ctx, job)
	}
	h := sha256.New()
	buffer := make([]byte, 64<<10)
	for left := job.Size; left > 0; left -= int64(len(buffer)) {
		h.Write(buffer[:min(left, int64(len(buffer)))])
	}
	h.Sum(nil)
	return nil
}

func (b *bare) put(ctx context.Context, repository, path, digest string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	scope := "repository:" + repository + ":pull,push"
	start, err := b.do(ctx, http.MethodPost, "/v2/"+repository+"/blobs/uploads/", scope, nil, 0)
	if err := drain(start, err); err != nil {
		return err
	}
	return drain(b.do(ctx, http.MethodPut, start.Header.Get("Location")+"&digest="+url.QueryEscape(digest), scope, file, info.Size()))
}

func limitPut(ctx context.Context, job work.Job) error {
	return newBare(job).put(ctx, job.Repository, job.File, job.Digest)
}

// limitDownload reads and hashes, the hashing on another core; with a setting
// it reads by so many ranges at once, and hashes nothing.
func limitDownload(ctx context.Context, job work.Job) error {
	b := newBare(job)
	path, scope := "/v2/"+job.Repository+"/blobs/"+job.Digest, "repository:"+job.Repository+":pull"
	if job.Setting > 0 {
		return b.ranges(ctx, path, scope, job)
	}
	response, err := b.do(ctx, http.MethodGet, path, scope, nil, 0)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	const ring = 8
	free, full := make(chan []byte, ring), make(chan []byte, ring)
	for range ring {
		free <- make([]byte, 64<<10)
	}
	sum := make(chan string)
	go func() {
		h := sha256.New()
		for part := range full {
			h.Write(part)
			free <- part[:cap(part)]
		}
		sum <- fmt.Sprintf("sha256:%x", h.Sum(nil))
	}()
	for err == nil {
		part := <-free
		var n int
		n, err = io.ReadFull(response.Body, part)
		full <- part[:n]
	}
	close(full)
	if got := <-sum; got != job.Digest {
		return fmt.Errorf("download: got %s: %w", got, work.ErrIncomplete)
	}
	return nil
}

func (b *bare) ranges(ctx context.Context, path, scope string, job work.Job) error {
	file, err := createOut(job)
	if err != nil {
		return err
	}
	each := (job.Size + int64(job.Setting) - 1) / int64(job.Setting)
	share := work.Job{Count: job.Setting, Goroutines: job.Setting}
	err = work.Together(ctx, share, func(ctx context.Context, i int) error {
		first := int64(i) * each
		last := min(first+each, job.Size) - 1
		response, err := b.do(ctx, http.MethodGet, path, scope, nil, 0, "Range", fmt.Sprintf("bytes=%d-%d", first, last))
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, err = io.Copy(io.NewOffsetWriter(file, first), response.Body)
		return err
	})
	return closeAfter(file, err)
}

func limitPush(ctx context.Context, job work.Job) error {
	body, manifest, err := layoutManifest(job.Layout)
	if err != nil {
		return err
	}
	b := newBare(job)
	blobs := append(manifest.Layers, manifest.Config)
	share := work.Job{Count: len(blobs), Goroutines: len(blobs)}
	if err := work.Together(ctx, share, func(ctx context.Context, i int) error {
		digest := blobs[i].Digest.String()
		return b.put(ctx, job.Repository, blobPath(job.Layout, digest), digest)
	}); err != nil {
		return err
	}
	return drain(b.do(ctx, http.MethodPut, "/v2/"+job.Repository+"/manifests/"+job.Tag,
		"repository:"+job.Repository+":pull,push", bytes.NewReader(body), int64(len(body)), "Content-Type", ocispec.MediaTypeImageManifest))
}

func limitPull(ctx context.Context, job work.Job) error {
	b := newBare(job)
	scope := "repository:" + job.Repository + ":pull"
	response, err := b.do(ctx, http.MethodGet, "/v2/"+job.Repository+"/manifests/"+job.Tag, scope, nil, 0)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var manifest ocispec.Manifest
	if err := json.Unmarshal(body, &manifest); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(job.Out, "blobs", "sha256"), 0o755); err != nil {
		return err
	}
	blobs := append(manifest.Layers, manifest.Config)
	share := work.Job{Count: len(blobs), Goroutines: len(blobs)}
	if err := work.Together(ctx, share, func(ctx context.Context, i int) error {
		digest := blobs[i].Digest.String()
		response, err := b.do(ctx, http.MethodGet, "/v2/"+job.Repository+"/blobs/"+digest, scope, nil, 0)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		file, err := os.Create(blobPath(job.Out, digest))
		if err != nil {
			return err
		}
		_, err = io.Copy(file, response.Body)
		return closeAfter(file, err)
	}); err != nil {
		return err
	}
	return os.WriteFile(blobPath(job.Out, fmt.Sprintf("%x", sha256.Sum256(body))), body, 0o644)
}

func limitReads(each loop) work.Func {
	return func(ctx context.Context, job work.Job) error {
		b := newBare(job)
		return each(ctx, job, func(ctx context.Context, i int) error {
			repository := job.RepositoryOf(i)
			return drain(b.do(ctx, http.MethodGet, "/v2/"+repository+"/manifests/"+job.TagOf(i),
				"repository:"+repository+":pull", nil, 0))
		})
	}
}

// limitList reads the pages and looks into none.
func limitList(kind string) work.Func {
	return func(ctx context.Context, job work.Job) error {
		b := newBare(job)
		next := fmt.Sprintf("/acr/v1/%s/%s?n=%d", job.Repository, kind, pageSize)
		for next != "" {
			response, err := b.do(ctx, http.MethodGet, next, "repository:"+job.Repository+":metadata_read", nil, 0)
			if err := drain(response, err); err != nil {
				return err
			}
			next, _, _ = strings.Cut(strings.TrimPrefix(response.Header.Get("Link"), "<"), ">")
		}
		return nil
	}
}
