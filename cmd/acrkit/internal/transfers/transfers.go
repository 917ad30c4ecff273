// Package transfers moves images for push, pull, copy and sync, with their
// progress and their entries in the journal.
package transfers

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
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
// source's, which a folder or an archive with one image tells itself. A registry
// without a tag is latest, as everywhere else, unless the source is a digest:
// then it is stored without a tag, and untagged reports that.
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
		if t.From.Version() != "" && location.IsDigest(t.From.Version()) && t.From.Ref.Tag == "" {
			return nil
		}
		t.To.Ref.Tag = tagOf(name)
	case location.IsDigest(name):
	case t.To.Format == artifact.ArchiveDocker && t.From.Kind == location.InRegistry && name != "":
		t.To.Name = t.From.Ref.Repository + ":" + name
	default:
		t.To.Name = name
	}
	return nil
}

// tagOf is the tag of an image's name in a folder or an archive: app:1 and
// team/app:1 have the tag 1, and 1 alone is a tag.
func tagOf(name string) string {
	tag := name
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		tag = name[colon+1:]
	}
	if !names.IsTag(tag) {
		return "latest"
	}
	return tag
}

// untagged reports that the image is stored by its digest alone.
func (t *Transfer) untagged() bool {
	return t.To.Kind == location.InRegistry && t.To.Ref.Tag == "" && t.To.Ref.Digest == ""
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
	return outcomeOf(t.From.String(), t.To, result)
}

func outcomeOf(from string, to location.Location, result artifact.Result) transferred {
	digest := result.Root.Digest.String()
	item := transferred{
		Digest: digest, Tag: result.Reference, MediaType: result.Root.MediaType, Source: from,
		BlobsCopied: result.BlobsCopied, BlobsMounted: result.BlobsMounted, BlobsExisted: result.BlobsExisted,
		ManifestsPushed: result.ManifestsPushed, ManifestsExisted: result.ManifestsExisted,
		Referrers: result.Referrers, DigestTags: result.DigestTags, Attestations: result.Attestations,
		BytesCopied: result.BytesCopied, LeftOut: leftOutItems(result.LeftOut),
	}
	if to.Kind == location.InRegistry {
		item.Reference = to.Ref.WithDigest(digest).String()
	} else {
		place := to
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
	DigestTags       int    `json:"digestTags"`
	Attestations     int    `json:"attestations"`
	BytesCopied      int64  `json:"bytesCopied"`

	LeftOut []leftOutItem `json:"leftOut,omitempty"`
}

// leftOutItem is something that belongs to the image and was not copied.
type leftOutItem struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Platform  string `json:"platform,omitempty"`
	Reason    string `json:"reason"`
}

func leftOutItems(list []artifact.LeftOut) []leftOutItem {
	items := make([]leftOutItem, 0, len(list))
	for _, left := range list {
		items = append(items, leftOutItem{
			MediaType: left.Descriptor.MediaType, Digest: left.Descriptor.Digest.String(),
			Platform: artifact.FormatPlatform(left.Descriptor.Platform), Reason: left.Reason,
		})
	}
	return items
}

// noteLeftOut says on standard error what was not copied.
func noteLeftOut(sess *session.Session, list []artifact.LeftOut) {
	const most = 20 // the rest is in the JSON
	for _, left := range list[:min(most, len(list))] {
		sess.Note("left out: %s", output.Clean(left.String()))
	}
	if more := len(list) - most; more > 0 {
		sess.Note("left out: %d more; -o json lists them", more)
	}
	if slices.ContainsFunc(list, func(left artifact.LeftOut) bool { return left.Foreign }) {
		sess.Note("--foreign-layers copies foreign layers where the source holds them")
	}
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
