package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/image"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
)

// shownImage is what show tells of an image.
type shownImage struct {
	Reference string          `json:"reference"`
	Digest    string          `json:"digest"`
	MediaType string          `json:"mediaType"`
	Size      int64           `json:"size"` // of the manifest
	Content   int64           `json:"contentSize"`
	Platform  string          `json:"platform,omitempty"`
	Missing   []string        `json:"missing,omitempty"` // manifests that it names and that aren't there
	Config    *ocispec.Image  `json:"config,omitempty"`
	Manifest  json.RawMessage `json:"manifest"`

	body image.Manifest
}

func newShowCommand(a *app) *cobra.Command {
	var raw bool
	command := &cobra.Command{
		Use: "show REF", Short: "Show what a reference names: its digest, platform, layers and configuration",
		Long: `Show what a reference names: its digest, platform, layers and configuration.
The manifest is verified against its digest. --raw prints its bytes as stored.`,
		Example: `  acrkit show local/team/app:1
  acrkit show local/team/app:1 --jq '.item.manifest.layers[].digest'`,
		GroupID: groupImages,
		Args:    exactArgs("REF"),
		RunE: func(command *cobra.Command, args []string) error {
			i, err := image.OpenArgument(command.Context(), a.Session, args[0])
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
				Reference: i.Ref.WithDigest(i.Desc.Digest.String()).String(), Digest: i.Desc.Digest.String(),
				MediaType: i.Desc.MediaType, Size: i.Desc.Size, Content: i.Body.Size(), Config: config,
				Manifest: i.Data, body: i.Body,
			}
			if config != nil {
				shown.Platform = artifact.FormatPlatform(&config.Platform)
			}
			if shown.Missing, err = i.MissingChildren(command.Context()); err != nil {
				return err
			}
			if err := output.One(a.printer, shownView(), shown); err != nil {
				return err
			}
			return missingParts(i.Ref, shown.Missing)
		},
	}
	command.Flags().BoolVar(&raw, "raw", false, "print the manifest's bytes and nothing else")
	return command
}

func shownView() output.View[shownImage] {
	return output.View[shownImage]{
		Kind: "Image",
		Columns: []output.Column[shownImage]{
			{Name: "reference", Value: func(i shownImage) string { return i.Reference }},
			{Name: "type", Value: func(i shownImage) string { return items.ShortType(i.MediaType) }},
			{Name: "platform", Value: func(i shownImage) string { return i.Platform }},
			{Name: "content", Value: func(i shownImage) string { return fmt.Sprint(i.Content) }},
		},
		Text: writeShown,
	}
}

func writeShown(w io.Writer, i shownImage) error {
	lines := [][2]string{
		{"reference", i.Reference},
		{"type", i.MediaType},
		{"artifact", i.body.ArtifactType},
		{"platform", i.Platform},
	}
	if i.Content > 0 {
		lines = append(lines, [2]string{"content", output.Size(i.Content)})
	}
	if c := i.Config; c != nil {
		lines = append(lines,
			[2]string{"created", items.When(c.Created)},
			[2]string{"entrypoint", strings.Join(c.Config.Entrypoint, " ")},
			[2]string{"command", strings.Join(c.Config.Cmd, " ")},
			[2]string{"user", c.Config.User},
		)
	}
	if i.body.Subject != nil {
		lines = append(lines, [2]string{"subject", i.body.Subject.Digest.String()})
	}
	names := make([]string, 0, len(i.body.Annotations))
	for name := range i.body.Annotations {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		lines = append(lines, [2]string{"annotation", name + "=" + i.body.Annotations[name]})
	}
	for _, child := range i.body.Manifests {
		lines = append(lines, [2]string{"manifest", child.Digest.String() + "  " + items.OrDash(artifact.FormatPlatform(child.Platform)) + missingWord(i.Missing, child.Digest.String())})
	}
	if i.body.Config != nil {
		lines = append(lines, [2]string{"config", blobLine(*i.body.Config)})
	}
	for _, layer := range append(i.body.Layers, i.body.Blobs...) {
		lines = append(lines, [2]string{"layer", blobLine(layer)})
	}
	return items.Facts(w, lines)
}

func missingWord(missing []string, digest string) string {
	if slices.Contains(missing, digest) {
		return "  MISSING"
	}
	return ""
}

func blobLine(desc ocispec.Descriptor) string {
	return fmt.Sprintf("%s  %9s  %s", term.Short(desc.Digest.String()), output.Size(desc.Size), desc.MediaType)
}
