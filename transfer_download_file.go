package azcontainerregistry

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/acrkit/azcontainerregistry/internal/transfer"
)

// DownloadFile writes the blob to a file beside path, verifies its digest, and
// only then renames it to path, replacing a file that is there. When it fails,
// nothing is at path that wasn't there before, and the file beside it is
// removed, unless DownloadOptions.OnCheckpoint is set: then it is cut to what
// was hashed, and the last checkpoint names it. The file isn't synced to disk.
func (c *BlobClient) DownloadFile(ctx context.Context, repository, digest, path string, options *DownloadOptions) (resp DownloadResponse, err error) {
	p := &partialFile{path: path}
	resp, err = c.download(ctx, "BlobClient.DownloadFile", repository, digest, p, options, func(ctx context.Context, o *DownloadOptions) (transfer.Destination, error) {
		if err := p.open(ctx, o); err != nil {
			return transfer.Destination{}, err
		}
		return transfer.Destination{WriterAt: p.file, ReaderAt: p.file}, nil
	})
	if p.file == nil {
		return resp, err
	}
	if err != nil {
		p.giveUp(err)
		return DownloadResponse{}, err
	}
	if err := p.publish(); err != nil {
		return DownloadResponse{}, c.registry().operationError("download blob", repository, digest, err)
	}
	return resp, nil
}

// partialFile is a file on its way to path.
type partialFile struct {
	path  string
	file  *os.File
	keep  bool  // somebody may resume it
	noted int64 // how much of it the last checkpoint covers
}

// open opens the file that the blob is written to, and lets the options' own
// checkpoints name it.
func (p *partialFile) open(ctx context.Context, o *DownloadOptions) error {
	if p.path == "" {
		return &ArgumentError{Argument: "path", Rule: "must not be empty"}
	}
	if info, err := os.Stat(p.path); err == nil && !info.Mode().IsRegular() {
		return &ArgumentError{Argument: "path", Value: shorten(p.path), Rule: "must be a file, or nothing yet"}
	}
	if err := p.reopen(ctx, o); err != nil {
		return err
	}
	if p.file == nil {
		o.Resume = nil
		if err := p.create(); err != nil {
			return err
		}
	}
	if onCheckpoint := o.OnCheckpoint; onCheckpoint != nil {
		p.keep = true
		o.OnCheckpoint = func(s DownloadCheckpoint) {
			p.noted, s.Path = s.Offset, p.file.Name()
			onCheckpoint(s)
		}
	}
	return nil
}

// create makes a new file beside path, with the permissions that path would
// get.
func (p *partialFile) create() error {
	dir, base := filepath.Split(p.path)
	name := filepath.Join(dir, "."+base+"."+rand.Text()[:10]+".part")
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666) // the umask decides
	if err != nil {
		return fmt.Errorf("create destination: %w", err)
	}
	p.file = file
	return nil
}

// reopen opens the partial file of a checkpoint. Its bytes count only if they
// hash to the checkpoint's state: the file may be anybody's by now. Otherwise
// the download begins anew, and the file is left alone.
func (p *partialFile) reopen(ctx context.Context, o *DownloadOptions) error {
	r := o.Resume
	if r == nil || r.Path == "" || r.Offset == 0 {
		return nil
	}
	if filepath.Dir(r.Path) != filepath.Dir(p.path) {
		return &ArgumentError{Argument: "Resume.Path", Value: shorten(r.Path), Rule: "must be in the folder of " + p.path}
	}
	file, err := os.OpenFile(r.Path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open partial file: %w", err)
	}
	same, err := hashesTo(ctx, io.NewSectionReader(file, 0, r.Offset), r.HashState)
	if err == nil && same {
		err = file.Truncate(r.Offset)
	}
	if err != nil || !same {
		file.Close()
		return err
	}
	p.file, p.noted = file, r.Offset
	return nil
}

// hashesTo reads r to its end and reports whether its SHA-256 is in that state.
func hashesTo(ctx context.Context, r io.Reader, state []byte) (bool, error) {
	sum := sha256.New()
	buf := make([]byte, 256<<10)
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		n, err := r.Read(buf)
		sum.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, fmt.Errorf("read partial file: %w", err)
		}
	}
	got, err := sum.(encoding.BinaryMarshaler).MarshalBinary()
	return err == nil && bytes.Equal(got, state), err
}

// giveUp removes the file, or cuts it to what is known to be right.
func (p *partialFile) giveUp(cause error) {
	name := p.file.Name()
	wrong := errors.Is(cause, ErrMismatchedHash)
	var size *SizeMismatchError
	if p.keep && p.noted > 0 && !wrong && !errors.As(cause, &size) && p.file.Truncate(p.noted) == nil && p.file.Close() == nil {
		return
	}
	p.file.Close()
	os.Remove(name)
}

// publish renames the verified file to path.
func (p *partialFile) publish() error {
	name := p.file.Name()
	err := p.file.Close()
	if err == nil {
		err = os.Rename(name, p.path)
	}
	if err != nil {
		os.Remove(name)
		return fmt.Errorf("finish destination: %w", err)
	}
	return nil
}
