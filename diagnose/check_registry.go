package diagnose

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

// probeBytes is how much of a blob the pull probe reads: enough to measure a
// connection, and read within a second on a slow one.
const probeBytes = 1 << 20

// lowRate is the number of calls a second that the registry leaves below which
// a burst would be throttled.
const lowRate = 10

// slowRate is the speed in bytes a second below which a pull is called slow,
// and slowTime how long the probe measures such a line.
const (
	slowRate = 1e6
	slowTime = 3 * time.Second
)

// probeChunk is how much the push probe sends: one small chunk.
const probeChunk = 2 << 10

var checksRegistry = []check{
	{name: "metadata", needs: []string{"scopes"}, late: CodeResponseTimeout, run: checkMetadata},
	{name: "pull", needs: []string{"scopes"}, late: CodePullTimeout, run: checkPull},
	{name: "push", needs: []string{"scopes"}, late: CodeResponseTimeout, run: checkPush},
	{name: "throttling", needs: []string{"token"}, after: []string{"pull", "push"}, run: checkThrottling},
}

func (r *doctorRun) firstRepository(ctx context.Context) (string, error) {
	var list struct {
		Repositories []string `json:"repositories"`
	}
	err := r.getJSON(ctx, "/acr/v1/_catalog?n=1", &list)
	if err != nil || len(list.Repositories) == 0 {
		return "", err
	}
	return list.Repositories[0], nil
}

// checkMetadata reads what the registry says of the repository: its own
// properties, a tag's and a manifest's.
func checkMetadata(ctx context.Context, r *doctorRun) outcome {
	if r.repository == "" {
		return notApplicable("no repository to look at")
	}
	if r.access.ok && !grants(r.access.scopes(), "repository", r.repository, "metadata_read") {
		return notApplicable("metadata_read is not granted on " + r.repository)
	}
	var repository struct {
		Manifests int `json:"manifestCount"`
		Tags      int `json:"tagCount"`
	}
	base := "/acr/v1/" + r.repository
	if err := r.getJSON(ctx, base, &repository); err != nil {
		return fails(err)
	}
	var tags struct {
		Tags []struct {
			Name string `json:"name"`
		} `json:"tags"`
	}
	if err := r.getPage(ctx, base+"/_tags?n=1", &tags); err != nil {
		return fails(err)
	}
	if len(tags.Tags) > 0 {
		if err := r.getJSON(ctx, base+"/_tags/"+tags.Tags[0].Name, &struct{}{}); err != nil {
			return fails(err)
		}
	}
	digest, err := r.firstManifest(ctx)
	if err != nil {
		return fails(err)
	}
	if digest != "" {
		if err := r.getJSON(ctx, base+"/_manifests/"+digest, &struct{}{}); err != nil {
			return fails(err)
		}
	}
	return ok(fmt.Sprintf("%s: %d manifests, %d tags", clean(r.repository, 64), repository.Manifests, repository.Tags))
}

// manifest is what the probe needs of a manifest or an index.
type manifest struct {
	Config    content   `json:"config"`
	Layers    []content `json:"layers"`
	Manifests []content `json:"manifests"`
}

type content struct {
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
}

// manifestTypes are those that the probe takes.
var manifestTypes = []string{
	"application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
	"application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
}

// checkPull reads a manifest and the beginning of its largest blob, from the
// host that the registry redirects to.
func checkPull(ctx context.Context, r *doctorRun) outcome {
	if r.repository == "" {
		return notApplicable("no repository to pull from")
	}
	if r.access.ok && !grants(r.access.scopes(), "repository", r.repository, "pull") {
		return notApplicable("pull is not granted on " + r.repository)
	}
	digest, err := r.firstManifest(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return fails(err)
	case err != nil:
		// The check of the metadata meets the same, and reports it.
		return notApplicable("no image could be listed")
	case digest == "":
		return notApplicable(r.repository + " holds no image that could be listed")
	}
	m, err := r.manifest(ctx, digest)
	if err == nil && len(m.Manifests) > 0 {
		m, err = r.manifest(ctx, m.Manifests[0].Digest)
	}
	if err != nil {
		return fails(err)
	}
	largest := m.Config
	for _, layer := range m.Layers {
		if layer.Size > largest.Size {
			largest = layer
		}
	}
	if largest.Digest == "" {
		return ok("the manifest; the image has no blob to read", observed(FromRegistry, "%s@%s was read", r.repository, digest))
	}
	return r.pullBlob(ctx, largest)
}

