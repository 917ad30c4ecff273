package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/image"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
)

// treeNode is a manifest or a blob with what hangs on it.
type treeNode struct {
	Role         string     `json:"role"` // root, manifest, config, layer, referrer
	Digest       string     `json:"digest"`
	MediaType    string     `json:"mediaType"`
	ArtifactType string     `json:"artifactType,omitempty"`
	Platform     string     `json:"platform,omitempty"`
	Title        string     `json:"title,omitempty"` // of a file
	Size         int64      `json:"size"`
	Missing      bool       `json:"missing,omitempty"` // it is named, and isn't there
	Children     []treeNode `json:"children,omitempty"`

	depth int // of a row
}

func newTreeCommand(a *app) *cobra.Command {
	var f image.Flags
	command := &cobra.Command{
		Use: "tree REF", Short: "Show an image's manifests, layers and referrers as a tree",
		Long: `Show an image's manifests, layers and referrers as a tree.

` + image.Help,
		Example: `  acrkit tree local/team/app:1
  acrkit tree oci:app.tar --platform linux/arm64
  acrkit tree myreg.azurecr.io/team/app:1 --jq '.item | .. | .digest? // empty'`,
		GroupID: groupImages,
		Args:    exactArgs("REF"),
		RunE: func(command *cobra.Command, args []string) error {
			i, err := f.Open(command.Context(), a.Session, args[0])
			if err != nil {
				return err
			}
			root, err := readTree(command.Context(), i, "root", "", map[string]bool{}, 0)
			if err != nil {
				return err
			}
			if a.printer.Flat() {
				err = output.List(a.printer, treeView(), output.Sequence(root.flat(0, nil)))
			} else {
				err = output.One(a.printer, treeView(), root)
			}
			if err != nil {
				return err
			}
			return missingParts(i, root.missing(nil))
		},
	}
	f.Add(command)
	return command
}

// tree reads a manifest's children and its referrers. seen keeps a referrer
// that refers back from being followed for ever.
func readTree(ctx context.Context, i *image.Image, role, platform string, seen map[string]bool, depth int) (treeNode, error) {
	node := treeNode{
		Role: role, Digest: i.Desc.Digest.String(), MediaType: i.Desc.MediaType, ArtifactType: i.Body.ArtifactType,
		Platform: platform, Size: i.Desc.Size,
	}
	if seen[node.Digest] {
		return node, nil
	}
	if depth >= image.MaxTree {
		return node, fmt.Errorf("tree of %s: deeper than %d manifests", i.Place, image.MaxTree)
	}
	seen[node.Digest] = true
	if i.Body.Config != nil {
		node.Children = append(node.Children, blobNode("config", *i.Body.Config))
	}
	for _, layer := range append(i.Body.Layers, i.Body.Blobs...) {
		node.Children = append(node.Children, blobNode("layer", layer))
	}
	follow := func(desc ocispec.Descriptor, role string) error {
		child, err := i.Child(ctx, desc)
		if failure.ExitCode(err) == failure.ExitNotFound {
			node.Children = append(node.Children, treeNode{
				Role: role, Digest: desc.Digest.String(), MediaType: desc.MediaType, ArtifactType: desc.ArtifactType,
				Platform: artifact.FormatPlatform(desc.Platform), Size: desc.Size, Missing: true,
			})
			return nil
		}
		if err != nil {
			return err
		}
		sub, err := readTree(ctx, child, role, artifact.FormatPlatform(desc.Platform), seen, depth+1)
		node.Children = append(node.Children, sub)
		return err
	}
	for _, desc := range i.Body.Manifests {
		if err := follow(desc, "manifest"); err != nil {
			return node, err
		}
	}
	referrers, err := i.Referrers(ctx)
	if err != nil {
		return node, err
	}
	for _, desc := range referrers {
		if err := follow(desc, "referrer"); err != nil {
			return node, err
		}
	}
	return node, nil
}

// flat appends the node and what is below it, as rows.
func (n treeNode) flat(depth int, rows []treeNode) []treeNode {
	n.depth = depth
	rows = append(rows, n)
	for _, child := range n.Children {
		rows = child.flat(depth+1, rows)
	}
	return rows
}

// missing appends the digests of what is named and isn't there.
func (n treeNode) missing(list []string) []string {
	if n.Missing {
		list = append(list, n.Digest)
	}
	for _, child := range n.Children {
		list = child.missing(list)
	}
	return list
}

// missingParts is the error of an image that isn't whole; nil where nothing is
// missing.
func missingParts(i *image.Image, missing []string) error {
	if len(missing) == 0 {
		return nil
	}
	fix := []string{"copy the image again from where it is whole"}
	if i.Place.Kind == location.InRegistry {
		repository := reference.Reference{Registry: i.Ref.Registry, Repository: i.Ref.Repository}.String()
		fix = []string{"acrkit manifest list --deleted " + repository + "  # where soft delete is on", "push or copy the image again"}
	}
	return &failure.Explained{
		Err:  failure.Coded(failure.ExitMismatch, fmt.Errorf("%s is not whole: %d of the manifests that it names are not there", i.Place, len(missing))),
		Code: "IMAGE_NOT_WHOLE", Why: missing, Fix: fix,
	}
}

func blobNode(role string, desc ocispec.Descriptor) treeNode {
	return treeNode{Role: role, Digest: desc.Digest.String(), MediaType: desc.MediaType, Title: image.Title(desc), Size: desc.Size}
}

func treeView() output.View[treeNode] {
	return output.View[treeNode]{
		Kind: "Tree",
		Columns: []output.Column[treeNode]{
			{Name: "depth", Value: func(n treeNode) string { return strconv.Itoa(n.depth) }},
			{Name: "role", Value: func(n treeNode) string { return n.Role }},
			{Name: "digest", Value: func(n treeNode) string { return n.Digest }},
			{Name: "type", Value: func(n treeNode) string { return n.MediaType }},
			{Name: "platform", Value: func(n treeNode) string { return n.Platform }},
			{Name: "size", Value: func(n treeNode) string { return fmt.Sprint(n.Size) }},
			{Name: "missing", Value: func(n treeNode) string {
				if n.Missing {
					return "missing"
				}
				return ""
			}},
			{Name: "title", Value: func(n treeNode) string { return n.Title }},
		},
		Text: func(w io.Writer, n treeNode) error {
			var b strings.Builder
			n.draw(&b, "", "")
			_, err := io.WriteString(w, b.String())
			return err
		},
	}
}

// draw writes the node and its children, each behind its branch.
func (n treeNode) draw(b *strings.Builder, first, rest string) {
	what := n.Role
	if n.Role == "root" {
		what = items.ShortType(n.MediaType)
	}
	words := []string{what, term.Short(n.Digest)}
	if n.Platform != "" {
		words = append(words, n.Platform)
	}
	if n.Role == "referrer" && n.ArtifactType != "" {
		words = append(words, n.ArtifactType)
	}
	words = append(words, output.Size(n.Size))
	if n.Missing {
		words = append(words, "MISSING")
	}
	if n.Title != "" {
		words = append(words, n.Title)
	}
	fmt.Fprintf(b, "%s%s\n", first, output.Clean(strings.Join(words, "  ")))
	for i, child := range n.Children {
		if i == len(n.Children)-1 {
			child.draw(b, rest+"└─ ", rest+"   ")
		} else {
			child.draw(b, rest+"├─ ", rest+"│  ")
		}
	}
}
