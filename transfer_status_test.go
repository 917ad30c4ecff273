package azcontainerregistry

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/acrkit/azcontainerregistry/internal/transfer"
)

func TestUploadStatusFromRange(t *testing.T) {
	for value, want := range map[string]transfer.UploadStatus{
		"":                        {},
		"0-0":                     {Offset: 1, Known: true, Ambiguous: true},
		"0-735":                   {Offset: 736, Known: true},
		"bytes=0-735":             {Offset: 736, Known: true},
		"0-4294967296":            {Offset: 4294967297, Known: true},
		"1-5":                     {},
		"0--1":                    {},
		"0-":                      {},
		"735":                     {},
		"0-99999999999999999999":  {},
		"0-4611686018427387903":   {Offset: 4611686018427387904, Known: true},
		"0-18446744073709551615 ": {},
	} {
		if got := uploadStatus(value); got != want {
			t.Errorf("Range %q: got %+v, want %+v", value, got, want)
		}
	}
}

func FuzzUploadStatus(f *testing.F) {
	for _, seed := range []string{"", "0-0", "0-735", "bytes=0-1", "1-2", "0--1", "0-9223372036854775807"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if s := uploadStatus(value); s.Offset < 0 || s.Known != (s.Offset > 0) {
			t.Errorf("%q: got %+v", value, s)
		}
	})
}

func TestFaultClasses(t *testing.T) {
	answer := func(status int, code, after string) error {
		resp := &http.Response{StatusCode: status, Header: http.Header{}}
		if after != "" {
			resp.Header.Set("Retry-After", after)
		}
		return &OperationError{Operation: "test", Err: &azcore.ResponseError{StatusCode: status, ErrorCode: code, RawResponse: resp}}
	}
	for _, test := range []struct {
		err   error
		want  transfer.Class
		after time.Duration
	}{
		{answer(404, "BLOB_UPLOAD_INVALID", ""), transfer.StaleLocation, 0},
		{answer(404, "", ""), transfer.SessionGone, 0},
		{answer(404, "BLOB_UPLOAD_UNKNOWN", ""), transfer.SessionGone, 0},
		{answer(413, "", ""), transfer.TooLarge, 0},
		{answer(416, "BLOB_UPLOAD_RANGE_INVALID", ""), transfer.OutOfStep, 0},
		{answer(400, "DIGEST_INVALID", ""), transfer.Refused, 0},
		{answer(400, "MANIFEST_INVALID", ""), transfer.Permanent, 0},
		{answer(401, "UNAUTHORIZED", ""), transfer.Permanent, 0},
		{answer(403, "DENIED", ""), transfer.Permanent, 0},
		{answer(405, "REGISTRY_DISALLOWED_OPERATION", ""), transfer.Permanent, 0},
		{answer(429, "TOOMANYREQUESTS", "17"), transfer.Throttled, 17 * time.Second},
		{answer(429, "TOOMANYREQUESTS", "-5"), transfer.Throttled, 0},
		{answer(429, "TOOMANYREQUESTS", "soon"), transfer.Throttled, 0},
		{answer(400, "BLOB_UPLOAD_INVALID", ""), transfer.StaleLocation, 0},
		{answer(503, "", ""), transfer.Server, 0},
		{answer(522, "", "3"), transfer.Server, 3 * time.Second},
		{answer(505, "", ""), transfer.Permanent, 0},
		{answer(501, "", ""), transfer.Permanent, 0},
		{errors.New("connection reset by peer"), transfer.Connection, 0},
		{&net.DNSError{IsNotFound: true}, transfer.Unreachable, 0},
		{&net.DNSError{IsTemporary: true}, transfer.Connection, 0},
		{&net.OpError{Op: "dial", Err: &os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED}}, transfer.Unreachable, 0},
		{&tls.CertificateVerificationError{Err: errors.New("unknown authority")}, transfer.Permanent, 0},
		{&UntrustedOriginError{}, transfer.Permanent, 0},
		{&ArgumentError{}, transfer.Permanent, 0},
	} {
		var f *transfer.Fault
		if !errors.As(uploadFault(test.err), &f) || f.Class != test.want || f.RetryAfter != test.after {
			t.Errorf("%v: got %+v, want class %d after %s", test.err, f, test.want, test.after)
		}
	}
}
