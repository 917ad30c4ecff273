package rootfs

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
)

// FuzzLayer merges two layers out of any bytes: it ends, it doesn't panic, what
// it refuses is the content's fault, and every path is clean and inside.
func FuzzLayer(f *testing.F) {
	for _, seed := range [][]packed{
		hostile(f),
		{layer(f, folder("d/"), file("d/a", "1")), layer(f, file("d/.wh..wh..opq", ""), hardlink("x", "d/a"))},
		{chunkedLayer(f, file("a", "1")), stargzLayer(f, symlink("a", "../..//b/.."))},
	} {
		f.Add(seed[0].data, seed[1].data)
	}
	f.Fuzz(func(t *testing.T, lower, upper []byte) {
		s := newImage(t, pack(ocispec.MediaTypeImageLayer, lower, lower), pack(ocispec.MediaTypeImageLayer, upper, upper))
		i := openImage(t, s, &Options{MaxBytes: 1 << 20, MaxFiles: 100})
		i.diffIDs = nil
		tree, err := i.Read(t.Context())
		if err != nil {
			if !errors.Is(err, artifact.ErrInvalid) {
				t.Fatalf("%v", err)
			}
			return
		}
		files, err := tree.Walk("/")
		if err != nil {
			t.Fatal(err)
		}
		for file := range files {
			if !strings.HasPrefix(file.Path, "/") || strings.Contains(file.Path+"/", "/../") || strings.Contains(file.Path[1:], "//") {
				t.Errorf("path %q", file.Path)
			}
			if file.Mode.IsRegular() {
				if _, err := tree.Cat(t.Context(), file.Path, &bytes.Buffer{}); err != nil {
					t.Errorf("%s: %v", file.Path, err)
				}
			}
		}
	})
}

// FuzzTable reads tables of contents out of any JSON.
func FuzzTable(f *testing.F) {
	for _, seed := range []string{
		`{"version":1,"entries":[{"type":"reg","name":"a","size":3,"offset":10,"endOffset":20,"digest":"sha256:x"},{"type":"chunk","name":"a","offset":15}]}`,
		`{"entries":null}`, `{"entries":[{"type":"dir","name":"../x","xattrs":{"a":"AA=="}}],"x":[1]}`, `[]`, `{`, `{"entries":[{"offset":-1}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		i := &Image{o: Options{MaxBytes: 1 << 20, MaxFiles: 100}}
		const end = 1000
		entries, err := parseTable(bytes.NewReader(data), 0, end, i.newBudget())
		if err != nil {
			return
		}
		for _, e := range entries {
			if x := e.extent; x.offset < 0 || x.offset > end || x.end > end || x.end < 0 || !strings.HasPrefix(e.file.Path, "/") {
				t.Errorf("%+v", e)
			}
		}
	})
}
