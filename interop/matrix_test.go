package interop

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the table of docs/image-matrix.md")

// matrixFile is where the table is shown.
var matrixFile = filepath.Join("..", "docs", "image-matrix.md")

// matrix is the table: what each form becomes at each reader.
type matrix struct {
	t       *testing.T
	s       server
	env     []string
	columns []string
	rows    []string
	cells   map[string]map[string]string
	absent  map[string]bool // columns whose program is not on this machine
}

// The marks of the table.
const (
	markSame = "same"
	markNone = "–"
)

func (m *matrix) set(row, column, mark string) {
	if !slices.Contains(m.rows, row) {
		m.rows = append(m.rows, row)
		m.cells[row] = map[string]string{}
	}
	m.cells[row][column] = mark
}

// do runs a program with the server's login in docker's store.
func (m *matrix) do(dir, program string, args ...string) (string, error) {
	c := exec.CommandContext(m.t.Context(), program, args...)
	c.Env, c.Dir = m.env, dir
	var stderr strings.Builder
	c.Stderr = &stderr
	output, err := c.Output()
	if err != nil {
		return string(output), fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(output)), nil
}

func sha256Of(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// reader reads what acrkit wrote, and gives the digest that it found. dir is a
// layout with the one image v1, tar a docker archive of it.
type reader struct {
	name, program string // program is looked for in the path
	ofTar         bool   // it reads the archive, and gives the config's digest
	read          func(m *matrix, path string) (string, error)
	// not says which forms it can't hold, and why that is so.
	not func(f form) bool
}

func client(name string) string {
	dir, err := clients()
	if err != nil {
		return name
	}
	return filepath.Join(dir, name)
}

func readers() []reader {
	noImage := func(f form) bool { return f.noImage }
	return []reader{
		{name: "skopeo", program: "skopeo", read: func(m *matrix, dir string) (string, error) {
			// Without a name: a second root is an error.
			raw, err := m.raw("skopeo", "inspect", "--raw", "oci:"+dir)
			return sha256Of(raw), err
		}},
		{name: "crane", read: func(m *matrix, dir string) (string, error) {
			printed, err := m.do("", client("crane"), "push", dir, m.s.repository("matrix/crane:v1"))
			_, digest, _ := strings.Cut(printed, "@")
			return digest, err
		}},
		{name: "oras", read: func(m *matrix, dir string) (string, error) {
			printed, err := m.do("", client("oras"), "manifest", "fetch", "--oci-layout", dir+":v1", "--descriptor")
			var desc struct{ Digest string }
			if err == nil {
				err = json.Unmarshal([]byte(printed), &desc)
			}
			return desc.Digest, err
		}},
		{name: "regctl", read: func(m *matrix, dir string) (string, error) {
			return m.do("", client("regctl"), "manifest", "head", "ocidir://"+dir+":v1")
		}},
		{name: "umoci", program: "umoci", not: func(f form) bool { return f.noImage || f.index }, read: func(m *matrix, dir string) (string, error) {
			names, err := m.do("", "umoci", "ls", "--layout", dir)
			if err != nil || names != "v1" {
				return "", fmt.Errorf("umoci ls: %q, %v", names, err)
			}
			if _, err := m.do("", "umoci", "stat", "--image", dir+":v1"); err != nil {
				return "", err
			}
			return rootOf(m.t, dir), nil
		}},
		{name: "skopeo, docker archive", program: "skopeo", ofTar: true, not: noImage, read: func(m *matrix, tar string) (string, error) {
			raw, err := m.raw("skopeo", "inspect", "--raw", "--config", "docker-archive:"+tar)
			return sha256Of(raw), err
		}},
	}
}

// raw is do without the trimming: what is printed is hashed.
func (m *matrix) raw(program string, args ...string) (string, error) {
	c := exec.CommandContext(m.t.Context(), program, args...)
	c.Env = m.env
	output, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
	}
	return string(output), nil
}

// TestImagesAreTheSameEverywhere brings images in all the forms that tools make
// into a registry, out again, and to the other tools. The digests must be the
// same everywhere. The table that it makes is shown in the documentation.
func TestImagesAreTheSameEverywhere(t *testing.T) {
	s := startEmulator(t)
	home := t.TempDir()
	writeDockerLogin(t, filepath.Join(home, ".docker"), s)
	m := &matrix{
		t: t, s: s, cells: map[string]map[string]string{}, absent: map[string]bool{},
		env: append(os.Environ(), "HOME="+home, "DOCKER_CONFIG="+filepath.Join(home, ".docker"), "REGISTRY_AUTH_FILE="+filepath.Join(home, ".docker", "config.json"), "XDG_RUNTIME_DIR="),
	}
	if _, err := m.do("", client("regctl"), "registry", "set", "--tls", "disabled", s.host); err != nil {
		t.Fatal(err)
	}
	m.columns = []string{"acrkit push", "acrkit copy"}
	all := append(readers(), engineReaders()...)
	for _, r := range all {
		m.columns = append(m.columns, r.name)
	}
	for i, f := range forms() {
		t.Run(f.name, func(t *testing.T) {
			m.t = t
			m.form(i, f, all)
		})
	}
	for _, k := range append(makers(), engineMakers()...) {
		t.Run(k.name, func(t *testing.T) {
			m.t = t
			if k.program != "" {
				if there, err := installed(k.program); err != nil {
					t.Fatal(err)
				} else if !there {
					m.keep(k.name)
					t.Skipf("%s is missing; CI has it", k.program)
				}
			}
			m.maker(k, all)
		})
	}
	m.t = t
	m.show()
}

