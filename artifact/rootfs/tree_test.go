package rootfs

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
)

// TestLayersMergeAsTheyUnpack has each rule of OCI's layer.md, and what tools
// make of it, in small.
func TestLayersMergeAsTheyUnpack(t *testing.T) {
	for name, c := range map[string]struct {
		layers []packed
		want   string
	}{
		"a whiteout removes a file": {
			[]packed{layer(t, file("a", "1"), file("b", "22")), layer(t, file(".wh.a", ""))},
			"/ drwxr-xr-x -1\n/b -rw-r--r-- 0 2\n",
		},
		"a whiteout removes a folder and what is in it": {
			[]packed{layer(t, folder("d/"), file("d/a", "1")), layer(t, file(".wh.d", ""))},
			"/ drwxr-xr-x -1\n",
		},
		"a whiteout does not concern its own layer, whatever the order": {
			[]packed{layer(t, file("a", "1")), layer(t, file("a", "22"), file(".wh.a", "")), layer(t, file(".wh.b", ""), file("b", "1"))},
			"/ drwxr-xr-x -1\n/a -rw-r--r-- 1 2\n/b -rw-r--r-- 2 1\n",
		},
		"an opaque folder keeps what its own layer has": {
			[]packed{layer(t, folder("d/"), file("d/a", "1"), folder("d/s/"), file("d/s/x", "1")), layer(t, folder("d/"), file("d/b", "1"), file("d/.wh..wh..opq", ""), file("d/s/y", "1"))},
			"/ drwxr-xr-x -1\n/d drwxr-xr-x 1\n/d/b -rw-r--r-- 1 1\n/d/s drwxr-xr-x -1\n/d/s/y -rw-r--r-- 1 1\n",
		},
		"aufs' own files are none": {
			[]packed{layer(t, file(".wh..wh.plnk/x", ""), file(".wh..wh.aufs", "")), layer(t, file("a", ""))},
			"/ drwxr-xr-x -1\n/.wh..wh.plnk drwxr-xr-x -1\n/.wh..wh.plnk/x -rw-r--r-- 0 0\n/a -rw-r--r-- 1 0\n",
		},
		"a file takes the place of a folder, and a folder that of a file": {
			[]packed{layer(t, folder("d/"), file("d/a", "1"), file("f", "1")), layer(t, file("d", "now"), folder("f/"), file("f/b", "1"))},
			"/ drwxr-xr-x -1\n/d -rw-r--r-- 1 3\n/f drwxr-xr-x 1\n/f/b -rw-r--r-- 1 1\n",
		},
		"a folder's new mode keeps what is in it": {
			[]packed{layer(t, folder("d/"), file("d/a", "1")), layer(t, item{tar.Header{Typeflag: tar.TypeDir, Name: "d/", Mode: 0o700}, ""})},
			"/ drwxr-xr-x -1\n/d drwx------ 1\n/d/a -rw-r--r-- 0 1\n",
		},
		"a file is written through a link of a lower layer": {
			[]packed{layer(t, folder("usr/"), folder("usr/lib/"), symlink("lib", "usr/lib")), layer(t, file("lib/x", "1"))},
			"/ drwxr-xr-x -1\n/lib Lrwxrwxrwx 0 -> usr/lib\n/usr drwxr-xr-x 0\n/usr/lib drwxr-xr-x 0\n/usr/lib/x -rw-r--r-- 1 1\n",
		},
		"a whiteout goes through a link of a lower layer": {
			[]packed{layer(t, file("usr/lib/x", "1"), symlink("lib", "/usr/lib")), layer(t, file("lib/.wh.x", ""))},
			"/ drwxr-xr-x -1\n/lib Lrwxrwxrwx 0 -> /usr/lib\n/usr drwxr-xr-x -1\n/usr/lib drwxr-xr-x -1\n",
		},
		"a folder takes the place of a link": {
			[]packed{layer(t, file("usr/lib/x", "1"), symlink("lib", "usr/lib")), layer(t, folder("lib/"), file("lib/y", "1"))},
			"/ drwxr-xr-x -1\n/lib drwxr-xr-x 1\n/lib/y -rw-r--r-- 1 1\n/usr drwxr-xr-x -1\n/usr/lib drwxr-xr-x -1\n/usr/lib/x -rw-r--r-- 0 1\n",
		},
		"a hard link keeps its file when the first name goes": {
			[]packed{layer(t, file("a", "one"), hardlink("b", "a"), hardlink("c", "/a")), layer(t, file(".wh.a", ""))},
			"/ drwxr-xr-x -1\n/b -rw-r--r-- 0 3\n/c -rw-r--r-- 0 = /b\n",
		},
		"a hard link to a file of a lower layer": {
			[]packed{layer(t, file("d/a", "one")), layer(t, hardlink("b", "d/a"), file("d/a", "other"))},
			"/ drwxr-xr-x -1\n/b -rw-r--r-- 1 3\n/d drwxr-xr-x -1\n/d/a -rw-r--r-- 1 5\n",
		},
		"a hard link to a symbolic link": {
			[]packed{layer(t, symlink("a", "nowhere"), hardlink("b", "a"))},
			"/ drwxr-xr-x -1\n/a Lrwxrwxrwx 0 -> nowhere\n/b Lrwxrwxrwx 0 = /a\n",
		},
		"of two entries of one name the last counts": {
			[]packed{layer(t, file("a", "1"), file("a", "22"))},
			"/ drwxr-xr-x -1\n/a -rw-r--r-- 0 2\n",
		},
		"names stay inside the image": {
			[]packed{layer(t, file("../../etc/passwd", "x"), file("/abs", "1"), file("d/../up", "1"), symlink("out", "../../../etc"), file("out/shadow", "y"))},
			"/ drwxr-xr-x -1\n/abs -rw-r--r-- 0 1\n/etc drwxr-xr-x -1\n/etc/passwd -rw-r--r-- 0 1\n/etc/shadow -rw-r--r-- 0 1\n/out Lrwxrwxrwx 0 -> ../../../etc\n/up -rw-r--r-- 0 1\n",
		},
		"devices, pipes, setuid and sticky": {
			[]packed{layer(t, device("null"), item{tar.Header{Typeflag: tar.TypeFifo, Name: "p", Mode: 0o600}, ""}, item{tar.Header{Typeflag: tar.TypeReg, Name: "su", Mode: 0o4755}, ""}, item{tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}, ""})},
			"/ drwxr-xr-x -1\n/null Dcrw------- 0\n/p prw------- 0\n/su urwxr-xr-x 0 0\n/tmp dtrwxrwxrwx 0\n",
		},
		"the root has an entry of its own": {
			[]packed{layer(t, item{tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o700}, ""}, file("./a", "1"))},
			"/ drwx------ 0\n/a -rw-r--r-- 0 1\n",
		},
		"old archives have the type in the mode too, and it means nothing": {
			[]packed{layer(t, item{tar.Header{Typeflag: tar.TypeReg, Name: "a", Mode: 0o40644}, "1"}, item{tar.Header{Typeflag: tar.TypeSymlink, Name: "b", Linkname: "a", Mode: 0o40777}, ""})},
			"/ drwxr-xr-x -1\n/a -rw-r--r-- 0 1\n/b Lrwxrwxrwx 0 -> a\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, listing(t, readTree(t, c.layers...))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAFileHasAllThatItsEntryHas(t *testing.T) {
	when := time.Date(2024, 2, 3, 4, 5, 6, 789, time.UTC)
	tree := readTree(t, gzipLayer(t, item{tar.Header{
		Typeflag: tar.TypeReg, Name: "bin/ping", Mode: 0o2755, Uid: 1 << 22, Gid: 7, Uname: "u", Gname: "g", ModTime: when, Format: tar.FormatPAX,
		PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02"},
	}, "ping"}))
	got, err := tree.Lookup("bin/ping", true)
	if err != nil {
		t.Fatal(err)
	}
	want := File{
		Path: "/bin/ping", Mode: 0o755 | 1<<22, UID: 1 << 22, GID: 7, User: "u", Group: "g", Size: 4, ModTime: when,
		Attributes: map[string]string{"security.capability": "\x01\x00\x00\x02"}, Digest: digest.FromString("ping"),
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" {
		t.Error(diff)
	}
}

