package wire

import (
	"fmt"
	"testing"
)

func TestRangesAreWrittenAsTheHeaderWantsThem(t *testing.T) {
	for _, test := range []struct {
		first, last int64
		want        string
	}{{0, -1, ""}, {0, 0, "bytes=0-0"}, {5, -1, "bytes=5-"}, {5, 9, "bytes=5-9"}} {
		if got := Range(test.first, test.last); got != test.want {
			t.Errorf("%d to %d: %q", test.first, test.last, got)
		}
	}
}

func TestContentRange(t *testing.T) {
	for value, want := range map[string]ContentRange{
		"bytes 0-416/417":  {0, 416, 417},
		"Bytes  1-2/*":     {1, 2, -1},
		" bytes 0-0/1":     {0, 0, 1},
		"bytes */417":      {},
		"bytes 5-1/9":      {},
		"bytes 0-9/9":      {},
		"items 0-1/2":      {},
		"bytes 0-1/x":      {},
		"bytes=0-1":        {},
		"":                 {},
		"bytes 0-1/2-3/4 ": {},
	} {
		got, err := ParseContentRange(value)
		if got != want || (err == nil) != (want != ContentRange{}) {
			t.Errorf("%q: %+v, %v", value, got, err)
		}
	}
}

func TestUploadRange(t *testing.T) {
	for value, want := range map[string]int64{
		"0-0": 0, "0-735": 735, "bytes=0-735": 735, "bytes 0-7": 7, "0-4294967296": 4294967296, "0-4611686018427387903": 4611686018427387903,
		"": -1, "1-5": -1, "0--1": -1, "0-": -1, "735": -1, "0-99999999999999999999": -1,
	} {
		if got, ok := ParseUploadRange(value); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %d, %v", value, got, ok)
		}
	}
}

func FuzzContentRange(f *testing.F) {
	for _, seed := range []string{"", "bytes 0-416/417", "bytes 0-416/*", "bytes */417", "bytes 5-1/9", "Bytes  1-2/3", "bytes 0-9223372036854775807/9223372036854775808", "0-5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if last, ok := ParseUploadRange(value); last < 0 || !ok && last != 0 {
			t.Errorf("%q: %d, %v", value, last, ok)
		}
		r, err := ParseContentRange(value)
		if err != nil {
			return
		}
		if r.First < 0 || r.Length() < 1 || r.Size >= 0 && r.Last >= r.Size || r.Size < -1 {
			t.Errorf("%q: got %+v", value, r)
		}
		total := "*"
		if r.Size >= 0 {
			total = fmt.Sprint(r.Size)
		}
		if again, err := ParseContentRange(fmt.Sprintf("bytes %d-%d/%s", r.First, r.Last, total)); err != nil || again != r {
			t.Errorf("%q doesn't survive being written again: %v", value, err)
		}
	})
}
