package azcontainerregistry

import (
	"context"
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// Operation says which call a failed response belongs to. [OperationOf] finds it.
type Operation struct {
	// Name is the call in words, such as "get manifest".
	Name string

	// Registry is the login server, such as "myreg.azurecr.io".
	Registry string

	// Address is the machine that sent the response, such as "20.62.128.9:443".
	// It is empty when there was no response, when a proxy was in between, and
	// when the transport does not tell.
	Address string

	// Repository is the repository, if the call has one.
	Repository string

	// Reference is the tag or digest, if the call has one.
	Reference string

	// Attempts is how many times the request was sent; 0 when it isn't known.
	Attempts int
}

// OperationOf returns the call that err is the failure of: what an
// [*OperationError] in its chain says, or what travels with the response of an
// [*azcore.ResponseError]. ok is false for errors that hold neither, such as a
// transport's own.
func OperationOf(err error) (op Operation, ok bool) {
	var respErr *azcore.ResponseError
	if errors.As(err, &respErr) && respErr.RawResponse != nil && respErr.RawResponse.Request != nil {
		ctx := respErr.RawResponse.Request.Context()
		op, ok = ctx.Value(operationKey{}).(Operation)
		op.Attempts, _ = ctx.Value(attemptsKey{}).(int)
		op.Address = respondedFrom(err)
	}
	var exhausted *RetriesExhaustedError
	if errors.As(err, &exhausted) {
		op.Attempts = exhausted.Attempts
	}
	var wrapped *OperationError
	if errors.As(err, &wrapped) {
		ok = true
		op.Name, op.Repository, op.Reference = wrapped.Operation, wrapped.Repository, wrapped.Reference
		if wrapped.Registry != "" {
			op.Registry = wrapped.Registry
		}
		if wrapped.Address != "" {
			op.Address = wrapped.Address
		}
	}
	return op, ok
}

// WithOperation returns err as an [*OperationError], whose text is one line
// that says what was done to what, if [OperationOf] knows it; otherwise it
// returns err.
func WithOperation(err error) error {
	var wrapped *OperationError
	op, ok := OperationOf(err)
	if !ok || errors.As(err, &wrapped) {
		return err
	}
	if op.Attempts > 1 && transient(statusOf(err)) {
		err = &RetriesExhaustedError{Attempts: op.Attempts, Err: err}
	}
	return &OperationError{Operation: op.Name, Registry: op.Registry, Address: op.Address, Repository: op.Repository, Reference: op.Reference, Err: err}
}

func statusOf(err error) int {
	var respErr *azcore.ResponseError
	if errors.As(err, &respErr) {
		return respErr.StatusCode
	}
	return 0
}

// operationKey and attemptsKey are the keys of what a request's context says
// about the call that it belongs to.
type (
	operationKey struct{}
	attemptsKey  struct{}
)

func withOperation(ctx context.Context, op Operation) context.Context {
	return context.WithValue(ctx, operationKey{}, op)
}

// plainError takes off what this package puts around an error.
func plainError(err error) error {
	for {
		switch e := err.(type) {
		case *nonRetriableError:
			err = e.err
		case *OperationError:
			err = e.Err
		case *RetriesExhaustedError:
			err = e.Err
		case *CredentialError:
			err = e.Err
		default:
			return err
		}
	}
}

// begin starts an operation that v0.2.3 lacks, or one of a strict caller: a span
// named span, and an error that says what was done to what. The returned function
// ends both; the response that was the reason of a failure is the one that the
// caller captures.
func (r *registry) begin(ctx context.Context, span, operation, repository, reference string) (context.Context, func(*error)) {
	return r.start(strict.Context(ctx), span, operation, repository, reference)
}

// beginPlain starts an operation of v0.2.3's: its errors are azcore's own, as
// they come, unless the caller is strict.
func (r *registry) beginPlain(ctx context.Context, span, operation, repository, reference string) (context.Context, func(*error)) {
	return r.start(ctx, span, operation, repository, reference)
}

func (r *registry) start(ctx context.Context, span, operation, repository, reference string) (context.Context, func(*error)) {
	if ctx == nil {
		// The request can't be made: net/http says why.
		return ctx, func(*error) {}
	}
	ctx = withOperation(ctx, Operation{Name: operation, Registry: r.base.Host, Repository: repository, Reference: reference})
	ctx, end := runtime.StartSpan(ctx, span, r.tracer, nil)
	return ctx, func(err *error) {
		if strict.Is(ctx) {
			*err = r.operationError(operation, repository, reference, *err)
		} else {
			*err = plainError(*err)
		}
		end(*err)
		if resp := responseOf(*err); resp != nil {
			capture(ctx, resp)
		}
	}
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
