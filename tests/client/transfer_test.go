package client_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// onlyReader hides what else a reader can do.
type onlyReader struct{ io.Reader }

func TestBlobsComeBackAsTheyWent(t *testing.T) {
	registry := emulatortest.Start(t)
	client := blobClient(t, registry)
	for _, size := range []int{0, 1, 2, 4096, 512 << 10, 512<<10 + 1, 9 << 20} {
		content := noise(uint64(size), size)
		digest := digestOf(content)
		for name, upload := range map[string]struct {
			body    io.Reader
			options *azcontainerregistry.UploadOptions
		}{
			"seeker":       {bytes.NewReader(content), nil},
			"stream":       {onlyReader{bytes.NewReader(content)}, nil},
			"known digest": {bytes.NewReader(content), &azcontainerregistry.UploadOptions{Digest: digest}},
			"known digest of a stream": {
				onlyReader{bytes.NewReader(content)},
				&azcontainerregistry.UploadOptions{Digest: digest},
			},
			"small chunks": {
				onlyReader{bytes.NewReader(content)},
				&azcontainerregistry.UploadOptions{ChunkSize: int64(size/3 + 1)},
			},
		} {
			resp, err := client.Upload(t.Context(), "app", upload.body, upload.options)
			if err != nil {
				t.Fatalf("%s of %d bytes: %v", name, size, err)
			}
			if resp.Digest != digest || resp.Size != int64(size) || resp.Retries != 0 {
				t.Errorf("%s of %d bytes: got %+v, want digest %s", name, size, resp, digest)
			}
		}

		var out bytes.Buffer
		resp, err := client.Download(t.Context(), "app", digest, &out, nil)
		if err != nil {
			t.Fatalf("download of %d bytes: %v", size, err)
		}
		if !bytes.Equal(out.Bytes(), content) || resp.Size != int64(size) {
			t.Errorf("download of %d bytes: got %d other bytes, %+v", size, out.Len(), resp)
		}
		path := filepath.Join(t.TempDir(), "blob")
		if _, err := client.DownloadFile(t.Context(), "app", digest, path, nil); err != nil {
			t.Fatalf("download of %d bytes to a file: %v", size, err)
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("file of %d bytes: got %d other bytes, %v", size, len(got), err)
		}
		reader, err := client.Open(t.Context(), "app", digest, nil)
		if err != nil {
			t.Fatalf("open of %d bytes: %v", size, err)
		}
		got, err = io.ReadAll(reader)
		if err != nil || !bytes.Equal(got, content) || !reader.Verified() {
			t.Errorf("reader of %d bytes: got %d other bytes, %v, verified %v", size, len(got), err, reader.Verified())
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}
}

// pattern is endless content without memory.
type pattern struct{ at, size int64 }

var patternBlock = noise(99, 1<<20)

func (p *pattern) Read(b []byte) (int, error) {
	if p.at >= p.size {
		return 0, io.EOF
	}
	n := copy(b[:min(int64(len(b)), p.size-p.at)], patternBlock[p.at%int64(len(patternBlock)):])
	p.at += int64(n)
	return n, nil
}

// patternServer takes any upload, and has one blob, of the pattern.
type patternServer struct{ size, taken int64 }

func (s *patternServer) Do(req *http.Request) (*http.Response, error) {
	header, status, body := http.Header{}, http.StatusNotFound, io.Reader(http.NoBody)
	length := int64(0)
	switch {
	case req.URL.Path == "/v2/":
		status = http.StatusOK
	case req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/uploads/"), req.Method == http.MethodPatch:
		n := int64(0)
		if req.Body != nil {
			var err error
			if n, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{req.Body}, make([]byte, 64<<10)); err != nil {
				return nil, err
			}
			req.Body.Close()
		}
		status = http.StatusAccepted
		header.Set("Location", "/v2/app/blobs/uploads/1")
		s.taken += n
		header.Set("Range", fmt.Sprintf("0-%d", max(s.taken-1, 0)))
	case req.Method == http.MethodPut:
		status = http.StatusCreated
	case req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/blobs/"):
		status, length = http.StatusOK, s.size
		p := &pattern{size: s.size}
		if value := req.Header.Get("Range"); value != "" {
			var first, last int64
			if _, err := fmt.Sscanf(value, "bytes=%d-%d", &first, &last); err != nil {
				return nil, err
			}
			p.at, p.size, length, status = first, last+1, last+1-first, http.StatusPartialContent
			header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, s.size))
		}
		body = p
	}
	return &http.Response{
		StatusCode: status, Header: header, Body: io.NopCloser(body), ContentLength: length, Request: req,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

func TestTwoGiBNeedLittleMemory(t *testing.T) {
	const size, most = 2 << 30, 64 << 20
	client, err := azcontainerregistry.NewBlobClientWithNoCredential("https://memory.azurecr.io", &azcontainerregistry.BlobClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: &patternServer{size: size}},
	})
	if err != nil {
		t.Fatal(err)
	}
	inUse := func() int64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse + m.StackInuse)
	}
	runtime.GC()
	idle, peak := inUse(), int64(0)
	watch := func(azcontainerregistry.TransferEvent) { peak = max(peak, inUse()) }

	resp, err := client.Upload(t.Context(), "app", onlyReader{&pattern{size: size}}, &azcontainerregistry.UploadOptions{OnProgress: watch})
	if err != nil || resp.Size != size {
		t.Fatalf("upload: %+v, %v", resp, err)
	}
	if peak-idle > most {
		t.Errorf("upload took %d MiB", (peak-idle)>>20)
	}
	peak = 0
	got, err := client.Download(t.Context(), "app", resp.Digest, io.Discard, &azcontainerregistry.DownloadOptions{OnProgress: watch})
	if err != nil || got.Size != size {
		t.Fatalf("download: %+v, %v", got, err)
	}
	if peak-idle > most {
		t.Errorf("download took %d MiB", (peak-idle)>>20)
	}
}
