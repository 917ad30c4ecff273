package artifact

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// richImage is an image with whatever a change must leave alone.
func (b *builder) richImage(docker bool, platform string, layers ...string) ocispec.Descriptor {
	b.t.Helper()
	types := []string{ocispec.MediaTypeImageConfig, ocispec.MediaTypeImageLayer, ocispec.MediaTypeImageManifest}
	if docker {
		types = []string{mediaTypeDockerConfig, mediaTypeDockerLayerPlain, mediaTypeDockerManifest}
	}
	p, err := ParsePlatform(platform)
	if err != nil {
		b.t.Fatal(err)
	}
	var ids, entries, history []string
	for _, content := range layers {
		layer := b.add(types[1], []byte(content))
		ids = append(ids, `"`+layer.Digest.String()+`"`)
		entry, _ := json.Marshal(layer)
		entries = append(entries, string(entry))
		history = append(history, `{"created_by":"made `+content+` && more"}`, `{"created_by":"ENV","empty_layer":true}`)
	}
	config := b.add(types[0], []byte(`{"moby.unknown":1.50,"architecture":"`+p.Architecture+`","os":"`+p.OS+`","config":{"Env":["PATH=/bin","A=1"],"Cmd":["x"],"Labels":{"a":"1"},"Strange":true},"rootfs":{"type":"layers","diff_ids":[`+strings.Join(ids, ",")+`]},"history":[`+strings.Join(history, ",")+`]}`))
	entry, _ := json.Marshal(config)
	desc := b.add(types[2], []byte(`{"schemaVersion":2,"mediaType":"`+types[2]+`","config":`+string(entry)+`,"layers":[`+strings.Join(entries, ",")+`],"unknown":{"kept":[1,2]}}`))
	desc.Platform = &p
	return desc
}

// stored copies a draft into its own base, and reads what came of it.
func stored(t *testing.T, b *builder, d *Draft, err error) (ocispec.Descriptor, map[string]any, ocispec.Image) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	result, err := Copy(t.Context(), b.store, "result", d, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := fetchSmall(t.Context(), b.store, result.Root)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	var read manifest
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	var config ocispec.Image
	if read.Config != nil {
		if err := ReadJSON(t.Context(), b.store, *read.Config, &config); err != nil {
			t.Fatal(err)
		}
		if len(config.RootFS.DiffIDs) != len(read.Layers) {
			t.Errorf("%d diff ids, %d layers", len(config.RootFS.DiffIDs), len(read.Layers))
		}
	}
	return result.Root, m, config
}

