package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
)

// pulledFile is a file of an artifact that was written, or would be.
type pulledFile struct {
	Path      string `json:"path,omitempty"`
	Title     string `json:"title,omitempty"`
	Digest    string `json:"digest"`
	MediaType string `json:"mediaType"`
	Size      int64  `json:"size"`
	Folder    bool   `json:"folder,omitempty"`
	Skipped   string `json:"skipped,omitempty"`
}

func newArtifactPullCommand(a *app) *cobra.Command {
	var f transfers.Flags
	var dir, platform string
	var noClobber, keepPacked, dryRun bool
	command := &cobra.Command{
		Use: "pull REF", Short: "Write an artifact's files into a folder; prints their paths",
		Long: `Write the files of an artifact into a folder, each under its title, verified.
What would leave the folder is refused before anything is written: a title, a
link in an unpacked folder. Files that have no title are left out and named. A
Helm chart is written as helm names it.`,
		Example: `  acrkit artifact pull local/team/config:1 --dir out
  acrkit artifact pull local/charts/app:1.2.0`,
		Args: exactArgs("REF"),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			from, err := location.Parse(args[0], a.Getenv("ACR_REGISTRY"))
			if err != nil {
				return err
			}
			if from.Kind == location.InRegistry && from.Ref.Version() == "" {
				from.Ref.Tag = "latest"
			}
			wanted, err := onePlatform(platform)
			if err != nil {
				return err
			}
			options, closeProgress, err := a.mover().Observed(&f)
			if err != nil {
				return err
			}
			defer closeProgress()
			src, err := location.OpenSource(ctx, a.Session, from)
			if err != nil {
				return err
			}
			got, err := artifact.UnpackFiles(ctx, src, from.Version(), dir, &artifact.UnpackOptions{
				Platform: wanted, NoClobber: noClobber, KeepFolders: keepPacked, DryRun: dryRun, Options: options,
			})
			closeProgress()
			if err != nil {
				return err
			}
			files := make([]pulledFile, 0, len(got.Files))
			for _, file := range got.Files {
				item := pulledFile{
					Title: file.Title, Digest: file.Descriptor.Digest.String(), MediaType: file.Descriptor.MediaType,
					Size: file.Descriptor.Size, Folder: file.Folder, Skipped: file.Skipped,
				}
				if file.Skipped != "" {
					a.Note("left out: %s (%s): %s", item.Digest, output.Clean(item.MediaType), file.Skipped)
				} else {
					item.Path = filepath.Join(dir, filepath.FromSlash(file.Title))
				}
				files = append(files, item)
			}
			return output.List(a.printer, pulledFileView(dryRun), output.Sequence(files))
		},
	}
	f.AddTuning(command)
	command.Flags().StringVarP(&dir, "dir", "d", ".", "the `FOLDER` to write to; created if it doesn't exist")
	command.Flags().StringVar(&platform, "platform", "", "the image of an index to read: `PLATFORM`, os/arch[/variant]")
	command.Flags().BoolVar(&noClobber, "no-clobber", false, "don't replace a file (exit code 10)")
	command.Flags().BoolVar(&keepPacked, "keep-packed", false, "write folders packed, as the archives in the registry")
	command.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be written and write nothing")
	return command
}

func onePlatform(text string) (*ocispec.Platform, error) {
	if text == "" {
		return nil, nil
	}
	p, err := artifact.ParsePlatform(text)
	if err != nil {
		return nil, usageOfOption(err)
	}
	return &p, nil
}

func pulledFileView(planned bool) output.View[pulledFile] {
	return output.View[pulledFile]{
		Kind: "File",
		Columns: []output.Column[pulledFile]{
			{Name: "path", Value: func(p pulledFile) string { return p.Path }},
			{Name: "digest", Value: func(p pulledFile) string { return p.Digest }},
			{Name: "type", Value: func(p pulledFile) string { return p.MediaType }},
			{Name: "size", Value: func(p pulledFile) string { return strconv.FormatInt(p.Size, 10) }},
			{Name: "skipped", Value: func(p pulledFile) string { return p.Skipped }},
		},
		Text: func(w io.Writer, p pulledFile) error {
			if p.Skipped != "" {
				return nil
			}
			would := ""
			if planned {
				would = "would write "
			}
			_, err := fmt.Fprintln(w, would+output.Clean(p.Path))
			return err
		},
	}
}
