package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/synctest"
)

// FuzzUpload lets the fuzzer choose content, faults and source.
func FuzzUpload(f *testing.F) {
	f.Add(uint64(1), 100_000, uint8(0), true, []byte("abc"))
	f.Add(uint64(2), 700_000, uint8(1), false, []byte{0, 3, 7, 9})
	f.Add(uint64(3), 3_000_000, uint8(2), true, []byte{5, 5, 5, 5, 5, 5, 5, 5, 5, 5})
	kinds := []string{"reset", "reset before", "5xx", "429", "401", "413", "416", "stall", "stall midway", "stale", "answer lost", "keeps less", "lies"}
	f.Fuzz(func(t *testing.T, seed uint64, size int, source uint8, keeps bool, faults []byte) {
		content := noise(seed, min(max(size, 0), 4<<20))
		p := &plan{rand: rand.New(rand.NewPCG(seed, 0)), odds: 0.5, left: min(len(faults), 30)}
		for _, b := range faults {
			p.kinds = append(p.kinds, kinds[int(b)%len(kinds)])
		}
		synctest.Test(t, func(t *testing.T) {
			r := &fakeRegistry{plan: p, keeps: keeps}
			var body io.Reader = bytes.NewReader(content)
			var o UploadOptions
			if source&1 != 0 {
				body = onlyReader{body}
			}
			if source&2 != 0 {
				o.Digest = digestOf(content)
			}
			result, err := Upload(context.Background(), r, body, o)
			switch {
			case err == nil && !bytes.Equal(r.blobs[result.Digest], content):
				t.Errorf("reported done, registry has other bytes (%v)", p.log)
			case err != nil && !typed(err):
				t.Errorf("error without a type: %v (%v)", err, p.log)
			}
		})
	})
}

// FuzzDownload lets the fuzzer choose content, faults and destination.
func FuzzDownload(f *testing.F) {
	f.Add(uint64(1), 100_000, uint8(0), []byte("abc"))
	f.Add(uint64(2), 0, uint8(1), []byte{0, 3, 7, 9})
	f.Add(uint64(3), 1, uint8(3), []byte{5, 5, 5, 5})
	kinds := []string{"reset", "reset before", "5xx", "429", "expired", "stall", "stall midway", "ends early", "other range", "more", "less", "whole", "corrupt"}
	f.Fuzz(func(t *testing.T, seed uint64, size int, shape uint8, faults []byte) {
		content := noise(seed, min(max(size, 0), 2<<20))
		p := &plan{rand: rand.New(rand.NewPCG(seed, 0)), odds: 0.7, left: min(len(faults), 30)}
		for _, b := range faults {
			p.kinds = append(p.kinds, kinds[int(b)%len(kinds)])
		}
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			blob := &fakeBlob{data: content, plan: p, noRanges: shape&1 != 0, noSize: shape&2 != 0}
			_, err := Download(context.Background(), blob, Destination{Writer: &out}, DownloadOptions{Digest: digestOf(content)})
			switch {
			case err == nil && !bytes.Equal(out.Bytes(), content):
				t.Errorf("reported done with other bytes (%v)", p.log)
			case err != nil && !typed(err) && !errors.As(err, new(*RangeError)):
				t.Errorf("error without a type: %v (%v)", err, p.log)
			case blob.atOnce.Load() != 0:
				t.Error("a body was left open")
			}
		})
	})
}
