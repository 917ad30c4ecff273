package emulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// benchBlob is the size of the blob that is moved.
const benchBlob = 1 << 30

// What an upload and a download of a blob reach at least, as shares of the
// speed of SHA-256 on the same machine.
const (
	leastUpload   = 0.18
	leastDownload = 0.8
)

// perByte is how long a benchmark took for a byte of the blob.
func perByte(b *testing.B) float64 { return b.Elapsed().Seconds() / float64(b.N) / benchBlob }

// reaches fails a benchmark that stays below a share of the speed of SHA-256.
func reaches(b *testing.B, share, hashing float64) {
	b.Helper()
	ratio := hashing / perByte(b)
	b.ReportMetric(ratio, "x/sha256")
	if hashing > 0 && ratio < share {
		b.Errorf("%.2f of the speed of SHA-256, want %v", ratio, share)
	}
}

// BenchmarkBlob moves one blob over loopback, and hashes as much, which is
// the measure of the machine.
func BenchmarkBlob(b *testing.B) {
	sum := sha256.New()
	hashing := 0.0
	b.Run("sha256", func(b *testing.B) {
		defer func() { hashing = perByte(b) }()
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
			reaches(b, leastUpload, hashing)
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
			reaches(b, leastDownload, hashing)
		})
	}
}

// benchTags are the tags of the repository that is listed, moved and deleted.
const benchTags = 100_000

// fillTags puts tags into a repository, a thousand to a manifest, with times
// in another order than their names: one a tick from the time it returns.
func fillTags(b *testing.B, e *Emulator, repository string) store.Ticks {
	b.Helper()
	now := store.TicksOf(e.clock.Now())
	for start := 0; start < benchTags; start += 1000 {
		err := e.wire.Registries[0].Data.Update(func(tx *store.Tx) error {
			if start == 0 {
				if err := tx.PutRepository(repository, store.Repository{Created: now, Updated: now}); err != nil {
					return err
				}
			}
			m := store.Manifest{Digest: fmt.Sprintf("sha256:%064x", start), MediaType: wire.TypeOCIManifest, Created: now, Updated: now}
			if err := tx.AddManifest(repository, m, store.Content{Raw: []byte("{}")}); err != nil {
				return err
			}
			for i := start; i < start+1000; i++ {
				at := now + store.Ticks(i*7919%benchTags)
				if err := tx.PutTag(repository, store.Tag{Name: fmt.Sprintf("v%06d", i), Digest: m.Digest, Created: at, Updated: at}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return now
}

// within fails a benchmark whose operation takes longer than it may.
func within(b *testing.B, limit time.Duration) {
	b.Helper()
	if each := b.Elapsed() / time.Duration(b.N); each > limit {
		b.Errorf("%v an operation, want at most %v", each, limit)
	}
}

// BenchmarkHundredThousandTags lists, pushes and deletes in one repository of
// 100,000 tags on a disk, over loopback. A push is two flushes to the disk,
// which on a busy one take longer than all the rest.
func BenchmarkHundredThousandTags(b *testing.B) {
	r := startRegistry(b, &Options{Dir: b.TempDir()})
	first := fillTags(b, r.e, "deep")
	for _, order := range []string{"", "timeasc", "timedesc"} {
		for name, depth := range map[string]int{"first": 0, "middle": benchTags / 2, "last": benchTags - 150} {
			b.Run("page/"+order+"/"+name, func(b *testing.B) {
				last := fmt.Sprintf("v%06d", depth)
				if order != "" {
					last = fmt.Sprintf("%d%%26v", first+store.Ticks(depth))
				}
				for b.Loop() {
					r.want(200, "GET", "/acr/v1/deep/_tags?n=100&orderby="+order+"&last="+last, nil)
				}
				within(b, 5*time.Millisecond)
			})
		}
	}
	raw := r.imageManifest("deep", "one", nil)
	push := func(tag string) {
		r.want(201, "PUT", "/v2/deep/manifests/"+tag, bytes.NewReader(raw), "Content-Type", wire.TypeOCIManifest)
	}
	push("first")
	b.Run("push of a tag", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			push(fmt.Sprintf("new%06d", i))
		}
		within(b, 2*time.Millisecond)
	})
	b.Run("delete of a manifest with 1000 tags", func(b *testing.B) {
		next := 0
		for b.Loop() {
			if next == benchTags {
				b.Fatal("no manifest is left; ask for fewer with -benchtime=50x")
			}
			r.want(202, "DELETE", fmt.Sprintf("/v2/deep/manifests/sha256:%064x", next), nil)
			next += 1000
		}
		within(b, 200*time.Millisecond)
	})
}