func TestPathsFollowLinksInsideTheImage(t *testing.T) {
	tree := readTree(t, layer(
		t, file("usr/lib/os-release", "os"), symlink("etc/os-release", "../usr/lib/os-release"), symlink("lib", "usr/lib"),
		symlink("up", "../../../../usr"), symlink("loop", "loop2"), symlink("loop2", "loop"), symlink("abs", "/lib/../lib/os-release"),
		symlink("dangling", "gone"), symlink("self", "self/self"),
	))
	for name, want := range map[string]string{
		"/etc/os-release": "/usr/lib/os-release", "lib/os-release": "/usr/lib/os-release", "up/lib": "/usr/lib",
		"abs": "/usr/lib/os-release", "/": "/", "": "/", "../usr": "/usr", "loop": "", "self": "", "dangling": "", "none": "",
		"usr/lib/os-release/x": "",
	} {
		f, err := tree.Lookup(name, true)
		if f.Path != want || (want == "") != errors.Is(err, artifact.ErrNotFound) {
			t.Errorf("%s is %q (%v), want %q", name, f.Path, err, want)
		}
	}
	for name, want := range map[string]string{"lib": "/usr/lib/os-release ", "dangling": "/dangling ", "/usr/lib/os-release": "/usr/lib/os-release "} {
		files, err := tree.Children(name)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for f := range files {
			got.WriteString(f.Path + " ")
		}
		if got.String() != want {
			t.Errorf("%s has %q, want %q", name, got.String(), want)
		}
	}
}