// form pushes what a form has, copies it on, and has it read by the others.
func (m *matrix) form(number int, f form, all []reader) {
	dir := shortDir(m.t)
	source, want := f.write(m.t, dir)
	place := m.s.repository(fmt.Sprintf("matrix/form%d:v1", number))
	m.brought(f.name, "acrkit push", source, place, want)
	m.onward(f, all, place, want)
}

// onward copies what was pushed, pulls it, and has it read by the others.
func (m *matrix) onward(f form, all []reader, place, want string) {
	dir := shortDir(m.t)
	copied := strings.Replace(place, "/matrix/", "/copied/", 1)
	if printed, err := m.do("", acrkit, "copy", place, copied); err != nil || !strings.Contains(printed, want) {
		m.t.Errorf("copy: %q, %v; want %s", printed, err, want)
	}
	m.set(f.name, "acrkit copy", markSame)
	layout, tar := filepath.Join(dir, "layout"), filepath.Join(dir, "docker.tar")
	if _, err := m.do("", acrkit, "pull", place, "oci:"+layout+":v1"); err != nil {
		m.t.Fatal(err)
	}
	config := ""
	for _, r := range all {
		if r.not != nil && r.not(f) || r.ofTar && f.index {
			m.set(f.name, r.name, markNone)
			continue
		}
		if r.program != "" {
			if there, err := installed(r.program); err != nil {
				m.t.Fatal(err)
			} else if !there {
				m.absent[r.name] = true
				continue
			}
		}
		path, digest := layout, want
		if r.ofTar {
			if config == "" {
				config = m.tar(place, tar)
			}
			path, digest = tar, config
		}
		got, err := r.read(m, path)
		if err != nil || got != digest {
			m.t.Errorf("%s reads %s, %v; want %s", r.name, got, err, digest)
		}
		m.set(f.name, r.name, markSame)
	}
}

// shortDir is a folder without the test's name in it: regctl and oras have rules
// for paths.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "acrkit-matrix-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// tar pulls a docker archive, and gives the digest of the image's config.
func (m *matrix) tar(place, path string) string {
	if _, err := m.do("", acrkit, "pull", place, "docker:"+path); err != nil {
		m.t.Fatal(err)
	}
	config, err := m.do("", acrkit, "show", place, "--jq", ".item.manifest.config.digest")
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.Trim(config, `"`)
}

// brought pushes and compares.
func (m *matrix) brought(row, column, source, place, want string) {
	printed, err := m.do("", acrkit, "push", source, place)
	if err != nil || !strings.Contains(printed, want) {
		m.t.Fatalf("push %s: %q, %v; want %s", source, printed, err, want)
	}
	m.set(row, column, markSame)
}

// maker has another tool take an image out of the registry in its own form, and
// brings that back.
func (m *matrix) maker(k maker, all []reader) {
	dir := shortDir(m.t)
	c := newContent(m.t)
	image := c.image("amd64", "origin", gzipLayer, gzipped(m.t))
	c.root(image.manifest)
	if _, err := m.do("", acrkit, "push", writeTar(m.t, dir, "oci", c.all(), nil), m.s.repository("matrix/origin:v1")); err != nil {
		m.t.Fatal(err)
	}
	source, own, err := k.make(m, dir)
	if err != nil {
		m.t.Fatal(err)
	}
	place := m.s.repository("matrix/back:v1")
	printed, err := m.do("", acrkit, "push", source, place)
	if err != nil {
		m.t.Fatal(err)
	}
	want, got := image.manifest.Digest.String(), printed
	if k.config {
		// A docker archive has no manifest of its own: the image is its config.
		if want = image.config.Digest.String(); own != "" {
			want = own
		}
		if got, err = m.do("", acrkit, "show", place, "--jq", ".item.manifest.config.digest"); err != nil {
			m.t.Fatal(err)
		}
	}
	if !strings.Contains(got, want) {
		m.t.Errorf("back came %s, want %s", got, want)
	}
	mark := markSame
	if k.config {
		mark = "same config"
	}
	m.set(k.name, "acrkit push", mark)
	_, pushed, _ := strings.Cut(printed, "@")
	m.onward(form{name: k.name}, all, place, pushed)
}

// keep takes a row whose program is missing from the table as it is.
func (m *matrix) keep(row string) {
	m.set(row, "acrkit push", "?") // show compares only a whole table
}

// show compares the table with the documentation's, or writes it.
func (m *matrix) show() {
	if m.t.Failed() {
		return
	}
	var b strings.Builder
	b.WriteString("# Images as the world makes them\n\nWhat acrkit reads and writes, beside other tools. Each row is a form in which an\nimage comes; `go test ./... -run TestImagesAreTheSameEverywhere -update`, in\ninterop/, makes the table. *same* is the same digest as at the origin, – a form\nthat a reader cannot hold. Readers read what `acrkit pull` wrote: a folder\nwith exactly one image, and a docker archive.\n\n")
	b.WriteString("| form | " + strings.Join(m.columns, " | ") + " |\n|" + strings.Repeat("---|", len(m.columns)+1) + "\n")
	for _, row := range m.rows {
		b.WriteString("| " + row + " |")
		for _, column := range m.columns {
			b.WriteString(" " + m.cells[row][column] + " |")
		}
		b.WriteByte('\n')
	}
	if *update {
		if len(m.absent) > 0 || strings.Contains(b.String(), "?") {
			m.t.Fatalf("the table needs every program; missing: %v", m.absent)
		}
		if err := os.WriteFile(matrixFile, []byte(b.String()), 0o644); err != nil {
			m.t.Fatal(err)
		}
		return
	}
	if len(m.absent) > 0 || strings.Contains(b.String(), "?") {
		return // CI has every program, and compares
	}
	want, err := os.ReadFile(matrixFile)
	if err != nil {
		m.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		m.t.Errorf("the table changed (-want +got); with -update it is written:\n%s", diff)
	}
}
