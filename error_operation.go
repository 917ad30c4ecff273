package azcontainerregistry

import (
	"context"
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// Operation says which call a failed response belongs to. [OperationOf] finds it.
type Operation struct {
	// Name is the call in words, such as "get manifest".
	Name string

	// Registry is the login server, such as "myreg.azurecr.io".
	Registry string

	// Address is the machine that sent the response, such as "20.62.128.9:443".
	// It is empty when there was no response, when a proxy was on the way, and
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
