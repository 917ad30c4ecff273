package artifact

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// platformGrammar is containerd's: os[(version[+feature...])]/architecture[/variant].
var platformGrammar = pattern.New(`^([\w.-]+)(?:\(([\w.-]*)((?:\+[\w.-]+)*)\))?/([\w.-]+)(?:/([\w.-]+))?$`)

const platformForm = "want os[(version)]/architecture[/variant], such as linux/amd64, linux/arm/v7 or windows(10.0.20348)/amd64"

// ParsePlatform reads "os[(version[+feature...])]/architecture[/variant]", such
// as "linux/amd64", "linux/arm/v7" or "windows(10.0.20348)/amd64", as containerd
// writes it. "local" is the platform of this machine's containers.
func ParsePlatform(s string) (ocispec.Platform, error) {
	if s == "local" {
		return localPlatform(runtime.GOOS, runtime.GOARCH), nil
	}
	m := platformGrammar.FindStringSubmatch(s)
	if m == nil {
		return ocispec.Platform{}, &InvalidError{Code: codeOptionInvalid, Thing: fmt.Sprintf("platform %.100q", s), Rule: platformForm}
	}
	p := ocispec.Platform{OS: strings.ToLower(m[1]), OSVersion: m[2], Architecture: strings.ToLower(m[4]), Variant: strings.ToLower(m[5])}
	if m[3] != "" {
		p.OSFeatures = strings.Split(m[3][1:], "+")
	}
	if p.OS == "macos" {
		p.OS = "darwin"
	}
	p.Architecture, p.Variant = spelled(p.Architecture, p.Variant)
	return p, nil
}

// localPlatform is what containers on a machine run: those of macOS run linux.
func localPlatform(os, architecture string) ocispec.Platform {
	if os != "windows" {
		os = "linux"
	}
	return ocispec.Platform{OS: os, Architecture: architecture}
}

// spelled is containerd's spelling of an architecture and a variant.
func spelled(architecture, variant string) (string, string) {
	switch architecture {
	case "i386":
		return "386", ""
	case "x86_64", "x86-64":
		return "amd64", variant
	case "aarch64":
		return "arm64", variant
	case "armhf":
		return "arm", "v7"
	case "armel":
		return "arm", "v6"
	}
	if _, err := strconv.Atoi(variant); err == nil && strings.HasPrefix(architecture, "arm") {
		variant = "v" + variant
	}
	return architecture, variant
}

// FormatPlatform is the inverse of [ParsePlatform]; a nil platform is "".
func FormatPlatform(p *ocispec.Platform) string {
	if p == nil {
		return ""
	}
	s := p.OS
	if p.OSVersion != "" || len(p.OSFeatures) > 0 {
		s += "(" + strings.Join(append([]string{p.OSVersion}, p.OSFeatures...), "+") + ")"
	}
	s += "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// formatPlatforms lists platforms as a plan keeps them.
func formatPlatforms(platforms []ocispec.Platform) string {
	list := make([]string, 0, len(platforms))
	for _, p := range platforms {
		list = append(list, FormatPlatform(&p))
	}
	return strings.Join(list, ",")
}

// parsePlatforms reads what formatPlatforms wrote.
func parsePlatforms(s string) ([]ocispec.Platform, error) {
	if s == "" {
		return nil, nil
	}
	var platforms []ocispec.Platform
	for text := range strings.SplitSeq(s, ",") {
		p, err := ParsePlatform(text)
		if err != nil {
			return nil, err
		}
		platforms = append(platforms, p)
	}
	return platforms, nil
}

// usualVariants is the variant of an architecture that names none, which may
// be spelled out or not.
var usualVariants = map[string]string{"arm64": "v8", "arm": "v7", "amd64": "v1"}

// variantNumber is the number of a variant, such as 7 of v7, and what follows it
// ("v8.2" is 8 and ".2"); ok is false for variants of another form.
func variantNumber(p ocispec.Platform) (number int, minor string, ok bool) {
	_, variant := spelled(p.Architecture, strings.ToLower(p.Variant))
	if variant == "" {
		variant = usualVariants[p.Architecture]
	}
	major, minor, _ := strings.Cut(strings.TrimPrefix(variant, "v"), ".")
	number, err := strconv.Atoi(major)
	return number, minor, err == nil && strings.HasPrefix(variant, "v")
}

// matchesPlatform reports whether an image for have runs where want is asked
// for, and how well: more is better. The rules are containerd's: an older
// variant of the same architecture runs on a newer one, a version of Windows
// is matched by its leading numbers, and features that are asked for must be
// there. What want leaves open, anything matches.
func matchesPlatform(want, have ocispec.Platform) (fit int, ok bool) {
	haveArchitecture, _ := spelled(strings.ToLower(have.Architecture), have.Variant)
	if want.OS != strings.ToLower(have.OS) || want.Architecture != haveArchitecture || !matchesVersion(want.OSVersion, have.OSVersion) {
		return 0, false
	}
	for _, feature := range want.OSFeatures {
		if !slices.Contains(have.OSFeatures, feature) {
			return 0, false
		}
	}
	have.Architecture = haveArchitecture
	number, minor, numbered := variantNumber(want)
	other, otherMinor, otherNumbered := variantNumber(have)
	if !numbered || !otherNumbered {
		return 0, strings.EqualFold(want.Variant, have.Variant)
	}
	if other > number || (other == number && minor != otherMinor && otherMinor != "") {
		return 0, false
	}
	fit = 2 * other
	if other == number && minor == otherMinor {
		fit++
	}
	return fit, true
}

// matchesVersion reports whether the numbers of a requested version are the first
// ones of another: 10.0.20348 is any revision of that build.
func matchesVersion(want, have string) bool {
	return want == "" || want == have || strings.HasPrefix(have, want+".")
}

// compareVersions orders versions by their numbers.
func compareVersions(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		m, err1 := strconv.Atoi(x[i])
		n, err2 := strconv.Atoi(y[i])
		if c := cmp.Compare(m, n); c != 0 && err1 == nil && err2 == nil {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}