// firstManifest returns the digest of the newest manifest.
func (r *doctorRun) firstManifest(ctx context.Context) (string, error) {
	if r.access.ok && !grants(r.access.scopes(), "repository", r.repository, "metadata_read") {
		return "", nil
	}
	var list struct {
		Manifests []struct {
			Digest string `json:"digest"`
		} `json:"manifests"`
	}
	err := r.getJSON(ctx, "/acr/v1/"+r.repository+"/_manifests?n=1&orderby=timedesc", &list)
	if err != nil || len(list.Manifests) == 0 {
		return "", err
	}
	return list.Manifests[0].Digest, nil
}

func (r *doctorRun) manifest(ctx context.Context, digest string) (manifest, error) {
	var m manifest
	_, body, err := r.get(ctx, "/v2/"+r.repository+"/manifests/"+digest, manifestTypes...)
	if err != nil {
		return m, err
	}
	if actual := digestOf(body); actual != digest {
		return m, &azcontainerregistry.DigestMismatchError{Expected: digest, Actual: actual, Size: int64(len(body))}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("read manifest %s@%s: %w", r.repository, digest, err)
	}
	return m, nil
}

// pullBlob follows a blob's redirect as a client does, without the credential,
// and measures the host behind it.
func (r *doctorRun) pullBlob(ctx context.Context, blob content) outcome {
	request, err := r.request(ctx, http.MethodGet, "/v2/"+r.repository+"/blobs/"+blob.Digest)
	if err != nil {
		return fails(err)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return fails(err)
	}
	began, host := time.Now(), r.host
	if response.StatusCode >= 300 && response.StatusCode < 400 {
		location, err := response.Location()
		response.Body.Close()
		if err != nil {
			return fails(fmt.Errorf("the redirect of a blob has no usable Location: %w", err))
		}
		host = location.Host
		if location.Scheme != "https" && r.base.Scheme == "https" {
			return fails(&azcontainerregistry.UntrustedOriginError{Kind: azcontainerregistry.OriginKindRedirect, Got: location.Scheme + "://" + location.Host, Want: "https"})
		}
		if request, err = http.NewRequestWithContext(ctx, http.MethodGet, location.String(), nil); err != nil {
			return fails(err)
		}
		request.Header.Set("Range", fmt.Sprintf("bytes=0-%d", probeBytes-1))
		began = time.Now()
		if response, err = r.client.Do(request); err != nil {
			return r.dataHostFails(host, err)
		}
	}
	defer response.Body.Close()
	first := time.Since(began)
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusPartialContent {
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxParsed))
		return fails(asResponseError(response, body))
	}
	hash := sha256.New()
	n, err := copyFor(hash, response.Body, began.Add(slowTime))
	if err != nil {
		return r.dataHostFails(host, &url.Error{Op: "Get", URL: request.URL.Redacted(), Err: err})
	}
	took := time.Since(began)
	if actual := "sha256:" + hex.EncodeToString(hash.Sum(nil)); n == blob.Size && actual != blob.Digest {
		return fails(&azcontainerregistry.DigestMismatchError{Expected: blob.Digest, Actual: actual, Size: n})
	}
	o := ok(host,
		observed(FromNetwork, "the registry redirects blobs to %s", host),
		observed(FromNetwork, "%d bytes were read in %s, the first after %s", n, took.Round(time.Microsecond), first.Round(time.Microsecond)))
	// Below a few packets a speed would be the round trip's, not the line's.
	if n < 64<<10 || took <= 0 {
		return o
	}
	rate := float64(n) / took.Seconds()
	o.summary += fmt.Sprintf(", %.1f MB/s", rate/1e6)
	if rate < slowRate {
		o.findings = append(o.findings, r.finding(CodePullSlow, &evidence{}, o.seen...))
	}
	return o
}

