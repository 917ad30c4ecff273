package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	"github.com/rogpeppe/go-internal/testscript"
)

// watcher is a standard error that does something when a text comes by.
type watcher struct {
	mu   sync.Mutex
	all  bytes.Buffer
	when string
	do   func()
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.when != "" && strings.Contains(string(p), w.when) {
		w.do()
	}
	return w.all.Write(p)
}

// testApp is an app over buffers, with an environment of its own.
func testApp(environment map[string]string, stderr *watcher) (*app, *bytes.Buffer) {
	stdout := &bytes.Buffer{}
	return &app{
		Session: &session.Session{
			Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr,
			Getenv: func(name string) string { return environment[name] },
			Now:    time.Now, LocalOptions: session.LocalOptions,
		},
	}, stdout
}

// rootfsImages are three layers, plain, gzip and zstd, for one platform, and
// another image for another: whiteouts, links, a device, and what would leave a
// folder.
func rootfsImages(s *savedArchive) {
	amd64 := s.rootfs(linuxOn("amd64"), "", []tar.Header{
		folderHeader("etc/"), fileHeader("etc/os-release", "NAME=base\n"), fileHeader("etc/old", "old\n"),
		folderHeader("usr/"), folderHeader("usr/bin/"),
		{Typeflag: tar.TypeReg, Name: "usr/bin/su", Mode: 0o4755, Uname: "su\n"},
		linkHeader("bin", "usr/bin"),
	}, []tar.Header{
		fileHeader("etc/.wh.old", ""), fileHeader("etc/passwd", "root:x:0:0\n"),
		{Typeflag: tar.TypeLink, Name: "etc/passwd-", Linkname: "etc/passwd"},
		linkHeader("etc/escape", "../../../outside"), linkHeader("etc/self", "self"),
		{Typeflag: tar.TypeChar, Name: "null", Mode: 0o666, Devmajor: 1, Devminor: 3},
	}, []tar.Header{
		fileHeader("etc/os-release", "NAME=top\n"), fileHeader("../../traversal", "inside\n"),
	})
	arm64 := s.rootfs(linuxOn("arm64"), "", []tar.Header{fileHeader("etc/os-release", "NAME=arm\n")})
	s.root(s.index(amd64, arm64), "app:1")
}

// script archives are what docker and others save, in small.
type savedArchive struct {
	ts    *testscript.TestScript
	blobs map[digest.Digest][]byte
	roots []ocispec.Descriptor
	files map[string]any
}

func (s *savedArchive) add(mediaType string, v any) ocispec.Descriptor {
	data, ok := v.([]byte)
	if !ok {
		var err error
		data, err = json.Marshal(v)
		s.ts.Check(err)
	}
	d := digest.FromBytes(data)
	s.blobs[d] = data
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(data))}
}

// image makes an image of one layer, which holds its own name.
func (s *savedArchive) image(platform ocispec.Platform, layer ocispec.Descriptor) (manifest, config ocispec.Descriptor) {
	config = s.add(ocispec.MediaTypeImageConfig, ocispec.Image{Platform: platform, RootFS: ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{layer.Digest}}})
	manifest = s.add(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: []ocispec.Descriptor{layer},
	})
	manifest.Platform = &platform
	return manifest, config
}

func (s *savedArchive) layer(name string) ocispec.Descriptor {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	s.ts.Check(w.WriteHeader(&tar.Header{Name: name, Mode: 0o644}))
	s.ts.Check(w.Close())
	return s.add(ocispec.MediaTypeImageLayer, buf.Bytes())
}

func (s *savedArchive) index(children ...ocispec.Descriptor) ocispec.Descriptor {
	return s.add(ocispec.MediaTypeImageIndex, ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: children})
}

func (s *savedArchive) root(desc ocispec.Descriptor, name string) {
	desc.Platform = nil
	if name != "" {
		desc.Annotations = map[string]string{ocispec.AnnotationRefName: name}
	}
	s.roots = append(s.roots, desc)
}

// docker lists an image in docker's manifest.json.
func (s *savedArchive) docker(config, layer ocispec.Descriptor, names ...string) {
	list, _ := s.files["manifest.json"].([]map[string]any)
	path := func(d ocispec.Descriptor) string { return "blobs/sha256/" + d.Digest.Encoded() }
	s.files["manifest.json"] = append(list, map[string]any{"Config": path(config), "RepoTags": names, "Layers": []string{path(layer)}})
}

func linuxOn(architecture string) ocispec.Platform {
	return ocispec.Platform{OS: "linux", Architecture: architecture}
}

// makeSaved is the script command "saved FILE KIND".
func makeSaved(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || savedKinds[args[1]] == nil {
		ts.Fatalf("usage: saved FILE KIND")
	}
	s := &savedArchive{ts: ts, blobs: map[digest.Digest][]byte{}, files: map[string]any{}}
	savedKinds[args[1]](s)
	s.files[ocispec.ImageLayoutFile] = ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}
	s.files[ocispec.ImageIndexFile] = map[string]any{"schemaVersion": 2, "manifests": s.roots}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	write := func(name string, data []byte) {
		ts.Check(w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644}))
		_, err := w.Write(data)
		ts.Check(err)
	}
	for name, v := range s.files {
		data, err := json.Marshal(v)
		ts.Check(err)
		write(name, data)
	}
	for d, data := range s.blobs {
		write("blobs/"+strings.Replace(d.String(), ":", "/", 1), data)
	}
	ts.Check(w.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), out.Bytes(), 0o600))
}

// multiImage writes a layout with an index for two platforms: multi DIR TAG.
func multiImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: multi DIR TAG")
	}
	w := newLayoutWriter(ts, args[0])
	index := w.json(ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{w.image("amd64", args[1]+" for amd64"), w.image("arm64", args[1]+" for arm64")},
	})
	w.finish(layoutTagged(index, args[1]))
}

// signedImage writes a layout with an image and a manifest that refers to it:
// signed DIR TAG.
func signedImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: signed DIR TAG")
	}
	w := newLayoutWriter(ts, args[0])
	image := w.image("amd64", args[1]+" signed")
	image.Platform = nil
	signature := w.json(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: "application/vnd.example.signature", Config: w.blob(ocispec.MediaTypeEmptyJSON, []byte("{}")),
		Layers: []ocispec.Descriptor{w.blob("application/octet-stream", []byte("signature"))}, Subject: &image,
	})
	w.finish(layoutTagged(image, args[1]), signature)
}

// waitReady waits until a program in the background has written a file:
// waitready FILE.
func waitReady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitready FILE")
	}
	path := ts.MkAbs(args[0])
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-limit.C:
			ts.Fatalf("%s was not written", args[0])
		}
	}
}

// pushEmpty pushes an artifact that has nothing but its tag's name.
func pushEmpty(ctx context.Context, t *testing.T, repository *artifact.Repository, tag string) {
	t.Helper()
	empty, content := artifact.NewContentBytes("application/vnd.oci.empty.v1+json", []byte("{}"))
	if err := repository.Push(ctx, empty, content); err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/x",
		Config: empty, Layers: []ocispec.Descriptor{empty}, Annotations: map[string]string{"tag": tag},
	})
	if err != nil {
		t.Fatal(err)
	}
	desc, content := artifact.NewContentBytes(ocispec.MediaTypeImageManifest, body)
	if err := repository.Push(ctx, desc, content); err != nil {
		t.Fatal(err)
	}
	if err := repository.Tag(ctx, desc, tag); err != nil {
		t.Fatal(err)
	}
}
