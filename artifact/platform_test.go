package artifact

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestPlatformsAreReadAndWrittenAsContainerdDoes(t *testing.T) {
	for text, want := range map[string]ocispec.Platform{
		"linux/amd64":                      {OS: "linux", Architecture: "amd64"},
		"Linux/X86_64":                     {OS: "linux", Architecture: "amd64"},
		"linux/i386":                       {OS: "linux", Architecture: "386"},
		"linux/aarch64":                    {OS: "linux", Architecture: "arm64"},
		"linux/armhf":                      {OS: "linux", Architecture: "arm", Variant: "v7"},
		"linux/armel":                      {OS: "linux", Architecture: "arm", Variant: "v6"},
		"linux/arm/7":                      {OS: "linux", Architecture: "arm", Variant: "v7"},
		"windows(10.0.20348)/amd64":        {OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348"},
		"windows(10.0.17763+win32k)/amd64": {OS: "windows", Architecture: "amd64", OSVersion: "10.0.17763", OSFeatures: []string{"win32k"}},
		"macos/arm64":                      {OS: "darwin", Architecture: "arm64"},
	} {
		got, err := ParsePlatform(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		if again, err := ParsePlatform(FormatPlatform(&got)); err != nil || !cmp.Equal(again, got) {
			t.Errorf("%s is written as %s, which reads as %v, %v", text, FormatPlatform(&got), again, err)
		}
	}
	for _, bad := range []string{"windows(10/amd64", "windows)10(/amd64", "windows(1 0)/amd64", "linux//amd64", "linux/amd64/v2/x", "(1)/amd64"} {
		if p, err := ParsePlatform(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q is %v, %v", bad, p, err)
		}
	}
	for _, c := range []struct{ os, want string }{{"linux", "linux"}, {"darwin", "linux"}, {"windows", "windows"}} {
		if p := localPlatform(c.os, "arm64"); p.OS != c.want {
			t.Errorf("on %s containers are %s", c.os, p.OS)
		}
	}
}

func TestBestPlatformOfAnIndexIsChosen(t *testing.T) {
	for name, c := range map[string]struct {
		want string
		have []string
		best int // -1 for none
	}{
		"the same variant":               {"linux/arm/v7", []string{"linux/arm/v6", "linux/arm/v7"}, 1},
		"an older variant runs":          {"linux/arm/v7", []string{"linux/arm/v5", "linux/arm/v6"}, 1},
		"a newer one doesn't":            {"linux/arm/v6", []string{"linux/arm/v7"}, -1},
		"arm is v7":                      {"linux/arm", []string{"linux/arm/v6", "linux/arm/v7"}, 1},
		"arm64 is v8":                    {"linux/arm64", []string{"linux/arm64/v8"}, 0},
		"v8 is arm64":                    {"linux/arm64/v8", []string{"linux/arm64"}, 0},
		"arm64 doesn't run on arm":       {"linux/arm/v8", []string{"linux/arm64"}, -1},
		"amd64 is v1":                    {"linux/amd64", []string{"linux/amd64/v3", "linux/amd64/v2", "linux/amd64"}, 2},
		"the newest that runs":           {"linux/amd64/v3", []string{"linux/amd64", "linux/amd64/v2", "linux/amd64/v4"}, 1},
		"386 isn't amd64":                {"linux/amd64", []string{"linux/386"}, -1},
		"the first of equals":            {"linux/amd64", []string{"linux/amd64", "linux/amd64"}, 0},
		"a build of Windows":             {"windows(10.0.20348)/amd64", []string{"windows(10.0.17763.1)/amd64", "windows(10.0.20348.2227)/amd64"}, 1},
		"the last revision of a build":   {"windows(10.0.20348)/amd64", []string{"windows(10.0.20348.999)/amd64", "windows(10.0.20348.2227)/amd64", "windows(10.0.20348.3)/amd64"}, 1},
		"a build is no part of a number": {"windows(10.0.2034)/amd64", []string{"windows(10.0.20348)/amd64"}, -1},
		"any build, the first":           {"windows/amd64", []string{"windows(10.0.17763.1)/amd64", "windows(10.0.20348.1)/amd64"}, 0},
		"a feature that is asked for":    {"windows(+win32k)/amd64", []string{"windows(10.0)/amd64", "windows(10.0+win32k)/amd64"}, 1},
		"a variant that isn't a number":  {"linux/mips/odd", []string{"linux/mips", "linux/mips/odd"}, 1},
		"a spelling of an index of old":  {"linux/amd64", []string{"linux/x86_64"}, 0},
	} {
		want, err := ParsePlatform(c.want)
		if err != nil {
			t.Fatal(err)
		}
		var list []candidate
		for i, text := range c.have {
			p, err := ParsePlatform(text)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, candidate{ocispec.Descriptor{Size: int64(i)}, p})
		}
		found, ok := best(list, want)
		if ok != (c.best >= 0) || ok && found.desc.Size != int64(c.best) {
			t.Errorf("%s: %v, %v", name, found, ok)
		}
	}
}

func TestSeveralPlatformsMakeAnIndexWithTheirAttestations(t *testing.T) {
	s := newSaved(t, 110)
	amd64, arm64, v7 := s.make("linux/amd64", plainLayer, "a"), s.make("linux/arm64", plainLayer, "b"), s.make("linux/arm/v7", plainLayer, "c")
	inner := s.index(v7.desc, s.make("linux/s390x", plainLayer, "d").desc)
	about, other := s.attestation(amd64), s.attestation(v7)
	data := s.addJSON(ocispec.MediaTypeImageIndex, map[string]any{
		"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageIndex, "annotations": map[string]string{"kept": "yes"},
		"manifests": []ocispec.Descriptor{amd64.desc, arm64.desc, inner, about, other},
	})
	s.tag(data, "v1")
	choose := func(platforms ...string) []ocispec.Platform {
		var list []ocispec.Platform
		for _, text := range platforms {
			p, err := ParsePlatform(text)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, p)
		}
		return list
	}
	into := NewMemory()
	result, err := Copy(t.Context(), into, "v1", s.store, "v1", &Options{Platforms: choose("linux/amd64", "linux/arm/v7")})
	if err != nil {
		t.Fatal(err)
	}
	var index, below ocispec.Index
	mustRead(t, into, result.Root, &index)
	if index.Annotations["kept"] != "yes" || len(index.Manifests) != 4 || index.Manifests[0].Digest != amd64.desc.Digest || index.Manifests[2].Digest != about.Digest {
		t.Fatalf("%+v", index)
	}
	mustRead(t, into, index.Manifests[1], &below)
	if len(below.Manifests) != 1 || below.Manifests[0].Digest != v7.desc.Digest {
		t.Errorf("the index inside: %+v", below)
	}
	if result.Attestations != 2 {
		t.Errorf("%d attestations", result.Attestations)
	}
	requireWhole(t, into, "v1", result.Root.Digest)

	if same, err := Copy(t.Context(), into, "v2", s.store, "v1", &Options{Platforms: choose("linux/amd64", "linux/arm64", "linux/arm/v7", "linux/s390x")}); err != nil || same.Root.Digest != data.Digest {
		t.Errorf("all of them are the index itself: %s, %v", same.Root.Digest, err)
	}
	one, err := Copy(t.Context(), NewMemory(), "v1", s.store, "v1", &Options{Platforms: choose("linux/amd64")})
	if err != nil || one.Root.Digest != amd64.desc.Digest || len(one.LeftOut) != 1 || one.LeftOut[0].Descriptor.Digest != about.Digest {
		t.Errorf("a single one is its image, and its attestation is named: %+v, %v", one, err)
	}
	// Within one store, the index that is made is written all the same.
	if _, err := Copy(t.Context(), s.store, "part", s.store, "v1", &Options{Platforms: choose("linux/amd64", "linux/arm64")}); !errors.Is(err, nil) {
		t.Fatal(err)
	}
	requireWhole(t, s.store, "part", mustResolveIn(t, s.store, "part").Digest)
	_, err = Copy(t.Context(), NewMemory(), "v1", s.store, "v1", &Options{Platforms: choose("linux/amd64", "linux/riscv64")})
	var missing *NotFoundError
	if !errors.As(err, &missing) || !slices.Equal(missing.Known, []string{"linux/amd64", "linux/arm64", "linux/arm/v7", "linux/s390x"}) {
		t.Errorf("one that is not there: %v", err)
	}
	plan, err := NewPlan(t.Context(), into, "v3", s.store, "v1", &Options{Platforms: choose("linux/amd64", "windows(10.0)/amd64")[:1]})
	if err != nil {
		t.Fatal(err)
	}
	if applied, err := plan.Apply(t.Context(), into, s.store, nil); err != nil || applied.Root.Digest != amd64.desc.Digest {
		t.Errorf("the plan: %+v, %v", applied, err)
	}
}

