package azcontainerregistry

import (
	"net/http"
	"strconv"
)

const (
	headerCorrelationID = "X-Ms-Correlation-Request-Id"
	headerDigest        = "Docker-Content-Digest"
	headerUploadUUID    = "Docker-Upload-Uuid"
)

// value returns what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// optional returns nil for a header that isn't there.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// statedLength reads the Content-Length header, whoever made the response.
func statedLength(resp *http.Response) (*int64, error) {
	value := resp.Header.Get("Content-Length")
	if value == "" {
		return nil, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// bodyLength returns how long a body is, nil when that isn't told.
func bodyLength(resp *http.Response) *int64 {
	if resp.ContentLength < 0 {
		return nil
	}
	n := resp.ContentLength
	return &n
}

// acceptBlob is what a blob is asked for as: its type says nothing.
const acceptBlob = "application/octet-stream, */*"
