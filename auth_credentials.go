package azcontainerregistry

import "fmt"

// PasswordCredential is a user name and password that the registry itself
// knows: the admin user, a scope-map token, or a service principal
// (ACR protocol §2.5). It is immutable and may be used by any number of
// clients at the same time.
type PasswordCredential struct {
	username string
	password hidden
}

// hidden is a secret that fmt can't reach even within somebody else's struct,
// where it looks past Format.
type hidden struct{ value *string }

func hide(secret string) hidden { return hidden{&secret} }

// reveal returns the secret, "" when there is none.
func (h hidden) reveal() string { return value(h.value) }

// NewPasswordCredential returns a credential for NewClientWithPasswordCredential.
// Both must be given. Surrounding white space is refused in the user name: the
// registry returns 500 to it (ACR protocol §2.6).
func NewPasswordCredential(username, password string) (*PasswordCredential, error) {
	if err := checkUsername(username); err != nil {
		return nil, err
	}
	if password == "" {
		return nil, &ArgumentError{Argument: "password", Rule: "must not be empty"}
	}
	return &PasswordCredential{username: username, password: hide(password)}, nil
}

// String names the user and hides the password.
func (c PasswordCredential) String() string {
	return "password credential of " + c.username
}

// GoString is String: no verb of fmt prints the password.
func (c PasswordCredential) GoString() string { return c.String() }

// Format prints String whatever the verb.
func (c PasswordCredential) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// RefreshTokenCredential is an ACR refresh token obtained elsewhere, for
// example by `az acr login --expose-token` (ACR protocol §2.8). It is valid
// for about three hours and cannot be renewed. It is immutable and may be used by any
// number of clients at the same time.
type RefreshTokenCredential struct {
	refreshToken hidden
}

// NewRefreshTokenCredential returns a credential for NewClientWithRefreshTokenCredential.
func NewRefreshTokenCredential(refreshToken string) (*RefreshTokenCredential, error) {
	if refreshToken == "" {
		return nil, &ArgumentError{Argument: "refreshToken", Rule: "must not be empty"}
	}
	return &RefreshTokenCredential{refreshToken: hide(refreshToken)}, nil
}

// String hides the token.
func (c RefreshTokenCredential) String() string { return "ACR refresh token credential" }

// GoString is String: no verb of fmt prints the token.
func (c RefreshTokenCredential) GoString() string { return c.String() }

// Format prints String whatever the verb.
func (c RefreshTokenCredential) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }
