package azcontainerregistry

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// blobLocation is where a blob's bytes are: a signed address at a data host
// (ACR protocol §4.4), or the login server itself when it doesn't redirect.
type blobLocation struct {
	// url is a secret when it is signed.
	url *url.URL

	// redirected says that url is another place than the one asked.
	redirected bool

	// expires is when the signature ends; zero when the address doesn't tell.
	expires time.Time

	// digest is what the login server stated, or "".
	digest string
}

// host names the data host, for errors and events.
func (l blobLocation) host() string { return l.url.Host }

// resolveBlob asks the login server where a blob is, without following: one
// request. When the response is the blob itself, it comes as resp, whose body
// the caller closes; otherwise resp is nil.
func (r *registry) resolveBlob(ctx context.Context, repository, digest string) (location blobLocation, resp *http.Response, err error) {
	req, err := r.newRequest(ctx, http.MethodGet, blobPath(repository, digest), pullScope(repository))
	if err != nil {
		return blobLocation{}, nil, err
	}
	req.Raw().Header.Set("Accept", acceptBlob)
	req.Raw().Header.Set("Accept-Encoding", "identity")
	raw := req.Raw()
	*raw = *raw.WithContext(context.WithValue(raw.Context(), stopRedirect{}, true))
	resp, err = r.stream(req, http.StatusOK, http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect)
	if err != nil {
		return blobLocation{}, nil, err
	}
	location = blobLocation{url: req.Raw().URL, digest: resp.Header.Get(headerDigest)}
	if resp.StatusCode == http.StatusOK {
		return location, resp, nil
	}
	defer discard(resp)
	if location.url, err = r.redirect(req.Raw().URL, resp); err != nil {
		return blobLocation{}, nil, err
	}
	location.redirected = true
	if se := location.url.Query().Get("se"); se != "" {
		if t, err := time.Parse(time.RFC3339, se); err == nil {
			location.expires = t
		}
	}
	return location, nil, nil
}

// readRange reads bytes first to last, both included, of a resolved blob. A
// negative last means to the end; first 0 and a negative last send no Range
// at all. The response is 206, or 200 when the host ignores ranges; the caller
// looks at the status and closes the body. Policies of the context such as
// [policy.WithRetryOptions] hold.
func (r *registry) readRange(ctx context.Context, l blobLocation, repository string, first, last int64) (*http.Response, error) {
	header := http.Header{"Accept-Encoding": {"identity"}}
	if value := wire.Range(first, last); value != "" {
		header.Set("Range", value)
	}
	resp, _, err := r.read(ctx, http.MethodGet, l.url.String(), header, []string{pullScope(repository)}, http.StatusOK, http.StatusPartialContent)
	return resp, err
}
