package azcontainerregistry

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/internal/transfer"
	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// withoutRetries keeps azcore's retry policy out of a transfer's requests: it
// doesn't know from which byte to continue, and the engine does. A token call keeps
// it: others may wait for the same token, who have no engine.
func withoutRetries(ctx context.Context) context.Context {
	ctx = context.WithValue(ctx, engineRetries{}, true)
	return policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: -1})
}

// engineRetries is the key that marks a context of withoutRetries.
type engineRetries struct{}

// withRetries gives a context of withoutRetries the client's own policy back.
func (r *registry) withRetries(ctx context.Context) context.Context {
	if ctx.Value(engineRetries{}) == nil {
		return ctx
	}
	return policy.WithRetryOptions(ctx, r.retry)
}

// statusClass is the class of a response whatever the request.
func statusClass(status int) transfer.Class {
	switch status {
	case http.StatusTooManyRequests:
		return transfer.Throttled
	case http.StatusRequestEntityTooLarge:
		return transfer.TooLarge
	case http.StatusRequestTimeout:
		return transfer.Server
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusInsufficientStorage:
		return transfer.Permanent
	}
	if status >= http.StatusInternalServerError {
		// Gateways have numbers of their own, such as 520 to 529.
		return transfer.Server
	}
	return transfer.Permanent
}

// fault gives a failed request its class.
func fault(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	class := transfer.Permanent
	after := time.Duration(0)
	var respErr *azcore.ResponseError
	switch {
	case errors.As(err, &respErr):
		class, after = statusClass(respErr.StatusCode), retryAfter(respErr.RawResponse)
	case !errors.Is(err, errUnmade):
		class = connectionClass(err)
	}
	return &transfer.Fault{Class: class, RetryAfter: after, Err: err}
}

// uploadFault is fault for a request to an upload that is under way.
func uploadFault(err error) error {
	var respErr *azcore.ResponseError
	if !errors.As(err, &respErr) {
		return fault(err)
	}
	class := transfer.Permanent
	switch code := ErrorCode(respErr.ErrorCode); {
	case code == ErrorCodeBlobUploadInvalid:
		// ACR returns 404; the specification leaves the status open.
		class = transfer.StaleLocation
	case respErr.StatusCode == http.StatusNotFound, code == ErrorCodeBlobUploadUnknown:
		class = transfer.SessionGone
	case respErr.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		class = transfer.OutOfStep
	case code == ErrorCodeDigestInvalid, code == ErrorCodeSizeInvalid:
		class = transfer.Refused
	default:
		return fault(err)
	}
	return &transfer.Fault{Class: class, Err: err}
}

// connectionClass is the class of a request that got no response. Our own
// refusals, the caller's credential and a certificate that isn't right, or a port
// without TLS, stay as they are; a host that doesn't exist or refuses connections may come back, but
// only where it was there before.
func connectionClass(err error) transfer.Class {
	var (
		final interface{ NonRetriable() }
		arg   *ArgumentError
		cert  *tls.CertificateVerificationError
		plain tls.RecordHeaderError
		dns   *net.DNSError
	)
	switch {
	case errors.As(err, &final), errors.As(err, &arg), errors.As(err, &cert), errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		return transfer.Permanent
	case errors.As(err, &dns) && dns.IsNotFound, errors.Is(err, syscall.ECONNREFUSED):
		return transfer.Unreachable
	}
	return transfer.Connection
}

// retryAfter reads how long a response asks to wait, a day at most.
func retryAfter(resp *http.Response) time.Duration {
	if resp == nil {
		return 0
	}
	wait, _ := wire.RetryAfter(resp.Header.Get("Retry-After"), time.Now())
	return min(wait, 24*time.Hour)
}
