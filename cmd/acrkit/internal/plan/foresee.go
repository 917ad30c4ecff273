package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// What follows finds out by reading what a change would be refused for: dry runs
// and plans say it instead of the registry. What may not be read is not known,
// and then nothing is said.

// CheckRights refuses when this identity lacks actions in a repository.
func CheckRights(ctx context.Context, r *session.Registry, repository string, actions ...string) error {
	missing, granted, err := r.Missing(ctx, repository, actions...)
	if err != nil || len(missing) == 0 {
		return err
	}
	have := strings.Join(granted, ", ")
	if have == "" {
		have = "nothing"
	}
	at := reference.Reference{Registry: r.Host, Repository: repository}.String()
	return &failure.Explained{
		Err:  failure.Coded(failure.ExitNotAllowed, fmt.Errorf("this identity may not %s in %s, nothing was done", strings.Join(missing, ", "), at)),
		Code: "ACTION_NOT_GRANTED",
		Why:  []string{fmt.Sprintf("needed: %s; granted: %s", strings.Join(actions, ", "), have)},
		Fix:  []string{"acrkit whoami " + r.Host.String(), "acrkit doctor " + at},
	}
}

// lockState is what a repository's own lock is, remembered for a command.
type lockState struct{ repository string }

// CheckRepositoryWritable refuses when the repository is locked: its lock holds
// for everything in it (ACR protocol §7.3).
func CheckRepositoryWritable(ctx context.Context, r *session.Registry, repository string) error {
	got, err := r.Remember(lockState{repository}, func() (any, error) {
		item, err := items.RepositoryOf(ctx, r, repository)
		if err != nil {
			return (*items.Locks)(nil), unreadable(ctx, err)
		}
		return item.Locks, nil
	})
	if err != nil {
		return err
	}
	l := got.(*items.Locks)
	if l == nil || l.CanWrite {
		return nil
	}
	return RefuseLocked(Step{Registry: r.Host.String(), Repository: repository}, "repository", l)
}

// CheckTagWritable refuses when a tag that is there is locked.
func CheckTagWritable(ctx context.Context, r *session.Registry, repository, tag string) error {
	got, err := r.Client.GetTagProperties(ctx, repository, tag, nil)
	if err != nil {
		return unreadable(ctx, err)
	}
	at := reference.Reference{Registry: r.Host, Repository: repository}
	l := items.ToTag(at, got.Tag).Locks
	if l == nil || l.CanWrite {
		return nil
	}
	return RefuseLocked(Step{Registry: r.Host.String(), Repository: repository, Tag: tag}, "tag", l)
}

// CheckPush refuses what a push to a repository, and to a tag in it where one is
// named, would be refused for.
func CheckPush(ctx context.Context, r *session.Registry, repository, tag string) error {
	if err := CheckRepositoryWritable(ctx, r, repository); err != nil {
		return err
	}
	if tag == "" {
		return nil
	}
	return CheckTagWritable(ctx, r, repository, tag)
}

// unreadable is nil for what says only that a lock can't be known: the thing
// isn't there, or isn't this identity's to read.
func unreadable(ctx context.Context, err error) error {
	switch failure.ExitCode(err) {
	case failure.ExitNotFound, failure.ExitNotSignedIn, failure.ExitNotAllowed:
		if !errors.Is(err, context.Canceled) && ctx.Err() == nil {
			return nil
		}
	}
	return err
}