func TestABrokenLayerIsRefused(t *testing.T) {
	plain := plainTar(t, file("a", strings.Repeat("x", 5000)))
	other := layer(t, file("b", "1"))
	lied := layer(t, file("a", "1"))
	lied.plain = other.plain
	for name, c := range map[string]struct {
		layer packed
		o     *Options
		rule  string
	}{
		"no tar":           {pack(ocispec.MediaTypeImageLayer, []byte(strings.Repeat("no tar ", 100)), nil), nil, "cannot be unpacked"},
		"cut off":          {pack(ocispec.MediaTypeImageLayer, plain[:1000], nil), nil, "cannot be unpacked"},
		"gzip cut off":     {pack(ocispec.MediaTypeImageLayerGzip, gzipped(plain)[:40], nil), nil, "cannot be unpacked"},
		"gzip damaged":     {pack(ocispec.MediaTypeImageLayerGzip, append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x00"), "garbage garbage"...), nil), nil, "cannot be unpacked"},
		"zstd damaged":     {pack(ocispec.MediaTypeImageLayerZstd, append([]byte("\x28\xb5\x2f\xfd"), "garbage garbage"...), nil), nil, "cannot be unpacked"},
		"another diff id":  {lied, nil, "by the image's config"},
		"too many files":   {layer(t, file("a", ""), file("b", ""), file("c", "")), &Options{MaxFiles: 2}, "more entries"},
		"too many bytes":   {gzipLayer(t, file("a", strings.Repeat("\x00", 1<<20))), &Options{MaxBytes: 1 << 16}, "more bytes"},
		"a bomb of zeros":  {pack(ocispec.MediaTypeImageLayerGzip, gzipped(append(plainTar(t, file("a", "")), make([]byte, 1<<20)...)), nil), &Options{MaxBytes: 1 << 16}, "more bytes"},
		"too long a name":  {layer(t, file(strings.Repeat("long/", 1000)+"x", "")), nil, "longer than"},
		"a link to folder": {layer(t, folder("d/"), hardlink("x", "d")), nil, "hard link"},
		"a link to none":   {layer(t, hardlink("x", "gone")), nil, "hard link"},
		"a file as parent": {layer(t, file("f", "1"), file("f/x", "1")), nil, "no folder"},
		"a loop as parent": {layer(t, symlink("l", "l"), file("l/x", "1")), nil, "more than 40 links"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.layer.plain == nil {
				c.layer.plain = plain
			}
			_, err := openImage(t, newImage(t, c.layer), c.o).Read(t.Context())
			if !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), c.rule) || !strings.Contains(err.Error(), "layer 0 (sha256:") {
				t.Errorf("got %v, want %q", err, c.rule)
			}
		})
	}
}

func TestWhatIsNoImageIsRefused(t *testing.T) {
	strange := layer(t, file("a", "1"))
	strange.desc.MediaType = "application/vnd.in-toto+json"
	encrypted := layer(t, file("a", "1"))
	encrypted.desc.MediaType += "+encrypted"
	for name, layers := range map[string][]packed{"another type": {strange}, "encrypted": {encrypted}, "no layers": nil} {
		if _, err := Open(t.Context(), newImage(t, layers...), "x", nil); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(t.Context(), newImage(t, layer(t)), "y", nil); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("no such tag: %v", err)
	}
}

func TestDamagedBytesAreNoticed(t *testing.T) {
	good := layer(t, file("a", "1"), file("b", "222"))
	bad := good
	bad.data = bytes.Replace(good.data, []byte("222"), []byte("333"), 1)
	s := newImage(t, good)
	damaged := damagedStore{s, bad}
	i, err := Open(t.Context(), damaged, "x", nil)
	if err != nil {
		t.Fatal(err)
	}
	var mismatch *azcontainerregistry.DigestMismatchError
	if _, err := i.Read(t.Context()); !errors.As(err, &mismatch) {
		t.Errorf("reading all: %v", err)
	}
	if _, err := i.Cat(t.Context(), "none", &bytes.Buffer{}); !errors.As(err, &mismatch) {
		t.Errorf("looking for a file that isn't there: %v", err)
	}
}

func TestReadingStopsWhenItsContextDoes(t *testing.T) {
	i := openImage(t, newImage(t, gzipLayer(t, file("a", "1")), gzipLayer(t, file("b", "1"))), nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := i.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Read: %v", err)
	}
	if _, err := i.Cat(ctx, "a", &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Cat: %v", err)
	}
}

