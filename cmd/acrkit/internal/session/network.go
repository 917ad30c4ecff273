package session

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"syscall"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/pace"
	"github.com/acrkit/azcontainerregistry/internal/network"
)

// Network is the transport of every remote registry. It is the command's own
// and not the library's, which is shared and never closed: when the command is
// done, so are its connections.
func (s *Session) Network() *http.Client {
	if s.http == nil {
		transport := network.NewTransport()
		transport.ResponseHeaderTimeout = responseTimeout
		s.http = &http.Client{Transport: transport}
		s.OnClose(func() error { transport.CloseIdleConnections(); return nil })
	}
	return s.http
}

// responseTimeout is how long a response may take to begin, as with the Azure CLI
// (ACR protocol §5.1). A server that never responds ends a command by it.
const responseTimeout = 5 * time.Minute

const (
	// DefaultRetries leaves the number to what is tried again.
	DefaultRetries = -1
	// defaultRequestRetries are those of a request; blobs have the library's
	// default.
	defaultRequestRetries = 3
	// maxRetries bounds --retries: beyond it azcore's waits are minutes each.
	maxRetries = 100
)

// requestRetries is how often a request is tried again.
func (s *Session) requestRetries() int32 {
	if s.Retries == DefaultRetries {
		return defaultRequestRetries
	}
	return int32(min(s.Retries, maxRetries))
}

// shouldRetry is azcore's own rule, without what fails the same way each time:
// a connection that is refused, a name that is unknown, a certificate that isn't
// right, a port without TLS. A request that must not be repeated by the
// library's rules doesn't get here.
func shouldRetry(resp *http.Response, err error) bool {
	if err == nil {
		return slices.Contains(retriedStatuses, resp.StatusCode)
	}
	var (
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
	)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &certificate), errors.As(err, &record):
		return false
	case errors.As(err, &name):
		return !name.IsNotFound
	}
	return true
}

// retriedStatuses are those of azcore's default.
var retriedStatuses = []int{
	http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
	http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// paced waits behind each response that says that few calls are left.
func paced(request *http.Request, next func() (*http.Response, error)) (*http.Response, error) {
	response, err := next()
	if err != nil {
		return response, err
	}
	if err := pace.After(request.Context(), response); err != nil {
		return nil, errors.Join(err, response.Body.Close())
	}
	return response, nil
}

// clientOptions are the options of every client: who we are, and the log of
// requests where --debug asks for it.
func (s *Session) clientOptions() azcore.ClientOptions {
	options := azcore.ClientOptions{Telemetry: policy.TelemetryOptions{ApplicationID: "acrkit"}}
	options.Retry.MaxRetries = s.requestRetries()
	if options.Retry.MaxRetries == 0 {
		options.Retry.MaxRetries = -1 // azcore takes 0 for its default
	}
	options.Retry.ShouldRetry = shouldRetry
	options.PerCallPolicies = append(options.PerCallPolicies, s.noticeWarnings())
	options.PerRetryPolicies = append(options.PerRetryPolicies, s.noticeWaiting())
	if s.Paced {
		options.PerRetryPolicies = append(options.PerRetryPolicies, around(paced))
	}
	if s.RequestLog != nil {
		options.PerCallPolicies = append(options.PerCallPolicies, s.RequestLog.perCall())
		options.PerRetryPolicies = append(options.PerRetryPolicies, s.RequestLog.perAttempt())
	}
	return options
}
