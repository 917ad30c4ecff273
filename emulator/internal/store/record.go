package store

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Attributes are the changeable attributes, as ACR calls its locks. The zero
// value enables everything.
type Attributes struct {
	DeleteDisabled bool `json:"deleteDisabled,omitempty"`
	WriteDisabled  bool `json:"writeDisabled,omitempty"`
	ReadDisabled   bool `json:"readDisabled,omitempty"`
	ListDisabled   bool `json:"listDisabled,omitempty"`
}

// Repository is a repository that exists: one that has, or had, a manifest.
type Repository struct {
	Created    Ticks      `json:"created"`
	Updated    Ticks      `json:"updated"`
	Attributes Attributes `json:"attributes"`
	Manifests  int        `json:"manifests"`
	Tags       int        `json:"tags"`
}

// Tag is a tag of a repository.
type Tag struct {
	Name       string     `json:"-"`
	Digest     string     `json:"digest"`
	Created    Ticks      `json:"created"`
	Updated    Ticks      `json:"updated"`
	Attributes Attributes `json:"attributes"`
}

// Manifest is what a listing says of a manifest.
type Manifest struct {
	Digest            string      `json:"-"`
	MediaType         string      `json:"mediaType"`
	ConfigMediaType   string      `json:"configMediaType,omitempty"`
	Architecture      string      `json:"architecture,omitempty"`
	OS                string      `json:"os,omitempty"`
	Subject           string      `json:"subject,omitempty"`
	Size              int64       `json:"size"`      // of the manifest itself, in bytes
	ImageSize         int64       `json:"imageSize"` // with what it names, in bytes
	Created           Ticks       `json:"created"`
	Updated           Ticks       `json:"updated"`
	Attributes        Attributes  `json:"attributes"`
	QuarantineState   string      `json:"quarantineState,omitempty"`
	QuarantineDetails string      `json:"quarantineDetails,omitempty"`
	References        []Reference `json:"references,omitempty"`
}

// Reference is an entry of an index.
type Reference struct {
	Digest       string `json:"digest"`
	Architecture string `json:"architecture,omitempty"`
	OS           string `json:"os,omitempty"`
}

// Ticks is a time in units of 100 ns since the year 1, the precision and the
// cursor form of ACR (ACR protocol §3.1).
type Ticks int64

const unixEpochTicks = 621355968000000000

// TicksOf returns a time's ticks.
func TicksOf(t time.Time) Ticks {
	return Ticks(t.Unix()*1e7 + int64(t.Nanosecond())/100 + unixEpochTicks)
}

// Time is the time in UTC.
func (t Ticks) Time() time.Time {
	n := int64(t) - unixEpochTicks
	return time.Unix(n/1e7, n%1e7*100).UTC()
}

// Tags are stored in a fixed binary form, because listings read them by the
// hundred thousand: version, flags, created, updated, digest.
const (
	tagVersion    = 1
	tagHeaderSize = 18
)

func encodeTag(t Tag) []byte {
	b := make([]byte, 0, tagHeaderSize+len(t.Digest))
	b = append(b, tagVersion, encodeAttributes(t.Attributes))
	b = binary.BigEndian.AppendUint64(b, uint64(t.Created))
	b = binary.BigEndian.AppendUint64(b, uint64(t.Updated))
	return append(b, t.Digest...)
}

func decodeTag(name string, b []byte) (Tag, error) {
	if len(b) < tagHeaderSize || b[0] != tagVersion {
		return Tag{}, fmt.Errorf("read tag %q: record is damaged", name)
	}
	return Tag{
		Name:       name,
		Attributes: decodeAttributes(b[1]),
		Created:    Ticks(binary.BigEndian.Uint64(b[2:])),
		Updated:    Ticks(binary.BigEndian.Uint64(b[10:])),
		Digest:     string(b[tagHeaderSize:]),
	}, nil
}

func encodeAttributes(a Attributes) (flags byte) {
	for i, set := range []bool{a.DeleteDisabled, a.WriteDisabled, a.ReadDisabled, a.ListDisabled} {
		if set {
			flags |= 1 << i
		}
	}
	return flags
}

func decodeAttributes(flags byte) Attributes {
	return Attributes{
		DeleteDisabled: flags&1 != 0, WriteDisabled: flags&2 != 0,
		ReadDisabled: flags&4 != 0, ListDisabled: flags&8 != 0,
	}
}

// pairKey is two strings with a zero byte between, which neither contains.
func pairKey(a, b string) []byte {
	key := make([]byte, 0, len(a)+1+len(b))
	key = append(append(key, a...), 0)
	return append(key, b...)
}

func timeKey(t Ticks, name string) []byte {
	key := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(name)), uint64(t))
	return append(key, name...)
}
