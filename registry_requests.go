package azcontainerregistry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acrkit/azcontainerregistry/internal/redact"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// setJSON makes v the body of req.
func setJSON(req *policy.Request, v json.Marshaler) error {
	data, err := v.MarshalJSON()
	if err != nil {
		return err
	}
	return setBody(req, bytes.NewReader(data), "application/json", nil)
}

// newRequest makes a request to the registry for path and query, as they are,
// that will carry a token for scopes.
func (r *registry) newRequest(ctx context.Context, method, pathAndQuery string, scopes ...string) (*policy.Request, error) {
	path, query, _ := strings.Cut(pathAndQuery, "?")
	if _, err := url.Parse(r.endpoint); err != nil {
		query = "" // the error has the address in it, as v0.2.3's has
	}
	return r.newRequestTo(ctx, method, r.address(path, query), scopes...)
}

// address is that of a path at the registry. An endpoint's own query is sent with
// every request, as v0.2.3 does.
func (r *registry) address(path, query string) string {
	address := runtime.JoinPaths(r.endpoint, path)
	before, own, found := strings.Cut(address, "?")
	switch {
	case query == "":
		return address
	case !found:
		return address + "?" + query
	}
	all, err := url.ParseQuery(own + "&" + query)
	if err != nil {
		return address + "&" + query
	}
	return before + "?" + all.Encode()
}

// newRequestTo is newRequest for a whole address, which may be another host's:
// then it carries no token.
func (r *registry) newRequestTo(ctx context.Context, method, address string, scopes ...string) (*policy.Request, error) {
	if r.unmade {
		return nil, errUnmade
	}
	req, err := runtime.NewRequest(captureNothing(ctx), method, address)
	if err != nil {
		return nil, redactError(err)
	}
	if raw := req.Raw(); originOf(raw.URL) != r.home {
		*raw = *raw.WithContext(context.WithValue(raw.Context(), foreignOrigin{}, true))
	}
	req.SetOperationValue(operationScopes{scopes: scopes})
	return req, nil
}

// withAPIVersion adds the version that /acr/v1 and /oauth2 are asked for.
func (r *registry) withAPIVersion(query url.Values) string {
	if query == nil {
		query = url.Values{}
	}
	query.Set("api-version", r.apiVersion)
	return "?" + query.Encode()
}

// send sends req and returns the response if its status is one of ok. Otherwise
// the error has a [*azcore.ResponseError] in its chain, whose body is kept.
// The caller closes the response's body if it asked for streaming.
func (r *registry) send(pl runtime.Pipeline, req *policy.Request, ok ...int) (*http.Response, error) {
	count := &attempts{}
	req.SetOperationValue(count)
	resp, err := pl.Do(req)
	if err != nil {
		if resp != nil {
			// Its context ended while it was arriving.
			resp.Body.Close()
		}
		return nil, r.transportError(req, err, count.n)
	}
	if runtime.HasStatusCode(resp, ok...) {
		return resp, nil
	}
	return nil, r.responseError(resp, count.n)
}

// statuses are ok, which v0.2.3 takes for success, and for a strict caller what
// other registries send instead.
func statuses(ctx context.Context, ok int, more ...int) []int {
	if strict.Is(ctx) {
		return append(more, ok)
	}
	return []int{ok}
}

// call sends a JSON call.
func (r *registry) call(req *policy.Request, ok ...int) (*http.Response, error) {
	req.Raw().Header.Set("Accept", "application/json")
	return r.send(r.api, req, ok...)
}

// stream sends a request to the login server whose response the caller reads and
// closes.
func (r *registry) stream(req *policy.Request, ok ...int) (*http.Response, error) {
	streamResponse(req)
	return r.send(r.content, req, ok...)
}

// streamData is stream for an address of another host, such as the signed one
// of a blob: no credential goes there.
func (r *registry) streamData(req *policy.Request, ok ...int) (*http.Response, error) {
	streamResponse(req)
	return r.send(r.bare, req, ok...)
}

