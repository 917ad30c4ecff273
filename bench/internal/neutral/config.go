// Package neutral is the registry that every client of the benchmark talks to:
// ACR's authentication dance (challenge, exchange, token) and its two origins
// (blobs are answered with a 307 to another host), over content that is on
// disk already or thrown away, so that the server stays cheaper than any
// client. It can stand far away, be slow on each connection, and fail on a
// seeded schedule. It is nobody's product: neither ours nor a peer's.
package neutral

import (
	"errors"
	"fmt"
	"time"
)

// Config is one stage for one client. Setting it forgets everything the
// clients before it did.
type Config struct {
	// RTT is waited once for each new connection and once before each
	// answer, as a round trip would be.
	RTT time.Duration
	// BytesPerSecond bounds bodies in each direction, for each connection on
	// its own; zero is no bound.
	BytesPerSecond int64
	// TLS makes both origins speak https, with the server's own certificate.
	TLS bool
	// Verify hashes what is uploaded and refuses a wrong digest, as every
	// real registry does. Off, uploads are thrown away unread, so that the
	// server's hashing takes no time from the client's.
	Verify bool
	// Blobs can be read in the repositories whose name begins with "source";
	// other repositories hold what is uploaded to them, by digest and size.
	Blobs map[string]Blob
	// Manifests are stored beforehand.
	Manifests []Manifest
	// ListTags and ListManifests are how many made-up entries the
	// repository "listing" has under /acr/v1.
	ListTags, ListManifests int
	// Faults is the schedule of failures; nil is none.
	Faults *Faults
}

// Blob is a part of a file.
type Blob struct {
	Path         string
	Offset, Size int64
}

// Manifest is one manifest under one tag.
type Manifest struct {
	Repository, Tag, MediaType string
	Body                       []byte
}

// Faults describes failures in the bytes of blobs, in both directions.
type Faults struct {
	Seed uint64
	// EveryBytes is the mean distance between two faults.
	EveryBytes int64
	// Max ends the schedule after so many faults; zero never does.
	Max int
	// LoseSessions forgets an upload whenever a fault hits it, as ACR does
	// ("blob upload invalid"); otherwise its status can be asked and the
	// upload goes on.
	LoseSessions bool
}

// Stats is what the server saw since the configuration was set.
type Stats struct {
	// Requests counts all requests at both origins.
	Requests int
	// Unauthorized counts 401 answers, Tokens and Exchanges the two token calls.
	Unauthorized, Tokens, Exchanges int
	// BytesIn and BytesOut count the bodies of blobs.
	BytesIn, BytesOut int64
	// Faults counts the failures that were played.
	Faults int
	// Uploaded lists the digests of finished uploads and pushed manifests.
	Uploaded map[string]int64
}

func (c Config) scheme() string {
	if c.TLS {
		return "https"
	}
	return "http"
}

func (c Config) validate() error {
	if c.RTT < 0 || c.BytesPerSecond < 0 || c.ListTags < 0 || c.ListManifests < 0 {
		return errors.New("configure server: negative value")
	}
	for digest, blob := range c.Blobs {
		if blob.Path == "" || blob.Offset < 0 || blob.Size < 0 {
			return fmt.Errorf("configure server: blob %s: no path or a negative offset or size", digest)
		}
	}
	if c.Faults != nil && c.Faults.EveryBytes <= 0 {
		return errors.New("configure server: faults: EveryBytes must be positive")
	}
	return nil
}
