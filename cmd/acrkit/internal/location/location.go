// Package location says where images are, in a registry, a layout folder, an
// archive or a stream, and opens them.
package location

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
)

// Kind says where images are.
type Kind int

const (
	InRegistry Kind = iota
	InLayout        // oci:DIR
	InArchive       // oci:FILE.tar or docker:FILE.tar
	InStream        // "-", or oci:- and docker:-
)

// Location is the SRC or DST of push, pull and copy.
type Location struct {
	Kind   Kind
	Ref    reference.Reference // of inRegistry
	Path   string              // of inLayout and inArchive
	Name   string              // the image inside a layout or archive; may be empty
	Format artifact.ArchiveFormat
}

// Parse reads REF, oci:DIR[:NAME], oci:FILE.tar[:NAME], docker:FILE.tar[:NAME],
// - or one of the forms of - that name an image. A name may be a digest, behind
// @ too.
func Parse(text, ownRegistry string) (Location, error) {
	scheme, rest, _ := strings.Cut(text, ":")
	if ours, theirs := otherSchemes[scheme]; theirs && rest != "" {
		if ours == "" {
			return Location{}, failure.Usagef("location %q: images in %s can't be reached; save them to a file, and write docker:FILE.tar", text, scheme)
		}
		return Location{}, failure.Usagef("location %q: here that is %s:%s", text, ours, strings.TrimPrefix(rest, "//"))
	}
	if strings.HasPrefix(rest, "//") && !strings.HasPrefix(rest, "///") {
		ref, err := reference.Parse(text, ownRegistry)
		return Location{Kind: InRegistry, Ref: ref}, err
	}
	switch {
	case text == "-":
		return Location{Kind: InStream, Format: artifact.ArchiveOCI}, nil
	case (scheme == "oci" || scheme == "docker") && (rest == "-" || strings.HasPrefix(rest, "-:")):
		return Location{Kind: InStream, Format: artifact.ArchiveFormat(scheme), Name: strings.TrimPrefix(rest[1:], ":")}, nil
	case (scheme == "oci" || scheme == "docker") && rest == "":
		return Location{}, failure.Usagef("location %q: it names no path", text)
	case scheme == "oci" || scheme == "docker":
		return parsePathLocation(scheme, rest)
	case LooksLikePath(text):
		return Location{}, SchemeMissing(text)
	}
	ref, err := reference.Parse(text, ownRegistry)
	if err != nil && IsHere(text) {
		err = SchemeMissing(text)
	}
	return Location{Kind: InRegistry, Ref: ref}, err
}

// otherSchemes are the transports of skopeo, podman and regctl, with what they
// are called here; "" for what isn't reached.
var otherSchemes = map[string]string{
	"oci-archive": "oci", "oci-layout": "oci", "ocidir": "oci", "docker-archive": "docker",
	"docker-daemon": "", "containers-storage": "",
}

// SchemeMissing says how a path is written where a reference could stand.
func SchemeMissing(path string) error {
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && !IsTar(path) {
		return failure.Usagef("location %q: an archive is written oci:%[1]s or docker:%[1]s; a plain file is stored by acrkit artifact push REF %[1]s", path)
	}
	return failure.Usagef("location %q: write oci:%[1]s for a layout folder or an OCI tar, docker:%[1]s for the tar of docker save", path)
}

// IsPlace reports whether text names a layout, an archive or standard input, or
// a path that Parse refuses with what to write instead.
func IsPlace(text string) bool {
	scheme, rest, found := strings.Cut(text, ":")
	return text == "-" || found && (scheme == "oci" || scheme == "docker") && !strings.HasPrefix(rest, "//") || LooksLikePath(text)
}

