package protocol

import (
	"strings"

	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
)

// maxTagLength is the longest tag of the OCI distribution specification.
const maxTagLength = 128

// ValidRepository reports whether a name follows the grammar of repository
// names (ACR protocol §1.2): components of lower-case letters and digits with
// the separators ".", "_", "__" and "-"+ inside, joined by "/".
func ValidRepository(quirks quirk.Set, name string) bool {
	if name == "" || len(name) > quirks.Number(quirk.RepositoryLength) {
		return false
	}
	for component := range strings.SplitSeq(name, "/") {
		if !validComponent(component) {
			return false
		}
	}
	return true
}

func validComponent(c string) bool {
	if c == "" || !lowerAlphanumeric(c[0]) || !lowerAlphanumeric(c[len(c)-1]) {
		return false
	}
	for i := 0; i < len(c); {
		if lowerAlphanumeric(c[i]) {
			i++
			continue
		}
		start := i
		for i < len(c) && !lowerAlphanumeric(c[i]) {
			i++
		}
		switch separator := c[start:i]; {
		case separator == "." || separator == "_" || separator == "__":
		case strings.Trim(separator, "-") == "":
		default:
			return false
		}
	}
	return true
}

func lowerAlphanumeric(b byte) bool { return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' }

// ValidTag reports whether a tag matches [A-Za-z0-9_][A-Za-z0-9._-]{0,127}.
func ValidTag(tag string) bool {
	if tag == "" || len(tag) > maxTagLength || tag[0] == '.' || tag[0] == '-' {
		return false
	}
	for i := range len(tag) {
		if b := tag[i]; !lowerAlphanumeric(b) && (b < 'A' || b > 'Z') && b != '_' && b != '.' && b != '-' {
			return false
		}
	}
	return true
}

// digestLengths are the digest algorithms whose digests route, with their
// length in hexadecimal digits. Whether sha512 is stored is the quirk sha512.
var digestLengths = map[string]int{"sha256": 64, "sha512": 128}

// ValidDigest reports whether a digest is well-formed: a known algorithm and
// the right number of lower-case hexadecimal digits.
func ValidDigest(digest string) bool {
	algorithm, hex, ok := strings.Cut(digest, ":")
	if !ok || len(hex) != digestLengths[algorithm] || hex == "" {
		return false
	}
	for i := range len(hex) {
		if b := hex[i]; (b < '0' || b > '9') && (b < 'a' || b > 'f') {
			return false
		}
	}
	return true
}

// ValidUploadID reports whether an upload's id can be looked up at all; ours
// are GUIDs.
func ValidUploadID(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for i := range len(id) {
		if b := id[i]; !lowerAlphanumeric(b) && (b < 'A' || b > 'Z') && b != '-' && b != '_' && b != '.' && b != '=' {
			return false
		}
	}
	return true
}
