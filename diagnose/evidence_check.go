package diagnose

import "fmt"

// credentialError says that finding a credential, or asking it for a token,
// failed. It keeps a failure that has no row of its own from being taken for
// one of the registry.
type credentialError struct{ err error }

func (e *credentialError) Error() string { return e.err.Error() }

func (e *credentialError) Unwrap() error { return e.err }

// uploadLostError says that the registry has not got what it acknowledged.
type uploadLostError struct{ got, want string }

func (e *uploadLostError) Error() string {
	return fmt.Sprintf("the upload's status says Range %q, want %q", e.got, e.want)
}
