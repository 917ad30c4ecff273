package diagnose

import (
	"context"
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

var checksRegistry = []check{
	{name: "pull", needs: []string{"scopes"}, late: "PULL_TIMEOUT", run: checkPull},
	{name: "push", needs: []string{"scopes"}, late: "RESPONSE_TIMEOUT", run: checkPush},
	{name: "throttling", needs: []string{"token"}, after: []string{"pull", "push"}, run: checkThrottling},
}

// get asks the registry, and returns the body of a 200.
func (r *run) get(ctx context.Context, path string, accept ...string) (*http.Response, []byte, error) {
	request, err := r.request(ctx, http.MethodGet, path)
	if err != nil {
		return nil, nil, err
	}
	for _, a := range accept {
		request.Header.Add("Accept", a)
	}
	return r.do(request, http.StatusOK)
}

func (r *run) firstRepository(ctx context.Context) (string, error) {
	_, body, err := r.get(ctx, "/acr/v1/_catalog?n=1")
	if err != nil {
		return "", err
	}
	var list struct {
		Repositories []string `json:"repositories"`
	}
	if json.Unmarshal(body, &list) != nil || len(list.Repositories) == 0 {
		return "", nil
	}
	return list.Repositories[0], nil
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
// host that the registry leads to.
func checkPull(ctx context.Context, r *run) outcome {
	if r.repository == "" {
		return notApplicable("no repository to pull from")
	}
	if r.access.ok && !grants(r.access.scopes(), "repository", r.repository, "pull") {
		return notApplicable("pull is not granted on " + r.repository)
	}
	digest, err := r.firstManifest(ctx)
	if err != nil {
		return fails(err)
	}
	if digest == "" {
		return notApplicable(r.repository + " holds no image")
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
		return ok("the manifest; the image has no blob to read", saw(FromRegistry, "%s@%s was read", r.repository, digest))
	}
	return r.pullBlob(ctx, largest)
}

// firstManifest returns the digest of the newest manifest.
func (r *run) firstManifest(ctx context.Context) (string, error) {
	if r.access.ok && !grants(r.access.scopes(), "repository", r.repository, "metadata_read") {
		return "", nil
	}
	_, body, err := r.get(ctx, "/acr/v1/"+r.repository+"/_manifests?n=1&orderby=timedesc")
	if err != nil {
		return "", err
	}
	var list struct {
		Manifests []struct {
			Digest string `json:"digest"`
		} `json:"manifests"`
	}
	if json.Unmarshal(body, &list) != nil || len(list.Manifests) == 0 {
		return "", nil
	}
	return list.Manifests[0].Digest, nil
}

func (r *run) manifest(ctx context.Context, digest string) (manifest, error) {
	var m manifest
	_, body, err := r.get(ctx, "/v2/"+r.repository+"/manifests/"+digest, manifestTypes...)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("read manifest %s@%s: %w", r.repository, digest, err)
	}
	return m, nil
}

// pullBlob follows a blob's redirect as a client does, without the credential,
// and measures the host behind it.
func (r *run) pullBlob(ctx context.Context, blob content) outcome {
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
		if location.Scheme != "https" && !isLoopback(location.Hostname()) {
			return fails(&azcontainerregistry.UntrustedOriginError{Kind: "redirect", Got: location.Scheme + "://" + location.Host, Want: "https"})
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
	n, err := io.Copy(io.Discard, io.LimitReader(response.Body, probeBytes))
	if err != nil {
		return r.dataHostFails(host, &url.Error{Op: "Get", URL: request.URL.Redacted(), Err: err})
	}
	took := time.Since(began)
	speed := ""
	// Below a few chunks a speed would be the round trip's, not the line's.
	if n >= 64<<10 && took > 0 {
		speed = fmt.Sprintf(", %.0f MB/s", float64(n)/1e6/took.Seconds())
	}
	return ok(fmt.Sprintf("%s%s", host, speed),
		saw(FromNetwork, "the registry leads blobs to %s", host),
		saw(FromNetwork, "%d bytes were read in %s, the first after %s", n, took.Round(time.Microsecond), first.Round(time.Microsecond)))
}

// dataHostFails names the host that a network blocks, whichever it is.
func (r *run) dataHostFails(host string, err error) outcome {
	x := gather(err)
	x.transport.host, x.phase = host, phaseStorage
	row := choose(x)
	if row.rank == rankUnknown {
		return fails(err)
	}
	x.library.host = r.host
	return outcome{findings: []Diagnosis{row.diagnosis(x)}, summary: row.Title}
}

// checkPush starts an upload and cancels it, which leaves nothing. Without the
// right to cancel (ACR protocol §2.3) it is not started.
func checkPush(ctx context.Context, r *run) outcome {
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
	request, err := r.request(ctx, http.MethodPost, "/v2/"+r.repository+"/blobs/uploads/")
	if err != nil {
		return fails(err)
	}
	response, _, err := r.do(request, http.StatusAccepted)
	if err != nil {
		return fails(err)
	}
	location, err := r.base.Parse(response.Header.Get("Location"))
	if err != nil || response.Header.Get("Location") == "" {
		return fails(fmt.Errorf("start upload: the answer has no usable Location"))
	}
	if location.Scheme != r.base.Scheme || location.Host != r.base.Host {
		return fails(&azcontainerregistry.UntrustedOriginError{Kind: "location", Got: location.Scheme + "://" + location.Host, Want: r.base.Scheme + "://" + r.base.Host})
	}
	// The upload is taken back even when the caller has given up meanwhile.
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
	defer cancel()
	request, err = http.NewRequestWithContext(cleanup, http.MethodDelete, location.String(), nil)
	if err != nil {
		return fails(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.accessToken)
	if _, _, err := r.do(request, http.StatusNoContent, http.StatusAccepted, http.StatusNotFound); err != nil {
		return fails(err)
	}
	return ok("an upload was started and cancelled")
}

// checkThrottling reads what the answers told of the rate that is left.
func checkThrottling(_ context.Context, r *run) outcome {
	r.mu.Lock()
	remaining := r.remaining
	r.mu.Unlock()
	if remaining == "" {
		return notApplicable("no answer told the rate that is left")
	}
	left := number(remaining)
	seen := saw(FromRegistry, "%s calls a second are left", strings.TrimRight(strings.TrimRight(remaining, "0"), "."))
	o := ok(fmt.Sprintf("%.0f calls a second left", left), seen)
	// The rate on DELETE answers is another, small by nature (ACR protocol §1.3).
	if left < lowRate && !r.options.PushProbe {
		o.findings = append(o.findings, r.finding("THROTTLING_NEAR", &exchange{}, seen))
	}
	return o
}
