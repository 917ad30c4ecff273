package diagnose

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// number reads a rate; 0 when it is none.
func number(text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return n
}

// get asks the registry, and returns the body of a 200.
func (r *doctorRun) get(ctx context.Context, path string, accept ...string) (*http.Response, []byte, error) {
	request, err := r.request(ctx, http.MethodGet, path)
	if err != nil {
		return nil, nil, err
	}
	for _, a := range accept {
		request.Header.Add("Accept", a)
	}
	return r.do(request, http.StatusOK)
}

// getJSON reads a response of the registry's own API.
func (r *doctorRun) getJSON(ctx context.Context, path string, into any) error {
	_, body, err := r.get(ctx, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read the response to %s: %w", path, err)
	}
	return nil
}

// getPage reads a page of a listing, whose link may point on at the registry
// itself alone.
func (r *doctorRun) getPage(ctx context.Context, path string, into any) error {
	response, body, err := r.get(ctx, path)
	if err != nil {
		return err
	}
	target, err := wire.NextLink(response.Header.Values("Link"))
	if err != nil {
		return fmt.Errorf("read the response to %s: %w", path, err)
	}
	if u, err := r.base.Parse(target); err == nil && (u.Scheme != r.base.Scheme || u.Host != r.base.Host) {
		return &azcontainerregistry.UntrustedOriginError{Kind: azcontainerregistry.OriginKindLink, Got: u.Scheme + "://" + u.Host, Want: r.base.Scheme + "://" + r.base.Host}
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read the response to %s: %w", path, err)
	}
	return nil
}

// requestTo makes a signed request to an address of the registry itself.
func (r *doctorRun) requestTo(ctx context.Context, method string, to *url.URL, chunk []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, to.String(), bytes.NewReader(chunk))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+r.accessToken)
	if len(chunk) > 0 {
		request.Header.Set("Content-Type", "application/octet-stream")
		request.Header.Set("Content-Range", fmt.Sprintf("0-%d", len(chunk)-1))
	}
	return request, nil
}

// maxResponse is how much of a response a check reads. Tokens, lists of one entry
// and manifests (4 MiB at most, ACR protocol §5.2) are smaller.
const maxResponse = 5 << 20

// form is a token request's body that stays readable for its explanation.
type form struct {
	*bytes.Reader
	data []byte
}

// do sends a request and reads the response. Any status outside of want is an
// error that Explain knows.
func (r *doctorRun) do(request *http.Request, want ...int) (*http.Response, []byte, error) {
	request.Header.Set("User-Agent", "acrkit-doctor")
	response, err := r.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResponse))
	if err != nil && len(body) == 0 {
		return nil, nil, &url.Error{Op: "Get", URL: request.URL.Redacted(), Err: err}
	}
	r.note(response)
	for _, status := range want {
		if response.StatusCode == status {
			return response, body, nil
		}
	}
	return response, body, asResponseError(response, body)
}

// asResponseError makes azcore's error of a response whose body was read.
func asResponseError(response *http.Response, body []byte) error {
	response.Body = io.NopCloser(bytes.NewReader(body))
	return runtime.NewResponseError(response)
}

// note keeps the lowest rate that the registry told.
func (r *doctorRun) note(response *http.Response) {
	rate := response.Header.Get("X-Ms-Ratelimit-Remaining-Calls-Per-Second")
	if rate == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.remaining == "" || number(rate) < number(r.remaining) {
		r.remaining = rate
	}
}

// request makes a request to the registry, signed by the access token if one
// is there.
func (r *doctorRun) request(ctx context.Context, method, path string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, r.base.Scheme+"://"+r.base.Host+path, nil)
	if err == nil && r.accessToken != "" {
		request.Header.Set("Authorization", "Bearer "+r.accessToken)
	}
	return request, err
}

// post sends a form to a token endpoint.
func (r *doctorRun) post(ctx context.Context, path string, fields url.Values) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base.Scheme+"://"+r.base.Host+path, nil)
	if err != nil {
		return nil, err
	}
	data := []byte(fields.Encode())
	request.Body, request.ContentLength = form{bytes.NewReader(data), data}, int64(len(data))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, body, err := r.do(request, http.StatusOK)
	return body, err
}

func (form) Close() error { return nil }

func (f form) Bytes() []byte { return f.data }
