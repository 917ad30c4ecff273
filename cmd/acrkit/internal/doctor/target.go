// Package doctor runs the checks of package diagnose on a registry, and prints
// what they found.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// ExamineLocal runs the checks on the embedded registry, or on the emulator
// that serves its folder at the moment.
func ExamineLocal(ctx context.Context, sess *session.Session, target *diagnose.Target, options *diagnose.Options) error {
	dir, err := sess.RegistryDir()
	if err != nil {
		return err
	}
	running, err := emulator.FindRunning(ctx, dir)
	if err != nil {
		return err
	}
	if running != nil {
		client, err := running.HTTPClient()
		if err != nil {
			return err
		}
		sess.OnClose(func() error { client.CloseIdleConnections(); return nil })
		target.Endpoint, options.Transport = running.Endpoint, client.Transport
		options.Credential = func(context.Context) (diagnose.Credential, error) {
			return diagnose.Credential{Source: "the running emulator", Username: running.Username, Password: running.Password}, nil
		}
		return nil
	}
	e, err := sess.OpenFolder(ctx, dir)
	if err != nil {
		return fmt.Errorf("open the embedded registry: %w", err)
	}
	connection := e.Connect(nil)
	sess.OnClose(func() error { return errors.Join(connection.Close(), e.Close()) })
	target.Embedded, target.Endpoint = true, session.LocalEndpoint
	options.Transport = connection.Transport()
	options.Credential = func(ctx context.Context) (diagnose.Credential, error) {
		return ResolveCredential(ctx, sess.LocalChain(), reference.Local)
	}
	return nil
}

func ResolveCredential(ctx context.Context, chain creds.Chain, host string) (diagnose.Credential, error) {
	type resolved struct {
		credential creds.Credential
		outcomes   []creds.Outcome
	}
	r, err := within(ctx, func() (resolved, error) {
		c, outcomes, err := chain.Resolve(ctx, creds.Place{Host: host})
		return resolved{c, outcomes}, err
	})
	if err != nil {
		return diagnose.Credential{}, err
	}
	c := diagnose.Credential{
		Token: r.credential.Token, RefreshToken: r.credential.RefreshToken,
		Username: r.credential.Username, Password: r.credential.Password,
	}
	for _, outcome := range r.outcomes {
		line := fmt.Sprintf("%s: %s", outcome.Link, outcome.State)
		if outcome.Detail != "" {
			line += ", " + outcome.Detail
		}
		c.Tried = append(c.Tried, line)
		if outcome.State == creds.Used {
			c.Source = outcome.Link
		}
	}
	return c, nil
}

// within waits for f no longer than ctx lasts. A credential helper may leave a
// child that holds its output open, and waiting for it would outlast every
// limit; such a wait is given up, and ends with the process.
func within[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
	}
	// f may have ended at the same moment, or end promptly by its own context.
	grace := time.NewTimer(100 * time.Millisecond)
	defer grace.Stop()
	select {
	case r := <-done:
		return r.value, r.err
	case <-grace.C:
		var none T
		return none, ctx.Err()
	}
}

// StoredCredential is what docker's store holds for a host.
func StoredCredential(ctx context.Context, sess *session.Session, host string) (diagnose.StoredCredential, error) {
	stores := creds.FindStores(sess.Getenv)
	c, _, err := stores.Link().Find(ctx, creds.Place{Host: host})
	switch {
	case errors.Is(err, creds.ErrNothing):
		return diagnose.StoredCredential{}, nil
	case ctx.Err() != nil:
		return diagnose.StoredCredential{}, ctx.Err()
	case err != nil:
		return diagnose.StoredCredential{}, err
	}
	return diagnose.StoredCredential{Source: stores.Docker, Username: c.Username, Password: c.Password, RefreshToken: c.RefreshToken}, nil
}