// LooksLikePath recognises what a person probably meant as a file.
func LooksLikePath(text string) bool {
	return strings.HasPrefix(text, ".") || strings.HasPrefix(text, "/") || strings.HasPrefix(text, "~") ||
		strings.Contains(text, `\`) || (IsTar(text) && !strings.Contains(text, "/"))
}

// IsHere reports whether there is a file or folder of this name.
func IsHere(path string) bool {
	_, err := os.Stat(path)
	return path != "" && err == nil
}

func IsTar(path string) bool {
	return strings.HasSuffix(strings.ToLower(path), ".tar") || isPackedTar(path)
}

// packedSuffixes are what a compressed tar is called.
var packedSuffixes = []string{".tar.gz", ".tgz", ".tar.zst", ".tar.zstd", ".tzst", ".tar.xz", ".txz", ".tar.bz2", ".tbz", ".tbz2"}

func isPackedTar(path string) bool {
	return slices.ContainsFunc(packedSuffixes, func(suffix string) bool { return strings.HasSuffix(strings.ToLower(path), suffix) })
}

func parsePathLocation(scheme, rest string) (Location, error) {
	l := Location{Path: rest}
	if path, name, found := strings.Cut(rest, "@"); found && IsDigest(name) {
		l.Path, l.Name = path, name
	} else if colon := nameColon(rest); colon > 0 {
		l.Path, l.Name = rest[:colon], rest[colon+1:]
		if l.Name == "" {
			return Location{}, failure.Usagef("location %q: the name behind the last colon is empty", scheme+":"+rest)
		}
	}
	info, err := os.Stat(l.Path)
	folder := err == nil && info.IsDir()
	switch {
	case err == nil && !folder && !info.Mode().IsRegular():
		return Location{}, failure.Usagef("location %q: %s is neither a folder nor a regular file; a stream goes through -", scheme+":"+rest, l.Path)
	case scheme == "docker":
		l.Kind, l.Format = InArchive, artifact.ArchiveDocker
	case !folder && (IsTar(l.Path) || err == nil):
		l.Kind, l.Format = InArchive, artifact.ArchiveOCI
	default:
		l.Kind = InLayout
	}
	return l, nil
}

// nameColon finds the colon between a path and the name of an image, -1 when
// there is none. Names such as team/app:1 have separators and colons of their
// own, so it is the first one: behind a tar file's suffix, or the longest path
// that exists, or else the beginning. That of a Windows drive is none.
func nameColon(rest string) int {
	first, existing := -1, -1
	for i := range len(rest) {
		if rest[i] != ':' || i == 1 && len(rest) > 2 && strings.ContainsRune(`/\`, rune(rest[2])) {
			continue
		}
		if IsTar(rest[:i]) {
			return i
		}
		if first < 0 {
			first = i
		}
		if _, err := os.Stat(rest[:i]); err == nil {
			existing = i
		}
	}
	switch _, err := os.Stat(rest); {
	case first < 0 || err == nil:
		return -1 // a colon may be part of a path
	case existing >= 0:
		return existing
	}
	return first
}

// IsDigest reports whether the name of an image is its digest. In a folder or an
// archive names have colons too, so only the known algorithms count: app:1 is a
// name.
func IsDigest(name string) bool {
	_, err := digest.Parse(name)
	return err == nil
}

// String is the location as a person writes it.
func (l Location) String() string {
	name := ""
	switch {
	case IsDigest(l.Name):
		name = "@" + l.Name
	case l.Name != "":
		name = ":" + l.Name
	}
	switch l.Kind {
	case InRegistry:
		return l.Ref.String()
	case InLayout:
		return "oci:" + l.Path + name
	case InArchive:
		return string(l.Format) + ":" + l.Path + name
	}
	if name != "" {
		return string(l.Format) + ":-" + name
	}
	return "-"
}

// Absolute is String with a path that means the same in any folder.
func (l Location) Absolute() string {
	if l.Path != "" {
		if path, err := filepath.Abs(l.Path); err == nil {
			l.Path = path
		}
	}
	return l.String()
}

// Destination is Version for a place to write to: tag@digest writes the tag, and
// only to that digest.
func (l Location) Destination() string {
	if l.Kind == InRegistry && l.Ref.Tag != "" && l.Ref.Digest != "" {
		return l.Ref.Tag + "@" + l.Ref.Digest
	}
	return l.Version()
}

// Version is what the location calls the image.
func (l Location) Version() string {
	if l.Kind == InRegistry {
		return l.Ref.Version()
	}
	return l.Name
}
