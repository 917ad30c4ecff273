package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/image"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
)

// referrerNode is what refers to a manifest, with what refers to that.
type referrerNode struct {
	Digest       string            `json:"digest"`
	Reference    string            `json:"reference"`
	Subject      string            `json:"subject"`
	ArtifactType string            `json:"artifactType,omitempty"`
	MediaType    string            `json:"mediaType"`
	Size         int64             `json:"size"`
	Created      string            `json:"created,omitempty"`
	Files        []string          `json:"files,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Referrers    []referrerNode    `json:"referrers,omitempty"`
}

func newReferrersCommand(a *app) *cobra.Command {
	var artifactType string
	command := &cobra.Command{
		Use: "referrers REF", Short: "Show what is attached to an image, as a tree",
		Long: `Show what refers to an image as a tree: signatures, SBOMs, reports, with their
files, and what refers to those in turn. acrkit artifact pull fetches the files
of one by its digest.`,
		Example: `  acrkit referrers local/team/app:1
  acrkit referrers local/team/app:1 --artifact-type application/spdx+json -o tsv`,
		GroupID: groupImages, Args: exactArgs("REF"),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			from, err := location.Parse(args[0], a.Getenv("ACR_REGISTRY"))
			if err != nil {
				return err
			}
			if from.Kind == location.InRegistry && from.Ref.Version() == "" {
				from.Ref.Tag = "latest"
			}
			src, err := location.OpenSource(ctx, a.Session, from)
			if err != nil {
				return err
			}
			lister, ok := src.(artifact.ReferrerLister)
			if !ok {
				return failure.Usagef("%s: referrers can't be listed there", from)
			}
			root, err := src.Resolve(ctx, from.Version())
			if err != nil {
				return err
			}
			read := &referrerTree{src: src, lister: lister, at: from, seen: map[digest.Digest]bool{root.Digest: true}}
			tree := referrerNode{Digest: root.Digest.String(), Reference: read.reference(root.Digest), MediaType: root.MediaType, Size: root.Size}
			if tree.Referrers, err = read.of(ctx, root, artifactType, 0); err != nil {
				return err
			}
			if a.printer.Flat() {
				return output.List(a.printer, referrerTreeView(), output.Sequence(tree.flat(nil)))
			}
			return output.One(a.printer, referrerTreeView(), tree)
		},
	}
	command.Flags().StringVar(&artifactType, "artifact-type", "", "only those of this artifact `TYPE`, and what refers to them")
	return command
}

// referrerTree reads referrers of referrers, each once.
type referrerTree struct {
	src    artifact.Source
	lister artifact.ReferrerLister
	at     location.Location
	seen   map[digest.Digest]bool
}

func (t *referrerTree) reference(of digest.Digest) string {
	if t.at.Kind == location.InRegistry {
		return t.at.Ref.WithDigest(of.String()).String()
	}
	place := t.at
	place.Name = of.String()
	return place.String()
}

func (t *referrerTree) of(ctx context.Context, subject ocispec.Descriptor, artifactType string, depth int) ([]referrerNode, error) {
	list, err := t.lister.Referrers(ctx, subject)
	if err != nil && !azcontainerregistry.HasCode(err, azcontainerregistry.ErrorCodeManifestUnknown, azcontainerregistry.ErrorCodeNameUnknown) {
		return nil, err
	}
	var nodes []referrerNode
	for _, desc := range list {
		if artifactType != "" && desc.ArtifactType != artifactType || t.seen[desc.Digest] {
			continue
		}
		if depth >= image.MaxTree {
			return nil, fmt.Errorf("referrers of %s: deeper than %d manifests", t.at, image.MaxTree)
		}
		t.seen[desc.Digest] = true
		node := referrerNode{
			Digest: desc.Digest.String(), Reference: t.reference(desc.Digest), Subject: subject.Digest.String(), ArtifactType: desc.ArtifactType,
			MediaType: desc.MediaType, Size: desc.Size, Annotations: desc.Annotations,
		}
		var body image.Manifest
		if err := artifact.ReadJSON(ctx, t.src, desc, &body); err != nil {
			return nil, err
		}
		if node.Annotations == nil {
			node.Annotations = body.Annotations
		}
		node.Created = node.Annotations[ocispec.AnnotationCreated]
		node.Files = artifact.Titles(append(body.Layers, body.Blobs...))
		if node.Referrers, err = t.of(ctx, desc, "", depth+1); err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

// flat lists what is below the node.
func (n referrerNode) flat(rows []referrerNode) []referrerNode {
	for _, child := range n.Referrers {
		rows = child.flat(append(rows, child))
	}
	return rows
}

func referrerTreeView() output.View[referrerNode] {
	return output.View[referrerNode]{
		Kind: "ReferrerTree",
		Columns: []output.Column[referrerNode]{
			{Name: "digest", Value: func(n referrerNode) string { return n.Digest }},
			{Name: "artifact type", Value: func(n referrerNode) string { return n.ArtifactType }},
			{Name: "size", Value: func(n referrerNode) string { return strconv.FormatInt(n.Size, 10) }},
			{Name: "created", Value: func(n referrerNode) string { return n.Created }},
			{Name: "files", Value: func(n referrerNode) string { return strings.Join(n.Files, ",") }},
			{Name: "subject", Value: func(n referrerNode) string { return n.Subject }},
		},
		Text: func(w io.Writer, n referrerNode) error {
			var b strings.Builder
			n.draw(&b, "", "")
			_, err := io.WriteString(w, b.String())
			return err
		},
	}
}

func (n referrerNode) draw(b *strings.Builder, first, rest string) {
	words := []string{items.ShortType(n.MediaType), term.Short(n.Digest)}
	if n.Subject != "" {
		words = []string{items.OrDash(n.ArtifactType), term.Short(n.Digest), output.Size(n.Size)}
		if n.Created != "" {
			words = append(words, n.Created)
		}
	}
	fmt.Fprintf(b, "%s%s\n", first, output.Clean(strings.Join(words, "  ")))
	lines := len(n.Files) + len(n.Referrers)
	branch := func() (string, string) {
		if lines--; lines == 0 {
			return rest + "└─ ", rest + "   "
		}
		return rest + "├─ ", rest + "│  "
	}
	for _, file := range n.Files {
		here, _ := branch()
		fmt.Fprintf(b, "%s%s\n", here, output.Clean(file))
	}
	for _, child := range n.Referrers {
		here, below := branch()
		child.draw(b, here, below)
	}
}
