package main

import (
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// savedKinds are the archives that scripts ask for.
var savedKinds = map[string]func(*savedArchive){
	// Two images under three names.
	"two": func(s *savedArchive) {
		for name, names := range map[string][]string{"a": {"team/app:1", "team/app:2"}, "b": {"reg.example/tool:1"}} {
			layer := s.layer(name)
			_, config := s.image(linuxOn("amd64"), layer)
			s.docker(config, layer, names...)
		}
	},
	// An index of two platforms, of which one is there.
	"absent": func(s *savedArchive) {
		layer := s.layer("a")
		here, config := s.image(linuxOn("amd64"), layer)
		gone := here
		gone.Digest, gone.Platform = digest.FromString("gone"), &ocispec.Platform{OS: "linux", Architecture: "arm64"}
		s.root(s.index(here, gone), "team/app:1")
		s.docker(config, layer, "team/app:1")
	},
	// A layer that is fetched from elsewhere, and is there too.
	"foreign": func(s *savedArchive) {
		layer := s.layer("base")
		layer.MediaType, layer.URLs = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", []string{"https://mcr.example/base"}
		manifest, _ := s.image(ocispec.Platform{OS: "windows", Architecture: "amd64"}, layer)
		s.root(manifest, "win:1")
	},
	// Builds of Windows, and an image that the index doesn't tell the platform of.
	"windows": func(s *savedArchive) {
		var children []ocispec.Descriptor
		for _, version := range []string{"10.0.17763.1", "10.0.20348.2", "10.0.20348.9"} {
			child, _ := s.image(ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: version}, s.layer(version))
			children = append(children, child)
		}
		linux, _ := s.image(linuxOn("arm64"), s.layer("linux"))
		linux.Platform = nil
		s.root(s.index(append(children, linux)...), "app:1")
	},
	// BuildKit's cache: an index of blobs.
	"cache": func(s *savedArchive) {
		s.root(s.index(s.layer("a"), s.layer("b"), s.add("application/vnd.buildkit.cacheconfig.v0", []byte("{}"))), "buildcache")
	},
	// An index of two platforms, all that a configuration can say, an image
	// without a name, and files with titles.
	"described": func(s *savedArchive) {
		made := time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)
		var children []ocispec.Descriptor
		for _, architecture := range []string{"amd64", "arm64"} {
			layer := s.layer(architecture)
			config := s.add(ocispec.MediaTypeImageConfig, ocispec.Image{
				Created: &made, Author: "somebody", Platform: linuxOn(architecture), RootFS: ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{layer.Digest}},
				Config: ocispec.ImageConfig{
					User: "app", Env: []string{"PATH=/bin", "MODE=" + architecture}, Entrypoint: []string{"/app"}, Cmd: []string{"serve"}, WorkingDir: "/srv",
					ExposedPorts: map[string]struct{}{"8080/tcp": {}}, Volumes: map[string]struct{}{"/data": {}}, Labels: map[string]string{"team": "red", "a": "b"}, StopSignal: "SIGINT",
				},
				History: []ocispec.History{{Created: &made, CreatedBy: "COPY app /app", Comment: "buildkit"}, {CreatedBy: "CMD serve", EmptyLayer: true}},
			})
			child := s.add(ocispec.MediaTypeImageManifest, ocispec.Manifest{
				Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: []ocispec.Descriptor{layer},
			})
			platform := linuxOn(architecture)
			child.Platform = &platform
			children = append(children, child)
		}
		s.root(s.index(children...), "app:1")
		other, _ := s.image(linuxOn("amd64"), s.layer("unnamed"))
		s.root(other, "")
		file := s.add("text/plain", []byte("hello"))
		file.Annotations = map[string]string{ocispec.AnnotationTitle: "hello.txt"}
		s.root(s.add(ocispec.MediaTypeImageManifest, ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/vnd.example",
			Config: s.add(ocispec.MediaTypeEmptyJSON, []byte("{}")), Layers: []ocispec.Descriptor{file},
		}), "files")
	},
	"rootfs": rootfsImages,
	// A Helm chart of helm 3.7, whose manifest has no annotations.
	"chart": func(s *savedArchive) {
		config := s.add("application/vnd.cncf.helm.config.v1+json", []byte(`{"name":"app","version":"1.2.0","appVersion":"7","description":"what it is","apiVersion":"v2"}`))
		s.root(s.add(ocispec.MediaTypeImageManifest, ocispec.Manifest{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: config,
			Layers: []ocispec.Descriptor{s.add("application/vnd.cncf.helm.chart.content.v1.tar+gzip", []byte("chart"))},
		}), "1.2.0")
	},
	// An image, and cosign's signature of it.
	"signed": func(s *savedArchive) {
		image, _ := s.image(linuxOn("amd64"), s.layer("a"))
		signature, _ := s.image(ocispec.Platform{}, s.layer("signature"))
		s.root(image, "1")
		s.root(signature, "sha256-"+image.Digest.Encoded()+".sig")
	},
}
