package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
)

type blobItem struct {
	Digest    string `json:"digest"`
	Reference string `json:"reference"`
	Role      string `json:"role,omitempty"`
	MediaType string `json:"mediaType,omitempty"`
	Size      int64  `json:"size"`
}

func newBlobCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use: "blob", Short: "Blobs: list those of an image, show, get, put, mount, delete",
		GroupID: groupRegistry, Args: cobra.ArbitraryArgs, RunE: helpOrUnknown,
	}
	command.AddCommand(blobList(a), blobShow(a), blobGet(a), blobPut(a), blobMount(a), blobDelete(a))
	return command
}

func blobView() output.View[blobItem] {
	return output.View[blobItem]{Kind: "Blob", Columns: []output.Column[blobItem]{
		{Name: "digest", Value: func(i blobItem) string { return i.Digest }},
		{Name: "role", Value: func(i blobItem) string { return i.Role }},
		{Name: "size", Value: func(i blobItem) string { return fmt.Sprint(i.Size) }},
		{Name: "type", Value: func(i blobItem) string { return i.MediaType }},
	}}
}

func blobList(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list REF", Aliases: []string{"ls"}, Short: "List the blobs of an image: its configuration and layers",
		Long: `List the blobs of an image: its configuration and layers, for an index those of
all its images. A registry has no list of all blobs.`,
		Example: "  acrkit blob list local/team/app:1 -o table",
		Args:    exactArgs("REF"),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			root, err := a.imageArgument(ctx, args[0])
			if err != nil {
				return err
			}
			return list(a, listFlags{}, blobView(), func(yield func(blobItem, error) bool) {
				a.eachBlob(ctx, root, map[string]bool{}, 0, yield)
			})
		},
	}
}

// eachBlob yields every blob under a manifest once, and reports whether to go on.
func (a *app) eachBlob(ctx context.Context, i *image, seen map[string]bool, depth int, yield func(blobItem, error) bool) bool {
	if depth >= maxTree {
		return yield(blobItem{}, fmt.Errorf("blobs of %s: deeper than %d manifests", i.ref, maxTree))
	}
	for _, p := range i.body.parts() {
		if seen[p.desc.Digest.String()] {
			continue
		}
		seen[p.desc.Digest.String()] = true
		if p.role == "manifest" {
			child, err := i.child(ctx, a, p.desc)
			if err != nil {
				yield(blobItem{}, err)
				return false
			}
			if !a.eachBlob(ctx, child, seen, depth+1, yield) {
				return false
			}
			continue
		}
		item := blobItem{
			Digest: p.desc.Digest.String(), Reference: i.ref.withDigest(p.desc.Digest.String()).String(),
			Role: p.role, MediaType: p.desc.MediaType, Size: p.desc.Size,
		}
		if !yield(item, nil) {
			return false
		}
	}
	return true
}

func blobShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show REPOSITORY@DIGEST", Short: "Show whether a blob is there, and its size",
		Example: "  acrkit blob show local/team/app@$DIGEST",
		Args:    exactArgs("REPOSITORY@DIGEST"),
		RunE: func(command *cobra.Command, args []string) error {
			ref, err := a.digestReference(args[0])
			if err != nil {
				return err
			}
			r, err := a.open(command.Context(), ref.Registry)
			if err != nil {
				return err
			}
			got, err := r.blobs.CheckBlobExists(command.Context(), ref.Repository, ref.Digest, nil)
			if err != nil {
				return err
			}
			view := blobView()
			view.Text = func(w io.Writer, i blobItem) error {
				return facts(w, [][2]string{{"blob", i.Reference}, {"size", output.Size(i.Size)}})
			}
			return output.One(a.printer, view, blobItem{Digest: ref.Digest, Reference: ref.String(), Size: value(got.ContentLength)})
		},
	}
}

func blobGet(a *app) *cobra.Command {
	var f transferFlags
	command := &cobra.Command{
		Use: "get REPOSITORY@DIGEST FILE|-", Short: "Fetch a blob, verified, into a file or to standard output",
		Example: `  acrkit blob get local/team/app@$DIGEST layer.tar.gz
  acrkit blob get local/team/app@$DIGEST - | tar tz`,
		Args: exactArgs("REPOSITORY@DIGEST", "FILE"),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			ref, err := a.digestReference(args[0])
			if err != nil {
				return err
			}
			r, err := a.open(ctx, ref.Registry)
			if err != nil {
				return err
			}
			progress := term.NewProgress(a.mode, a.stderr, a.screen, a.now)
			defer progress.Close()
			options, err := f.downloadOptions(a, ref.Digest, progress)
			if err != nil {
				return err
			}
			if args[1] == "-" {
				_, err = r.blobs.Download(ctx, ref.Repository, ref.Digest, a.stdout, options)
				return err
			}
			got, err := r.blobs.DownloadFile(ctx, ref.Repository, ref.Digest, args[1], options)
			if err != nil {
				return err
			}
			progress.Close()
			return output.One(a.printer, blobView(), blobItem{Digest: got.Digest, Reference: ref.String(), Size: got.Size})
		},
	}
	f.addTuning(command)
	return command
}