func mustResolveIn(t testing.TB, src Source, reference string) ocispec.Descriptor {
	t.Helper()
	desc, err := src.Resolve(t.Context(), reference)
	if err != nil {
		t.Fatal(err)
	}
	return desc
}

func TestChildrenWithoutAPlatformAreToldByTheirConfigs(t *testing.T) {
	s := newSaved(t, 111)
	amd64, arm64 := s.make("linux/amd64", plainLayer, "a"), s.make("linux/arm64/v8", plainLayer, "b")
	other := s.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest, Config: s.add(ocispec.MediaTypeEmptyJSON, []byte("{}")), Layers: []ocispec.Descriptor{},
	})
	other.Platform, amd64.desc.Platform, arm64.desc.Platform = nil, nil, &ocispec.Platform{}
	s.tag(s.index(other, amd64.desc, arm64.desc, amd64.desc), "v1")
	for platform, want := range map[string]digest.Digest{"linux/amd64": amd64.desc.Digest, "linux/arm64": arm64.desc.Digest} {
		p, err := ParsePlatform(platform)
		if err != nil {
			t.Fatal(err)
		}
		result, err := Copy(t.Context(), NewMemory(), "v1", s.store, "v1", &Options{Platforms: []ocispec.Platform{p}})
		if err != nil || result.Root.Digest != want {
			t.Errorf("%s: %s, %v", platform, result.Root.Digest, err)
		}
	}
	_, err := Copy(t.Context(), NewMemory(), "v1", s.store, "v1", &Options{Platforms: []ocispec.Platform{{OS: "plan9", Architecture: "mips"}}})
	var missing *NotFoundError
	if !errors.As(err, &missing) || !slices.Equal(missing.Known, []string{"linux/amd64", "linux/arm64/v8"}) {
		t.Errorf("each once: %v", err)
	}
}

func FuzzPlatform(f *testing.F) {
	for _, seed := range []string{"linux/amd64", "windows(10.0.20348+win32k)/amd64", "linux/arm/v7", "local", "(", "a(+b)/c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePlatform(text)
		if err != nil {
			return
		}
		if again, err := ParsePlatform(FormatPlatform(&p)); err != nil || FormatPlatform(&again) != FormatPlatform(&p) {
			t.Errorf("%q is written as %q, which reads as %v, %v", text, FormatPlatform(&p), again, err)
		}
	})
}
