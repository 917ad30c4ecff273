// Package rootfs reads the file system of an image where the image is, in a
// registry, a layout folder or an archive: its layers merged, with whiteouts,
// owners, modes, links and times, and without unpacking anything to disk.
//
// [Open] reads an image's manifest. [Image.Read] reads every layer and merges
// them to a [Tree], which lists, compares, copies and exports. [Image.Cat] reads
// one file, and of the layers only what it must.
//
// What an archive says is never trusted: paths and links stay inside the image,
// and what the layers unpack to is bounded by [Options].
package rootfs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
)

// The limits of [Options] that are zero.
const (
	// DefaultMaxBytes is what all layers of an image may unpack to: 256 GiB, more
	// than any layer that a registry takes.
	DefaultMaxBytes = 256 << 30
	// DefaultMaxFiles is how many entries all layers may have. Each takes some 700
	// bytes of memory while they are merged.
	DefaultMaxFiles = 2 << 20
	// maxText bounds the bytes of names, links and attributes in memory.
	maxText = 256 << 20
)

// Options say what of an image is read, and bound it. Nil is the default.
type Options struct {
	// Platform chooses among the images of an index; nil refuses an index.
	Platform *ocispec.Platform
	// MaxBytes bounds what the layers unpack to, each of them and the files of
	// all together; 0 means [DefaultMaxBytes].
	MaxBytes int64
	// MaxFiles bounds the entries of the layers; 0 means [DefaultMaxFiles].
	MaxFiles int
	// Concurrency is how many layers are read at a time; 0 means 4.
	Concurrency int
}

// NotFoundError says that an image has no such file.
type NotFoundError struct {
	Path string
	Rule string // "" for "it is not there"
}

// Error names the path.
func (e *NotFoundError) Error() string {
	if e.Rule == "" {
		return "the image has no " + e.Path
	}
	return e.Path + ": " + e.Rule
}

// Is matches [artifact.ErrNotFound] and [fs.ErrNotExist].
func (e *NotFoundError) Is(target error) bool {
	return target == artifact.ErrNotFound || target == fs.ErrNotExist
}

// DiagnosisCode names the error in the catalogue of package diagnose.
func (e *NotFoundError) DiagnosisCode() string { return "FILE_NOT_IN_IMAGE" }

// File is one file, folder or link of an image, as its layers say.
type File struct {
	// Path is absolute, with slashes, and without a slash at its end: "/etc/passwd".
	Path string
	// Mode has the type, the permissions, and setuid, setgid and sticky.
	Mode fs.FileMode
	UID  int
	GID  int
	// User and Group are the names that the archive has for the owners, often none.
	User, Group string
	Size        int64 // of a regular file
	ModTime     time.Time
	// Link is where a symbolic link points, as it is written.
	Link string
	// HardLink is the first path of the same file, for a further one; else "".
	HardLink string
	// Major and Minor are a device's.
	Major, Minor int64
	// Attributes are the extended attributes, such as security.capability.
	Attributes map[string]string
	// Layer is the layer that the file is from, counted from 0, the base; -1 for
	// a folder that no layer has an entry for.
	Layer int
	// Digest is the sha256 of a regular file's content.
	Digest digest.Digest
}

// Image is an image whose files can be read. It may be used concurrently.
type Image struct {
	src     artifact.Source
	desc    ocispec.Descriptor
	layers  []ocispec.Descriptor
	diffIDs []digest.Digest // nil where the config doesn't say
	o       Options
}

// Open reads the manifest of an image, by a tag or a digest, and its config.
// What is no image, since it has no layers of an image's types, is an error that
// matches [artifact.ErrInvalid].
func Open(ctx context.Context, src artifact.Source, reference string, o *Options) (*Image, error) {
	i := &Image{src: src}
	if o != nil {
		i.o = *o
	}
	if i.o.MaxBytes == 0 {
		i.o.MaxBytes = DefaultMaxBytes
	}
	if i.o.MaxFiles == 0 {
		i.o.MaxFiles = DefaultMaxFiles
	}
	if i.o.Concurrency <= 0 {
		i.o.Concurrency = 4
	}
	desc, data, err := artifact.ResolvePlatform(ctx, src, reference, i.o.Platform)
	if err != nil {
		return nil, err
	}
	var m ocispec.Manifest
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&m); err != nil {
		return nil, i.invalid(desc.Digest.String(), "it is not a JSON manifest", err)
	}
	i.desc, i.layers = desc, m.Layers
	for _, layer := range m.Layers {
		switch err := layer.Digest.Validate(); {
		case err != nil:
			return nil, i.invalid("manifest "+desc.Digest.String(), fmt.Sprintf("it has the digest %q", layer.Digest), err)
		case layer.Size < 0:
			return nil, i.invalid("layer "+layer.Digest.String(), "its size is negative", nil)
		case !isLayer(layer.MediaType):
			return nil, i.invalid("manifest "+desc.Digest.String(), fmt.Sprintf("it is no image: it has a part of the type %q", layer.MediaType), nil)
		case strings.HasSuffix(layer.MediaType, "+encrypted"):
			return nil, i.invalid("layer "+layer.Digest.String(), "it is encrypted", nil)
		}
	}
	switch m.Config.MediaType {
	case ocispec.MediaTypeImageConfig, "application/vnd.docker.container.image.v1+json":
		var config struct {
			RootFS ocispec.RootFS `json:"rootfs"`
		}
		if err := artifact.ReadJSON(ctx, src, m.Config, &config); err != nil {
			return nil, err
		}
		if len(config.RootFS.DiffIDs) == len(m.Layers) {
			i.diffIDs = config.RootFS.DiffIDs
		}
	}
	if len(i.layers) == 0 {
		return nil, i.invalid("manifest "+desc.Digest.String(), "it is no image that has files: it has no layers", nil)
	}
	return i, nil
}

// isLayer reports the types of layers of images: OCI's, docker's, and those of
// old with a registry of their own.
func isLayer(mediaType string) bool {
	for _, prefix := range []string{
		"application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs.",
		"application/vnd.docker.container.image.rootfs.",
	} {
		if strings.HasPrefix(mediaType, prefix) {
			return true
		}
	}
	return false
}

// Descriptor is the image's manifest.
func (i *Image) Descriptor() ocispec.Descriptor { return i.desc }

// Layers are the image's layers, the base first.
func (i *Image) Layers() []ocispec.Descriptor { return i.layers }

func (i *Image) invalid(thing, rule string, err error) error {
	return &artifact.InvalidError{Thing: thing, Rule: rule, Err: err}
}

// layerError says which layer something is wrong with.
func (i *Image) layerError(layer int, rule string, err error) error {
	return i.invalid(fmt.Sprintf("layer %d (%s)", layer, i.layers[layer].Digest), rule, err)
}