// copyFor reads up to probeBytes, and stops earlier when it is time.
func copyFor(to io.Writer, from io.Reader, until time.Time) (int64, error) {
	buffer := make([]byte, 32<<10)
	var n int64
	for n < probeBytes && time.Now().Before(until) {
		read, err := from.Read(buffer[:min(int64(len(buffer)), probeBytes-n)])
		n += int64(read)
		to.Write(buffer[:read]) // a hash never fails
		if err == io.EOF {
			break
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// dataHostFails names the host that a network blocks, whichever it is.
func (r *doctorRun) dataHostFails(host string, err error) outcome {
	ev := gather(err)
	ev.transport.host, ev.phase = host, phaseStorage
	row := choose(ev)
	if row.rank == rankUnknown {
		return fails(err)
	}
	ev.library.host = r.host
	d := row.diagnosis(ev)
	return outcome{findings: []Diagnosis{d}, summary: d.Title}
}

// checkPush starts an upload, sends one small chunk and cancels it, which
// leaves nothing. Without the right to cancel (ACR protocol §2.3) it is not
// started.
func checkPush(ctx context.Context, r *doctorRun) outcome {
	granted := r.access.scopes()
	switch {
	case !r.options.PushProbe:
		return notApplicable("not asked for")
	case r.target.Repository == "":
		return notApplicable("no repository named")
	case r.access.ok && !grants(granted, "repository", r.repository, "push"):
		return notApplicable("push is not granted on " + r.repository)
	case r.access.ok && !grants(granted, "repository", r.repository, "delete"):
		return notApplicable("cancelling needs delete, which is not granted")
	}
	location, err := r.upload(ctx, http.MethodPost, r.base.JoinPath("/v2/", r.repository, "/blobs/uploads/"), nil)
	if err != nil {
		return fails(err)
	}
	next, failure := r.upload(ctx, http.MethodPatch, location, make([]byte, probeChunk))
	if failure == nil {
		location = next
		failure = r.arrived(ctx, location)
	}
	// The upload is taken back even when the chunk failed or the caller has
	// given up meanwhile.
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
	defer cancel()
	request, err := r.requestTo(cleanup, http.MethodDelete, location, nil)
	if err == nil {
		_, _, err = r.do(request, http.StatusNoContent, http.StatusAccepted, http.StatusNotFound)
	}
	if failure != nil {
		err = failure
	}
	if err != nil {
		return fails(err)
	}
	return ok("an upload was started and cancelled")
}

// arrived asks the upload's status, and compares what the registry has with
// what was sent.
func (r *doctorRun) arrived(ctx context.Context, location *url.URL) error {
	request, err := r.requestTo(ctx, http.MethodGet, location, nil)
	if err != nil {
		return err
	}
	response, _, err := r.do(request, http.StatusNoContent, http.StatusOK)
	if err != nil {
		return err
	}
	if got, want := response.Header.Get("Range"), fmt.Sprintf("0-%d", probeChunk-1); got != want {
		return &uploadLostError{got, want}
	}
	return nil
}

// upload sends one request of an upload and returns where the next one goes,
// which has to be the registry itself.
func (r *doctorRun) upload(ctx context.Context, method string, to *url.URL, chunk []byte) (*url.URL, error) {
	request, err := r.requestTo(ctx, method, to, chunk)
	if err != nil {
		return nil, err
	}
	response, _, err := r.do(request, http.StatusAccepted)
	if err != nil {
		return nil, err
	}
	location, err := r.base.Parse(response.Header.Get("Location"))
	if err != nil || response.Header.Get("Location") == "" {
		return nil, &azcontainerregistry.InvalidResponseError{Missing: azcontainerregistry.ResponsePartLocation}
	}
	if location.Scheme != r.base.Scheme || location.Host != r.base.Host {
		return nil, &azcontainerregistry.UntrustedOriginError{Kind: azcontainerregistry.OriginKindLocation, Got: location.Scheme + "://" + location.Host, Want: r.base.Scheme + "://" + r.base.Host}
	}
	return location, nil
}

// checkThrottling reads what the responses told of the rate that is left.
func checkThrottling(_ context.Context, r *doctorRun) outcome {
	r.mu.Lock()
	remaining := r.remaining
	r.mu.Unlock()
	if remaining == "" {
		return notApplicable("no response stated the rate that is left")
	}
	left := number(remaining)
	seen := observed(FromRegistry, "%s calls a second are left", strings.TrimRight(strings.TrimRight(remaining, "0"), "."))
	o := ok(fmt.Sprintf("%.0f calls a second left", left), seen)
	// The rate on responses to DELETE is another, small one (ACR protocol §1.3).
	if left < lowRate && !r.options.PushProbe {
		o.findings = append(o.findings, r.finding(CodeThrottlingNear, &evidence{}, seen))
	}
	return o
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
