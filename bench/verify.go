package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/acrkit/azcontainerregistry/bench/internal/neutral"
	"github.com/acrkit/azcontainerregistry/bench/internal/peers"
	"github.com/acrkit/azcontainerregistry/bench/internal/work"
)

// verify looks at what a client left behind: a client that is fast because it
// didn't do its work has no time. It runs after the clock has stopped.
func verify(job work.Job, stats neutral.Stats, blobs map[string]neutral.Blob) error {
	switch job.Kind {
	case work.UploadUnknown, work.UploadKnown:
		if size, ok := stats.Uploaded[job.Digest]; !ok || size != job.Size {
			return fmt.Errorf("the registry has %d bytes of %s, not %d", size, job.Digest, job.Size)
		}
	case work.Download:
		return verifyFile(peers.OutFile(job), job.Digest, job.Size)
	case work.Push:
		for digest, blob := range blobs {
			if strings.HasPrefix(blob.Path, job.Layout) && stats.Uploaded[digest] != blob.Size {
				return fmt.Errorf("the registry has %d bytes of %s, not %d", stats.Uploaded[digest], digest, blob.Size)
			}
		}
	case work.Pull:
		for digest, blob := range blobs {
			if !strings.HasPrefix(blob.Path, job.Layout) {
				continue
			}
			path := filepath.Join(job.Out, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:"))
			if err := verifyFile(path, digest, blob.Size); err != nil {
				return err
			}
		}
	}
	return nil
}

func verifyFile(path, digest string, size int64) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("look at the result: %w", err)
	}
	defer file.Close()
	h := sha256.New()
	n, err := io.Copy(h, file)
	if err != nil {
		return fmt.Errorf("look at the result: %w", err)
	}
	if got := "sha256:" + hex.EncodeToString(h.Sum(nil)); n != size || got != digest {
		return fmt.Errorf("the result is %d bytes of %s, not %d of %s", n, got, size, digest)
	}
	return nil
}

// versions tells which version of each client was built in or is installed.
func versions(ctx context.Context) map[string]string {
	known := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	for _, peer := range peers.All() {
		if peer.Program != "" {
			if output, err := exec.CommandContext(ctx, peer.Program, "--version").Output(); err == nil {
				known[peer.Name] = strings.TrimSpace(string(output))
			}
		}
		if !ok {
			continue
		}
		for _, module := range info.Deps {
			if peer.Module != "" && module.Path == peer.Module {
				known[peer.Name] = module.Version
			}
		}
	}
	return known
}