func blobPut(a *app) *cobra.Command {
	var f transferFlags
	var write writeFlags
	command := &cobra.Command{
		Use: "put FILE|- REPOSITORY", Short: "Send a file or standard input as a blob; prints its reference",
		Example: `  acrkit blob put README.md local/notes
  tar c docs | acrkit blob put - local/notes`,
		Args: write.args(exactArgs("FILE", "REPOSITORY")),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			if write.apply != "" {
				return a.write(command, write, nil)
			}
			ref, err := a.reference(args[1])
			if err == nil && ref.Tag != "" {
				err = badReference(args[1], "a blob has no tag")
			}
			if err != nil {
				return err
			}
			if write.dryRun || write.keep != "" {
				return a.write(command, write, func(context.Context) ([]step, error) {
					return a.putBlobSteps(args[0], ref, write.keep != "")
				})
			}
			body := a.stdin
			if args[0] == "-" {
				if err := a.stdinIsFree(location{kind: inStream}); err != nil {
					return err
				}
			} else {
				file, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer file.Close()
				body = file
			}
			r, err := a.open(ctx, ref.Registry)
			if err != nil {
				return err
			}
			progress := term.NewProgress(a.mode, a.stderr, a.screen, a.now)
			defer progress.Close()
			options, err := f.uploadOptions(a, ref.Digest, progress)
			if err != nil {
				return err
			}
			got, err := r.blobs.Upload(ctx, ref.Repository, body, options)
			if err != nil {
				return err
			}
			progress.Close()
			view := blobView()
			view.Text = func(w io.Writer, i blobItem) error { _, err := fmt.Fprintln(w, i.Reference); return err }
			return output.One(a.printer, view, blobItem{Digest: got.Digest, Reference: ref.withDigest(got.Digest).String(), Size: got.Size})
		},
	}
	write.add(command, false)
	f.addTuning(command)
	return command
}

func blobDelete(a *app) *cobra.Command {
	var f writeFlags
	command := &cobra.Command{
		Use: "delete REPOSITORY@DIGEST...", Short: "Delete a blob; images that need it break",
		Example: `  acrkit blob delete local/team/app@$DIGEST --dry-run
  acrkit blob delete local/team/app@$DIGEST --yes`,
		Args: f.args(someArgs("REPOSITORY@DIGEST")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.write(command, f, func(ctx context.Context) ([]step, error) {
				return eachStep(args, func(text string) (step, error) {
					ref, err := a.digestReference(text)
					if err != nil {
						return step{}, err
					}
					s := step{Action: actionDeleteBlob, Registry: ref.Registry.String(), Repository: ref.Repository, Digest: ref.Digest}
					r, err := a.open(ctx, ref.Registry)
					if err != nil {
						return step{}, err
					}
					return s, checkBlob(ctx, r, s)
				})
			})
		},
	}
	f.add(command, true)
	return command
}

// downloadOptions makes the library's options of the flags.
func (f *transferFlags) downloadOptions(a *app, digest string, progress term.Progress) (*azcontainerregistry.DownloadOptions, error) {
	o, err := f.options(a)
	if err != nil {
		return nil, err
	}
	return &azcontainerregistry.DownloadOptions{
		Concurrency: f.concurrency, MaxRetries: o.MaxRetries, NoProgressTimeout: f.timeout, Budget: o.Budget,
		OnProgress: func(e azcontainerregistry.TransferEvent) { progress.Show(blobUpdate(digest, e)) },
	}, nil
}

// uploadOptions makes the library's options of the flags. Without a digest it is
// computed on the way.
func (f *transferFlags) uploadOptions(a *app, digest string, progress term.Progress) (*azcontainerregistry.UploadOptions, error) {
	o, err := f.options(a)
	if err != nil {
		return nil, err
	}
	name := digest
	if name == "" {
		name = "upload"
	}
	return &azcontainerregistry.UploadOptions{
		Digest: digest, CheckExists: digest != "", MaxRetries: o.MaxRetries, NoProgressTimeout: f.timeout, Budget: o.Budget,
		OnProgress: func(e azcontainerregistry.TransferEvent) { progress.Show(blobUpdate(name, e)) },
	}, nil
}

// blobUpdate turns an event of one blob into a step of the display.
func blobUpdate(digest string, e azcontainerregistry.TransferEvent) term.Update {
	u := term.Update{
		Digest: digest, Bytes: e.Bytes, Total: max(e.Total, 0), Ranges: e.Ranges, Attempt: e.Attempt, Wait: e.Wait,
		AllBlobs: 1, AllBytes: max(e.Total, 0), DoneBytes: e.Bytes,
	}
	switch e.Kind {
	case azcontainerregistry.TransferStarted:
		u.Step = term.Started
	case azcontainerregistry.TransferRetrying:
		u.Step = term.Retrying
	case azcontainerregistry.TransferResumed:
		u.Step = term.Resumed
	case azcontainerregistry.TransferExists:
		u.Step = term.Exists
	case azcontainerregistry.TransferDone:
		u.Step, u.DoneBlobs = term.Done, 1
	default:
		u.Step = term.Moving
	}
	if e.Err != nil {
		u.Reason = reason(e.Err)
	}
	return u
}
