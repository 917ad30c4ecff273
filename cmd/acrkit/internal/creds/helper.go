package creds

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

// helperLimit bounds a call of docker's credential helper: one that hangs must
// not hang every command.
const helperLimit = 10 * time.Second

// HelperError is a credential helper that can't be used.
type HelperError struct {
	Program string // such as docker-credential-pass
	Err     error
}

// Error names the program and what is wrong with it.
func (e *HelperError) Error() string {
	return fmt.Sprintf("the credential helper %s %v", e.Program, e.Err)
}

// Unwrap gives the cause.
func (e *HelperError) Unwrap() error { return e.Err }

// helper is one program of docker's credential helper protocol.
type helper string

// in runs one call of the helper. A helper may leave a child that holds its
// output open, and waiting for that would outlast every limit: such a call is
// given up, and ends with the process.
func (h helper) in(ctx context.Context, call func(context.Context, credentials.Store) error) error {
	limited, cancel := context.WithTimeout(ctx, helperLimit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- call(limited, credentials.NewNativeStore(string(h))) }()
	var err error
	select {
	case err = <-done:
	case <-limited.Done():
		err = limited.Err()
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case limited.Err() != nil:
		err = fmt.Errorf("did not respond within %s: %w", helperLimit, context.DeadlineExceeded)
	case errors.Is(err, exec.ErrNotFound):
		err = errors.New("is not installed")
	default:
		// What a helper prints may hold what it was given.
		err = errors.New("failed")
	}
	return &HelperError{Program: "docker-credential-" + string(h), Err: err}
}

// get asks the helper for the credential of each address until it has one.
func (h helper) get(ctx context.Context, addresses ...string) (Credential, bool, error) {
	var stored auth.Credential
	err := h.in(ctx, func(ctx context.Context, store credentials.Store) error {
		for _, address := range addresses {
			var err error
			if stored, err = store.Get(ctx, address); err != nil || stored != auth.EmptyCredential {
				return err
			}
		}
		return nil
	})
	if err != nil || stored == auth.EmptyCredential {
		return Credential{}, false, err
	}
	entry := authEntry{Username: stored.Username, Password: stored.Password, IdentityToken: stored.RefreshToken}
	c, err := entry.credential()
	return c, err == nil, err
}

// addressesOf is how programs name a registry to a helper.
func addressesOf(host string) []string {
	if host == "index.docker.io" {
		return []string{"https://index.docker.io/v1/", host, "https://" + host}
	}
	return []string{host, "https://" + host}
}
