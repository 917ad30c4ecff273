package emulator

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"runtime"
	"testing"
)

const (
	// heapBlob is large enough to tell a body that is kept from one that
	// passes through.
	heapBlob = 256 << 20
	// heapLimit is what the emulator may take, whatever a blob's size.
	heapLimit = 64 << 20
	// heapStep is how many bytes pass between two looks at the heap.
	heapStep = 8 << 20
)

// heapWatch looks at the heap while bytes pass it.
type heapWatch struct {
	io.Reader
	passed int
	peak   uint64
}

func (w *heapWatch) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if w.passed/heapStep != (w.passed+n)/heapStep {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		w.peak = max(w.peak, now.HeapInuse)
	}
	w.passed += n
	return n, err
}

func TestMemoryDoesNotGrowWithTheBlob(t *testing.T) {
	r := startRegistry(t, nil)
	sum := sha256.New()
	if _, err := io.Copy(sum, &zeros{heapBlob}); err != nil {
		t.Fatal(err)
	}
	digest := "sha256:" + hex.EncodeToString(sum.Sum(nil))
	runtime.GC()
	sent := &heapWatch{Reader: &zeros{heapBlob}}
	location := r.want(202, "PATCH", r.startUpload("app"), sent).Header.Get("Location")
	r.want(201, "PUT", location+"&digest="+digest, nil)
	response, err := r.client.Get(r.server.URL + r.signedPath("app", digest))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	received := &heapWatch{Reader: response.Body}
	if n, err := io.Copy(io.Discard, received); n != heapBlob || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	for name, watch := range map[string]*heapWatch{"upload": sent, "download": received} {
		if watch.peak == 0 || watch.peak > heapLimit {
			t.Errorf("%s: the heap had %d bytes, want at most %d", name, watch.peak, heapLimit)
		}
	}
}
