package artifact

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ParsePlatform reads "os/architecture[/variant]", such as "linux/amd64" or
// "linux/arm/v7".
func ParsePlatform(s string) (ocispec.Platform, error) {
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 {
		return ocispec.Platform{}, &InvalidError{Thing: fmt.Sprintf("platform %q", s), Rule: "want os/architecture[/variant], such as linux/amd64"}
	}
	for _, part := range parts {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
			return ocispec.Platform{}, &InvalidError{Thing: fmt.Sprintf("platform %q", s), Rule: "want os/architecture[/variant], such as linux/amd64"}
		}
	}
	p := ocispec.Platform{OS: strings.ToLower(parts[0]), Architecture: strings.ToLower(parts[1])}
	if len(parts) == 3 {
		p.Variant = strings.ToLower(parts[2])
	}
	switch p.Architecture {
	case "x86_64", "x86-64":
		p.Architecture = "amd64"
	case "aarch64":
		p.Architecture = "arm64"
	}
	return p, nil
}

// FormatPlatform is the inverse of [ParsePlatform]; a nil platform is "".
func FormatPlatform(p *ocispec.Platform) string {
	if p == nil {
		return ""
	}
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// normalVariant is the variant that a platform has when it names none.
func normalVariant(p ocispec.Platform) string {
	switch {
	case p.Variant != "":
		return strings.ToLower(p.Variant)
	case p.Architecture == "arm64":
		return "v8"
	case p.Architecture == "arm":
		return "v7"
	case p.Architecture == "amd64":
		return "v1"
	}
	return ""
}

// matchesPlatform reports whether an image for have runs where want is asked
// for. What want leaves open, anything matches.
func matchesPlatform(want, have ocispec.Platform) bool {
	return want.OS == have.OS && want.Architecture == have.Architecture &&
		(want.OSVersion == "" || want.OSVersion == have.OSVersion) &&
		normalVariant(want) == normalVariant(have)
}

// choosePlatform picks the child of an index. The first match wins, as the OCI
// image index specification asks.
func choosePlatform(root ocispec.Descriptor, children []ocispec.Descriptor, want ocispec.Platform) (ocispec.Descriptor, error) {
	var known []string
	for _, child := range children {
		if child.Platform == nil {
			continue
		}
		if matchesPlatform(want, *child.Platform) {
			return child, nil
		}
		// Attestations carry the platform unknown/unknown, nobody can ask for it.
		if child.Platform.OS != "unknown" {
			known = append(known, FormatPlatform(child.Platform))
		}
	}
	return ocispec.Descriptor{}, &NotFoundError{
		Store: "index " + root.Digest.String(),
		Thing: "platform " + FormatPlatform(&want),
		Known: known,
	}
}

// checkPlatform refuses an image whose config names another platform. What
// isn't an image has none, and passes.
func checkPlatform(ctx context.Context, src Source, root ocispec.Descriptor, m *manifest, want ocispec.Platform) error {
	if m.Config == nil || m.Config.MediaType != ocispec.MediaTypeImageConfig && m.Config.MediaType != mediaTypeDockerConfig {
		return nil
	}
	if m.Config.Size > maxManifestSize {
		return &InvalidError{Thing: "config " + m.Config.Digest.String(), Rule: fmt.Sprintf("its %d bytes are too many to look for a platform in, the limit is %d", m.Config.Size, int64(maxManifestSize))}
	}
	data, err := fetchSmall(ctx, src, *m.Config)
	if err != nil {
		return err
	}
	var have ocispec.Platform
	if err := json.Unmarshal(data, &have); err != nil {
		return &InvalidError{Thing: "config " + m.Config.Digest.String(), Rule: "it is not a JSON image config", Err: err}
	}
	if matchesPlatform(want, have) {
		return nil
	}
	return &NotFoundError{
		Store: "image " + root.Digest.String(),
		Thing: "platform " + FormatPlatform(&want),
		Known: []string{FormatPlatform(&have)},
	}
}
