package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/demo"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/image"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// world is a folder with a random registry behind local/..., images beside it,
// and a home. It is made anew at the same place before each command.
type world struct {
	t     *testing.T
	dir   string            // where commands run
	base  string            // what it is made of
	words map[string]string // digests by name, for $NAME in arguments
	first map[string]string // its state in the beginning
}

func newWorld(t *testing.T) *world {
	t.Helper()
	base := t.TempDir()
	w := &world{t: t, dir: base, words: map[string]string{}}
	t.Chdir(base)
	random := rand.New(rand.NewPCG(15, 1))
	for name, images := range map[string][]string{"img": {"1.0"}, "other": {"2.0"}, "named": {"a", "b"}} {
		for _, tag := range images {
			w.image(random, name, tag)
		}
	}
	for name, text := range map[string]string{"note.txt": "a note", "foreign/file": "somebody's"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir("empty", 0o755), os.Mkdir("nothing", 0o755), os.Mkdir("home", 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"push oci:img local/team/app:1.0", "copy local/team/app:1.0 local/team/app:also", "copy local/team/app:1.0 local/team/web:1.0",
		"copy local/team/app:1.0 local/team/app:fixed", "tag lock local/team/app:fixed",
		"copy local/team/app:1.0 local/frozen/app:1.0", "repo lock local/frozen/app",
		"push oci:other local/other/db:1.0",
		"copy oci:img oci:img.tar", "copy oci:img docker:img.docker.tar:team/app:1.0", "sync local oci:stored --include other/**",
		"copy local/team/app:1.0 local/gone/app:1.0", "repo delete local/gone/app --yes",
	} {
		if code, _, stderr := w.run(writing{line: line}); code != failure.ExitDone {
			t.Fatalf("%s: exit code %d\n%s", line, code, stderr)
		}
	}
	for name, line := range map[string]string{"IMG": "show local/team/app:1.0 --jq .item.digest", "CONFIG": "show local/team/app:1.0 --jq .item.manifest.config.digest", "OTHER": "show local/other/db:1.0 --jq .item.digest"} {
		_, out, _ := w.run(writing{line: line})
		w.words[name] = strings.TrimSpace(out)
	}
	_, manifest, _ := w.run(writing{line: "show local/team/app:1.0 --raw"})
	if err := os.WriteFile("manifest.json", []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	w.base, w.dir = base, t.TempDir()
	t.Chdir(w.dir)
	w.restore()
	w.first = w.state()
	return w
}

// image adds an image of random layers to a layout.
func (w *world) image(random *rand.Rand, layout, tag string) {
	w.t.Helper()
	var layers []demo.Layer
	for i := range 1 + random.IntN(3) {
		data := make([]byte, random.IntN(4000))
		for j := range data {
			data[j] = byte(random.Uint32())
		}
		file := filepath.Join(w.t.TempDir(), fmt.Sprint(i))
		if err := os.WriteFile(file, data, 0o644); err != nil {
			w.t.Fatal(err)
		}
		layers = append(layers, demo.Layer{What: file, Roots: []string{file}, Dir: "data", Zip: i == 0})
	}
	single := filepath.Join(w.t.TempDir(), "layout")
	if _, err := demo.BuildImage(w.t.Context(), single, tag, layers, func(demo.BuiltLayer) {}); err != nil {
		w.t.Fatal(err)
	}
	if code, _, stderr := w.run(writing{line: "copy oci:" + single + " oci:" + layout + ":" + tag}); code != failure.ExitDone {
		w.t.Fatal(stderr)
	}
}

// restore makes the world as it was in the beginning.
func (w *world) restore() {
	w.t.Helper()
	entries, err := os.ReadDir(w.dir)
	for _, entry := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(w.dir, entry.Name())))
	}
	if err = errors.Join(err, os.CopyFS(w.dir, os.DirFS(w.base))); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) run(c writing, more ...string) (code int, stdout, stderr string) {
	return w.runWith("", c, more...)
}

func (w *world) runWith(secret string, c writing, more ...string) (code int, stdout, stderr string) {
	w.t.Helper()
	line := os.Expand(c.line, func(name string) string { return w.words[name] })
	errs := &watcher{}
	a, out := testApp(map[string]string{"ACRKIT_DATA": "data", "HOME": "home", "DOCKER_CONFIG": "home/docker"}, errs)
	a.LocalOptions = worldOptions
	a.Stdin = strings.NewReader(secret)
	if c.stdin != "" {
		data, err := os.ReadFile(c.stdin)
		if err != nil {
			w.t.Fatal(err)
		}
		a.Stdin = bytes.NewReader(data)
	}
	code = a.run(w.t.Context(), append(append(strings.Fields(line), more...), "--progress", "none"))
	return code, out.String(), errs.all.String()
}

// worldOptions is the registry of local/..., with soft delete and a reader.
func worldOptions(dir string) *emulator.Options {
	o := session.LocalOptions(dir)
	o.NoSync = true
	o.Registries[0].SoftDelete = 7 * 24 * time.Hour
	o.Registries[0].Policies = emulator.Policies{
		Tokens: []emulator.ScopeMapToken{{
			Name: "reader", Passwords: []string{"reader-password"},
			Rules: []emulator.ScopeMapRule{{Repository: "*", Actions: []string{"content/read", "metadata/read"}}},
		}},
		OtherIdentities: []emulator.RoleAssignment{{Role: emulator.RoleOwner}},
	}
	return o
}

