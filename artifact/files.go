package artifact

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"mime"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact/internal/extract"
)

// What oras calls the parts of an artifact of plain files.
const (
	// DefaultArtifactType is the type of an artifact that has no other.
	DefaultArtifactType = "application/vnd.unknown.artifact.v1"
	// DefaultFileType is the media type of a file that has no other.
	DefaultFileType = ocispec.MediaTypeImageLayer
	// FolderType is the media type of a folder that has no other.
	FolderType = ocispec.MediaTypeImageLayerGzip

	annotationUnpack    = "io.deis.oras.content.unpack" // "true": the blob is the tar of a folder
	annotationTarDigest = "io.deis.oras.content.digest" // of that tar, before it was compressed
)

// FileSpec is a file, or a folder, that shall become a part of an artifact.
type FileSpec struct {
	// Path is where it is.
	Path string
	// MediaType is its type: without one [DefaultFileType], or [FolderType]. That
	// of a folder says with +gzip or +zstd, or tar.gzip, that it is compressed;
	// a folder is only ever compressed by gzip.
	MediaType string
	// Title is what the file is called in the artifact, and when it is pulled:
	// without one the path, or the base name of a path that is absolute or points
	// out of the current folder.
	Title string
}

// PackOptions say what an artifact of files is. Nil is an artifact of the type
// [DefaultArtifactType].
type PackOptions struct {
	ArtifactType string
	Annotations  map[string]string // of the manifest
	// Subject is the manifest that the artifact is about, for a signature or an
	// SBOM; nil for none.
	Subject *ocispec.Descriptor
	// Created is written as an annotation, unless Annotations has it; the zero
	// time isn't.
	Created time.Time
}

// PackFiles makes an artifact of files, as oras does: each file a layer with
// its name as title, a folder a tar that is unpacked again. The caller closes
// the draft, and leaves the files as they are until then.
func PackFiles(ctx context.Context, files []FileSpec, o *PackOptions) (*Draft, error) {
	var options PackOptions
	if o != nil {
		options = *o
	}
	manifestType := cmp.Or(options.ArtifactType, DefaultArtifactType)
	if !IsMediaType(manifestType) {
		return nil, &InvalidError{Code: codeOptionInvalid, Thing: fmt.Sprintf("artifact type %q", manifestType), Rule: "it is not of the form type/subtype"}
	}
	d := newDraft("files", nil)
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: manifestType,
		Config: emptyBlob(d), Subject: options.Subject, Annotations: maps.Clone(options.Annotations),
	}
	if !options.Created.IsZero() {
		if m.Annotations == nil {
			m.Annotations = map[string]string{}
		}
		if m.Annotations[ocispec.AnnotationCreated] == "" {
			m.Annotations[ocispec.AnnotationCreated] = options.Created.UTC().Format(time.RFC3339)
		}
	}
	titles := map[string]string{}
	for _, file := range files {
		layer, err := d.packFile(ctx, file)
		if err == nil {
			title := layer.Annotations[ocispec.AnnotationTitle]
			if other, twice := titles[title]; twice {
				err = &InvalidError{Code: codeOptionInvalid, Thing: file.Path, Rule: fmt.Sprintf("it would have the title %q, as %s has", title, other)}
			}
			titles[title] = file.Path
		}
		if err != nil {
			return nil, errors.Join(err, d.Close())
		}
		m.Layers = append(m.Layers, layer)
	}
	if len(m.Layers) == 0 {
		m.Layers = []ocispec.Descriptor{emptyBlob(d)} // the specification requires at least one
	}
	var err error
	if d.root, err = d.addJSON(m.MediaType, m); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// emptyBlob is the config of what has none (OCI image-spec, manifest.md,
// "Guidance for an Empty Descriptor").
func emptyBlob(d *Draft) ocispec.Descriptor {
	d.addData(ocispec.MediaTypeEmptyJSON, ocispec.DescriptorEmptyJSON.Data)
	return ocispec.DescriptorEmptyJSON
}

// IsMediaType reports whether s is a media type: type/subtype, by RFC 6838, and
// without parameters.
func IsMediaType(s string) bool {
	parsed, parameters, err := mime.ParseMediaType(s)
	return err == nil && len(parameters) == 0 && strings.EqualFold(parsed, s) && strings.Count(s, "/") == 1
}

