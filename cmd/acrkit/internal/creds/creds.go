// Package creds finds the credential for a registry: it asks the links of a
// chain in order, and remembers what each returned, so that a person can be
// told why they are who they are.
package creds

import (
	"context"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// Kind says what a credential consists of.
type Kind string

// The kinds of credential.
const (
	Anonymous    Kind = "anonymous"
	Password     Kind = "password"
	RefreshToken Kind = "refresh token"
	Entra        Kind = "entra"
)

// Credential is what a link found. Its secrets are never printed: String tells
// the kind and the user only.
type Credential struct {
	Kind         Kind
	Username     string
	Password     string
	RefreshToken string
	Token        azcore.TokenCredential
}

// String names the credential without its secrets.
func (c Credential) String() string {
	if c.Username != "" {
		return fmt.Sprintf("%s of %s", c.Kind, c.Username)
	}
	return string(c.Kind)
}

// GoString is String, so that %#v shows no secret either.
func (c Credential) GoString() string { return c.String() }

// ErrNothing is what a link responds when it holds nothing for this registry;
// the next link is asked. Any other error ends the chain: a credential that
// exists but is broken must not silently become another identity.
var ErrNothing = errors.New("nothing here")

// SkippedError is a link that can't be asked, such as one whose program isn't
// installed: whether it holds anything is not known. The next link is asked, and
// the outcomes say so.
type SkippedError struct{ Err error }

// Error is the cause's.
func (e *SkippedError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *SkippedError) Unwrap() error { return e.Err }

// nothing makes an ErrNothing that says why.
func nothing(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNothing, fmt.Sprintf(format, args...))
}

// Link is one place where a credential may be.
type Link struct {
	// Name is what whoami shows.
	Name string
	// Find looks for the credential of a place. The detail says in words what
	// was found, without secrets.
	Find func(ctx context.Context, place Place) (credential Credential, detail string, err error)
}

// Place is what a credential is for.
type Place struct {
	Host       string // a login server, such as "myreg.azurecr.io" or "127.0.0.1:5000"
	Repository string // "" for the registry itself
}

// String is the place as a person writes it.
func (p Place) String() string {
	if p.Repository == "" {
		return p.Host
	}
	return p.Host + "/" + p.Repository
}

// State is what a credential of the chain returned.
type State string

// The states of a link.
const (
	Used    State = "used"
	Nothing State = "nothing"
	Skipped State = "skipped"
	Failed  State = "failed"
	Unasked State = "not asked"
)

// Outcome is what one link said.
type Outcome struct {
	Link   string `json:"link"`
	State  State  `json:"state"`
	Detail string `json:"detail"`
}

// Chain is a list of links, asked in order.
type Chain []Link

// Resolve asks the links until one has a credential. The outcomes cover every
// link, those behind the one used as Unasked.
func (c Chain) Resolve(ctx context.Context, place Place) (Credential, []Outcome, error) {
	outcomes := make([]Outcome, len(c))
	for i, link := range c {
		outcomes[i] = Outcome{Link: link.Name, State: Unasked}
	}
	for i, link := range c {
		credential, detail, err := link.Find(ctx, place)
		var skipped *SkippedError
		switch {
		case err == nil:
			outcomes[i].State, outcomes[i].Detail = Used, detail
			return credential, outcomes, nil
		case ctx.Err() != nil:
			return Credential{}, outcomes, fmt.Errorf("sign in to %s: %s: %w", place, link.Name, context.Cause(ctx))
		case errors.Is(err, ErrNothing):
			outcomes[i].State, outcomes[i].Detail = Nothing, detailOf(err)
		case errors.As(err, &skipped):
			outcomes[i].State, outcomes[i].Detail = Skipped, err.Error()
		default:
			outcomes[i].State, outcomes[i].Detail = Failed, err.Error()
			return Credential{}, outcomes, &LinkError{Host: place.Host, Link: link.Name, Outcomes: outcomes, Err: err}
		}
	}
	return Credential{}, outcomes, fmt.Errorf("sign in to %s: no credential of the chain gave one", place)
}

// detailOf drops the sentinel's own words.
func detailOf(err error) string {
	const prefix = "nothing here: "
	if text := err.Error(); len(text) > len(prefix) && text[:len(prefix)] == prefix {
		return text[len(prefix):]
	}
	return err.Error()
}

// DockerStore is the name of the link that reads docker's and podman's stores.
const DockerStore = "docker's store"

// LinkError is a link that has a credential which doesn't work.
type LinkError struct {
	Host     string
	Link     string
	Outcomes []Outcome // of the whole chain
	Err      error
}

// Error names the registry and the link.
func (e *LinkError) Error() string {
	return fmt.Sprintf("sign in to %s: %s: %v", e.Host, e.Link, e.Err)
}

// Unwrap gives the link's own error.
func (e *LinkError) Unwrap() error { return e.Err }
