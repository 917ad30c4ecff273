package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// Range writes a Range header for bytes first to last, both included (RFC 9110
// §14.2). A negative last means to the end; the whole content is "".
func Range(first, last int64) string {
	switch {
	case last >= 0:
		return "bytes=" + strconv.FormatInt(first, 10) + "-" + strconv.FormatInt(last, 10)
	case first > 0:
		return "bytes=" + strconv.FormatInt(first, 10) + "-"
	}
	return ""
}

// ContentRange is which part of a content a response holds.
type ContentRange struct {
	// First and Last are the offsets of the first and the last byte.
	First, Last int64

	// Size is the size of the whole content, -1 when it isn't told.
	Size int64
}

// Length returns how many bytes the part has.
func (r ContentRange) Length() int64 { return r.Last - r.First + 1 }

// ParseContentRange reads a Content-Range header such as "bytes 0-416/417" or
// "bytes 0-416/*" (RFC 9110 §14.4).
func ParseContentRange(value string) (ContentRange, error) {
	bad := fmt.Errorf("invalid Content-Range %.120q", value)
	unit, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	span, total, ok := strings.Cut(strings.TrimSpace(rest), "/")
	first, last, ok2 := strings.Cut(span, "-")
	if !strings.EqualFold(unit, "bytes") || !ok || !ok2 {
		return ContentRange{}, bad
	}
	r := ContentRange{First: offset(first), Last: offset(last), Size: offset(total)}
	switch {
	case r.First < 0, r.Last < r.First, r.Size < 0 && total != "*", r.Size >= 0 && r.Last >= r.Size:
		return ContentRange{}, bad
	}
	return r, nil
}

// ParseUploadRange reads the Range header of an upload's response, such as
// "0-735", and returns the offset of the last byte that the registry holds. "0-0"
// stands for one byte and for none (ACR protocol §4.5).
func ParseUploadRange(value string) (last int64, ok bool) {
	value = strings.TrimSpace(value)
	for _, unit := range []string{"bytes=", "bytes "} {
		value = strings.TrimPrefix(value, unit)
	}
	first, end, ok := strings.Cut(value, "-")
	if last = offset(end); !ok || first != "0" || last < 0 {
		return 0, false
	}
	return last, true
}

// offset reads digits; -1 stands for everything else.
func offset(s string) int64 {
	n, err := strconv.ParseUint(s, 10, 62)
	if err != nil {
		return -1
	}
	return int64(n)
}
