package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/artifact/rootfs"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// filesFlags are what the commands on files inside images share.
type filesFlags struct {
	platform string
}

func (f *filesFlags) add(command *cobra.Command) {
	command.Flags().StringVar(&f.platform, "platform", "", "the image of an index to read: `PLATFORM`, os/arch[/variant]; required if there are several")
}

// imageFiles opens the image that an argument names, to read its files.
func (a *app) imageFiles(ctx context.Context, f *filesFlags, text string) (*rootfs.Image, error) {
	from, err := location.Parse(text, a.Getenv("ACR_REGISTRY"))
	if err != nil {
		return nil, err
	}
	if from.Kind == location.InRegistry && from.Ref.Version() == "" {
		from.Ref.Tag = "latest"
	}
	platform, err := onePlatform(f.platform)
	if err != nil {
		return nil, err
	}
	src, err := location.OpenSource(ctx, a.Session, from)
	if err != nil {
		return nil, err
	}
	i, err := rootfs.Open(ctx, src, from.Version(), &rootfs.Options{Platform: platform})
	if invalid := new(artifact.InvalidError); platform == nil && errors.As(err, &invalid) && invalid.Code == "PLATFORM_NOT_IN_IMAGE" {
		return nil, failure.Coded(failure.ExitUsage, err)
	}
	return i, err
}

// imageTree opens the image that an argument names and merges its layers.
func (a *app) imageTree(ctx context.Context, f *filesFlags, text string) (*rootfs.Image, *rootfs.Tree, error) {
	i, err := a.imageFiles(ctx, f, text)
	if err != nil {
		return nil, nil, err
	}
	tree, err := i.Read(ctx)
	return i, tree, err
}

// imageFile is a file of an image as it is shown.
type imageFile struct {
	Path       string            `json:"path"`
	Type       string            `json:"type"` // file, folder, link, device, pipe
	Mode       string            `json:"mode"` // octal, with setuid, setgid and sticky
	UID        int               `json:"uid"`
	GID        int               `json:"gid"`
	User       string            `json:"user,omitempty"`
	Group      string            `json:"group,omitempty"`
	Size       int64             `json:"size"`
	ModTime    *time.Time        `json:"modTime,omitempty"`
	Link       string            `json:"link,omitempty"`     // where a symbolic link points
	HardLink   string            `json:"hardLink,omitempty"` // the first path of the same file
	Device     string            `json:"device,omitempty"`   // major:minor
	Attributes map[string][]byte `json:"attributes,omitempty"`
	Digest     string            `json:"digest,omitempty"` // of a file's content
	// Layer is counted from 0, the base; absent for a folder that no layer has an
	// entry for.
	Layer       *int   `json:"layer,omitempty"`
	LayerDigest string `json:"layerDigest,omitempty"`

	mode fs.FileMode
}

func toImageFile(i *rootfs.Image, f *rootfs.File) imageFile {
	const special = fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	octal := int64(f.Mode.Perm())
	for k, bit := range []fs.FileMode{fs.ModeSticky, fs.ModeSetgid, fs.ModeSetuid} {
		if f.Mode&special&bit != 0 {
			octal |= 0o1000 << k
		}
	}
	item := imageFile{
		Path: f.Path, Type: "file", Mode: fmt.Sprintf("%04o", octal), UID: f.UID, GID: f.GID, User: f.User, Group: f.Group,
		Size: f.Size, Link: f.Link, HardLink: f.HardLink, Digest: f.Digest.String(), mode: f.Mode,
	}
	switch {
	case f.Mode.IsDir():
		item.Type = "folder"
	case f.Mode&fs.ModeSymlink != 0:
		item.Type = "link"
	case f.Mode&fs.ModeDevice != 0:
		item.Type, item.Device = "device", fmt.Sprintf("%d:%d", f.Major, f.Minor)
	case f.Mode&fs.ModeNamedPipe != 0:
		item.Type = "pipe"
	}
	if !f.ModTime.IsZero() {
		when := f.ModTime.UTC()
		item.ModTime = &when
	}
	for name, value := range f.Attributes {
		if item.Attributes == nil {
			item.Attributes = map[string][]byte{}
		}
		item.Attributes[name] = []byte(value)
	}
	if f.Layer >= 0 {
		item.Layer, item.LayerDigest = &f.Layer, i.Layers()[f.Layer].Digest.String()
	}
	return item
}

// modeText is a mode as ls shows it.
func modeText(m fs.FileMode) string {
	kind := byte('-')
	switch {
	case m.IsDir():
		kind = 'd'
	case m&fs.ModeSymlink != 0:
		kind = 'l'
	case m&fs.ModeCharDevice != 0:
		kind = 'c'
	case m&fs.ModeDevice != 0:
		kind = 'b'
	case m&fs.ModeNamedPipe != 0:
		kind = 'p'
	}
	text := []byte("?rwxrwxrwx")
	text[0] = kind
	for k := range 9 {
		if m&(1<<(8-k)) == 0 {
			text[1+k] = '-'
		}
	}
	for _, s := range []struct {
		bit fs.FileMode
		at  int
		on  byte
	}{{fs.ModeSetuid, 3, 's'}, {fs.ModeSetgid, 6, 's'}, {fs.ModeSticky, 9, 't'}} {
		switch {
		case m&s.bit == 0:
		case text[s.at] == '-':
			text[s.at] = s.on - 'a' + 'A'
		default:
			text[s.at] = s.on
		}
	}
	return string(text)
}

func (f imageFile) layer() string {
	if f.Layer == nil {
		return "-"
	}
	return strconv.Itoa(*f.Layer)
}

func (f imageFile) owner() string { return fmt.Sprintf("%d:%d", f.UID, f.GID) }

// named is the path with what it points to.
func (f imageFile) named() string {
	switch {
	case f.Link != "":
		return f.Path + " -> " + f.Link
	case f.HardLink != "":
		return f.Path + " = " + f.HardLink
	}
	return f.Path
}

// sized is the size, or a device's numbers.
func (f imageFile) sized() string {
	if f.Device != "" {
		return strings.Replace(f.Device, ":", ",", 1)
	}
	return strconv.FormatInt(f.Size, 10)
}

func (f imageFile) when() string {
	if f.ModTime == nil {
		return "-"
	}
	return f.ModTime.Format("2006-01-02 15:04")
}

// columns are what a file has in a table.
func imageFileColumns() []output.Column[imageFile] {
	return []output.Column[imageFile]{
		{Name: "mode", Value: func(f imageFile) string { return modeText(f.mode) }},
		{Name: "owner", Value: imageFile.owner},
		{Name: "size", Value: imageFile.sized},
		{Name: "modified", Value: imageFile.when},
		{Name: "layer", Value: imageFile.layer},
		{Name: "path", Value: func(f imageFile) string { return f.Path }},
		{Name: "link", Value: func(f imageFile) string { return f.Link + f.HardLink }},
	}
}
