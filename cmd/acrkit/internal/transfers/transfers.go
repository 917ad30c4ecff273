// Package transfers moves images for push, pull, copy and sync, with their
// progress and their entries in the journal.
package transfers

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/internal/names"
)

// Transfer is one push, pull or copy.
type Transfer struct {
	Verb     string
	Flags    *Flags
	From, To location.Location
}

// remote reports whether a registry other than the embedded one takes part.
func (t *Transfer) remote() bool {
	return (t.From.Kind == location.InRegistry && !t.From.Ref.Registry.Local()) || (t.To.Kind == location.InRegistry && !t.To.Ref.Registry.Local())
}

// settleSource fills in the source's name: latest in a registry.
func (t *Transfer) settleSource() {
	if t.From.Kind == location.InRegistry && t.From.Ref.Version() == "" {
		t.From.Ref.Tag = "latest"
	}
}

// settleTarget fills in the destination's name where it was left out: the
// source's, which a folder or an archive with one image tells itself.
func (t *Transfer) settleTarget(ctx context.Context, src artifact.Source) error {
	if t.To.Version() != "" {
		return nil
	}
	name := t.From.Name
	if t.From.Kind == location.InRegistry {
		name = t.From.Ref.Tag
	}
	if lister, ok := src.(artifact.TagLister); ok && name == "" && t.From.Kind != location.InRegistry {
		tags, err := lister.Tags(ctx)
		if err != nil {
			return err
		}
		if len(tags) == 1 {
			name = tags[0]
		}
	}
	switch {
	case t.To.Kind == location.InRegistry:
		// A docker archive calls its image app:1; only the tag goes along.
		if tag := name[strings.LastIndexByte(name, ':')+1:]; names.IsTag(tag) {
			t.To.Ref.Tag = tag
		}
	case t.To.Format == artifact.ArchiveDocker && t.From.Kind == location.InRegistry && name != "":
		t.To.Name = t.From.Ref.Repository + ":" + name
	default:
		t.To.Name = name
	}
	return nil
}

// refuseReplacing is --no-clobber for files; the library does it for tags.
func (t *Transfer) refuseReplacing() error {
	if !t.Flags.noClobber || t.To.Kind != location.InArchive {
		return nil
	}
	if _, err := os.Stat(t.To.Path); err == nil {
		return failure.Coded(failure.ExitExists, fmt.Errorf("%s exists already", t.To.Path))
	}
	return nil
}

func (t *Transfer) outcome(result artifact.Result) transferred {
	digest := result.Root.Digest.String()
	item := transferred{
		Digest: digest, Tag: result.Reference, MediaType: result.Root.MediaType, Source: t.From.String(),
		BlobsCopied: result.BlobsCopied, BlobsMounted: result.BlobsMounted, BlobsExisted: result.BlobsExisted,
		ManifestsPushed: result.ManifestsPushed, ManifestsExisted: result.ManifestsExisted,
		Referrers: result.Referrers, BytesCopied: result.BytesCopied,
	}
	if t.To.Kind == location.InRegistry {
		item.Reference = t.To.Ref.WithDigest(digest).String()
	} else {
		place := t.To
		place.Name = ""
		item.Reference = place.String() + "@" + digest
	}
	return item
}

// transferred is the result of a transfer.
type transferred struct {
	Reference        string `json:"reference"`
	Tag              string `json:"tag,omitempty"`
	Digest           string `json:"digest"`
	MediaType        string `json:"mediaType"`
	Source           string `json:"source"`
	BlobsCopied      int    `json:"blobsCopied"`
	BlobsMounted     int    `json:"blobsMounted"`
	BlobsExisted     int    `json:"blobsExisted"`
	ManifestsPushed  int    `json:"manifestsPushed"`
	ManifestsExisted int    `json:"manifestsExisted"`
	Referrers        int    `json:"referrers"`
	BytesCopied      int64  `json:"bytesCopied"`
}

func transferredView() output.View[transferred] {
	return output.View[transferred]{Kind: "Transfer", Columns: []output.Column[transferred]{
		{Name: "reference", Value: func(t transferred) string { return t.Reference }},
		{Name: "tag", Value: func(t transferred) string { return t.Tag }},
		{Name: "copied", Value: func(t transferred) string { return strconv.Itoa(t.BlobsCopied) }},
		{Name: "mounted", Value: func(t transferred) string { return strconv.Itoa(t.BlobsMounted) }},
		{Name: "existed", Value: func(t transferred) string { return strconv.Itoa(t.BlobsExisted) }},
		{Name: "bytes", Value: func(t transferred) string { return strconv.FormatInt(t.BytesCopied, 10) }},
	}}
}
