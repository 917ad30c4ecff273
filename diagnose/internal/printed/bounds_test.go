package printed

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// generated is a log of so many bytes, made as it is read.
type generated struct {
	left int64
	line func(n int) string
	n    int
	rest string
}

func (g *generated) Read(p []byte) (int, error) {
	if g.left <= 0 {
		return 0, io.EOF
	}
	if g.rest == "" {
		g.rest = g.line(g.n)
		g.n++
	}
	n := copy(p[:min(int64(len(p)), g.left)], g.rest)
	g.rest = g.rest[n:]
	g.left -= int64(n)
	return n, nil
}

func ordinary(n int) string {
	return fmt.Sprintf("2026-03-04T10:11:%02dZ INFO request %d of shop took %d ms\n", n%60, n, n%997)
}

// distinct are lines that all tell of a failure, and no two of them the same one.
func distinct(n int) string {
	return fmt.Sprintf("Failed to pull image \"%s.azurecr.io/web:1\": failed to do request: dial tcp: lookup %[1]s.azurecr.io: no such host\n", letters(n))
}

func letters(n int) string {
	b := []byte("registry")
	for ; n > 0; n /= 20 {
		b = append(b, byte('g'+n%20))
	}
	return string(b)
}

// allocated returns how much memory explaining a text takes in all.
func allocated(t *testing.T, size int64, line func(int) string) (bytes uint64, log *Log, found Findings) {
	t.Helper()
	words() // made once
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	log, err := Read(&generated{left: size, line: line})
	if err != nil {
		t.Fatal(err)
	}
	found = Find(log.Lines)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, log, found
}

// TestALongLogTakesBoundedMemory holds that what is kept does not grow with the
// text, whatever it is full of.
func TestALongLogTakesBoundedMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("megabytes of text take minutes under the race detector, and one goroutine reads them")
	}
	for name, line := range map[string]func(int) string{"ordinary lines": ordinary, "lines that all fail": distinct, "one line": func(int) string { return "unauthorized: authentication required " }} {
		kept := func(size int64) int {
			_, log, _ := allocated(t, size, line)
			n := 0
			for _, l := range log.Lines {
				n += len(l.Text)
			}
			return n
		}
		if n := kept(3 << 20); n > maxWhole+maxHead+2*maxTail+maxLine {
			t.Errorf("%s: %d bytes of 3 MiB are kept", name, n)
		}
	}
}

// TestTheWorkIsInProportionToTheText holds that twice the text takes twice the
// memory in passing, and not four times.
func TestTheWorkIsInProportionToTheText(t *testing.T) {
	if testing.Short() {
		t.Skip("megabytes of text take minutes under the race detector, and one goroutine reads them")
	}
	for name, line := range map[string]func(int) string{"ordinary lines": ordinary, "lines that all fail": distinct} {
		small, _, _ := allocated(t, 1<<20, line)
		large, _, _ := allocated(t, 2<<20, line)
		if large > small*5/2+1<<20 {
			t.Errorf("%s: 1 MiB takes %d bytes and 2 MiB %d", name, small, large)
		}
	}
}

func TestALongLogIsUnderstoodAndSaysWhatWasLeftOut(t *testing.T) {
	line := func(n int) string {
		if n == 20_000 {
			return "error parsing HTTP 403 response body: unexpected end of JSON input: \"\"\n"
		}
		if n == 19_998 {
			return "The push refers to repository [shopreg.azurecr.io/web]\n"
		}
		return ordinary(n)
	}
	_, log, found := allocated(t, 2<<20, line)
	if len(found.List) != 1 || found.List[0].Code != "DENIED_WITHOUT_REASON" || found.List[0].Repository != "web" || found.List[0].Lines[0] != 20_001 {
		t.Errorf("found %+v", found.List)
	}
	if log.LeftOut != 0 {
		t.Errorf("%d lines were left out", log.LeftOut)
	}
	_, log, found = allocated(t, 2<<20, func(n int) string {
		return fmt.Sprintf("Get \"https://shopreg.azurecr.io/v2/\": dial tcp 20.1.2.3:%d: i/o timeout\n", n)
	})
	if log.LeftOut == 0 || len(found.List) != 1 || found.List[0].Code != "CONNECT_TIMEOUT" {
		t.Errorf("left out %d, found %+v", log.LeftOut, found.List)
	}
}

