package rootfs

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
)

// noise is content that doesn't compress.
func noise(size int) string {
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{7}).Read(data)
	return string(data)
}

// TestCatReadsNoMoreThanItMust counts what is read of 8 MiB layers.
func TestCatReadsNoMoreThanItMust(t *testing.T) {
	const much, little = 4 << 20, 700 << 10
	for name, c := range map[string]struct {
		layers []packed
		file   string
		most   int64
	}{
		"a plain layer, up to the file":     {[]packed{layer(t, file("a", "wanted"), file("big", noise(much)))}, "a", little},
		"a gzip layer, up to the file":      {[]packed{gzipLayer(t, file("a", "wanted"), file("big", noise(much)))}, "a", little},
		"a zstd layer, up to the file":      {[]packed{zstdLayer(t, file("a", "wanted"), file("big", noise(much)))}, "a", little},
		"nothing of lower layers":           {[]packed{gzipLayer(t, file("big", noise(much))), gzipLayer(t, file("a", "wanted"))}, "a", little},
		"zstd:chunked, between large files": {[]packed{chunkedLayer(t, file("big", noise(much)), file("a", "wanted"), file("large", noise(much)))}, "a", 4096},
		"eStargz, between large files":      {[]packed{stargzLayer(t, file("big", noise(much)), file("a", "wanted"), file("large", noise(much)))}, "a", 4096},
		"tables of upper layers":            {[]packed{chunkedLayer(t, file("a", "wanted"), file("big", noise(much))), stargzLayer(t, file("large", noise(much)))}, "a", 4096},
	} {
		t.Run(name, func(t *testing.T) {
			s := newImage(t, c.layers...)
			i := openImage(t, s, nil)
			var got bytes.Buffer
			f, err := i.Cat(t.Context(), c.file, &got)
			if err != nil || got.String() != "wanted" || f.Size != 6 {
				t.Fatalf("%q, %v, %+v", got.String(), err, f)
			}
			if n := s.read.Load(); n > c.most {
				t.Errorf("%d bytes were read, at most %d would do", n, c.most)
			}
		})
	}
}

func TestCatRefusesWhatHasNoContent(t *testing.T) {
	i := openImage(t, newImage(t, layer(
		t, folder("d/"), device("null"), symlink("loop", "loop"), hardlink("self", "self"), symlink("to", "d"),
	)), nil)
	for name, rule := range map[string]string{
		"d": "folder", "/": "folder", "to": "folder", "null": "device", "loop": "40 links", "self": "hard link", "none": "has no /none", "null/x": "has no",
	} {
		_, err := i.Cat(t.Context(), name, &bytes.Buffer{})
		if !errors.Is(err, artifact.ErrNotFound) || !strings.Contains(err.Error(), rule) {
			t.Errorf("%s: %v, want %q", name, err, rule)
		}
	}
}

// TestAFileWrittenThroughALinkIsFound has what only all layers tell.
func TestAFileWrittenThroughALinkIsFound(t *testing.T) {
	i := openImage(t, newImage(
		t,
		gzipLayer(t, folder("usr/"), folder("usr/lib/"), file("usr/lib/x", "old"), file("usr/lib/gone", "old"), symlink("lib", "usr/lib")),
		gzipLayer(t, file("lib/x", "new"), file("lib/.wh.gone", ""), file("lib/y", "only here")),
	), nil)
	for name, want := range map[string]string{"usr/lib/x": "new", "lib/x": "new", "usr/lib/y": "only here", "usr/lib/gone": ""} {
		var got bytes.Buffer
		if _, err := i.Cat(t.Context(), name, &got); got.String() != want || (err != nil) != (want == "") {
			t.Errorf("%s is %q (%v), want %q", name, got.String(), err, want)
		}
	}
}

func TestATableOfContentsIsNotTrusted(t *testing.T) {
	items := []item{file("a", "wanted"), file("b", "other")}
	for name, c := range map[string]struct {
		form   func(testing.TB, ...item) packed
		change func(p *packed)
		want   error
	}{
		"zstd:chunked, another digest":  {chunkedLayer, annotate(annotationChunkedChecksum, "sha256:"+strings.Repeat("0", 64)), azcontainerregistry.ErrMismatchedHash},
		"eStargz, another digest":       {stargzLayer, annotate(annotationStargzDigest, "sha256:"+strings.Repeat("0", 64)), azcontainerregistry.ErrMismatchedHash},
		"a position behind the end":     {chunkedLayer, annotate(annotationChunkedPosition, "99999999:10:10:1"), artifact.ErrInvalid},
		"a position that overflows":     {chunkedLayer, annotate(annotationChunkedPosition, "9223372036854775807:9223372036854775807:1:1"), artifact.ErrInvalid},
		"a position that is none":       {chunkedLayer, annotate(annotationChunkedPosition, "here"), artifact.ErrInvalid},
		"a position in the middle":      {chunkedLayer, annotate(annotationChunkedPosition, "3:100:10:1"), artifact.ErrInvalid},
		"an unknown kind is not used":   {chunkedLayer, annotate(annotationChunkedPosition, "0:10:10:9"), nil},
		"a digest of an unknown kind":   {chunkedLayer, annotate(annotationChunkedChecksum, "md5:0"), nil},
		"eStargz without its footer":    {gzipLayer, annotate(annotationStargzDigest, "sha256:"+strings.Repeat("0", 64)), artifact.ErrInvalid},
		"the content is not the file's": {chunkedLayer, func(p *packed) { swapContent(p) }, azcontainerregistry.ErrMismatchedHash},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.form(t, items...)
			c.change(&p)
			var got bytes.Buffer
			_, err := openImage(t, newImage(t, p), nil).Cat(t.Context(), "a", &got)
			if !errors.Is(err, c.want) || c.want == nil && got.String() != "wanted" {
				t.Errorf("%q, %v, want %v", got.String(), err, c.want)
			}
		})
	}
}

func annotate(key, value string) func(*packed) {
	return func(p *packed) {
		annotations := map[string]string{key: value}
		for other, was := range p.desc.Annotations {
			if other != key {
				annotations[other] = was
			}
		}
		p.desc.Annotations = annotations
	}
}

// swapContent puts other bytes of the same length in the place of a file's.
func swapContent(p *packed) {
	good, bad := zstandard([]byte("wanted")), zstandard([]byte("forged"))
	data := bytes.Replace(p.data, good, bad, 1)
	annotations := p.desc.Annotations
	*p = pack(p.desc.MediaType, data, p.plain)
	p.desc.Annotations = annotations
}
