package session

import (
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

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
// (ACR protocol §5.1). A server that never answers ends a command by it.
const responseTimeout = 5 * time.Minute

const (
	// DefaultRetries leaves the number to what is tried again.
	DefaultRetries = -1
	// requestRetries are those of a request; blobs have the library's default.
	requestRetries = 3
	// maxRetries bounds --retries: beyond it azcore's waits are minutes each.
	maxRetries = 100
)

// clientOptions are the options of every client: who we are, and the log of
// requests where --debug asks for it.
func (s *Session) clientOptions() azcore.ClientOptions {
	options := azcore.ClientOptions{Telemetry: policy.TelemetryOptions{ApplicationID: "acrkit"}}
	// azcore takes 0 for its default and a negative number for none.
	switch {
	case s.Retries == DefaultRetries:
		options.Retry.MaxRetries = requestRetries
	case s.Retries == 0:
		options.Retry.MaxRetries = -1
	default:
		options.Retry.MaxRetries = int32(min(s.Retries, maxRetries))
	}
	if s.RequestLog != nil {
		options.PerCallPolicies = append(options.PerCallPolicies, s.RequestLog.perCall())
		options.PerRetryPolicies = append(options.PerRetryPolicies, s.RequestLog.perAttempt())
	}
	return options
}
