package plan

import (
	"context"
	"errors"
	"fmt"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/arm"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

func isRepositoryReference(text string) bool {
	ref, err := reference.Parse(text, "")
	return err == nil && ref.Version() == "" && ref.String() == text
}

// checkImport refuses when the target's tag isn't what the plan saw, or may not
// be written.
func checkImport(ctx context.Context, r *session.Registry, s Step) error {
	now, err := TagDigest(ctx, r, s.Repository, s.Tag)
	if err != nil {
		return err
	}
	if now != s.Replaces {
		return changed(s, "the tag's digest", orNone(s.Replaces), orNone(now))
	}
	if now == "" {
		return nil
	}
	return CheckTagWritable(ctx, r, s.Repository, s.Tag)
}

func orNone(digest string) string {
	if digest == "" {
		return "none"
	}
	return digest
}

// TagDigest is what a tag names; "" when it isn't there.
func TagDigest(ctx context.Context, r *session.Registry, repository, tag string) (string, error) {
	if tag == "" {
		return "", nil
	}
	got, err := r.Client.GetTagProperties(ctx, repository, tag, nil)
	switch {
	case failure.ExitCode(err) == failure.ExitNotFound:
		return "", nil
	case err != nil:
		return "", err
	case got.Tag == nil || got.Tag.Digest == nil:
		return "", fmt.Errorf("%s:%s: the registry names no digest of the tag", repository, tag)
	}
	return *got.Tag.Digest, nil
}

// importImage has ACR import the image, waits for it, and looks at what came.
func importImage(ctx context.Context, r *session.Registry, s Step) error {
	manager, err := r.Manager(ctx)
	if err != nil {
		return err
	}
	from, err := reference.Parse(s.From, "")
	if err != nil {
		return err
	}
	target := s.Repository
	if s.Tag != "" {
		target += ":" + s.Tag
	}
	r.Note("ACR imports %s@%s to %s", s.From, s.Digest, s)
	err = manager.Import(ctx, s.Resource, arm.Import{
		Source: from.Registry.Name, ResourceID: s.FromResource, Image: from.Repository + "@" + s.Digest,
		Target: target, Untagged: s.Tag == "", Force: s.Replaces != "",
	})
	if errors.Is(err, arm.ErrContinues) {
		return &failure.Explained{
			Err:  fmt.Errorf("import %s: %w", s, err),
			Code: "INTERRUPTED", Why: []string{arm.ErrContinues.Error()}, Fix: []string{"acrkit show " + s.String() + "  # whether it came"},
		}
	}
	if err != nil {
		return arm.Explain("import "+s.String(), s.Resource, err)
	}
	return checkImported(ctx, r, s)
}

// checkImported holds what came beside what was to come.
func checkImported(ctx context.Context, r *session.Registry, s Step) error {
	if s.Tag == "" {
		_, err := r.Client.GetManifestProperties(ctx, s.Repository, s.Digest, nil)
		return err
	}
	now, err := TagDigest(ctx, r, s.Repository, s.Tag)
	if err == nil && now != s.Digest {
		err = failure.Coded(failure.ExitMismatch, fmt.Errorf("import %s: the tag names %s, and %s was imported", s, orNone(now), s.Digest))
	}
	return err
}
