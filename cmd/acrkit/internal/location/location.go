// Package location says where images are, in a registry, a layout folder, an
// archive or a stream, and opens them.
package location

import (
	"os"
	"path/filepath"
	"strings"

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

// Parse reads REF, oci:DIR[:NAME], oci:FILE.tar[:NAME],
// docker:FILE.tar[:NAME] or -.
func Parse(text, ownRegistry string) (Location, error) {
	scheme, rest, _ := strings.Cut(text, ":")
	switch {
	case text == "-":
		return Location{Kind: InStream, Format: artifact.ArchiveOCI}, nil
	case scheme == "oci" && rest == "-":
		return Location{Kind: InStream, Format: artifact.ArchiveOCI}, nil
	case scheme == "docker" && rest == "-":
		return Location{Kind: InStream, Format: artifact.ArchiveDocker}, nil
	case (scheme == "oci" || scheme == "docker") && rest == "":
		return Location{}, failure.Usagef("location %q: it names no path", text)
	case scheme == "oci" || scheme == "docker":
		return parsePathLocation(scheme, rest)
	case LooksLikePath(text):
		return Location{}, failure.Usagef("location %q: write oci:%[1]s for a layout folder or an OCI tar, docker:%[1]s for the tar of docker save", text)
	}
	ref, err := reference.Parse(text, ownRegistry)
	return Location{Kind: InRegistry, Ref: ref}, err
}

// LooksLikePath recognises what a person probably meant as a file.
func LooksLikePath(text string) bool {
	return strings.HasPrefix(text, ".") || strings.HasPrefix(text, "/") || strings.HasPrefix(text, "~") ||
		strings.Contains(text, `\`) || (IsTar(text) && !strings.Contains(text, "/"))
}

func IsTar(path string) bool {
	for _, suffix := range []string{".tar", ".tar.gz", ".tgz"} {
		if strings.HasSuffix(strings.ToLower(path), suffix) {
			return true
		}
	}
	return false
}

func parsePathLocation(scheme, rest string) (Location, error) {
	l := Location{Path: rest}
	if colon := nameColon(rest); colon > 0 {
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
	case scheme == "docker" && folder:
		return Location{}, failure.Usagef("location %q: it is a folder, and docker: means a tar file", scheme+":"+rest)
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
// there is none. Behind a tar file's suffix it is the first, since names such
// as team/app:1 have separators and colons of their own; elsewhere it is the
// last, if no separator follows: that of a Windows drive comes before one.
func nameColon(rest string) int {
	for i := range len(rest) {
		if rest[i] == ':' && IsTar(rest[:i]) {
			return i
		}
	}
	colon := strings.LastIndexByte(rest, ':')
	if colon > 0 && strings.ContainsAny(rest[colon:], `/\`) {
		return -1
	}
	return colon
}

// String is the location as a person writes it.
func (l Location) String() string {
	name := ""
	if l.Name != "" {
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

// Version is what the location calls the image.
func (l Location) Version() string {
	if l.Kind == InRegistry {
		return l.Ref.Version()
	}
	return l.Name
}