// read sends a GET or HEAD with header to address and follows redirects, to
// another host without credentials. A redirect that can't be followed is a
// failed response, as in v0.2.3; strict callers get why. The digest is the one
// that the login server stated, as the data host states none. The caller closes
// the body.
func (r *registry) read(ctx context.Context, method, address string, header http.Header, scopes []string, ok ...int) (resp *http.Response, digest string, err error) {
	want := append([]int{
		http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect,
	}, ok...)
	visited := make([]string, 0, maxRedirects+1)
	var redirected redirectedDigest
	if ctx != nil {
		ctx = context.WithValue(ctx, redirectedDigest{}, &redirected)
	}
	for {
		visited = append(visited, address)
		req, err := r.newRequestTo(ctx, method, address, scopes...)
		if err != nil {
			return nil, "", err
		}
		for name, values := range header {
			req.Raw().Header[name] = values
		}
		if originOf(req.Raw().URL) == r.home {
			resp, err = r.stream(req, want...)
		} else {
			resp, err = r.streamData(req, want...)
		}
		if err != nil {
			return nil, "", r.nameHost(ctx, req.Raw().URL, err)
		}
		for _, d := range []string{redirected.value, resp.Header.Get(headerDigest)} {
			if digest == "" {
				digest = d
			}
		}
		if resp.StatusCode < 300 || resp.StatusCode > 399 {
			return resp, digest, nil
		}
		next, err := r.redirect(req.Raw().URL, resp)
		switch {
		case err != nil:
		case slices.Contains(visited, next.String()):
			err = fmt.Errorf("redirect loop at %s", redact.URL(next.String()))
		case len(visited) > maxRedirects:
			err = fmt.Errorf("more than %d redirects", maxRedirects)
		}
		if err != nil && !strict.Is(ctx) {
			return nil, "", r.responseError(resp, 1)
		}
		discard(resp)
		if err != nil {
			return nil, "", err
		}
		address = next.String()
	}
}

// nameHost says which data host a request got no response from: it is another
// than the one that the caller knows, and a network may block it alone.
func (r *registry) nameHost(ctx context.Context, u *url.URL, err error) error {
	if originOf(u) == r.home || responseOf(err) != nil || !strict.Is(ctx) || strings.Contains(err.Error(), u.Host) {
		return err
	}
	return fmt.Errorf("data host %s: %w", u.Host, err)
}

// callJSON sends a JSON call and reads the response into v.
func (r *registry) callJSON(req *policy.Request, v model) error {
	resp, err := r.call(req, http.StatusOK)
	if err != nil {
		return err
	}
	return unmarshalResponse(req.Raw().Context(), resp, v)
}

// get sends a GET of the /acr/v1 API and reads its JSON into v.
func (r *registry) get(ctx context.Context, path string, v model, scopes ...string) error {
	req, err := r.newRequest(ctx, http.MethodGet, path+r.withAPIVersion(nil), scopes...)
	if err != nil {
		return err
	}
	return r.callJSON(req, v)
}

// patch sends body, or none when it is nil, to the /acr/v1 API and reads the JSON that comes back into v.
func (r *registry) patch(ctx context.Context, path string, body json.Marshaler, v model, scopes ...string) error {
	req, err := r.newRequest(ctx, http.MethodPatch, path+r.withAPIVersion(nil), scopes...)
	if err != nil {
		return err
	}
	if body != nil {
		if err := setJSON(req, body); err != nil {
			return err
		}
	}
	return r.callJSON(req, v)
}

// delete sends a DELETE. That there was nothing to delete is success, as in
// v0.2.3. Other registries than ACR respond with 200 and 204, too, which strict
// callers take.
func (r *registry) delete(ctx context.Context, path string, scopes ...string) (*http.Response, error) {
	req, err := r.newRequest(ctx, http.MethodDelete, path, scopes...)
	if err != nil {
		return nil, err
	}
	return r.call(req, append(statuses(ctx, http.StatusAccepted, http.StatusOK, http.StatusNoContent), http.StatusNotFound)...)
}

// model is what a response's JSON is read into.
type model interface {
	json.Unmarshaler
	jsonReader
}

// unmarshalResponse reads the JSON of a response, whose body has been
// downloaded, into v, which is empty and stays so after an error. A response
// without a body changes nothing, except for a strict caller. The error is
// azcore's, except for a strict caller.
func unmarshalResponse(ctx context.Context, resp *http.Response, v model) error {
	body, err := runtime.Payload(resp)
	if err != nil {
		return err
	}
	if len(body) == 0 && !strict.Is(ctx) {
		return nil
	}
	if err = v.readJSON(body); err == nil {
		return nil
	}
	reflect.ValueOf(v).Elem().SetZero()
	switch {
	case strict.Is(ctx), errors.Is(err, errLongList):
		return malformedResponse(body, err)
	}
	if err := runtime.UnmarshalAsJSON(resp, v); err != nil {
		reflect.ValueOf(v).Elem().SetZero()
		return redactError(err)
	}
	return nil
}
