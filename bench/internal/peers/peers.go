// Package peers adapts each client to the benchmark's work: every one through
// its public API, in the way its own documentation shows, with its defaults
// unless a job's setting says otherwise.
package peers

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

// Peer is one client.
type Peer struct {
	// Name is what the reports call it, Module what go.mod calls it; a peer
	// without a module is a program that must be installed.
	Name, Module, Program string
	// Tunable says that a setting decides how many layers move at once.
	Tunable bool
	// Works holds what it can do.
	Works map[work.Kind]work.Func
}

// Names of the peers that the reports treat apart from the others.
const (
	Ours     = "acrkit"
	Official = "official v0.2.3"
	Limit    = "limit"
)

// All returns the peers in the order of the reports.
func All() []Peer {
	return []Peer{ours(), official(), ggcr(), orasPeer(), regclientPeer(), skopeo(), limit()}
}

// Find returns the peer with the name.
func Find(name string) (Peer, error) {
	for _, peer := range All() {
		if peer.Name == name {
			return peer, nil
		}
	}
	return Peer{}, fmt.Errorf("find client: there is no %q", name)
}

// Credentials that the neutral server accepts, as it accepts any.
const (
	username = "bench"
	password = "bench"
)

// openAll opens the job's file for a client that reads it from the beginning.
func openAll(job work.Job) (*os.File, error) {
	file, err := os.Open(job.File)
	if err != nil {
		return nil, fmt.Errorf("open source: %w", err)
	}
	return file, nil
}

// createOut makes the file that a download goes to.
func createOut(job work.Job) (*os.File, error) {
	file, err := os.Create(OutFile(job))
	if err != nil {
		return nil, fmt.Errorf("create destination: %w", err)
	}
	return file, nil
}

// OutFile is where a download ends up.
func OutFile(job work.Job) string { return filepath.Join(job.Out, "blob") }

// hashFile is what a client does that must be told the digest.
func hashFile(job work.Job) (string, error) {
	file, err := openAll(job)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", fmt.Errorf("hash source: %w", err)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// closeAfter joins what closing a written file says.
func closeAfter(file *os.File, err error) error { return errors.Join(err, file.Close()) }