// TestAnEndlessTextIsLeft holds that reading ends though the text does not.
func TestAnEndlessTextIsLeft(t *testing.T) {
	const limit = 1 << 20
	log, err := readUpTo(&repeated{text: []byte(strings.Repeat("y\n", 16<<10))}, limit)
	if err != nil || !log.Endless || log.Bytes != limit {
		t.Errorf("%v, endless %v, %d bytes", err, log.Endless, log.Bytes)
	}
}

type repeated struct{ text []byte }

func (r *repeated) Read(p []byte) (int, error) { return copy(p, r.text), nil }

func TestWhatIsNoTextIsRefused(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	rubbish := make([]byte, 4096)
	for i := range rubbish {
		rubbish[i] = byte(r.Uint32())
	}
	if _, err := Read(strings.NewReader(string(rubbish))); !errors.Is(err, ErrBinary) {
		t.Errorf("random bytes: %v", err)
	}
	if _, err := Read(strings.NewReader("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00>\x00")); !errors.Is(err, ErrBinary) {
		t.Errorf("a program: %v", err)
	}
	for _, text := range []string{"", "\n", "a", "naïve caf\xe9", "half of a letter \xe2\x82", "\xff\xfea\x00b", "\xfe\xff\x00a"} {
		if log, err := Read(strings.NewReader(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		} else {
			Find(log.Lines)
		}
	}
}

func TestAnErrorOfTheReaderComesBackWithWhatWasRead(t *testing.T) {
	failing := errors.New("the pipe broke")
	log, err := Read(io.MultiReader(strings.NewReader("denied: retrieving permissions failed\n"), failed{failing}))
	if !errors.Is(err, failing) {
		t.Errorf("error %v", err)
	}
	if found := Find(log.Lines); len(found.List) != 1 {
		t.Errorf("found %+v", found.List)
	}
}

type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// FuzzFind looks for panics and for findings without their lines.
func FuzzFind(f *testing.F) {
	for _, l := range corpus(f) {
		f.Add([]byte(l.text))
	}
	for _, p := range phrasings {
		f.Add([]byte(p.Example))
	}
	f.Add([]byte("\xff\xfe\x00\x00\x00\xd8"))
	f.Add([]byte(strings.Repeat("[", 5000)))
	f.Add([]byte(strings.Repeat("a.", 5000) + "azurecr.io/" + strings.Repeat("b/", 3000)))
	f.Fuzz(func(t *testing.T, text []byte) {
		log, err := Read(strings.NewReader(string(text)))
		if err != nil && !errors.Is(err, ErrBinary) {
			t.Fatal(err)
		}
		for _, found := range Find(log.Lines).List {
			if len(found.Lines) == 0 || found.Lines[0] < 1 || found.Lines[len(found.Lines)-1] > log.Total {
				t.Fatalf("lines %v of %d", found.Lines, log.Total)
			}
			if found.At > len(found.Text) || strings.Contains(found.Registry, "*") {
				t.Fatalf("%+v", found)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	for name, line := range map[string]func(int) string{"ordinary": ordinary, "failing": distinct} {
		b.Run(name, func(b *testing.B) {
			var text strings.Builder
			for n := 0; text.Len() < 8<<20; n++ {
				text.WriteString(line(n))
			}
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				log, err := Read(strings.NewReader(text.String()))
				if err != nil {
					b.Fatal(err)
				}
				Find(log.Lines)
			}
		})
	}
}