// titleOf is what a file is called that has no title of its own.
func titleOf(file string) (string, error) {
	title := filepath.ToSlash(filepath.Clean(file))
	if !filepath.IsLocal(file) {
		title = filepath.Base(filepath.Clean(file))
	}
	if title == "." || title == ".." || title == string(filepath.Separator) {
		absolute, err := filepath.Abs(file)
		if err != nil {
			return "", err
		}
		title = filepath.Base(absolute)
	}
	return title, nil
}

func (d *Draft) packFile(ctx context.Context, file FileSpec) (ocispec.Descriptor, error) {
	title, err := file.Title, error(nil)
	if title == "" {
		title, err = titleOf(file.Path)
	}
	if err == nil {
		_, err = extract.Local(title)
	}
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if file.MediaType != "" && !IsMediaType(file.MediaType) {
		return ocispec.Descriptor{}, &InvalidError{Code: codeOptionInvalid, Thing: fmt.Sprintf("media type %q of %s", file.MediaType, file.Path), Rule: "it is not of the form type/subtype"}
	}
	info, err := os.Stat(file.Path)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if info.IsDir() {
		return d.packFolder(ctx, file, title)
	}
	desc, err := d.addFile(ctx, cmp.Or(file.MediaType, DefaultFileType), file.Path)
	desc.Annotations = map[string]string{ocispec.AnnotationTitle: title}
	return desc, err
}

// packFolder adds a folder as a tar, the names in which begin with its title.
func (d *Draft) packFolder(ctx context.Context, file FileSpec, title string) (ocispec.Descriptor, error) {
	mediaType := cmp.Or(file.MediaType, FolderType)
	plain := digest.SHA256.Digester()
	desc, err := d.addMade(mediaType, func(w io.Writer) error {
		packed := gzip.NewWriter(w)
		if err := TarFolder(ctx, io.MultiWriter(packed, plain.Hash()), file.Path, title); err != nil {
			return err
		}
		return packed.Close()
	})
	desc.Annotations = map[string]string{
		ocispec.AnnotationTitle: title, annotationUnpack: "true", annotationTarDigest: plain.Digest().String(),
	}
	return desc, err
}

// TarFolder writes a folder as a tar: in the order of its names, which begin
// with prefix where that is not empty, without owners, with times in seconds.
// The same folder gives the same bytes. Links are written as links, and devices,
// pipes and sockets are refused.
func TarFolder(ctx context.Context, w io.Writer, dir, prefix string) error {
	return tarFolder(ctx, w, dir, prefix, nil)
}

// tarFolder is TarFolder with one time for all, where that isn't nil.
func tarFolder(ctx context.Context, w io.Writer, dir, prefix string, when *time.Time) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	archive := tar.NewWriter(w)
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil || name == "." && prefix == "" {
			return err
		}
		return tarEntryOf(ctx, archive, root, name, path.Join(prefix, name), entry, when)
	})
	if err == nil {
		err = archive.Close()
	}
	if err != nil {
		return fmt.Errorf("pack %s: %w", dir, err)
	}
	return nil
}

func tarEntryOf(ctx context.Context, archive *tar.Writer, root *os.Root, name, called string, entry fs.DirEntry, when *time.Time) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	link := ""
	switch mode := info.Mode(); {
	case mode.IsRegular(), mode.IsDir():
	case mode&fs.ModeSymlink != 0:
		if link, err = root.Readlink(name); err != nil {
			return err
		}
		link = filepath.ToSlash(link)
	default:
		return &InvalidError{Code: codeOptionInvalid, Thing: name, Rule: "it is neither a file, a folder nor a link"}
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	*header = tar.Header{
		Typeflag: header.Typeflag, Name: called, Linkname: link, Size: header.Size, Mode: header.Mode,
		ModTime: info.ModTime().Truncate(time.Second), Format: tar.FormatPAX,
	}
	if when != nil {
		header.ModTime = *when
	}
	if info.IsDir() {
		header.Name += "/"
	}
	if err := archive.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	file, err := root.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(archive, contextReader{ctx, file})
	return err
}

// Titles lists the files of an artifact by their titles, in lexical order.
func Titles(layers []ocispec.Descriptor) []string {
	var titles []string
	for _, layer := range layers {
		if title := layer.Annotations[ocispec.AnnotationTitle]; title != "" {
			titles = append(titles, title)
		}
	}
	slices.Sort(titles)
	return titles
}
