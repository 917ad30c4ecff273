package azcontainerregistry

import (
	"errors"
	"fmt"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/redact"
)

// ErrMismatchedHash says that content doesn't have the digest it should have.
// Every [DigestMismatchError] is one.
var ErrMismatchedHash = errors.New("mismatched hash")

// ErrDigestAlgNotSupported says that a digest's algorithm isn't sha256, the
// only one that ACR has (ACR protocol §1.2).
var ErrDigestAlgNotSupported = errors.New("digest algorithm not supported")

// OperationError says which call failed, and on what. It wraps the cause: an
// [*azcore.ResponseError] whenever the registry's response was the reason, or one
// of the typed errors of this package, a context's or a transport's error.
type OperationError struct {
	// Operation is the call in words, such as "get manifest".
	Operation string

	// Registry is the login server, such as "myreg.azurecr.io"; empty when no
	// client was created.
	Registry string

	// Address is the machine that gave the failed response, such as
	// "20.62.128.9:443". It is empty when there was no response, when a proxy was
	// in between, and when the transport does not tell.
	Address string

	// Repository is the repository, if the call has one.
	Repository string

	// Reference is the tag or digest, if the call has one.
	Reference string

	// Err is the cause.
	Err error
}

// Error says "operation repository:reference: cause", without any secret.
func (e *OperationError) Error() string {
	return redact.Text(e.subject()) + ": " + describe(e.Err)
}

// Unwrap returns the cause.
func (e *OperationError) Unwrap() error { return e.Err }

func (e *OperationError) subject() string {
	s := e.Operation
	if e.Repository != "" {
		s += " " + e.Repository
	}
	switch {
	case e.Reference == "":
	case e.Repository == "":
		s += " " + e.Reference
	case strings.Contains(e.Reference, ":"):
		s += "@" + e.Reference
	default:
		s += ":" + e.Reference
	}
	return s
}

// ArgumentError says that an argument can't be right. Nothing was sent.
type ArgumentError struct {
	// Argument is the name of the parameter or field.
	Argument string

	// Value is what was given, shortened when it is long.
	Value string

	// Rule is what it must be.
	Rule string
}

// Error names the argument, the value and the rule.
func (e *ArgumentError) Error() string {
	return fmt.Sprintf("invalid %s %q: %s", e.Argument, redact.Text(e.Value), e.Rule)
}

// DigestMismatchError says that content doesn't have the digest expected. It
// matches [ErrMismatchedHash].
type DigestMismatchError struct {
	// Expected is the digest asked for, Actual that of the content.
	Expected, Actual string

	// Size is how many bytes of content there were.
	Size int64
}

// Error names both digests.
func (e *DigestMismatchError) Error() string {
	return fmt.Sprintf("content does not match its digest: expected %s, got %s in %d bytes", e.Expected, e.Actual, e.Size)
}

// Is reports whether target is [ErrMismatchedHash].
func (e *DigestMismatchError) Is(target error) bool { return target == ErrMismatchedHash }

// IncompleteListingError says that a listing broke off after some items: what
// came before it is not the whole.
type IncompleteListingError struct {
	// Items is how many items came before.
	Items int

	// Err is why it broke off.
	Err error
}

// Error says after how many items, and why.
func (e *IncompleteListingError) Error() string {
	return fmt.Sprintf("listing is incomplete after %d items: %s", e.Items, describe(e.Err))
}

// Unwrap returns why the listing broke off.
func (e *IncompleteListingError) Unwrap() error { return e.Err }

// RetriesExhaustedError says that a call failed after several attempts.
type RetriesExhaustedError struct {
	// Attempts is how many times it was tried.
	Attempts int

	// Err is what the last attempt met.
	Err error
}

// Error says how many attempts were made and what the last one met.
func (e *RetriesExhaustedError) Error() string {
	return fmt.Sprintf("gave up after %d attempts: %s", e.Attempts, describe(e.Err))
}

// Unwrap returns what the last attempt met.
func (e *RetriesExhaustedError) Unwrap() error { return e.Err }

// OriginKind is the part of a response that points to another place.
type OriginKind string

// What of a response points to another place.
const (
	// OriginKindRealm is the realm of a challenge.
	OriginKindRealm OriginKind = "realm"
	// OriginKindLocation is the Location of an upload.
	OriginKindLocation OriginKind = "location"
	// OriginKindLink is the Link of a listing's page.
	OriginKindLink OriginKind = "link"
	// OriginKindRedirect is the Location of a redirect.
	OriginKindRedirect OriginKind = "redirect"
)

// UntrustedOriginError says that a response pointed to a place where this
// client doesn't go. Nothing was sent there.
type UntrustedOriginError struct {
	// Kind is what pointed there.
	Kind OriginKind

	// Got is the origin pointed to, Want the origin that would have been right.
	Got, Want string
}

// Error names both origins.
func (e *UntrustedOriginError) Error() string {
	return fmt.Sprintf("untrusted %s: got origin %s, want %s", e.Kind, e.Got, e.Want)
}

// NonRetriable marks the error for azcore's retry policy: asking again would
// give the same result.
func (e *UntrustedOriginError) NonRetriable() {}

// CredentialError says that the caller's own credential gave no Entra token. It
// is not an error of the registry: what it wraps comes from the identity service,
// or from whatever the credential asks.
type CredentialError struct {
	// Err is the credential's own error.
	Err error
}

// Error says so, and what the credential said.
func (e *CredentialError) Error() string { return "get Entra token: " + describe(e.Err) }

// Unwrap returns the credential's own error.
func (e *CredentialError) Unwrap() error { return e.Err }

// NonRetriable marks the error for azcore's retry policy: the credential has
// retried by itself.
func (e *CredentialError) NonRetriable() {}

// ResponsePart is what a response must have.
type ResponsePart string

// What a response must have.
const (
	// ResponsePartJSON is a body of JSON of the expected shape.
	ResponsePartJSON ResponsePart = "JSON"
	// ResponsePartToken is a token in the body.
	ResponsePartToken ResponsePart = "token"
	// ResponsePartLocation is a Location header.
	ResponsePartLocation ResponsePart = "Location"
)

// InvalidResponseError says that a response with a status of success lacks what
// it must have: it is a proxy's page, JSON that was cut off, a token endpoint's
// response without a token.
type InvalidResponseError struct {
	// Missing is what the response lacks.
	Missing ResponsePart

	// BodyStart is the beginning of its body, 80 bytes at most, without
	// secrets; empty where the body may be a secret.
	BodyStart string

	// Err is the decoder's error, if there is one.
	Err error
}

// Error says what is missing, and how the body begins.
func (e *InvalidResponseError) Error() string {
	if e.Missing != ResponsePartJSON {
		text := "the response has no " + string(e.Missing) + " in it"
		if e.BodyStart != "" {
			text += fmt.Sprintf(": it begins with %q", e.BodyStart)
		}
		return text
	}
	return fmt.Sprintf("the response is not the JSON expected: %v: it begins with %q", e.Err, e.BodyStart)
}

// Unwrap returns the decoder's error.
func (e *InvalidResponseError) Unwrap() error { return e.Err }