func TestMutateChangesWhatIsNamedAndNothingElse(t *testing.T) {
	b := newBuilder(t, 1)
	root := b.richImage(false, "linux/amd64", "base", "app")
	empty, entrypoint, user := []string{}, []string{"/app", "-v"}, "1000"
	o := &MutateOptions{
		Labels: map[string]string{"b": "2 < 3 & 4"}, RemoveLabels: []string{"a"}, Env: []string{"A=2", "B=x=y"}, RemoveEnv: []string{"PATH"},
		Cmd: &empty, Entrypoint: &entrypoint, User: &user, ExposedPorts: []string{"80/tcp"},
	}
	draft, err := Mutate(t.Context(), b.store, root.Digest.String(), o)
	if err == nil && len(draft.New()) != 2 {
		t.Errorf("%d things are new, a config and a manifest should be", len(draft.New()))
	}
	desc, m, config := stored(t, b, draft, err)
	want := ocispec.ImageConfig{
		Env: []string{"A=2", "B=x=y"}, Labels: map[string]string{"b": "2 < 3 & 4"}, Entrypoint: entrypoint, User: "1000", ExposedPorts: map[string]struct{}{"80/tcp": {}},
	}
	if diff := cmp.Diff(want, config.Config); diff != "" {
		t.Error(diff)
	}
	data, _ := fetchSmall(t.Context(), b.store, ocispec.Descriptor{Digest: digest.Digest(m["config"].(map[string]any)["digest"].(string)), MediaType: ocispec.MediaTypeImageConfig, Size: int64(m["config"].(map[string]any)["size"].(float64))})
	for _, kept := range []string{`{"moby.unknown":1.50,"architecture"`, `"Strange":true`, `made base && more`} {
		if !strings.Contains(string(data), kept) {
			t.Errorf("%s has no %s", data, kept)
		}
	}
	if m["unknown"] == nil {
		t.Error("the manifest's own member is gone")
	}
	again, err := Mutate(t.Context(), b.store, root.Digest.String(), o)
	if err != nil || again.Root().Digest != desc.Digest {
		t.Errorf("the same change has another digest (%v)", err)
	}
	same, err := Mutate(t.Context(), b.store, root.Digest.String(), &MutateOptions{Labels: map[string]string{"a": "1"}, Env: []string{"A=1"}})
	if err != nil || same.Root().Digest != root.Digest || len(same.New()) > 0 {
		t.Errorf("a change that changes nothing: %v, %v", same.Root(), err)
	}
	for name, o := range map[string]*MutateOptions{"nil": nil, "nothing": {}, "no value": {Env: []string{"A"}}, "no name": {Env: []string{"=1"}}} {
		if _, err := Mutate(t.Context(), b.store, root.Digest.String(), o); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnIndexIsChangedImageByImage has attestations, and one platform of two.
func TestAnIndexIsChangedImageByImage(t *testing.T) {
	b := newBuilder(t, 1)
	amd64, arm64 := b.richImage(false, "linux/amd64", "a"), b.richImage(false, "linux/arm64", "b")
	attestation := b.image("linux/amd64", 5)
	attestation.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
	attestation.Annotations = map[string]string{annotationReferenceType: "attestation-manifest", annotationReferenceDigest: amd64.Digest.String()}
	root := b.index(amd64, arm64, attestation)
	draft, err := Mutate(t.Context(), b.store, root.Digest.String(), &MutateOptions{Labels: map[string]string{"x": "y"}})
	if err != nil {
		t.Fatal(err)
	}
	if list := draft.leftOut(""); len(list) != 1 || list[0].Descriptor.Digest != attestation.Digest {
		t.Errorf("left out: %v", list)
	}
	_, m, _ := stored(t, b, draft, nil)
	children := m["manifests"].([]any)
	if len(children) != 2 || children[0].(map[string]any)["digest"] == amd64.Digest.String() || children[1].(map[string]any)["platform"].(map[string]any)["architecture"] != "arm64" {
		t.Errorf("%v", children)
	}
	draft, err = Mutate(t.Context(), b.store, root.Digest.String(), &MutateOptions{Labels: map[string]string{"x": "y"}, Platform: arm64.Platform})
	_, m, _ = stored(t, b, draft, err)
	children = m["manifests"].([]any)
	if len(children) != 3 || children[0].(map[string]any)["digest"] != amd64.Digest.String() || children[1].(map[string]any)["digest"] == arm64.Digest.String() {
		t.Errorf("of one platform: %v", children)
	}
	if _, err := Mutate(t.Context(), b.store, root.Digest.String(), &MutateOptions{Labels: map[string]string{"x": "y"}, Platform: &ocispec.Platform{OS: "linux", Architecture: "s390x"}}); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such platform: %v", err)
	}
	if _, err := Mutate(t.Context(), b.store, attestation.Digest.String(), &MutateOptions{Labels: map[string]string{"x": "y"}}); err != nil {
		t.Errorf("%v", err)
	}
}

func TestAnnotateMakesDockersTypesOCIs(t *testing.T) {
	b := newBuilder(t, 1)
	root := b.richImage(true, "linux/amd64", "a", "b")
	draft, err := Annotate(t.Context(), b.store, root.Digest.String(), &AnnotateOptions{Set: map[string]string{"k": "v"}})
	if err == nil && (len(draft.Notes()) != 1 || len(draft.New()) != 1) {
		t.Errorf("%v, %v", draft.Notes(), draft.New())
	}
	desc, m, _ := stored(t, b, draft, err)
	layer := m["layers"].([]any)[0].(map[string]any)
	if desc.MediaType != ocispec.MediaTypeImageManifest || m["config"].(map[string]any)["mediaType"] != ocispec.MediaTypeImageConfig || layer["mediaType"] != ocispec.MediaTypeImageLayer {
		t.Errorf("%s: %v", desc.MediaType, m)
	}
	// What needs no annotation keeps docker's types.
	draft, err = Mutate(t.Context(), b.store, root.Digest.String(), &MutateOptions{Labels: map[string]string{"x": "y"}})
	if desc, _, _ = stored(t, b, draft, err); desc.MediaType != mediaTypeDockerManifest || draft.Root().MediaType != mediaTypeDockerManifest {
		t.Errorf("mutated it is %s", desc.MediaType)
	}
	index := b.index(b.richImage(false, "linux/amd64", "c"), b.richImage(true, "linux/arm64", "d"))
	draft, err = Annotate(t.Context(), b.store, index.Digest.String(), &AnnotateOptions{Set: map[string]string{"k": "v"}})
	if _, m, _ = stored(t, b, draft, err); m["annotations"].(map[string]any)["k"] != "v" || len(draft.New()) != 1 {
		t.Errorf("index: %v", m)
	}
	arm64, _ := ParsePlatform("linux/arm64")
	draft, err = Annotate(t.Context(), b.store, index.Digest.String(), &AnnotateOptions{Set: map[string]string{"k": "v"}, Platform: &arm64})
	_, m, _ = stored(t, b, draft, err)
	if child := m["manifests"].([]any)[1].(map[string]any); child["mediaType"] != ocispec.MediaTypeImageManifest || m["annotations"] != nil {
		t.Errorf("image of an index: %v", m)
	}
	draft, err = Annotate(t.Context(), b.store, "result", &AnnotateOptions{Remove: []string{"k"}, Platform: &arm64})
	if err != nil || draft.Root().Digest == index.Digest {
		t.Errorf("%v", err)
	}
	if _, err = Annotate(t.Context(), b.store, root.Digest.String(), &AnnotateOptions{}); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}

func TestAppendTakesTarsAndFolders(t *testing.T) {
	dir := t.TempDir()
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "x", Mode: 0o644, Size: 1}), func() error { _, err := w.Write([]byte("1")); return err }(), w.Close()); err != nil {
		t.Fatal(err)
	}
	put := func(name string, data []byte) string {
		at := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, data, 0o644)); err != nil {
			t.Fatal(err)
		}
		return at
	}
	plainTar, packed := put("plain.tar", plain.Bytes()), put("x.tar.gz", gzipped(plain.Bytes()))
	put("folder/etc/conf", []byte("c"))
	b := newBuilder(t, 1)
	for _, docker := range []bool{false, true} {
		root := b.richImage(docker, "linux/amd64", "a", "b")
		draft, err := Append(t.Context(), b.store, root.Digest.String(), []string{plainTar, packed, filepath.Join(dir, "folder")}, nil)
		_, m, config := stored(t, b, draft, err)
		layers := m["layers"].([]any)
		if len(layers) != 5 || len(config.History) != 7 || config.RootFS.DiffIDs[2] != config.RootFS.DiffIDs[3] || config.RootFS.DiffIDs[2] != digest.FromBytes(plain.Bytes()) || config.Created != nil {
			t.Errorf("%d layers, %d of history, %v", len(layers), len(config.History), config.RootFS.DiffIDs)
		}
		want := ocispec.MediaTypeImageLayerGzip
		if docker {
			want = mediaTypeDockerLayerGzip
		}
		for _, layer := range layers[2:] {
			if layer.(map[string]any)["mediaType"] != want {
				t.Errorf("%v, want %s", layer, want)
			}
		}
		again, err := Append(t.Context(), b.store, root.Digest.String(), []string{plainTar, packed, filepath.Join(dir, "folder")}, nil)
		if err != nil || again.Root().Digest != draft.Root().Digest {
			t.Errorf("the same layers have another digest (%v)", err)
		}
		again.Close()
	}
	root := b.richImage(false, "linux/amd64", "a")
	for name, path := range map[string]string{"no tar": put("text", []byte(strings.Repeat("text ", 200))), "cut off": put("cut.tar.gz", gzipped(plain.Bytes())[:30]), "bzip2": put("b.tar.bz2", []byte("BZh91AY&SY"))} {
		if _, err := Append(t.Context(), b.store, root.Digest.String(), []string{path}, nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Append(t.Context(), b.store, root.Digest.String(), []string{filepath.Join(dir, "none")}, nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	when := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	draft, err := Append(t.Context(), b.store, root.Digest.String(), []string{plainTar}, &AppendOptions{CreatedBy: "me", Created: &when})
	if _, _, config := stored(t, b, draft, err); config.History[2].CreatedBy != "me" || !config.Created.Equal(when) {
		t.Errorf("%+v", config)
	}
}

func TestRebasePutsTheOwnLayersOnANewBase(t *testing.T) {
	b, elsewhere := newBuilder(t, 1), newBuilder(t, 2)
	oldBase := b.richImage(false, "linux/amd64", "base1", "base2")
	root := b.richImage(false, "linux/amd64", "base1", "base2", "own")
	newBase := elsewhere.index(elsewhere.richImage(true, "linux/arm64", "other"), elsewhere.richImage(true, "linux/amd64", "fresh"))
	o := &RebaseOptions{OldBase: ImageRef{b.store, oldBase.Digest.String()}, NewBase: ImageRef{elsewhere.store, newBase.Digest.String()}, NewBaseName: "reg/base:2"}
	draft, err := Rebase(t.Context(), b.store, root.Digest.String(), o)
	_, m, config := stored(t, b, draft, err)
	if want := []digest.Digest{digest.FromString("fresh"), digest.FromString("own")}; !cmp.Equal(want, config.RootFS.DiffIDs) {
		t.Errorf("%v", config.RootFS.DiffIDs)
	}
	var history []string
	for _, h := range config.History {
		history = append(history, h.CreatedBy)
	}
	if diff := cmp.Diff([]string{"made fresh && more", "ENV", "made own && more", "ENV"}, history); diff != "" {
		t.Error(diff)
	}
	layer := m["layers"].([]any)[0].(map[string]any)
	if layer["mediaType"] != ocispec.MediaTypeImageLayer || m["annotations"].(map[string]any)[ocispec.AnnotationBaseImageName] != "reg/base:2" {
		t.Errorf("%v", m)
	}
	o.OldBase.Reference = b.richImage(false, "linux/amd64", "another").Digest.String()
	if _, err := Rebase(t.Context(), b.store, root.Digest.String(), o); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "not built on it") {
		t.Error(err)
	}
	if _, err := Rebase(t.Context(), b.store, root.Digest.String(), nil); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}

func TestIndexesGrowAndShrink(t *testing.T) {
	b, elsewhere := newBuilder(t, 1), newBuilder(t, 2)
	amd64, arm64 := b.richImage(false, "linux/amd64", "a"), elsewhere.richImage(false, "linux/arm64", "b")
	entries := []IndexEntry{{ImageRef: ImageRef{b.store, amd64.Digest.String()}}, {ImageRef: ImageRef{elsewhere.store, arm64.Digest.String()}}}
	draft, err := IndexCreate(t.Context(), b.store, entries, &IndexOptions{Annotations: map[string]string{"k": "v"}})
	_, m, _ := stored(t, b, draft, err)
	children := m["manifests"].([]any)
	if len(children) != 2 || children[1].(map[string]any)["platform"].(map[string]any)["architecture"] != "arm64" || m["annotations"].(map[string]any)["k"] != "v" {
		t.Errorf("%v", m)
	}
	other := b.richImage(false, "linux/amd64", "c")
	add := []IndexEntry{{ImageRef: ImageRef{b.store, other.Digest.String()}}}
	if _, err := IndexAdd(t.Context(), b.store, "result", add, nil); !errors.As(err, new(*ExistsError)) {
		t.Errorf("the same platform twice: %v", err)
	}
	draft, err = IndexAdd(t.Context(), b.store, "result", add, &IndexOptions{Replace: true})
	if _, m, _ = stored(t, b, draft, err); m["manifests"].([]any)[0].(map[string]any)["digest"] != other.Digest.String() {
		t.Errorf("%v", m)
	}
	v7 := ocispec.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}
	draft, err = IndexAdd(t.Context(), b.store, "result", []IndexEntry{{ImageRef: ImageRef{b.store, amd64.Digest.String()}, Platform: &v7}}, nil)
	if _, m, _ = stored(t, b, draft, err); len(m["manifests"].([]any)) != 3 {
		t.Errorf("%v", m)
	}
	draft, err = IndexRemove(t.Context(), b.store, "result", []digest.Digest{other.Digest}, []ocispec.Platform{v7})
	if _, m, _ = stored(t, b, draft, err); len(m["manifests"].([]any)) != 1 {
		t.Errorf("%v", m)
	}
	arm, _ := ParsePlatform("linux/arm64")
	for name, err := range map[string]error{
		"nothing left": func() error {
			_, err := IndexRemove(t.Context(), b.store, "result", nil, []ocispec.Platform{arm})
			return err
		}(),
		"no such platform": func() error {
			_, err := IndexRemove(t.Context(), b.store, "result", nil, []ocispec.Platform{v7})
			return err
		}(),
		"no index": func() error {
			_, err := IndexRemove(t.Context(), b.store, amd64.Digest.String(), nil, []ocispec.Platform{v7})
			return err
		}(),
		"no entries": func() error { _, err := IndexCreate(t.Context(), b.store, nil, nil); return err }(),
	} {
		if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRetagMovesNothing(t *testing.T) {
	b := newBuilder(t, 1)
	root := b.richImage(false, "linux/amd64", "a")
	if _, err := Retag(t.Context(), b.store, root.Digest.String(), "new"); err != nil {
		t.Fatal(err)
	}
	if got, err := b.store.Resolve(t.Context(), "new"); err != nil || got.Digest != root.Digest {
		t.Errorf("%v, %v", got, err)
	}
}

// FuzzObject changes any JSON object, and finds what wasn't changed as it was.
func FuzzObject(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":{"c":[1.50,"\u0026"]},"":null}`))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := parseObject(data)
		if err != nil {
			return
		}
		if same, err := marshal(o); err != nil || !sameJSON(same, data) {
			t.Fatalf("%s became %s (%v)", data, same, err)
		}
		if err := o.set("added", "<&>"); err != nil {
			t.Fatal(err)
		}
		o.remove("added")
	})
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	if errors.Join(err, w.Close()) != nil {
		return nil
	}
	return b.Bytes()
}
