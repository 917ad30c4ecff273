// Package names holds the grammar of what a registry's paths are made of:
// repositories, tags, digests (ACR protocol §1.2). A path that doesn't follow it
// gets a plain 404 without a word about why.
package names

import (
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

const (
	// MaxRepository is the longest repository name in bytes. Whether ACR takes
	// 255 or 256 isn't documented; what it might take passes.
	MaxRepository = 256

	// MaxTag is the longest tag in bytes.
	MaxTag = 128

	// maxDigest bounds digests of algorithms other than SHA-256.
	maxDigest = 256
)

// What a name must be, to be put after "must be" in an error.
const (
	RepositoryRule = "lower-case letters and digits, joined by one of . _ __ - and by /, at most 256 characters"
	TagRule        = "a letter, digit or _ and up to 127 more of these or . or -"
	DigestRule     = "an algorithm, a colon and the encoded hash, such as sha256: and 64 lower-case hexadecimal digits"
	ReferenceRule  = "a tag or a digest; a tag must be " + TagRule
)

var (
	repositoryPattern = pattern.New(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagPattern        = pattern.New(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
	digestPattern     = pattern.New(`^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+$`)
)

// IsRepository reports whether name can be a repository's.
func IsRepository(name string) bool {
	return len(name) <= MaxRepository && repositoryPattern.MatchString(name)
}

// IsTag reports whether tag can be one.
func IsTag(tag string) bool { return tagPattern.MatchString(tag) }

// IsDigest reports whether digest can be one, of any algorithm: whether the
// service has others than SHA-256 is not known.
func IsDigest(digest string) bool {
	if strings.HasPrefix(digest, "sha256:") {
		return IsSHA256(digest)
	}
	return len(digest) <= maxDigest && digestPattern.MatchString(digest)
}

// IsSHA256 reports whether digest is one of SHA-256.
func IsSHA256(digest string) bool {
	hex, ok := strings.CutPrefix(digest, "sha256:")
	if !ok || len(hex) != 64 {
		return false
	}
	for i := range len(hex) {
		if c := hex[i]; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}

// IsReference reports whether reference is a tag or a digest. Only a digest has
// a colon.
func IsReference(reference string) bool {
	if strings.Contains(reference, ":") {
		return IsDigest(reference)
	}
	return IsTag(reference)
}
