package transfer

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"sync"
	"testing"
)

// zeros is a stream of n zeros that can be read once.
type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), z.n)]
	clear(p)
	z.n -= int64(len(p))
	return len(p), nil
}

func (z *zeros) Close() error { return nil }

// sink takes uploads and forgets them; it also has a blob of size zeros.
type sink struct{ size int64 }

type sinkSession struct {
	Session
	at int64
}

func (sink) Start(context.Context) (Session, error) { return &sinkSession{}, nil }

func (sink) Mount(context.Context, string, string) (Session, error) { return &sinkSession{}, nil }
func (sink) Exists(context.Context, string) (int64, bool, error)    { return 0, false, nil }
func (s *sinkSession) Location() string                             { return "sink" }
func (s *sinkSession) Complete(_ context.Context, digest string, c Chunk) (string, error) {
	_, err := s.Write(context.Background(), c)
	return digest, err
}

func (s *sinkSession) Write(_ context.Context, c Chunk) (UploadStatus, error) {
	if c.Body == nil {
		return UploadStatus{}, nil
	}
	n, err := io.Copy(io.Discard, c.Body)
	s.at += n
	return UploadStatus{Offset: s.at, Known: true}, err
}

func (s sink) Open(_ context.Context, offset, length int64) (*Body, error) {
	if length < 0 {
		length = s.size - offset
	}
	return &Body{ReadCloser: &zeros{length}, Offset: offset, Length: length, Size: s.size}, nil
}

// allocated returns how many bytes do allocates in all, which is more than it
// ever has at a time.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestMemoryDoesNotGrowWithTheBlob moves much with little memory.
func TestMemoryDoesNotGrowWithTheBlob(t *testing.T) {
	if testing.Short() {
		t.Skip("gigabytes take long under the race detector, which takes memory itself")
	}
	const (
		size   = 2 << 30
		digest = "sha256:a7c744c13cc101ed66c29f672f92455547889cc586ce6d44fe76ae824958ea51"
		most   = 64_000_000
	)
	if n := allocated(func() {
		result, err := Upload(t.Context(), sink{}, &zeros{size}, UploadOptions{Size: size})
		if err != nil || result.Digest != digest {
			t.Errorf("upload: %s, %v", result.Digest, err)
		}
	}); n > most {
		t.Errorf("an upload of 2 GiB took %d bytes of memory, want %d at most", n, most)
	}
	if n := allocated(func() {
		if _, err := Download(t.Context(), sink{size}, Destination{Writer: io.Discard}, DownloadOptions{Digest: digest}); err != nil {
			t.Errorf("download: %v", err)
		}
	}); n > most/2 {
		t.Errorf("a download of 2 GiB took %d bytes of memory, want %d at most", n, most/2)
	}
}

// TestMemoryOfTwentyTransfers moves twenty blobs at once, from sources that can
// be read again, as files can; a stream keeps its last 16 MiB beside that.
func TestMemoryOfTwentyTransfers(t *testing.T) {
	if testing.Short() {
		t.Skip("gigabytes take long under the race detector, which takes memory itself")
	}
	const (
		size   = 16 << 20
		digest = "sha256:080acf35a507ac9849cfcba47dc2ad83e01b75663a516279c8b9d243b719643e"
		most   = 120_000_000
	)
	content := make([]byte, size)
	for name, one := range map[string]func() error{
		"uploads": func() error {
			_, err := Upload(t.Context(), sink{}, bytes.NewReader(content), UploadOptions{})
			return err
		},
		"downloads": func() error {
			_, err := Download(t.Context(), sink{size}, Destination{Writer: io.Discard}, DownloadOptions{Digest: digest})
			return err
		},
	} {
		if n := allocated(func() {
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() {
					if err := one(); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
			group.Wait()
		}); n > most {
			t.Errorf("20 %s took %d bytes of memory, want %d at most", name, n, most)
		}
	}
}
