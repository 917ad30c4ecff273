package main

import (
	"encoding/json"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/image"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// shownImage is what show tells of an image.
type shownImage struct {
	Reference string              `json:"reference"`
	Digest    string              `json:"digest"`
	MediaType string              `json:"mediaType"`
	Size      int64               `json:"size"` // of the manifest
	Content   int64               `json:"contentSize"`
	Platform  string              `json:"platform,omitempty"`
	Tag       *shownState         `json:"tag,omitempty"`    // that the reference names; in a registry
	Stored    *shownState         `json:"stored,omitempty"` // the manifest; in a registry
	Files     []string            `json:"files,omitempty"`  // titles of files that it holds
	Missing   []string            `json:"missing,omitempty"`
	Config    *ocispec.Image      `json:"config,omitempty"`
	Chart     *artifact.HelmChart `json:"chart,omitempty"`
	Manifest  json.RawMessage     `json:"manifest"`

	body image.Manifest
}

// shownState is what a registry keeps about a tag or a manifest.
type shownState struct {
	Name          string       `json:"name,omitempty"` // of a tag
	Tags          []string     `json:"tags,omitempty"` // of a manifest
	CreatedOn     *time.Time   `json:"createdOn,omitempty"`
	LastUpdatedOn *time.Time   `json:"lastUpdatedOn,omitempty"`
	Locks         *items.Locks `json:"locks,omitempty"`
}

func newShowCommand(a *app) *cobra.Command {
	var raw bool
	var f image.Flags
	command := &cobra.Command{
		Use: "show REF", Short: "Show an image: digest, platform, layers, config, locks",
		Long: `Show what a reference names: its digest, platform, layers, configuration and
history; in a registry its tags, times and locks too. The manifest is verified
against its digest. --raw prints its bytes as stored. Of a Helm chart its name,
version and description are shown; acrkit artifact pull fetches its .tgz.

` + image.Help,
		Example: `  acrkit show local/team/app:1
  acrkit show docker:app.tar
  acrkit show oci:app --platform linux/arm64 --jq .item.config.config.Env
  acrkit show local/team/app:1 --jq '.item.manifest.layers[].digest'`,
		GroupID: groupImages,
		Args:    exactArgs("REF"),
		RunE: func(command *cobra.Command, args []string) error {
			i, err := f.Open(command.Context(), a.Session, args[0])
			if err != nil {
				return err
			}
			if raw {
				_, err := a.Stdout.Write(i.Data)
				return err
			}
			config, err := i.Config(command.Context())
			if err != nil {
				return err
			}
			shown := shownImage{
				Reference: i.Named(i.Desc.Digest), Digest: i.Desc.Digest.String(),
				MediaType: i.Desc.MediaType, Size: i.Desc.Size, Content: i.Body.Size(), Config: config,
				Files: artifact.Titles(append(i.Body.Layers, i.Body.Blobs...)), Manifest: i.Data, body: i.Body,
			}
			if shown.Chart, err = artifact.ReadHelmChart(command.Context(), i.Source, i.Body.Config); err != nil {
				return err
			}
			if config != nil {
				shown.Platform = artifact.FormatPlatform(&config.Platform)
			}
			if shown.Missing, err = i.MissingChildren(command.Context()); err != nil {
				return err
			}
			if err := a.readStates(command, i, &shown); err != nil {
				return err
			}
			if err := output.One(a.printer, shownView(), shown); err != nil {
				return err
			}
			return missingParts(i, shown.Missing)
		},
	}
	f.Add(command)
	command.Flags().BoolVar(&raw, "raw", false, "print the manifest's bytes and nothing else")
	return command
}

// readStates asks a registry for times and locks. One that isn't Azure's has
// none, and an identity that may only pull can't read them: then they are left
// out, which is said.
func (a *app) readStates(command *cobra.Command, i *image.Image, shown *shownImage) error {
	ctx := command.Context()
	if i.Place.Kind != location.InRegistry {
		return nil
	}
	if other, err := a.Foreign(ctx, i.Ref.Registry); err != nil || other != nil {
		return err
	}
	r, err := a.OpenFor(ctx, i.Ref)
	if err != nil {
		return err
	}
	manifest, err := items.ManifestOf(ctx, r, i.Ref.Repository, shown.Digest)
	if err == nil {
		shown.Stored = &shownState{Tags: manifest.Tags, CreatedOn: manifest.CreatedOn, LastUpdatedOn: manifest.LastUpdatedOn, Locks: manifest.Locks}
		if i.Ref.Tag != "" {
			var tag items.Tag
			if tag, err = items.TagOf(ctx, a.Session, i.Ref); err == nil {
				shown.Tag = &shownState{Name: tag.Name, CreatedOn: tag.CreatedOn, LastUpdatedOn: tag.LastUpdatedOn, Locks: tag.Locks}
			}
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return err
	}
	a.Note("times and locks are left out: %s", failure.Of(err).Title)
	return nil
}
