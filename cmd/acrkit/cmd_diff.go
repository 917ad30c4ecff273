package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/image"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
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
	Title     string `json:"title,omitempty"`
	Size      int64  `json:"size"`
}

func newDiffCommand(a *app) *cobra.Command {
	var f image.Flags
	command := &cobra.Command{
		Use: "diff REF REF", Short: "Compare the layers of two images",
		Long: `Compare the layers of two images. --platform
holds for both.

` + image.Help,
		Example: `  acrkit diff local/team/app:1 local/team/app:2
  acrkit diff myreg.azurecr.io/team/app:1 oci:app.tar --platform linux/amd64
  acrkit diff myreg.azurecr.io/team/app:1 local/team/app:1 --jq .item.equal`,
		GroupID: groupImages,
		Args:    exactArgs("REF", "REF"),
		RunE: func(command *cobra.Command, args []string) error {
			if streams(args) {
				return failure.Usagef("standard input holds one image: one of the two must be elsewhere")
			}
			left, err := f.Open(command.Context(), a.Session, args[0])
			if err != nil {
				return err
			}
			right, err := f.Open(command.Context(), a.Session, args[1])
			if err != nil {
				return err
			}
			d := compare(left, right)
			if a.printer.Flat() {
				return output.List(a.printer, differenceItemView(), output.Sequence(d.Content))
			}
			return output.One(a.printer, differenceView(), d)
		},
	}
	f.Add(command)
	return command
}

// streams reports whether every argument is standard input.
func streams(args []string) bool {
	for _, arg := range args {
		if place, err := location.Parse(arg, ""); err != nil || place.Kind != location.InStream {
			return false
		}
	}
	return true
}

func compare(left, right *image.Image) difference {
	d := difference{
		Left: left.Named(left.Desc.Digest), Right: right.Named(right.Desc.Digest),
		Equal: left.Desc.Digest == right.Desc.Digest, Content: []differenceItem{},
	}
	inRight := map[digest.Digest]bool{}
	for _, part := range right.Body.Parts() {
		inRight[part.Desc.Digest] = true
	}
	inLeft := map[digest.Digest]bool{}
	for _, part := range left.Body.Parts() {
		inLeft[part.Desc.Digest] = true
		side := "left"
		if inRight[part.Desc.Digest] {
			side = "both"
			d.CommonSize += part.Desc.Size
		} else {
			d.LeftSize += part.Desc.Size
		}
		d.Content = append(d.Content, toDifferenceItem(part, side))
	}
	for _, part := range right.Body.Parts() {
		if !inLeft[part.Desc.Digest] {
			d.RightSize += part.Desc.Size
			d.Content = append(d.Content, toDifferenceItem(part, "right"))
		}
	}
	return d
}

func toDifferenceItem(p image.Part, side string) differenceItem {
	return differenceItem{
		Side: side, Role: p.Role, Digest: p.Desc.Digest.String(), MediaType: p.Desc.MediaType,
		Platform: artifact.FormatPlatform(p.Desc.Platform), Title: image.Title(p.Desc), Size: p.Desc.Size,
	}
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
			{Name: "title", Value: func(i differenceItem) string { return i.Title }},
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
				line := fmt.Sprintf("%s %-8s %s  %9s  %s %s%s", marks[i.Side], i.Role, i.Digest, output.Size(i.Size), i.MediaType, i.Platform, i.Title)
				b.WriteString(output.Clean(strings.TrimRight(line, " ")) + "\n")
			}
			fmt.Fprintf(&b, "%s shared, %s only left, %s only right\n", output.Size(d.CommonSize), output.Size(d.LeftSize), output.Size(d.RightSize))
			_, err := io.WriteString(w, b.String())
			return err
		},
	}
}
