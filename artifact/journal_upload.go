package artifact

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

// stopGrace is how long an upload that is interrupted may take to finish the
// part that it is sending: a little more than the two seconds that a part takes
// at the most, for a link that has become slower.
const stopGrace = 3 * time.Second

// savedUpload is where an upload stands, on disk.
type savedUpload struct {
	Schema     string `json:"schema"`
	Registry   string `json:"registry"`
	Repository string `json:"repository"`
	Digest     string `json:"digest"`
	Location   string `json:"location"`
	Offset     int64  `json:"offset"`
	Hashed     int64  `json:"hashed,omitempty"`
	HashState  []byte `json:"hashState,omitempty"`
}

// resumeUpload continues an upload at the offset in the journal, and
// keeps the journal up to date. When its context ends it finishes the part that
// it is sending, and notes it. A checkpoint that the registry no longer
// accepts costs nothing: the upload then starts again by itself.
func (c *Content) resumeUpload(r *Repository, o *azcontainerregistry.UploadOptions) {
	entry := c.tuning.journal
	if entry == nil {
		return
	}
	name := uploadFile(r, c.desc)
	want := savedUpload{Registry: r.host(), Repository: r.name, Digest: c.desc.Digest.String()}
	if data, err := readSmall(filepath.Join(entry.dir, name)); err == nil {
		if saved, err := parseUpload(data, want, c.desc.Size); err == nil {
			o.Resume = &azcontainerregistry.UploadCheckpoint{
				Repository: saved.Repository, Location: saved.Location, Offset: saved.Offset,
				Hashed: saved.Hashed, HashState: saved.HashState,
			}
		}
	}
	o.StopGrace = stopGrace
	o.OnCheckpoint = func(p azcontainerregistry.UploadCheckpoint) {
		saved := want
		saved.Schema, saved.Location, saved.Offset = JournalSchema, p.Location, p.Offset
		saved.Hashed, saved.HashState = p.Hashed, p.HashState
		// Without the checkpoint the upload still works, another process would
		// only have to begin it again.
		_ = entry.writeJSON(name, saved, false)
	}
}

// forgetUpload removes the checkpoint of an upload that is done.
func (c *Content) forgetUpload(r *Repository) {
	if entry := c.tuning.journal; entry != nil {
		_ = os.Remove(filepath.Join(entry.dir, uploadFile(r, c.desc)))
	}
}

// uploadFile is the name of an upload's file in its entry. A sync uploads the
// same blob to several repositories.
func uploadFile(r *Repository, desc ocispec.Descriptor) string {
	target := sha256.Sum256([]byte(r.Name()))
	return fmt.Sprintf("upload-%s-%x.json", desc.Digest.Encoded(), target[:4])
}

// parseUpload reads a checkpoint, and refuses one of another upload.
func parseUpload(data []byte, want savedUpload, size int64) (savedUpload, error) {
	var saved savedUpload
	if err := json.Unmarshal(data, &saved); err != nil {
		return savedUpload{}, &InvalidError{Code: codeJournalDamaged, Store: "journal", Thing: "checkpoint of " + want.Digest, Rule: "it is not JSON", Err: err}
	}
	if saved.Schema != JournalSchema || saved.Registry != want.Registry || saved.Repository != want.Repository || saved.Digest != want.Digest {
		return savedUpload{}, &InvalidError{Code: codeJournalDamaged, Store: "journal", Thing: "checkpoint of " + want.Digest, Rule: "it belongs to another upload"}
	}
	if saved.Location == "" || saved.Offset < 0 || saved.Offset > size || saved.Hashed < 0 || saved.Hashed > size {
		return savedUpload{}, &InvalidError{Code: codeJournalDamaged, Store: "journal", Thing: "checkpoint of " + want.Digest, Rule: fmt.Sprintf("its offset %d cannot be, the blob has %d bytes", saved.Offset, size)}
	}
	return saved, nil
}
