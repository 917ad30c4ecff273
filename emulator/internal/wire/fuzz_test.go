package wire

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
)

func FuzzUploadState(f *testing.F) {
	reg := &signin.Registry{Name: "acrkit"}
	s := &signer{key: []byte("key")}
	payload := []byte(`{"Name":"a","UUID":"b","Offset":1,"StartedAt":"2026-01-13T17:34:21Z"}`)
	good := base64.URLEncoding.EncodeToString(append(s.hmac(reg, "upload", payload), payload...))
	f.Add(good)
	f.Add(base64.URLEncoding.EncodeToString(payload))
	f.Add("====")
	f.Add("")
	f.Fuzz(func(t *testing.T, value string) {
		state, ok := s.readUploadState(reg, value)
		// Base64 has several spellings of the same bytes.
		if decoded, _ := base64.URLEncoding.DecodeString(value); ok && !bytes.HasSuffix(decoded, payload) {
			t.Errorf("%q passes as %+v", value, state)
		}
	})
}

func FuzzRanges(f *testing.F) {
	for _, seed := range []string{"0-735", "-1--1", "bytes=0-3", "bytes=3-", "bytes=-3", "bytes=9-1", "9223372036854775807-9223372036854775808", "bytes=0-1,3-4", "0-"} {
		f.Add(seed)
	}
	strict := &StorageHost{Quirks: quirk.Of(map[string]string{quirk.StorageRange: "specification"})}
	acr := &StorageHost{Quirks: quirk.Of(map[string]string{quirk.StorageRange: "start"})}
	f.Fuzz(func(t *testing.T, value string) {
		if start, end, ok := parseContentRange(value); ok && (start < 0 || end < start || fmt.Sprintf("%d-%d", start, end) != value && !strings.Contains(value, "0")) {
			t.Errorf("%q gave %d-%d", value, start, end)
		}
		for _, e := range []*StorageHost{strict, acr} {
			const size = 10
			first, last, ok := e.parseRange(value, size)
			if ok && (first < 0 || last < 0 || first < size && min(last, size-1) < first || first > math.MaxInt64-1 && e == acr && last < first) {
				t.Errorf("%q gave %d-%d", value, first, last)
			}
		}
	})
}
