package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
)

// uploadState is what the _state of an upload's URL carries (ACR protocol
// §4.5), keys in this order.
type uploadState struct {
	Name      string
	UUID      string
	Offset    int64
	StartedAt time.Time
}

// maxStateLength bounds what is decoded of a _state: 32 bytes of signature
// and a few names, in base64.
const maxStateLength = 4096

// signer signs what clients carry back: upload states and blob URLs.
type signer struct{ key []byte }

// uploadLocation is the session URL for an upload's present size.
func (s *signer) uploadLocation(reg *signin.Registry, u *store.Upload, startedAt time.Time) string {
	payload, err := json.Marshal(uploadState{u.Repository, u.ID, u.Size(), startedAt.UTC()})
	if err != nil {
		// Only a year past 9999 cannot be encoded; such a state is refused
		// like any other that does not verify.
		payload = nil
	}
	state := base64.URLEncoding.EncodeToString(append(s.hmac(reg, "upload", payload), payload...))
	return fmt.Sprintf("/v2/%s/blobs/uploads/%s?_nouploadcache=false&_state=%s", u.Repository, u.ID, url.QueryEscape(state))
}

// readUploadState verifies a _state; false for one that is malformed, changed
// or of another registry.
func (s *signer) readUploadState(reg *signin.Registry, value string) (uploadState, bool) {
	var state uploadState
	if len(value) > maxStateLength {
		return state, false
	}
	raw, err := base64.URLEncoding.DecodeString(value)
	if err != nil || len(raw) < sha256.Size {
		return state, false
	}
	signature, payload := raw[:sha256.Size], raw[sha256.Size:]
	if !hmac.Equal(signature, s.hmac(reg, "upload", payload)) {
		return state, false
	}
	return state, json.Unmarshal(payload, &state) == nil
}

// hmac returns the HMAC of a payload for one registry and purpose.
func (s *signer) hmac(reg *signin.Registry, purpose string, payload []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	fmt.Fprintf(mac, "%s\x00%s\x00", purpose, reg.Name)
	mac.Write(payload)
	return mac.Sum(nil)
}
