package plan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/opencontainers/go-digest"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/image"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/userfile"
)

// maxManifest is the largest manifest that ACR takes (ACR protocol §4.3).
const maxManifest = 4 << 20

// fileStep begins the step of a command that sends a file.
func fileStep(sess *session.Session, action Action, file string, ref reference.Reference, keep bool) (Step, error) {
	s := Step{Action: action, Registry: ref.Registry.String(), Repository: ref.Repository, Tag: ref.Tag, Digest: ref.Digest, File: file}
	switch {
	case file != "-":
		absolute, err := filepath.Abs(file)
		s.File = absolute
		return s, err
	case keep:
		return s, failure.Usagef("a plan can't keep standard input: send a file")
	}
	return s, sess.StdinIsFree()
}

// digestOfFile reads what shall be sent; "-" is standard input.
func digestOfFile(path string, stdin io.Reader) (string, error) {
	body := stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer file.Close()
		body = file
	}
	is, err := digest.FromReader(body)
	return is.String(), err
}

// checkFile refuses when the file is no longer what the plan saw.
func checkFile(_ context.Context, _ *session.Registry, s Step) error {
	if s.File == "-" {
		return nil // it was read once, for this very plan
	}
	is, err := digestOfFile(s.File, nil)
	if err == nil && is != s.Digest {
		err = changed(s, "the digest of "+s.File, s.Digest, is)
	}
	return err
}

func putBlob(ctx context.Context, r *session.Registry, s Step) error {
	file, err := os.Open(s.File)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = r.Blobs.Upload(ctx, s.Repository, file, &azcontainerregistry.UploadOptions{Digest: s.Digest, CheckExists: true})
	return err
}

func mountBlob(ctx context.Context, r *session.Registry, s Step) error {
	_, err := r.Blobs.MountBlob(ctx, s.Repository, s.From, s.Digest, nil)
	return err
}

// readManifest reads what shall be sent; "-" is standard input.
func readManifest(path string, stdin io.Reader) ([]byte, error) {
	body := stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		body = file
	}
	data, err := userfile.ReadAll(body, maxManifest)
	if err != nil {
		return nil, failure.Coded(failure.ExitMismatch, fmt.Errorf("%s is no manifest: %w", path, err))
	}
	return data, nil
}

// named is what the step's tag names now, unless that is what it shall name; ""
// where there is no such tag.
func named(ctx context.Context, r *session.Registry, s Step) (string, error) {
	if s.Tag == "" {
		return "", nil
	}
	got, err := r.Client.CheckManifestExists(ctx, s.Repository, s.Tag, nil)
	switch {
	case azcontainerregistry.HasCode(err, azcontainerregistry.ErrorCodeManifestUnknown, azcontainerregistry.ErrorCodeNameUnknown), failure.ExitCode(err) == failure.ExitNotFound:
		return "", nil
	case err != nil || got.Digest == s.Digest:
		return "", err
	}
	return got.Digest, nil
}

func checkPutManifest(ctx context.Context, r *session.Registry, s Step) error {
	if err := checkFile(ctx, r, s); err != nil {
		return err
	}
	now, err := named(ctx, r, s)
	if err == nil && now != s.Replaces {
		return changed(s, "what the tag names", items.OrDash(s.Replaces), items.OrDash(now))
	}
	if err != nil || s.Tag == "" {
		return err
	}
	return CheckTagWritable(ctx, r, s.Repository, s.Tag)
}

func putManifest(ctx context.Context, r *session.Registry, s Step) error {
	data := s.sent
	if data == nil {
		var err error
		if data, err = readManifest(s.File, nil); err != nil {
			return err
		}
	}
	// The file may have changed since it was looked at, which was just now.
	if digest.FromBytes(data).String() != s.Digest {
		return errors.New(s.File + " has changed meanwhile")
	}
	version := s.Tag
	if version == "" {
		version = s.Digest
	}
	_, err := r.Client.UploadManifest(ctx, s.Repository, version, azcontainerregistry.ContentType(s.MediaType), streaming.NopCloser(bytes.NewReader(data)), nil)
	return err
}

// PutBlobSteps plans to send a file as a blob.
func PutBlobSteps(sess *session.Session, file string, ref reference.Reference, keep bool) ([]Step, error) {
	s, err := fileStep(sess, ActionPutBlob, file, ref, keep)
	if err != nil {
		return nil, err
	}
	is, err := digestOfFile(s.File, sess.Stdin)
	if err != nil {
		return nil, err
	}
	if s.Digest != "" && s.Digest != is {
		return nil, failure.Coded(failure.ExitMismatch, fmt.Errorf("%s has the digest %s, not %s", file, is, s.Digest))
	}
	s.Digest = is
	return []Step{s}, nil
}

func PutManifestSteps(ctx context.Context, sess *session.Session, file string, ref reference.Reference, mediaType string, keep bool) ([]Step, error) {
	s, err := fileStep(sess, ActionPutManifest, file, ref, keep)
	if err != nil {
		return nil, err
	}
	data, err := readManifest(s.File, sess.Stdin)
	if err != nil {
		return nil, err
	}
	if s.File == "-" {
		s.sent = data
	}
	var body image.Manifest
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, failure.Coded(failure.ExitMismatch, fmt.Errorf("%s is no manifest: it is not JSON (%v)", file, err))
	}
	switch {
	case mediaType == "" && body.MediaType == "":
		return nil, failure.Usagef("%s doesn't say which media type it has: say it with --media-type", file)
	case mediaType != "" && body.MediaType != "" && mediaType != body.MediaType:
		return nil, failure.Usagef("%s says that its media type is %s, not %s", file, body.MediaType, mediaType)
	case mediaType == "":
		mediaType = body.MediaType
	}
	s.MediaType = mediaType
	is := digest.FromBytes(data).String()
	if s.Digest != "" && s.Digest != is {
		return nil, failure.Coded(failure.ExitMismatch, fmt.Errorf("%s has the digest %s, not %s", file, is, s.Digest))
	}
	s.Digest = is
	r, err := sess.OpenFor(ctx, ref)
	if err != nil {
		return nil, err
	}
	s.Replaces, err = named(ctx, r, s)
	return []Step{s}, err
}
