// Package work says what one client process is asked to do and what it
// reports back.
package work

import (
	"context"
	"errors"
	"fmt"
)

// Kind names one piece of work.
type Kind string

// The pieces of work. Each client does each with its own ordinary API, in the
// way its documentation recommends, or leaves it out.
const (
	// UploadUnknown uploads Job.File without being told its digest.
	UploadUnknown Kind = "upload-unknown"
	// UploadKnown uploads Job.File, whose digest is Job.Digest.
	UploadKnown Kind = "upload-known"
	// Download fetches the blob Job.Digest to a file in Job.Out, verified.
	Download Kind = "download"
	// Push copies the image Job.Tag from the OCI layout Job.Layout.
	Push Kind = "push"
	// Pull copies the image Job.Tag into an OCI layout in Job.Out.
	Pull Kind = "pull"
	// ReadInTurn reads Job.Count manifests one after another, each from the
	// next of Job.Repositories.
	ReadInTurn Kind = "read-in-turn"
	// ReadTogether reads Job.Count manifests over Job.Repositories with
	// Job.Goroutines at once; manifest i has the tag of Tag(i).
	ReadTogether Kind = "read-together"
	// ListTags and ListManifests list the repository "listing" in pages of
	// 1000 and count Job.Count entries with all their fields.
	ListTags      Kind = "list-tags"
	ListManifests Kind = "list-manifests"
)

// Job is what one process does.
type Job struct {
	Kind Kind
	// Registry is the host and port, spoken to in plain HTTP unless TLS is set.
	Registry string
	TLS      bool
	// Repository is where blobs and images go to or come from.
	Repository   string
	Repositories []string
	// Tags is how many different tags each repository has.
	Tags int

	File, Digest string
	Size         int64
	Layout, Tag  string
	Out          string

	Count, Goroutines int

	// Setting is the concurrency that the variant asks for: blobs at once
	// for images, ranges for one blob. Zero is the client's default.
	Setting int
	// Profile is where a CPU profile goes, which costs some of the time.
	Profile string
	// Patient says that the server will stall: give up on a connection that
	// stands still for a second, rather than for the client's default.
	Patient bool
}

// Endpoint is the registry's address.
func (j Job) Endpoint() string {
	if j.TLS {
		return "https://" + j.Registry
	}
	return "http://" + j.Registry
}

// TagOf is the tag of manifest i.
func (j Job) TagOf(i int) string { return fmt.Sprintf("v%d", i%max(j.Tags, 1)) }

// RepositoryOf is the repository of manifest i.
func (j Job) RepositoryOf(i int) string { return j.Repositories[i%len(j.Repositories)] }

// Func does a job. It returns when the work is done and verified.
type Func func(ctx context.Context, job Job) error

// Together calls read for every i below job.Count with job.Goroutines at once
// and returns the first error.
func Together(ctx context.Context, job Job, read func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	done := make(chan struct{})
	for range job.Goroutines {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range next {
				if err := read(ctx, i); err != nil {
					cancel(err)
				}
			}
		}()
	}
feed:
	for i := range job.Count {
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	for range job.Goroutines {
		<-done
	}
	return context.Cause(ctx)
}

// InTurn calls read for every i below job.Count.
func InTurn(ctx context.Context, job Job, read func(ctx context.Context, i int) error) error {
	for i := range job.Count {
		if err := read(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// ErrIncomplete is a listing or an image that is not what was asked for.
var ErrIncomplete = errors.New("incomplete")
