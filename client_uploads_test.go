package azcontainerregistry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// flakyUploads receives chunks over a transport that breaks the connection in
// the middle of each chunk a few times, and goes on reading the body of the
// broken attempt while the next one is sent, as net/http may.
type flakyUploads struct {
	faults  int
	content []byte
	put     string
	stale   sync.WaitGroup
}

func (f *flakyUploads) Do(req *http.Request) (*http.Response, error) {
	switch {
	case req.Method == http.MethodPatch && f.faults > 0:
		f.faults--
		if _, err := io.CopyN(io.Discard, req.Body, 1000); err != nil {
			return nil, err
		}
		f.stale.Go(func() { _, _ = io.Copy(io.Discard, req.Body) })
		if f.faults%2 == 0 {
			return answer(503, ""), nil
		}
		return nil, io.ErrUnexpectedEOF
	case req.Method == http.MethodPatch:
		chunk, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		if int64(len(chunk)) != req.ContentLength {
			return nil, errors.New("the chunk is not as long as it was said to be")
		}
		f.content = append(f.content, chunk...)
		return answer(202, "", "Location", "/v2/app/blobs/uploads/1?_state=b"), nil
	case req.Method == http.MethodPut:
		f.put = req.URL.Query().Get("digest")
		return answer(201, "", "Docker-Content-Digest", f.put), nil
	case req.URL.Path == "/oauth2/token":
		return answer(200, `{"access_token":"opaque"}`), nil
	}
	return answer(404, ""), nil
}

func TestTheDigestSurvivesRetriesOfAChunk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flakyUploads{}
		c, err := NewBlobClient(scriptEndpoint, nil, &BlobClientOptions{ClientOptions: azcore.ClientOptions{Transport: f}})
		if err != nil {
			t.Fatal(err)
		}
		calculator := NewBlobDigestCalculator()
		var content []byte
		for i := range 4 {
			chunk := bytes.Repeat([]byte{byte('a' + i)}, 100_000+i)
			content = append(content, chunk...)
			f.faults = i
			if _, err := c.UploadChunk(strictly(t), "/v2/app/blobs/uploads/1?_state=a", bytes.NewReader(chunk), calculator, nil); err != nil {
				t.Fatal(err)
			}
		}
		// A chunk that fails in the end doesn't count.
		f.faults = math.MaxInt32
		_, err = c.UploadChunk(strictly(t), "/v2/app/blobs/uploads/1?_state=a", bytes.NewReader(make([]byte, 5000)), calculator, nil)
		var exhausted *RetriesExhaustedError
		if !errors.As(err, &exhausted) || exhausted.Attempts != 4 {
			t.Errorf("error: %v", err)
		}
		f.faults = 0
		f.stale.Wait()
		if _, err := c.CompleteUpload(strictly(t), "/v2/app/blobs/uploads/1?_state=b", calculator, nil); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		if want := "sha256:" + hex.EncodeToString(sum[:]); f.put != want || !bytes.Equal(f.content, content) {
			t.Errorf("completed with %s, want %s; %d bytes sent of %d", f.put, want, len(f.content), len(content))
		}
	})
}

