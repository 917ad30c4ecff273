package azcontainerregistry

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/acrkit/azcontainerregistry/internal/redact"
	"github.com/acrkit/azcontainerregistry/internal/strict"
	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// responseError turns an answer into an error: its code is the registry's own,
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

// transportError is for a request that got no answer.
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

// readErrorBody returns what can be read of an answer's body.
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

// maxMessage bounds what of a server's text goes into one of our messages.
const maxMessage = 400

// describe says what err is in one line, without secrets. azcore's own text
// for a [*azcore.ResponseError] takes a dozen.
func describe(err error) string {
	if err == nil {
		return "unknown cause"
	}
	respErr, ok := err.(*azcore.ResponseError)
	if !ok {
		return redact.Text(err.Error())
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d", respErr.StatusCode)
	if respErr.ErrorCode != "" {
		b.WriteString(" " + oneLine(respErr.ErrorCode))
	} else if text := http.StatusText(respErr.StatusCode); text != "" {
		b.WriteString(" " + text)
	}
	if resp := respErr.RawResponse; resp != nil {
		if message := errorMessage(resp); message != "" {
			b.WriteString(": " + message)
		}
		if home := resp.Request; home != nil && home.URL != nil && isDataHost(resp) {
			b.WriteString(" (from " + home.URL.Host + ")")
		}
		if id := resp.Header.Get(headerCorrelationID); id != "" {
			b.WriteString(" (correlation id " + oneLine(id) + ")")
		}
	}
	return redact.Text(b.String())
}

// isDataHost reports whether an answer came from a storage host: a login
// server always names itself by this header (ACR protocol §1.3), storage by
// the other (§4.4).
func isDataHost(resp *http.Response) bool {
	return resp.Header.Get("X-Ms-Version") != "" || resp.Header.Get("X-Ms-Blob-Type") != "" ||
		strings.HasPrefix(resp.Header.Get("Content-Type"), "application/xml")
}

func errorMessage(resp *http.Response) string {
	body, err := runtime.Payload(resp)
	if err != nil {
		return ""
	}
	if message := firstError(body).Message; message != "" {
		return oneLine(message)
	}
	if !utf8.Valid(body) {
		return ""
	}
	return oneLine(string(body))
}

// oneLine makes a server's text fit into a message: no line breaks, no control
// characters, no more than maxMessage bytes.
func oneLine(s string) string {
	if len(s) > 4*maxMessage {
		s = s[:4*maxMessage]
	}
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError
	}), " ")
	if len(s) > maxMessage {
		cut := maxMessage
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return s
}

// operationError says what was done to what; an error that says so already
// stays as it is.
func operationError(operation, repository, reference string, err error) error {
	if err == nil {
		return nil
	}
	if op, ok := err.(*OperationError); ok && op.Operation == operation && op.Repository == repository {
		return err
	}
	return &OperationError{Operation: operation, Repository: repository, Reference: reference, Err: err}
}

// operationError is the same for a call of this registry.
func (r *registry) operationError(operation, repository, reference string, err error) error {
	err = operationError(operation, repository, reference, err)
	if op, ok := err.(*OperationError); ok && op.Registry == "" {
		op.Registry, op.Address = r.base.Host, respondedFrom(op.Err)
	}
	return err
}

// discard reads the little that may be left of an answer, so that its
// connection can be used again, and closes it.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
}

// sharedError hands one failure to several callers. Reading the body of an
// answer moves a position in it, so each gets an answer of its own.
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
