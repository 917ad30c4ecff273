package azcontainerregistry

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/acrkit/azcontainerregistry/internal/redact"
	"github.com/acrkit/azcontainerregistry/internal/strict"
	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// responseError turns a response into an error: its code is the registry's own,
// its body stays readable, and no secret is left in what azcore prints of it.
func (r *registry) responseError(resp *http.Response, sent int) error {
	err := newResponseError(resp)
	if req := resp.Request; req != nil {
		resp.Request = req.WithContext(context.WithValue(req.Context(), attemptsKey{}, sent))
	}
	if sent > 1 && transient(resp.StatusCode) {
		return &RetriesExhaustedError{Attempts: sent, Err: err}
	}
	return err
}

// transportError is for a request that got no response.
func (r *registry) transportError(req *policy.Request, err error, sent int) error {
	var settled *nonRetriableError
	if errors.As(err, &settled) {
		return settled.err
	}
	err = redactError(err)
	if sent > 1 && req.Raw().Context().Err() == nil && !errors.Is(err, context.Canceled) {
		return &RetriesExhaustedError{Attempts: sent, Err: err}
	}
	return err
}

// transient reports whether azcore's retry policy repeats a request because of
// the status, unless it is configured otherwise.
func transient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func newResponseError(resp *http.Response) error {
	body := readErrorBody(resp)
	if clean := redact.Text(string(body)); clean != string(body) {
		body = []byte(clean)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if resp.Request != nil && strict.Is(resp.Request.Context()) {
		hideSecrets(resp)
	}
	if code := firstError(body).Code; code != "" {
		return runtime.NewResponseErrorWithErrorCode(resp, code)
	}
	return runtime.NewResponseError(resp)
}

// hideSecrets takes out of a failed response what opens something: whoever dumps
// a response dumps its header and its request. The plain methods return what was
// sent, as v0.2.3 does; the error's text shows none of it.
func hideSecrets(resp *http.Response) {
	if resp.Request != nil {
		req := *resp.Request
		req.Header = req.Header.Clone()
		if authorization := req.Header.Get("Authorization"); authorization != "" {
			req.Header.Set("Authorization", withoutSecret(authorization))
		}
		mark(req.Header, "Cookie")
		if req.URL != nil {
			if u, err := url.Parse(redact.URL(req.URL.String())); err == nil {
				req.URL = u
			}
		}
		resp.Request = &req
	}
	resp.Header = resp.Header.Clone()
	mark(resp.Header, "Set-Cookie")
	if location := resp.Header.Get("Location"); location != "" {
		resp.Header.Set("Location", redact.URL(location))
	}
}

func mark(header http.Header, name string) {
	if header.Get(name) != "" {
		header.Set(name, redact.Mark)
	}
}

// withoutSecret keeps of an Authorization header what explains a refusal: its
// scheme, the claims of a token, and the user of a password. Without its
// signature a token opens nothing.
func withoutSecret(authorization string) string {
	scheme, credentials, _ := strings.Cut(authorization, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		if parts := strings.Split(credentials, "."); len(parts) == 3 {
			return scheme + " " + parts[0] + "." + parts[1] + "." + redact.Mark
		}
	case strings.EqualFold(scheme, "Basic"):
		if decoded, err := base64.StdEncoding.DecodeString(credentials); err == nil {
			user, _, _ := strings.Cut(string(decoded), ":")
			return scheme + " " + base64.StdEncoding.EncodeToString([]byte(user+":"+redact.Mark))
		}
	}
	return scheme + " " + redact.Mark
}

// readErrorBody returns what can be read of a response's body.
func readErrorBody(resp *http.Response) []byte {
	if resp.StatusCode >= http.StatusBadRequest {
		// The pipeline has downloaded it, within errorBody's bounds.
		if body, err := runtime.Payload(resp); err == nil {
			return body
		}
		return nil
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	return body
}

// firstError returns code and message of the first error in a failure's body.
func firstError(body []byte) wire.Error {
	if all := wire.ParseErrors(body); len(all) > 0 {
		return all[0]
	}
	return wire.Error{}
}

// discard reads the little that may be left of a response, so that its
// connection can be used again, and closes it.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
}

// sharedError hands one failure to several callers. Reading the body of a
// response moves a position in it, so each gets a response of its own.
type sharedError struct {
	err  error
	body []byte
}

func shareError(err error) sharedError {
	s := sharedError{err: err}
	if resp := responseOf(err); resp != nil {
		s.body, _ = runtime.Payload(resp)
	}
	s.err = s.copy()
	return s
}

func (s sharedError) copy() error { return copyError(s.err, s.body) }

func copyError(err error, body []byte) error {
	switch e := err.(type) {
	case *OperationError:
		c := *e
		c.Err = copyError(e.Err, body)
		return &c
	case *RetriesExhaustedError:
		c := *e
		c.Err = copyError(e.Err, body)
		return &c
	case *azcore.ResponseError:
		c := *e
		if e.RawResponse != nil {
			resp := *e.RawResponse
			resp.Body = io.NopCloser(bytes.NewReader(body))
			c.RawResponse = &resp
		}
		return &c
	}
	return err
}

// malformedResponse says that a response of success isn't what it should be: a
// proxy's page, half a JSON.
func malformedResponse(body []byte, err error) error {
	return &InvalidResponseError{Missing: ResponsePartJSON, BodyStart: startOf(body), Err: err}
}
