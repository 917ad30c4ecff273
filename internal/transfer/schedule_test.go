package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// schedules is how many seeded random schedules each of the two tests runs.
const schedules = 1000

func TestUploadsEndRightOrWithATypedError(t *testing.T) {
	completed := 0
	for seed := range uint64(schedules) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			size := []int{0, 1, 2, r.IntN(100 << 10), 600<<10 + r.IntN(1<<20)}[r.IntN(5)]
			if seed%50 == 0 {
				size = r.IntN(24 << 20) // beyond what is kept of a stream
			}
			content := noise(seed, size)
			f := &fakeRegistry{
				keeps: r.IntN(2) == 0,
				plan: &plan{
					rand: r, odds: r.Float64() * 0.6, left: r.IntN(14),
					kinds: []string{"reset", "reset before", "5xx", "429", "401", "416", "stall", "stall midway", "stale", "answer lost", "keeps less", "says more", "says less"},
				},
			}
			if r.IntN(4) == 0 {
				f.most = 300<<10 + r.Int64N(2<<20)
			}
			if r.IntN(4) == 0 {
				f.silent = true
			}
			o := UploadOptions{ChunkSize: []int64{0, 0, 1 << 20}[r.IntN(3)]}
			if r.IntN(2) == 0 {
				o.Digest = digestOf(content)
			}
			var body io.Reader = bytes.NewReader(content)
			switch r.IntN(3) {
			case 0:
				body = onlyReader{body}
			case 1:
				o.Reopen = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
				body = onlyReader{body}
			}
			began := time.Now()
			result, err := Upload(context.Background(), f, body, o)
			if err == nil {
				completed++
				if result.Digest != digestOf(content) || !bytes.Equal(f.blobs[result.Digest], content) {
					t.Errorf("seed %d: reported %s done, registry has %d other bytes (%v)", seed, result.Digest, len(f.blobs[result.Digest]), f.plan.log)
				}
			} else if !typed(err) {
				t.Errorf("seed %d: error without a type: %v (%v)", seed, err, f.plan.log)
			}
			if err != nil && len(f.plan.log) < defaultRetries && !errors.As(err, new(*NotResumableError)) {
				t.Errorf("seed %d: gave up after %d disturbances: %v (%v)\n%v", seed, len(f.plan.log), err, f.plan.log, f.requests)
			}
			// One disturbance may show itself twice, as when a chunk is lost and
			// what follows doesn't fit.
			if most := 2*len(f.plan.log) + 1; result.Retries > most {
				t.Errorf("seed %d: %d retries for %d disturbances (%v)\n%v", seed, result.Retries, len(f.plan.log), f.plan.log, f.requests)
			}
			if took := time.Since(began); took > time.Hour {
				t.Errorf("seed %d: took %s", seed, took)
			}
		})
	}
	if completed < schedules*8/10 {
		t.Errorf("only %d of %d uploads completed", completed, schedules)
	}
}

func TestDownloadsEndRightOrWithATypedError(t *testing.T) {
	large := noise(7, 36<<20)
	completed, parallel, inTurn := 0, 0, 0
	for seed := range uint64(schedules) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 2))
			size := []int{0, 1, r.IntN(1 << 20), r.IntN(2 << 20)}[r.IntN(4)]
			several := seed%40 == 0
			if several {
				size = 33<<20 + r.IntN(3<<20) // enough for several connections
			}
			content := large[:size]
			digest := digestOf(content)
			f := &fakeBlob{
				data: content, noRanges: r.IntN(6) == 0, noSize: r.IntN(8) == 0,
				perByte: 20 * time.Nanosecond, trip: time.Duration(r.IntN(50)) * time.Millisecond,
				plan: &plan{
					rand: r, odds: r.Float64() * 0.5, left: r.IntN(14),
					kinds: []string{"reset", "reset before", "5xx", "429", "expired", "stall", "stall midway", "ends early", "other range", "more", "less", "whole"},
				},
			}
			corrupt := r.IntN(10) == 0
			if corrupt {
				f.plan.kinds = append(f.plan.kinds, "corrupt")
			}
			if f.noSize {
				// An end that comes too early can't be told from the right one:
				// only the digest says so.
				corrupt = true
			}
			var (
				out bytes.Buffer
				mem memory
				dst Destination
			)
			switch r.IntN(3) {
			case 0:
				dst.Writer = &out
			case 1:
				dst.WriterAt = &mem
			default:
				dst.WriterAt, dst.ReaderAt = &mem, &mem
			}
			o := DownloadOptions{cpuTime: noCPU, Digest: digest, Concurrency: r.IntN(6)}
			if r.IntN(3) == 0 {
				o.Size = int64(len(content))
			}
			connections := r.IntN(5)
			if several && (o.Concurrency == 1 || connections == 1) {
				o.Concurrency, connections = 0, 0
			}
			budget := NewBudget(connections, 0)
			o.Budget = budget
			beside := connections != 1 && r.IntN(2) == 0 && budget.TryAcquire()
			result, err := Download(context.Background(), f, dst, o)
			if beside {
				budget.Release()
				if o.Concurrency == 1 {
					inTurn++
				}
			}
			if err == nil {
				completed++
				if result.Ranges > 1 {
					parallel++
				}
				got := out.Bytes()
				if dst.Writer == nil {
					got = mem.data
				}
				if !bytes.Equal(got, content) {
					t.Errorf("seed %d: reported done with %d other bytes (%v)", seed, len(got), f.plan.log)
				}
			} else {
				if !typed(err) && !errors.As(err, new(*RangeError)) {
					t.Errorf("seed %d: error without a type: %v (%v)", seed, err, f.plan.log)
				}
				if len(f.plan.log) < defaultRetries && !corrupt {
					t.Errorf("seed %d: gave up after %d disturbances: %v (%v)", seed, len(f.plan.log), err, f.plan.log)
				}
			}
			if most := len(f.plan.log) + 1; !corrupt && result.Retries > most {
				t.Errorf("seed %d: %d retries for %d disturbances (%v)", seed, result.Retries, len(f.plan.log), f.plan.log)
			}
			if n := f.atOnce.Load(); n != 0 {
				t.Errorf("seed %d: %d bodies left open", seed, n)
			}
			if budget.used != 0 {
				t.Errorf("seed %d: %d connections of the budget not given back", seed, budget.used)
			}
		})
	}
	t.Logf("%d of %d downloads completed, %d over several connections, %d in turn beside another", completed, schedules, parallel, inTurn)
	if completed < schedules*8/10 || parallel < schedules/100 || inTurn < schedules/100 {
		t.Errorf("only %d of %d downloads completed, %d over several connections, %d in turn beside another", completed, schedules, parallel, inTurn)
	}
}
