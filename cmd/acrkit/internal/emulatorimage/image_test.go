package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.uber.org/goleak"

	"github.com/acrkit/azcontainerregistry/artifact"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// makeImage makes the image around stand-ins for the program.
func makeImage(t *testing.T, out string) {
	t.Helper()
	made, err := newImage("1.2.3", "abc", []string{"linux/amd64", "linux/arm64"})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range made.platforms {
		if err := made.add(t.Context(), p, []byte("program for "+p.name())); err != nil {
			t.Fatal(err)
		}
	}
	if err := made.write(t.Context(), out, io.Discard); err != nil {
		t.Fatal(err)
	}
}

// contents are the files below a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = digest.FromBytes(data).String()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestTwoBuildsAreTheSameToTheByte(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	makeImage(t, first)
	makeImage(t, second)
	if diff := cmp.Diff(contents(t, first), contents(t, second)); diff != "" {
		t.Errorf("-first +second:\n%s", diff)
	}
	// Over an earlier one, too.
	makeImage(t, first)
	if diff := cmp.Diff(contents(t, first), contents(t, second)); diff != "" {
		t.Errorf("-replaced +second:\n%s", diff)
	}
}

func TestProgramIsTheSameWhereverItIsBuilt(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command twice")
	}
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	root := filepath.Join("..", "..", "..", "..")
	var log bytes.Buffer
	if err := buildCommand(t.Context(), root, one, "amd64", &log); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	// The same source in another folder, without a repository around it, and
	// with an environment that would make another program.
	copied := filepath.Join(dir, "source")
	if err := copySource(root, copied); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOFLAGS", "-race")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("CGO_ENABLED", "1")
	if err := buildCommand(t.Context(), copied, two, "amd64", &log); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	a, errA := os.ReadFile(one)
	b, errB := os.ReadFile(two)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("the programs differ")
	}
}

// copySource copies what the command is built from.
func copySource(root, to string) error {
	return fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			switch entry.Name() {
			case ".git", "node_modules", "dist", "bench", "testdata":
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, path), 0o755)
		}
		if !slices.Contains([]string{".go", ".mod", ".sum", ".work"}, filepath.Ext(path)) && !strings.Contains(path, "emulator") && !strings.Contains(path, "cmd") {
			return nil
		}
		data, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, path), data, 0o644)
	})
}

func TestImageRunsWithoutRightsAndWithAHealthCheck(t *testing.T) {
	out := t.TempDir()
	makeImage(t, out)
	layout, err := artifact.OpenLayout(filepath.Join(out, filePrefix))
	if err != nil {
		t.Fatal(err)
	}
	defer layout.Close()
	root, err := layout.Resolve(t.Context(), "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	var index ocispec.Index
	fetch(t, layout, root, &index)
	var platforms []string
	for _, manifest := range index.Manifests {
		platforms = append(platforms, artifact.FormatPlatform(manifest.Platform))
		checkPlatform(t, layout, manifest)
	}
	if !slices.Equal(platforms, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("platforms %q", platforms)
	}
}

func checkPlatform(t *testing.T, layout *artifact.Layout, desc ocispec.Descriptor) {
	t.Helper()
	var manifest ocispec.Manifest
	fetch(t, layout, desc, &manifest)
	var config imageConfig
	fetch(t, layout, manifest.Config, &config)
	c := config.Config
	if c.User != "65532:65532" || len(c.Volumes) != 1 || len(c.Healthcheck.Test) != 4 || c.Healthcheck.Test[0] != "CMD" {
		t.Errorf("config: %+v", c)
	}
	for _, label := range []string{ocispec.AnnotationVersion, ocispec.AnnotationRevision, ocispec.AnnotationSource, ocispec.AnnotationLicenses} {
		if c.Labels[label] == "" {
			t.Errorf("the label %s is missing", label)
		}
	}
	if slices.ContainsFunc(append(c.Env, c.Entrypoint...), func(s string) bool { return strings.Contains(strings.ToLower(s), "beyond") }) || len(c.Cmd) > 0 {
		t.Errorf("the image listens beyond loopback without being asked: %+v", c)
	}
	reader, err := layout.Fetch(t.Context(), manifest.Layers[0])
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	unpacked, err := gzip.NewReader(reader)
	if err != nil {
		t.Fatal(err)
	}
	hash := digest.Canonical.Digester()
	modes := map[string]int64{}
	for entries := tar.NewReader(io.TeeReader(unpacked, hash.Hash())); ; {
		header, err := entries.Next()
		if err != nil {
			break
		}
		modes[header.Name] = header.Mode
	}
	if _, err := io.Copy(hash.Hash(), unpacked); err != nil {
		t.Fatal(err)
	}
	if got := hash.Digest(); got != config.RootFS.DiffIDs[0] {
		t.Errorf("the layer is %s, the config says %s", got, config.RootFS.DiffIDs[0])
	}
	if modes["data/"] != 0o1777 || modes["tmp/"] != 0o1777 || modes["usr/bin/acrkit"] != 0o755 {
		t.Errorf("modes %v", modes)
	}
}

func fetch(t *testing.T, from artifact.Source, desc ocispec.Descriptor, into any) {
	t.Helper()
	reader, err := from.Fetch(t.Context(), desc)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := json.NewDecoder(reader).Decode(into); err != nil {
		t.Fatal(err)
	}
}

func TestWrongArgumentsAreRefusedBeforeAnythingIsBuilt(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	for want, args := range map[string][]string{
		`version "a b"`:            {"-version", "a b"},
		`platform "linux/s390x"`:   {"-platforms", "linux/s390x"},
		"is named twice":           {"-platforms", "linux/amd64,linux/amd64"},
		`unexpected argument "x"`:  {"x"},
		"flag provided but not":    {"-nope"},
		`platform "windows/amd64"`: {"-platforms", "windows/amd64"},
	} {
		err := run(t.Context(), append([]string{"-out", out}, args...), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", args, err)
		}
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
}

func TestFolderThatIsNoLayoutIsNotReplaced(t *testing.T) {
	out := t.TempDir()
	kept := filepath.Join(out, filePrefix, "mine")
	if err := os.MkdirAll(kept, 0o755); err != nil {
		t.Fatal(err)
	}
	made, err := newImage("dev", "", []string{"linux/amd64"})
	if err != nil {
		t.Fatal(err)
	}
	if err := made.add(t.Context(), made.platforms[0], []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := made.write(t.Context(), out, io.Discard); err == nil || !strings.Contains(err.Error(), "no OCI layout") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
}