// randomLayers makes layers in which everything happens that may, but nothing
// twice in one layer, by way of a link neither: no two files of one name, and no
// file that is called as a folder of another.
func randomLayers(t testing.TB, r *rand.Rand, form func(testing.TB, ...item) packed) []packed {
	names := []string{"a", "b", "c", "d", "e"}
	random := func() string {
		parts := make([]string, 1+r.IntN(3))
		for k := range parts {
			parts[k] = names[r.IntN(len(names))]
		}
		return strings.Join(parts, "/")
	}
	var layers []packed
	for range 1 + r.IntN(4) {
		var items []item
		taken := map[string]bool{} // whether as a folder
		for range r.IntN(8) {
			name, kind := random(), r.IntN(10)
			conflict := false
			for other, isFolder := range taken {
				parts, others := strings.Split(name, "/"), strings.Split(other, "/")
				conflict = conflict || other == name || !isFolder && slices.Contains(parts, path.Base(other)) ||
					kind >= 4 && slices.Contains(others, path.Base(name))
			}
			if conflict {
				continue
			}
			taken[name] = kind < 4
			dir, base := "", name
			if cut := strings.LastIndex(name, "/"); cut >= 0 {
				dir, base = name[:cut+1], name[cut+1:]
			}
			switch kind {
			case 0:
				items = append(items, file(dir+".wh."+base, ""))
			case 1:
				items = append(items, file(name+"/.wh..wh..opq", ""))
			case 2, 3:
				items = append(items, folder(name+"/"))
			case 4, 5:
				target := strings.Repeat("../", r.IntN(3)) + random()
				if r.IntN(4) == 0 {
					target = "/" + target
				} else if r.IntN(4) == 0 {
					target += "/../" + random()
				}
				items = append(items, symlink(name, target))
			case 6:
				items = append(items, hardlink(name, random()))
			default:
				items = append(items, file(name, fmt.Sprintf("%s %d", name, r.Uint32())))
			}
		}
		layers = append(layers, form(t, items...))
	}
	return layers
}

// TestCatAgreesWithUnpacking compares what Cat finds from the top down with the
// merged layers, of images that are as odd as can be.
func TestCatAgreesWithUnpacking(t *testing.T) {
	compared, there := 0, 0
	for seed := range uint64(250) {
		r := rand.New(rand.NewPCG(seed, 1))
		form := []func(testing.TB, ...item) packed{layer, gzipLayer, zstdLayer, chunkedLayer, stargzLayer}[seed%5]
		s := newImage(t, randomLayers(t, r, form)...)
		i := openImage(t, s, nil)
		tree, err := i.Read(t.Context())
		if err != nil {
			continue // a hard link to nothing: nothing could unpack it
		}
		for _, name := range pathsOf(i, tree) {
			var want, got bytes.Buffer
			_, errWant := tree.Cat(t.Context(), name, &want)
			_, errGot := i.Cat(t.Context(), name, &got)
			compared++
			if errWant == nil {
				there++
			}
			if got.String() != want.String() || (errGot == nil) != (errWant == nil) {
				t.Errorf("seed %d: %s is %q (%v), want %q (%v)\n%s%s", seed, name, got.String(), errGot, want.String(), errWant, raw(i), listing(t, tree))
			}
		}
	}
	t.Logf("%d compared, %d were there", compared, there)
}

// damagedStore has other bytes for a layer.
type damagedStore struct {
	*store
	bad packed
}

func (d damagedStore) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	if desc.Digest == d.bad.desc.Digest {
		return io.NopCloser(bytes.NewReader(d.bad.data)), nil
	}
	return d.store.Fetch(ctx, desc)
}

// pathsOf are the paths that an image may have something at, by its layers'
// names, by its links, and by where they lead.
func pathsOf(i *Image, tree *Tree) []string {
	known := map[string]bool{}
	layers, _ := i.readLayers(context.Background())
	for _, entries := range layers {
		for _, e := range entries {
			known[e.file.Path] = true
		}
	}
	files, _ := tree.Walk("/")
	for f := range files {
		known[f.Path] = true
		if f.isLink() {
			for _, below := range []string{"/a", "/b", "/c/d"} {
				known[f.Path+below] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(known))
}

// raw lists the entries of the layers.
func raw(i *Image) string {
	layers, err := i.readLayers(context.Background())
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, entries := range layers {
		b.WriteString("layer\n")
		for _, e := range entries {
			fmt.Fprintf(&b, "  %c %s %s%s whiteout %t opaque %t\n", e.kind, e.file.Path, e.file.Link, e.target, e.whiteout, e.opaque)
		}
	}
	return b.String()
}