func TestChunkRanges(t *testing.T) {
	i32, i64 := func(n int32) *int32 { return &n }, func(n int64) *int64 { return &n }
	for name, test := range map[string]struct {
		options *BlobClientUploadChunkOptions
		want    string
		bad     string
	}{
		"none":         {nil, "", ""},
		"empty":        {&BlobClientUploadChunkOptions{}, "", ""},
		"v0.2.3":       {&BlobClientUploadChunkOptions{RangeStart: i32(10), RangeEnd: i32(14)}, "10-14", ""},
		"start alone":  {&BlobClientUploadChunkOptions{RangeStart: i32(10)}, "10-14", ""},
		"over 2 GiB":   {&BlobClientUploadChunkOptions{RangeStart: i32(math.MaxInt32)}, "2147483647-2147483651", ""},
		"64 bits":      {&BlobClientUploadChunkOptions{RangeStart64: i64(1 << 40), RangeEnd64: i64(1<<40 + 4)}, "1099511627776-1099511627780", ""},
		"64 bits win":  {&BlobClientUploadChunkOptions{RangeStart: i32(1), RangeStart64: i64(5_000_000_000)}, "5000000000-5000000004", ""},
		"overflow":     {&BlobClientUploadChunkOptions{RangeStart: i32(math.MinInt32)}, "", "RangeStart"},
		"wrong length": {&BlobClientUploadChunkOptions{RangeStart: i32(0), RangeEnd: i32(5)}, "", "RangeEnd"},
		"end alone":    {&BlobClientUploadChunkOptions{RangeEnd: i32(5)}, "", "RangeEnd"},
	} {
		got, err := chunkRange(strictly(t), test.options, 5)
		var argument *ArgumentError
		if errors.As(err, &argument) != (test.bad != "") || argument != nil && argument.Argument != test.bad || got != test.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestAWrongDigestOfTheRegistryIsNoticed(t *testing.T) {
	s := &script{}
	other := "sha256:" + strings.Repeat("0", 64)
	s.on(http.MethodPut, "/v2/app/", always(201, "", "Docker-Content-Digest", other))
	s.on(http.MethodGet, "/v2/app/manifests/", always(200, "content", "Docker-Content-Digest", other))
	s.on(http.MethodGet, "/v2/", always(200, "{}"))
	c := s.client(t, nil)
	if _, err := c.UploadManifest(strictly(t), "app", "v1", ContentTypeApplicationVndOciImageManifestV1JSON, reader("content"), nil); !errors.Is(err, ErrMismatchedHash) {
		t.Errorf("manifest: %v", err)
	}
	calculator := NewBlobDigestCalculator()
	if _, err := c.NewBlobClient().CompleteUpload(strictly(t), "/v2/app/blobs/uploads/1", calculator, nil); !errors.Is(err, ErrMismatchedHash) {
		t.Errorf("blob: %v", err)
	}
	for _, reference := range []string{"v1", other} {
		resp, err := c.GetManifest(strictly(t), "app", reference, nil)
		if err != nil {
			t.Fatal(err)
		}
		var mismatch *DigestMismatchError
		if _, err := io.ReadAll(resp.ManifestData); !errors.As(err, &mismatch) || mismatch.Actual != someDigest || mismatch.Size != 7 {
			t.Errorf("%s: %v", reference, err)
		}
		resp.ManifestData.Close()
	}
	resp, err := c.GetManifest(strictly(t), "app", someDigest, nil)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(resp.ManifestData); err != nil || string(data) != "content" {
		t.Errorf("the digest asked for counts: %q, %v", data, err)
	}
}

func TestDigestValidationReader(t *testing.T) {
	for content, want := range map[string]error{"content": nil, "other": ErrMismatchedHash, "": ErrMismatchedHash} {
		r, err := NewDigestValidationReader(someDigest, strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); !errors.Is(err, want) {
			t.Errorf("%q: %v", content, err)
		}
		if _, err := r.Read(make([]byte, 1)); want != nil && !errors.Is(err, want) {
			t.Errorf("%q again: %v", content, err)
		}
	}
	if _, err := NewDigestValidationReader("sha512:00", strings.NewReader("")); err != ErrDigestAlgNotSupported {
		t.Errorf("sha512: %v", err)
	}
	for _, digest := range []string{"sha256:00", "sha256:" + strings.Repeat("A", 64)} {
		r, err := NewDigestValidationReader(digest, strings.NewReader(""))
		if err != nil {
			t.Errorf("%s: %v", digest, err)
			continue
		}
		if _, err := io.ReadAll(r); err != ErrMismatchedHash {
			t.Errorf("%s: %v", digest, err)
		}
	}
	if _, err := NewDigestValidationReader(someDigest, nil); !errors.As(err, new(*ArgumentError)) {
		t.Errorf("nil reader: %v", err)
	}
}

func TestAnUploadOfZeroBytes(t *testing.T) {
	f := &flakyUploads{}
	c, err := NewBlobClient(scriptEndpoint, nil, &BlobClientOptions{ClientOptions: azcore.ClientOptions{Transport: f}})
	if err != nil {
		t.Fatal(err)
	}
	var calculator BlobDigestCalculator
	if _, err := c.CompleteUpload(context.Background(), "/v2/app/blobs/uploads/1?_state=b", &calculator, nil); err != nil {
		t.Fatal(err)
	}
	if f.put != "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("digest %s", f.put)
	}
}
