package azcontainerregistry_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// noise returns bytes that no two seeds share.
func noise(seed uint64, n int) []byte {
	p := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = r.Read(p)
	return p
}

func digestOf(p []byte) string {
	sum := sha256.Sum256(p)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func blobClient(t *testing.T, registry *emulatortest.Registry) *azcontainerregistry.BlobClient {
	t.Helper()
	client, err := azcontainerregistry.NewBlobClient(registry.Endpoint, registry.Credential,
		&azcontainerregistry.BlobClientOptions{ClientOptions: registry.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

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
