package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// difference is what two images share and don't.
type difference struct {
	Left       string           `json:"left"`
	Right      string           `json:"right"`
	Equal      bool             `json:"equal"`
	Content    []differenceItem `json:"content"`
	CommonSize int64            `json:"commonSize"`
	LeftSize   int64            `json:"leftSize"`  // only in the left one
	RightSize  int64            `json:"rightSize"` // only in the right one
}

type differenceItem struct {
	Side      string `json:"side"` // both, left, right
	Role      string `json:"role"` // config, layer, manifest
	Digest    string `json:"digest"`
	MediaType string `json:"mediaType"`
	Platform  string `json:"platform,omitempty"`
	Size      int64  `json:"size"`
}

func newDiffCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "diff REF REF", Short: "Compare two images: which layers they share, which only one has",
		Example: `  acrkit diff local/team/app:1 local/team/app:2
  acrkit diff myreg.azurecr.io/team/app:1 local/team/app:1 --jq .item.equal`,
		GroupID: groupImages,
		Args:    exactArgs("REF", "REF"),
		RunE: func(command *cobra.Command, args []string) error {
			left, err := a.imageArgument(command.Context(), args[0])
			if err != nil {
				return err
			}
			right, err := a.imageArgument(command.Context(), args[1])
			if err != nil {
				return err
			}
			d := compare(left, right)
			if a.printer.Flat() {
				return output.List(a.printer, differenceItemView(), sequence(d.Content))
			}
			return output.One(a.printer, differenceView(), d)
		},
	}
}

func compare(left, right *image) difference {
	d := difference{
		Left: left.ref.withDigest(left.desc.Digest.String()).String(), Right: right.ref.withDigest(right.desc.Digest.String()).String(),
		Equal: left.desc.Digest == right.desc.Digest, Content: []differenceItem{},
	}
	inRight := map[digest.Digest]bool{}
	for _, part := range right.body.parts() {
		inRight[part.desc.Digest] = true
	}
	inLeft := map[digest.Digest]bool{}
	for _, part := range left.body.parts() {
		inLeft[part.desc.Digest] = true
		side := "left"
		if inRight[part.desc.Digest] {
			side = "both"
			d.CommonSize += part.desc.Size
		} else {
			d.LeftSize += part.desc.Size
		}
		d.Content = append(d.Content, part.item(side))
	}
	for _, part := range right.body.parts() {
		if !inLeft[part.desc.Digest] {
			d.RightSize += part.desc.Size
			d.Content = append(d.Content, part.item("right"))
		}
	}
	return d
}

// part is something that a manifest names.
type part struct {
	role string
	desc ocispec.Descriptor
}

func (p part) item(side string) differenceItem {
	return differenceItem{
		Side: side, Role: p.role, Digest: p.desc.Digest.String(), MediaType: p.desc.MediaType,
		Platform: artifact.FormatPlatform(p.desc.Platform), Size: p.desc.Size,
	}
}

func (m manifestBody) parts() []part {
	var all []part
	if m.Config != nil {
		all = append(all, part{"config", *m.Config})
	}
	for _, layer := range append(m.Layers, m.Blobs...) {
		all = append(all, part{"layer", layer})
	}
	for _, child := range m.Manifests {
		all = append(all, part{"manifest", child})
	}
	return all
}

func differenceItemView() output.View[differenceItem] {
	return output.View[differenceItem]{
		Kind: "DifferenceItem",
		Columns: []output.Column[differenceItem]{
			{Name: "side", Value: func(i differenceItem) string { return i.Side }},
			{Name: "role", Value: func(i differenceItem) string { return i.Role }},
			{Name: "digest", Value: func(i differenceItem) string { return i.Digest }},
			{Name: "size", Value: func(i differenceItem) string { return fmt.Sprint(i.Size) }},
			{Name: "type", Value: func(i differenceItem) string { return i.MediaType }},
			{Name: "platform", Value: func(i differenceItem) string { return i.Platform }},
		},
	}
}

func differenceView() output.View[difference] {
	return output.View[difference]{
		Kind: "Difference",
		Text: func(w io.Writer, d difference) error {
			var b strings.Builder
			fmt.Fprintf(&b, "left   %s\nright  %s\n", d.Left, d.Right)
			if d.Equal {
				b.WriteString("the same\n")
			}
			marks := map[string]string{"both": "=", "left": "-", "right": "+"}
			for _, i := range d.Content {
				line := fmt.Sprintf("%s %-8s %s  %9s  %s %s", marks[i.Side], i.Role, i.Digest, output.Size(i.Size), i.MediaType, i.Platform)
				b.WriteString(output.Clean(strings.TrimRight(line, " ")) + "\n")
			}
			fmt.Fprintf(&b, "%s shared, %s only left, %s only right\n", output.Size(d.CommonSize), output.Size(d.LeftSize), output.Size(d.RightSize))
			_, err := io.WriteString(w, b.String())
			return err
		},
	}
}