func (w *world) must(c writing, more ...string) string {
	w.t.Helper()
	code, stdout, stderr := w.run(c, more...)
	if code != failure.ExitDone {
		w.t.Fatalf("%s %s: exit code %d\n%s", c.line, strings.Join(more, " "), code, stderr)
	}
	return stdout
}

func (w *world) refuse(want int, c writing, more ...string) {
	w.t.Helper()
	if code, _, stderr := w.run(c, more...); code != want {
		w.t.Errorf("%s %s: exit code %d, want %d\n%s", c.line, strings.Join(more, " "), code, want, stderr)
	}
}

// bytes are the hashes of all files, and the names of all folders.
func (w *world) bytes() map[string]string {
	w.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			all[path+"/"] = "folder"
			return nil
		}
		data, err := os.ReadFile(path)
		if entry.Name() == "index.json" {
			data = ordered(data) // images that are copied at a time end in any order
		}
		all[path] = fmt.Sprintf("%x", sha256.Sum256(data))
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// ordered is an index with its manifests in an order of their own.
func ordered(data []byte) []byte {
	var index struct{ Manifests []json.RawMessage }
	if json.Unmarshal(data, &index) != nil {
		return data
	}
	slices.SortFunc(index.Manifests, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	return bytes.Join(asBytes(index.Manifests), nil)
}

func asBytes(list []json.RawMessage) [][]byte {
	all := make([][]byte, len(list))
	for i, one := range list {
		all[i] = one
	}
	return all
}

func (w *world) unchanged(before map[string]string, what string) {
	w.t.Helper()
	if diff := cmp.Diff(before, w.bytes()); diff != "" {
		w.t.Errorf("%s changed something (-before +after):\n%s", what, diff)
	}
}

// state is what the registry, the folder and the journal hold, in words.
func (w *world) state() map[string]string {
	w.t.Helper()
	state := map[string]string{}
	for path, hash := range w.bytes() {
		if path != "data/registry/" && !strings.HasPrefix(path, "data/registry/") && hash != "folder" && !strings.Contains(path, "/partial/") {
			state["file "+path] = hash
		}
	}
	a, _ := testApp(map[string]string{"ACRKIT_DATA": "data"}, &watcher{})
	a.LocalOptions = worldOptions
	defer a.Close()
	r, err := a.Open(w.t.Context(), reference.Host{Name: reference.Local, Scheme: "https"})
	if err != nil {
		w.t.Fatal(err)
	}
	client, blobs := r.Client, r.Blobs
	ctx := w.t.Context()
	for _, repository := range []string{"team/app", "team/web", "other/db", "frozen/app", "gone/app", "new/app", "new", "prod/app", "mirror/app", "notes", "below/other/db"} {
		got, err := client.GetRepositoryProperties(ctx, repository, nil)
		if err == nil && got.ChangeableAttributes != nil {
			state["locks of "+repository] = fmt.Sprint(*got.ChangeableAttributes.CanWrite, *got.ChangeableAttributes.CanDelete)
		}
		looked := w.digests()
		for m, err := range client.Manifests(ctx, repository, nil) {
			if err != nil {
				break
			}
			// A change makes blobs that no layout of the world has.
			made, err := a.Repository(ctx, reference.Reference{Registry: r.Host, Repository: repository})
			if err != nil {
				w.t.Fatal(err)
			}
			_, data, err := made.ResolveManifest(ctx, *m.Digest)
			if err != nil {
				continue // a lock may forbid it
			}
			var body image.Manifest
			if err := json.Unmarshal(data, &body); err != nil {
				w.t.Fatal(err)
			}
			for _, part := range body.Parts() {
				if part.Role != "manifest" {
					looked[part.Desc.Digest.String()] = true
				}
			}
		}
		for digest := range looked {
			if _, err := blobs.CheckBlobExists(ctx, repository, digest, nil); err == nil {
				state["blob "+repository+"@"+digest] = "there"
			}
		}
		for m, err := range client.Manifests(ctx, repository, nil) {
			if err != nil {
				break
			}
			state["manifest "+repository+"@"+*m.Digest] = fmt.Sprint(*m.ChangeableAttributes.CanWrite, *m.ChangeableAttributes.CanDelete)
		}
		for tag, err := range client.Tags(ctx, repository, nil) {
			if err != nil {
				break
			}
			state["tag "+repository+":"+*tag.Name] = fmt.Sprint(*tag.Digest, *tag.ChangeableAttributes.CanWrite, *tag.ChangeableAttributes.CanDelete)
		}
	}
	return state
}

// digests are those of every blob that lies in a layout of the world.
func (w *world) digests() map[string]bool {
	found := map[string]bool{}
	for _, layout := range []string{"img", "other", "named"} {
		entries, err := os.ReadDir(filepath.Join(w.base, layout, "blobs", "sha256"))
		if err != nil {
			w.t.Fatal(err)
		}
		for _, entry := range entries {
			found["sha256:"+entry.Name()] = true
		}
	}
	note, err := os.ReadFile(filepath.Join(w.base, "note.txt"))
	if err != nil {
		w.t.Fatal(err)
	}
	found[fmt.Sprintf("sha256:%x", sha256.Sum256(note))] = true
	return found
}

// change is what is different from a state.
func (w *world) change(before map[string]string) map[string]string {
	w.t.Helper()
	after := w.state()
	change := map[string]string{}
	for name, value := range after {
		if before[name] != value {
			change[name] = value
		}
	}
	for name := range before {
		if _, there := after[name]; !there {
			change[name] = "gone"
		}
	}
	return change
}
