package artifact

import (
	"archive/tar"
	"bytes"
	"context"
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
)

func TestDockerSaveArchiveIsRead(t *testing.T) {
	b := newBuilder(t, 13)
	one, two := makeTar(t, file("etc/a", b.blob(5000))), makeTar(t, file("etc/b", b.blob(10)))
	files, config := classicSave(t, one, two, one)
	a, err := openTar(t, makeTar(t, files...))
	if err != nil {
		t.Fatal(err)
	}
	if a.Format() != ArchiveDocker {
		t.Errorf("format %q", a.Format())
	}
	for _, reference := range []string{"", "app:1", "1", "docker.io/library/app:1", "reg.example/app:2"} {
		m, image := imageIn(t, a, reference)
		if m.Config.Digest != digest.FromBytes(config) {
			t.Errorf("%q: the config has the digest %s, docker's image id is %s", reference, m.Config.Digest, digest.FromBytes(config))
		}
		for i, layer := range m.Layers {
			if layer.Digest != image.RootFS.DiffIDs[i] || layer.MediaType != ocispec.MediaTypeImageLayer {
				t.Errorf("%q: layer %d is %s of type %s", reference, i, layer.Digest, layer.MediaType)
			}
		}
	}
	result, err := Copy(t.Context(), NewMemory(), "x", a, "app:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.BlobsCopied != 3 {
		t.Errorf("%d blobs copied; two layers, one of them twice, and a config make 3", result.BlobsCopied)
	}
}

func TestDockerSaveArchiveWithGzippedLayerIsRead(t *testing.T) {
	layer := makeTar(t, file("etc/a", "x"))
	files, _ := classicSave(t, layer)
	for i := range files {
		if strings.HasSuffix(files[i].name, "layer.tar") {
			files[i].data = zip(t, files[i].data)
		}
	}
	a, err := openTar(t, makeTar(t, files...))
	if err != nil {
		t.Fatal(err)
	}
	m, image := imageIn(t, a, "app:1")
	if m.Layers[0].MediaType != ocispec.MediaTypeImageLayerGzip || m.Layers[0].Digest == image.RootFS.DiffIDs[0] {
		t.Errorf("layer %+v, diff id %s", m.Layers[0], image.RootFS.DiffIDs[0])
	}
	if _, err := Copy(t.Context(), NewMemory(), "x", a, "", nil); err != nil {
		t.Fatal(err)
	}
	other := makeTar(t, file("etc/a", "y"))
	for i := range files {
		if strings.HasSuffix(files[i].name, "layer.tar") {
			files[i].data = zip(t, other)
		}
	}
	if _, err := openTar(t, makeTar(t, files...)); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "diff id") {
		t.Errorf("a layer that unpacks to something else: %v", err)
	}
}

