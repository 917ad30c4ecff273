package main

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
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
)

// maxManifest is the largest manifest that ACR takes (ACR protocol §4.3).
const maxManifest = 4 << 20

// fileStep begins the step of a command that sends a file.
func (a *app) fileStep(action, file string, ref reference, keep bool) (step, error) {
	s := step{Action: action, Registry: ref.Registry.String(), Repository: ref.Repository, Tag: ref.Tag, Digest: ref.Digest, File: file}
	switch {
	case file != "-":
		absolute, err := filepath.Abs(file)
		s.File = absolute
		return s, err
	case keep:
		return s, usagef("a plan can't keep standard input: send a file")
	}
	return s, a.stdinIsFree(location{kind: inStream})
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

// putBlobSteps plans to send a file as a blob.
func (a *app) putBlobSteps(file string, ref reference, keep bool) ([]step, error) {
	s, err := a.fileStep(actionPutBlob, file, ref, keep)
	if err != nil {
		return nil, err
	}
	is, err := digestOfFile(s.File, a.stdin)
	if err != nil {
		return nil, err
	}
	if s.Digest != "" && s.Digest != is {
		return nil, coded(exitMismatch, fmt.Errorf("%s has the digest %s, not %s", file, is, s.Digest))
	}
	s.Digest = is
	return []step{s}, nil
}

// checkFile refuses when the file is no longer what the plan saw.
func checkFile(_ context.Context, _ *registry, s step) error {
	is, err := digestOfFile(s.File, nil)
	if err == nil && is != s.Digest {
		err = changed(s, "the digest of "+s.File, s.Digest, is)
	}
	return err
}

func putBlob(ctx context.Context, r *registry, s step) error {
	file, err := os.Open(s.File)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = r.blobs.Upload(ctx, s.Repository, file, &azcontainerregistry.UploadOptions{Digest: s.Digest, CheckExists: true})
	return err
}

func blobMount(a *app) *cobra.Command {
	var f writeFlags
	command := &cobra.Command{
		Use: "mount REPOSITORY@DIGEST REPOSITORY", Short: "Give a blob to another repository of the same registry, without moving it",
		Example: "  acrkit blob mount local/team/app@$DIGEST local/prod/app",
		Args:    f.args(exactArgs("REPOSITORY@DIGEST", "REPOSITORY")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.write(command, f, func(ctx context.Context) ([]step, error) {
				from, err := a.digestReference(args[0])
				if err != nil {
					return nil, err
				}
				to, err := a.repositoryReference(args[1])
				if err == nil && to.Registry != from.Registry {
					err = badReference(args[1], "a blob is mounted within one registry; acrkit copy goes between two")
				}
				if err != nil {
					return nil, err
				}
				r, err := a.open(ctx, to.Registry)
				if err != nil {
					return nil, err
				}
				s := step{Action: actionMountBlob, Registry: to.Registry.String(), Repository: to.Repository, Digest: from.Digest, From: from.Repository}
				return []step{s}, checkMount(ctx, r, s)
			})
		},
	}
	f.add(command, false)
	return command
}

func checkMount(ctx context.Context, r *registry, s step) error {
	_, err := r.blobs.CheckBlobExists(ctx, s.From, s.Digest, nil)
	return err
}

func mountBlob(ctx context.Context, r *registry, s step) error {
	_, err := r.blobs.MountBlob(ctx, s.Repository, s.From, s.Digest, nil)
	return err
}

func manifestPut(a *app) *cobra.Command {
	var f writeFlags
	var mediaType string
	command := &cobra.Command{
		Use: "put FILE REPOSITORY[:TAG]", Short: "Store a file as a manifest, under a tag or by digest alone",
		Long: `Store a file as a manifest, byte by byte as it is, under a tag or by digest
alone. The registry must have what it refers to. Its media type is what it says
of itself.`,
		Example: `  acrkit show local/team/app:1 --raw > manifest.json
  acrkit manifest put manifest.json local/team/app:stable`,
		Args: f.args(exactArgs("FILE", "REPOSITORY[:TAG]")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.write(command, f, func(ctx context.Context) ([]step, error) {
				ref, err := a.reference(args[1])
				if err == nil && args[0] == "-" {
					err = usagef("a manifest is sent from a file")
				}
				if err != nil {
					return nil, err
				}
				return a.putManifestSteps(ctx, args[0], ref, mediaType)
			})
		},
	}
	f.add(command, false)
	command.Flags().StringVar(&mediaType, "media-type", "", "the manifest's media `type`, where it doesn't say so itself")
	return command
}

func (a *app) putManifestSteps(ctx context.Context, file string, ref reference, mediaType string) ([]step, error) {
	s, err := a.fileStep(actionPutManifest, file, ref, false)
	if err != nil {
		return nil, err
	}
	data, err := readManifest(s.File)
	if err != nil {
		return nil, err
	}
	var body manifestBody
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, coded(exitMismatch, fmt.Errorf("%s is no manifest: %w", file, err))
	}
	switch {
	case mediaType == "" && body.MediaType == "":
		return nil, usagef("%s doesn't say which media type it has: say it with --media-type", file)
	case mediaType != "" && body.MediaType != "" && mediaType != body.MediaType:
		return nil, usagef("%s says that its media type is %s, not %s", file, body.MediaType, mediaType)
	case mediaType == "":
		mediaType = body.MediaType
	}
	s.MediaType = mediaType
	is := digest.FromBytes(data).String()
	if s.Digest != "" && s.Digest != is {
		return nil, coded(exitMismatch, fmt.Errorf("%s has the digest %s, not %s", file, is, s.Digest))
	}
	s.Digest = is
	r, err := a.open(ctx, ref.Registry)
	if err != nil {
		return nil, err
	}
	s.Replaces, err = named(ctx, r, s)
	return []step{s}, err
}

func readManifest(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := readAll(file, maxManifest)
	if err != nil {
		return nil, coded(exitMismatch, fmt.Errorf("%s is no manifest: %w", path, err))
	}
	return data, nil
}

// named is what the step's tag names now, unless that is what it shall name; ""
// where there is no such tag.
func named(ctx context.Context, r *registry, s step) (string, error) {
	if s.Tag == "" {
		return "", nil
	}
	got, err := r.client.CheckManifestExists(ctx, s.Repository, s.Tag, nil)
	switch {
	case azcontainerregistry.HasCode(err, azcontainerregistry.ErrorCodeManifestUnknown, azcontainerregistry.ErrorCodeNameUnknown), exitCode(err) == exitNotFound:
		return "", nil
	case err != nil || got.Digest == s.Digest:
		return "", err
	}
	return got.Digest, nil
}

func checkPutManifest(ctx context.Context, r *registry, s step) error {
	if err := checkFile(ctx, r, s); err != nil {
		return err
	}
	now, err := named(ctx, r, s)
	if err == nil && now != s.Replaces {
		err = changed(s, "what the tag names", orDash(s.Replaces), orDash(now))
	}
	return err
}

func putManifest(ctx context.Context, r *registry, s step) error {
	data, err := readManifest(s.File)
	if err != nil {
		return err
	}
	// The file may have changed since it was looked at, which was just now.
	if digest.FromBytes(data).String() != s.Digest {
		return errors.New(s.File + " has changed meanwhile")
	}
	version := s.Tag
	if version == "" {
		version = s.Digest
	}
	_, err = r.client.UploadManifest(ctx, s.Repository, version, azcontainerregistry.ContentType(s.MediaType), streaming.NopCloser(bytes.NewReader(data)), nil)
	return err
}
