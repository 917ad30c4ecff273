package emulator

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"testing"
)

// benchBlob is the size of the blob that is moved.
const benchBlob = 1 << 30

// zeros reads as that many zero bytes, so that the sender costs nothing.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), z.left))
	clear(p[:n])
	z.left -= int64(n)
	return n, nil
}

// BenchmarkBlob moves one blob over loopback, and hashes as much, which is
// the measure of the machine.
func BenchmarkBlob(b *testing.B) {
	sum := sha256.New()
	b.Run("sha256", func(b *testing.B) {
		b.SetBytes(benchBlob)
		buffer := make([]byte, 1<<20)
		for b.Loop() {
			sum.Reset()
			for range benchBlob / len(buffer) {
				sum.Write(buffer)
			}
		}
	})
	digest := "sha256:" + hex.EncodeToString(sum.Sum(nil))
	for _, durable := range []bool{false, true} {
		name := map[bool]string{false: "unsynced", true: "durable"}[durable]
		options := &Options{}
		if durable {
			options.Dir = b.TempDir()
		}
		r := startRegistry(b, options)
		b.Run("upload "+name, func(b *testing.B) {
			b.SetBytes(benchBlob)
			for b.Loop() {
				location := r.want(202, "POST", "/v2/bench/blobs/uploads/", nil).Header.Get("Location")
				location = r.want(202, "PATCH", location, &zeros{benchBlob}).Header.Get("Location")
				r.want(201, "PUT", location+"&digest="+digest, nil)
			}
		})
		b.Run("download "+name, func(b *testing.B) {
			b.SetBytes(benchBlob)
			path := r.signedPath("bench", digest)
			buffer := make([]byte, 1<<20)
			for b.Loop() {
				req, err := http.NewRequest("GET", r.server.URL+path, nil)
				if err != nil {
					b.Fatal(err)
				}
				resp, err := r.client.Do(req)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, buffer)
				resp.Body.Close()
				if err != nil || n != benchBlob {
					b.Fatal(n, err)
				}
			}
		})
	}
}
