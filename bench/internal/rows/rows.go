// Package rows is the table of the benchmark: which work, on which stage, for
// which clients.
package rows

import (
	"fmt"
	"time"

	"github.com/acrkit/azcontainerregistry/bench/internal/fixture"
	"github.com/acrkit/azcontainerregistry/bench/internal/neutral"
	"github.com/acrkit/azcontainerregistry/bench/internal/peers"
	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

// The stages of the rows.
const (
	// slow is the bandwidth of a connection that its network or its storage
	// account bounds: 50 MB/s.
	slow = 50_000_000
	// far is a round trip to a region on the same continent.
	far = 50 * time.Millisecond
	// near is a round trip inside a region's neighbourhood.
	near = 20 * time.Millisecond
)

// faultyLimit is several times what the work takes with every stall noticed.
const faultyLimit = 90 * time.Second

// Scale is how much work there is.
type Scale struct {
	fixture.Sizes
	// Listed is how many tags and manifests are listed.
	Listed int
	// Together, InTurn and ByMany count the manifest reads of the three rows.
	Together, InTurn, ByMany int
	// FaultEvery is the mean distance of faults, in bytes.
	FaultEvery int64
}

// Full is the scale of the published table.
func Full() Scale {
	return Scale{
		Sizes:      fixture.Sizes{Blob: 1 << 30, Long: 2 << 30, Layers: 20, LayerSize: 32 << 20},
		Listed:     100_000,
		Together:   2000,
		InTurn:     200,
		ByMany:     640,
		FaultEvery: 100_000_000,
	}
}

// Quick is a sixteenth of the bytes and a tenth of the entries: for a look,
// not for figures.
func Quick() Scale {
	return Scale{
		Sizes:      fixture.Sizes{Blob: 64 << 20, Long: 128 << 20, Layers: 20, LayerSize: 2 << 20},
		Listed:     10_000,
		Together:   500,
		InTurn:     50,
		ByMany:     160,
		FaultEvery: 6_000_000,
	}
}

// Entrant is one client in one setting.
type Entrant struct {
	Peer string
	// Setting is handed to the job; zero is the client's default.
	Setting int
	// Label names the setting, empty for the default.
	Label string
}

// String is the client's name with its setting.
func (e Entrant) String() string {
	if e.Label == "" {
		return e.Peer
	}
	return e.Peer + ", " + e.Label
}

// Row is one line of the table.
type Row struct {
	// ID is what the command line calls it.
	ID, Title string
	// Server sets the stage.
	Server neutral.Config
	Job    work.Job
	// Writes is how many bytes the job writes to files.
	Writes int64
	// Entrants take part, in this order.
	Entrants []Entrant
	// Rounds bounds the rounds of a row whose time the stage decides, and
	// which therefore varies little; zero is no bound.
	Rounds int
	// Limit bounds a client's time where a fault may leave it waiting for
	// ever; zero is the run's own.
	Limit time.Duration
	// ByRequests says that the row is about the number of requests.
	ByRequests bool
	// ByBytes says that the row is about bytes moved again after faults.
	ByBytes bool
}

// sourceRepository holds the content of the fixture, targetRepository takes
// uploads.
const (
	sourceRepository = "source/app"
	targetRepository = "target/app"
)

// All makes the rows for the content.
func All(scale Scale, set fixture.Set) ([]Row, error) {
	alternating, tenth := repositories(10), 64
	many, err := fixture.Manifests(alternating, tenth)
	if err != nil {
		return nil, fmt.Errorf("make manifests: %w", err)
	}
	one, err := fixture.Manifests([]string{"source/one"}, scale.Together)
	if err != nil {
		return nil, fmt.Errorf("make manifests: %w", err)
	}
	blobs := set.Blobs()
	image := []neutral.Manifest{{
		Repository: sourceRepository, Tag: fixture.ImageTag,
		MediaType: "application/vnd.oci.image.manifest.v1+json", Body: set.Manifest,
	}}
	plain := neutral.Config{Blobs: blobs}
	secure := neutral.Config{Blobs: blobs, TLS: true}
	narrow := neutral.Config{Blobs: blobs, BytesPerSecond: slow}
	distant := neutral.Config{Blobs: blobs, BytesPerSecond: slow, RTT: far, Manifests: image}
	faulty := func(lose bool, most int) neutral.Config {
		return neutral.Config{Blobs: blobs, Faults: &neutral.Faults{Seed: 4, EveryBytes: scale.FaultEvery, Max: most, LoseSessions: lose}}
	}
	up := work.Job{Repository: targetRepository, File: set.Blob.Path, Digest: set.Blob.Digest, Size: set.Blob.Size}
	down := work.Job{Kind: work.Download, Repository: sourceRepository, Digest: set.Blob.Digest, Size: set.Blob.Size}
	long := work.Job{
		Kind: work.Download, Repository: sourceRepository, Digest: set.Long.Digest, Size: set.Long.Size, Patient: true,
	}
	longUp := work.Job{
		Kind: work.UploadKnown, Repository: targetRepository, File: set.Long.Path, Digest: set.Long.Digest, Size: set.Long.Size, Patient: true,
	}
	push := work.Job{Kind: work.Push, Repository: targetRepository, Layout: set.Layout, Tag: fixture.ImageTag}
	pull := work.Job{Kind: work.Pull, Repository: sourceRepository, Layout: set.Layout, Tag: fixture.ImageTag}
	blob, layers := size(scale.Blob), fmt.Sprintf("%d layers of %s", scale.Layers, size(scale.LayerSize))
	rows := []Row{
		{ID: "upload-unknown", Title: "upload " + blob + " from a file, digest not known", Server: plain, Job: with(up, work.UploadUnknown)},
		{ID: "upload-known", Title: "upload " + blob + ", digest known", Server: plain, Job: with(up, work.UploadKnown)},
		{ID: "download", Title: "download " + blob + " to a file, verified", Server: plain, Job: down, Writes: set.Blob.Size},
		{ID: "upload-tls", Title: "upload " + blob + " over TLS, digest not known", Server: secure, Job: overTLS(with(up, work.UploadUnknown))},
		{
			ID: "download-tls", Title: "download " + blob + " over TLS to a file, verified", Server: secure, Job: overTLS(down), Writes: set.Blob.Size,
			Entrants: []Entrant{{peers.Ours, 1, "1 connection"}},
		},
		{
			ID: "download-slow", Title: "download " + blob + ", 50 MB/s a connection", Server: narrow, Job: down, Writes: set.Blob.Size, Rounds: 1,
			Entrants: []Entrant{{peers.Ours, 8, "8 ranges"}, {peers.Ours, 16, "16 ranges"}, {peers.Limit, 16, "16 ranges"}},
		},
		{
			ID: "download-far", Title: "download " + blob + ", 50 ms away, 50 MB/s a connection", Server: distant, Job: down, Writes: set.Blob.Size, Rounds: 1,
			Entrants: []Entrant{{peers.Ours, 16, "16 ranges"}, {peers.Limit, 16, "16 ranges"}},
		},
		{
			ID: "push", Title: "push " + layers + ", 50 ms away, 50 MB/s a connection", Server: distant, Job: push, Rounds: 3,
			Entrants: best(scale.Layers),
		},
		{
			ID: "pull", Title: "pull " + layers + ", 50 ms away, 50 MB/s a connection", Server: distant, Job: pull, Writes: int64(scale.Layers) * scale.LayerSize, Rounds: 3,
			Entrants: best(scale.Layers),
		},
		{
			ID: "read-in-turn", Title: fmt.Sprintf("%d manifest reads over 10 repositories, 20 ms away", scale.InTurn),
			Server: neutral.Config{Manifests: many, RTT: near}, Rounds: 1, ByRequests: true,
			Job: work.Job{Kind: work.ReadInTurn, Repositories: alternating, Tags: tenth, Count: scale.InTurn},
		},
		{
			ID: "read-64", Title: fmt.Sprintf("%d manifest reads over 10 repositories, 64 at once", scale.ByMany),
			Server: neutral.Config{Manifests: many}, ByRequests: true,
			Job: work.Job{Kind: work.ReadTogether, Repositories: alternating, Tags: tenth, Count: scale.ByMany, Goroutines: 64},
		},
		{
			ID: "list-tags", Title: fmt.Sprintf("list %d tags", scale.Listed), Server: neutral.Config{ListTags: scale.Listed},
			Job: work.Job{Kind: work.ListTags, Repository: "listing", Count: scale.Listed},
		},
		{
			ID: "list-manifests", Title: fmt.Sprintf("list %d manifests", scale.Listed), Server: neutral.Config{ListManifests: scale.Listed},
			Job: work.Job{Kind: work.ListManifests, Repository: "listing", Count: scale.Listed},
		},
		{
			ID: "read-32", Title: fmt.Sprintf("%d manifests of one repository, 32 at once", scale.Together),
			Server: neutral.Config{Manifests: one},
			Job:    work.Job{Kind: work.ReadTogether, Repositories: []string{"source/one"}, Tags: scale.Together, Count: scale.Together, Goroutines: 32},
		},
		{
			ID: "faulty-download", Title: "download " + size(scale.Long) + ", a fault every " + size(scale.FaultEvery),
			Server: faulty(false, 0), Job: long, Writes: set.Long.Size, Rounds: 1, Limit: faultyLimit, ByBytes: true,
		},
		{
			ID: "faulty-upload", Title: "upload " + size(scale.Long) + ", the same faults, sessions kept",
			Server: faulty(false, 0), Job: longUp, Rounds: 1, Limit: faultyLimit, ByBytes: true,
		},
		{
			// A lost session starts the upload again, so that a schedule
			// without an end would never let it finish.
			ID: "faulty-upload-lost", Title: "upload " + size(scale.Long) + ", the first 4 faults lose the session",
			Server: faulty(true, 4), Job: longUp, Rounds: 1, Limit: faultyLimit, ByBytes: true,
		},
	}
	for i := range rows {
		rows[i].Entrants = append(defaults(rows[i].Job.Kind), rows[i].Entrants...)
	}
	return rows, nil
}

// defaults are all clients that can do the work.
func defaults(kind work.Kind) []Entrant {
	var entrants []Entrant
	for _, peer := range peers.All() {
		if peer.Works[kind] != nil {
			entrants = append(entrants, Entrant{Peer: peer.Name})
		}
	}
	return entrants
}

// best are the clients that can be told how many layers to move at once.
func best(layers int) []Entrant {
	var entrants []Entrant
	for _, peer := range peers.All() {
		if peer.Tunable {
			entrants = append(entrants, Entrant{Peer: peer.Name, Setting: layers, Label: fmt.Sprintf("%d at once", layers)})
		}
	}
	return entrants
}

func with(job work.Job, kind work.Kind) work.Job {
	job.Kind = kind
	return job
}

func overTLS(job work.Job) work.Job {
	job.TLS = true
	return job
}

func repositories(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("source/team-%d/app", i)
	}
	return all
}

// size writes bytes as the round figure they were given as.
func size(n int64) string {
	for _, unit := range []struct {
		bytes int64
		name  string
	}{{1 << 30, "GiB"}, {1_000_000_000, "GB"}, {1 << 20, "MiB"}, {1_000_000, "MB"}, {1 << 10, "KiB"}} {
		if n >= unit.bytes && n%unit.bytes == 0 {
			return fmt.Sprintf("%d %s", n/unit.bytes, unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