func TestOpeningAnArchiveEndsWithItsContext(t *testing.T) {
	b := newBuilder(t, 62)
	layer := zip(t, makeTar(t, file("etc/a", b.blob(3<<20))))
	id := strings.Repeat("a", 64)
	for name, data := range map[string][]byte{
		"gzipped":            zip(t, makeTar(t, file("oci-layout", "{}"), file("x", b.blob(3<<20)))),
		"of docker":          makeTar(t, file("c", `{"rootfs":{"diff_ids":["`+digest.FromString("x").String()+`"]}}`), file("l", layer), file("manifest.json", `[{"Config":"c","Layers":["l"]}]`)),
		"of docker long ago": makeTar(t, file("repositories", `{"app":{"1":"`+id+`"}}`), file(id+"/json", `{}`), file(id+"/layer.tar", layer)),
	} {
		path := filepath.Join(t.TempDir(), "a.tar")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := OpenArchive(ctx, path); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestArchiveOfDockerBefore110IsRead(t *testing.T) {
	base, top := makeTar(t, file("a", "1")), makeTar(t, file("b", "2"))
	baseID, topID := digest.FromString("base").Encoded(), digest.FromString("top").Encoded()
	a, err := openTar(t, makeTar(t,
		file(baseID+"/json", map[string]any{"id": baseID, "created": "2015-01-01T00:00:00Z", "container_config": map[string]any{"Cmd": []string{"/bin/sh", "-c", "#(nop) ADD"}}}),
		file(baseID+"/layer.tar", base),
		file(topID+"/json", map[string]any{"id": topID, "parent": baseID, "architecture": "arm", "os": "linux", "config": map[string]any{"Cmd": []string{"run"}}, "author": "me"}),
		file(topID+"/layer.tar", top),
		file("repositories", map[string]any{"app": map[string]string{"old": topID}}),
	))
	if err != nil {
		t.Fatal(err)
	}
	m, image := imageIn(t, a, "app:old")
	want := []digest.Digest{digest.FromBytes(base), digest.FromBytes(top)}
	if diff := cmp.Diff(want, image.RootFS.DiffIDs); diff != "" {
		t.Error(diff)
	}
	if m.Layers[0].Digest != want[0] || m.Layers[1].Digest != want[1] {
		t.Errorf("layers %v", m.Layers)
	}
	if image.Architecture != "arm" || image.Author != "me" || !slices.Equal(image.Config.Cmd, []string{"run"}) || image.History[0].CreatedBy != "/bin/sh -c #(nop) ADD" {
		t.Errorf("config %+v", image)
	}
	if _, err := Copy(t.Context(), NewMemory(), "x", a, "", nil); err != nil {
		t.Fatal(err)
	}
}

func TestWrittenDockerArchiveHasWhatDockerLoads(t *testing.T) {
	b := newBuilder(t, 14)
	root := b.image("linux/amd64", 100, 200)
	path := filepath.Join(t.TempDir(), "app.tar")
	w, err := CreateArchive(path, ArchiveDocker)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"team/app:1", "reg.example:5000/app"} {
		if _, err := Copy(t.Context(), w, name, b.store, root.Digest.String(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a, err := OpenArchive(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	data, err := a.tar.read("manifest.json", maxDockerFile)
	if err != nil {
		t.Fatal(err)
	}
	var images []dockerImage
	if err := json.Unmarshal(data, &images); err != nil {
		t.Fatal(err)
	}
	m, _ := imageIn(t, b.store, root.Digest.String())
	want := []dockerImage{{
		Config:   blobPath(m.Config),
		RepoTags: []string{"team/app:1", "reg.example:5000/app:latest"},
		Layers:   []string{blobPath(m.Layers[0]), blobPath(m.Layers[1])},
	}}
	if diff := cmp.Diff(want, images); diff != "" {
		t.Error(diff)
	}
	data, err = a.tar.read("repositories", maxDockerFile)
	if err != nil {
		t.Fatal(err)
	}
	top := m.Layers[1].Digest.Encoded()
	if got, want := string(data), `{"reg.example:5000/app":{"latest":"`+top+`"},"team/app":{"1":"`+top+`"}}`; got != want {
		t.Errorf("repositories:\n%s\nwant\n%s", got, want)
	}
	var names []string
	for _, desc := range a.index.Manifests {
		names = append(names, desc.Annotations[annotationContainerdName])
	}
	if diff := cmp.Diff([]string{"docker.io/team/app:1", "reg.example:5000/app:latest"}, names); diff != "" {
		t.Error(diff)
	}
	for _, reference := range []string{"team/app:1", "docker.io/team/app:1", "1", "latest"} {
		requireWhole(t, a, reference, root.Digest)
	}
	// The same archive, for a docker that knows no OCI layout.
	a.format, a.index = ArchiveDocker, &ocispec.Index{}
	if err := a.addDockerHalf(t.Context()); err != nil {
		t.Fatal(err)
	}
	if back, _ := imageIn(t, a, "team/app:1"); back.Config.Digest != m.Config.Digest {
		t.Errorf("config %s, want %s", back.Config.Digest, m.Config.Digest)
	}
}

func TestArchiveIsTheSameBytesEachTime(t *testing.T) {
	b := newBuilder(t, 15)
	root := b.index(b.image("linux/amd64", 100, 200), b.image("linux/arm64", 100))
	var first []byte
	for range 2 {
		var buf bytes.Buffer
		w, err := CreateArchiveStream(&buf, filepath.Join(t.TempDir(), "staging"), ArchiveOCI)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Copy(t.Context(), w, "v1", b.store, root.Digest.String(), nil); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, buf.Bytes()) {
			t.Error("two archives of one image differ")
		}
		first = buf.Bytes()
	}
	a, err := OpenArchiveStream(t.Context(), "stdin", bytes.NewReader(zip(t, first)))
	if err != nil {
		t.Fatal(err)
	}
	temp := a.file.Name()
	requireWhole(t, a, "v1", root.Digest)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(temp); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary file is left: %v", err)
	}
}

func TestDockerArchiveRefusesIndexBeforeMovingIt(t *testing.T) {
	b := newBuilder(t, 16)
	root := b.index(b.image("linux/amd64", 100))
	path := filepath.Join(t.TempDir(), "app.tar")
	w, err := CreateArchive(path, ArchiveDocker)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Copy(t.Context(), w, "app:1", b.store, root.Digest.String(), nil); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "platform") {
		t.Errorf("error %v, want one that asks for a platform", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is an archive: %v", err)
	}
}

func TestInterruptedArchiveGoesOn(t *testing.T) {
	b := newBuilder(t, 17)
	root := b.image("linux/amd64", 1000, 2000, 3000)
	b.tag(root, "v1")
	path := filepath.Join(t.TempDir(), "app.tar")
	if err := os.WriteFile(path, []byte("what was there"), 0o644); err != nil {
		t.Fatal(err)
	}
	w, err := CreateArchive(path, ArchiveOCI)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CreateArchive(path, ArchiveOCI); !errors.As(err, new(*InUseError)) {
		t.Errorf("a second writer: %v", err)
	}
	m, _ := imageIn(t, b.store, "v1")
	broken := NewMemory()
	for d, data := range b.store.blobs {
		broken.blobs[d] = data
	}
	broken.blobs[m.Layers[0].Digest] = make([]byte, 1000)
	if _, err := Copy(t.Context(), w, "v1", broken, root.Digest.String(), &Options{Concurrency: 1}); !isMismatch(err) {
		t.Fatalf("error %v, want a mismatch", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "what was there" {
		t.Errorf("the file was touched: %q, %v", data, err)
	}
	w, err = CreateArchive(path, ArchiveOCI)
	if err != nil {
		t.Fatal(err)
	}
	result, err := Copy(t.Context(), w, "v1", b.store, "v1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.BlobsExisted != 2 {
		t.Errorf("%d blobs were kept, want the two larger layers", result.BlobsExisted)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a, err := OpenArchive(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	requireWhole(t, a, "v1", root.Digest)
	left, err := filepath.Glob(path + "?*")
	if err != nil || len(left) > 0 {
		t.Errorf("left beside the archive: %q, %v", left, err)
	}
}

func TestBadArchiveIsRefused(t *testing.T) {
	layer := makeTar(t, file("etc/a", "x"))
	classic, _ := classicSave(t, layer)
	marker := file("oci-layout", `{"imageLayoutVersion":"1.0.0"}`)
	empty := file("index.json", `{"schemaVersion":2,"manifests":[]}`)
	replace := func(suffix string, change func(*tarFile)) []byte {
		files := slices.Clone(classic)
		for i := range files {
			if strings.HasSuffix(files[i].name, suffix) {
				change(&files[i])
			}
		}
		return makeTar(t, files...)
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	whole := makeTar(t, classic...)
	huge := bytes.Clone(whole)
	copy(huge[124:], "77777777777") // the first header's size
	cases := []struct {
		name string
		data []byte
		says string
	}{
		{"nothing", nil, "empty or not a tar"},
		{"not a tar", bytes.Repeat([]byte("no"), 1000), "not a whole tar"},
		{"cut in a header", whole[:700], "tar"},
		{"cut in a layer", whole[:len(whole)-6000], "the archive ends after"},
		{"half a gzip", zip(t, whole)[:100], "ends too early"},
		{"a damaged gzip", append(slices.Clone(zip(t, whole)[:len(zip(t, whole))-8]), make([]byte, 8)...), "gzip"},
		{"a layer that is half a gzip", replace("layer.tar", func(f *tarFile) { f.data = zip(t, f.data)[:20] }), "ends too early"},
		{"a line of text", []byte("hello\n"), "ends too early"},
		{"a name without end", makeTar(t, file(strings.Repeat("a/", 3000)+"a", "x")), "more than 4096 bytes"},
		{"some other tar", layer, "neither"},
		{"name that climbs", makeTar(t, file("../evil", "x"), marker, empty), "../evil"},
		{"absolute name", makeTar(t, file("/etc/passwd", "x"), marker, empty), "/etc/passwd"},
		{"name that climbs as on Windows", makeTar(t, file(`..\evil`, "x"), marker, empty), "outside"},
		{"link that climbs", makeTar(t, symlink("blobs/x", "../../etc/passwd"), marker, empty), "outside"},
		{"absolute link", makeTar(t, symlink("x", "/etc/passwd"), marker, empty), "outside"},
		{"hard link that climbs", makeTar(t, tarFile{name: "x", kind: tar.TypeLink, link: "../x"}, marker, empty), "outside"},
		{"a device", makeTar(t, tarFile{name: "null", kind: tar.TypeChar}, marker, empty), "no place"},
		{"an entry twice", makeTar(t, marker, empty, empty), "twice"},
		{"an entry twice by another spelling", makeTar(t, marker, empty, file("./index.json", "{}")), "twice"},
		{"no oci-layout", makeTar(t, empty), "it holds index.json but no oci-layout"},
		{"two folders", makeTar(t, file("a/oci-layout", string(marker.data)), file("b/index.json", string(empty.data))), "neither"},
		{"no index.json", makeTar(t, marker), "index.json"},
		{"a size beyond the end", huge, "tar"},
		{"links in a circle", replace("layer.tar", func(f *tarFile) { *f = symlink(f.name, "layer.tar") }), "point to nothing"},
		{"a link to nothing", replace("layer.tar", func(f *tarFile) { *f = symlink(f.name, "nothing") }), "layer.tar"},
		{"manifest.json is HTML", replace("manifest.json", func(f *tarFile) { f.data = []byte("<html>") }), "manifest.json"},
		{"manifest.json is empty", replace("manifest.json", func(f *tarFile) { f.data = []byte("[]") }), "no image"},
		{"config that climbs", replace("manifest.json", func(f *tarFile) { f.data = []byte(`[{"Config":"../../etc/passwd","Layers":[]}]`) }), "outside"},
		{"no such config", replace("manifest.json", func(f *tarFile) { f.data = []byte(`[{"Config":"none.json"}]`) }), "none.json"},
		{"a layer too few", replace("manifest.json", func(f *tarFile) { f.data = bytes.Replace(f.data, []byte(`"Layers":["`), []byte(`"Layers":["a","`), 1) }), "diff ids"},
		{"zstd layer", replace("layer.tar", func(f *tarFile) { f.data = []byte("\x28\xb5\x2f\xfdxxxx") }), "zstd"},
		{"parents without end", makeTar(t,
			file("repositories", `{"a":{"b":"`+strings.Repeat("a", 64)+`"}}`),
			file(strings.Repeat("a", 64)+"/json", `{"parent":"`+strings.Repeat("a", 64)+`"}`)), "parents"},
		{"parent that climbs", makeTar(t, file("repositories", `{"a":{"b":"../x"}}`)), "../x"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			target := &recorder{Memory: NewMemory()}
			a, err := openTar(t, c.data)
			if err == nil {
				_, err = Copy(t.Context(), target, "v1", a, "", nil)
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v doesn't say %q", err, c.says)
			}
			if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrNotFound) || errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("error %v is of no type that says it", err)
			}
			if slices.Contains(target.order, "tag v1") {
				t.Error("a tag was written")
			}
			if left, _ := filepath.Glob(filepath.Join(temp, "acrkit-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
