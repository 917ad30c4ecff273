package wire

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
	"github.com/acrkit/azcontainerregistry/emulator/internal/strictjson"
)

// patch is the body of a PATCH; what is absent stays.
type patch struct {
	DeleteEnabled     *bool   `json:"deleteEnabled"`
	WriteEnabled      *bool   `json:"writeEnabled"`
	ReadEnabled       *bool   `json:"readEnabled"`
	ListEnabled       *bool   `json:"listEnabled"`
	QuarantineState   *string `json:"quarantineState"`
	QuarantineDetails *string `json:"quarantineDetails"`
}

// maxPatchSize bounds a PATCH body: quarantine details are the only text in
// it.
const maxPatchSize = 1 << 20

// errBodyInvalid is a PATCH or POST body that is no JSON of the right form;
// the service's own response is not known.
var errBodyInvalid = &protocol.Error{Status: http.StatusBadRequest, Code: "UNSUPPORTED", Message: "The request body is not valid."}

func (c *Call) readPatch() (patch, error) {
	var p patch
	return p, c.readJSON(&p)
}

// readJSON reads a small JSON body. An empty one is an empty object.
func (c *Call) readJSON(v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxPatchSize))
	if err != nil {
		return errBodyInvalid
	}
	if len(body) == 0 {
		return nil
	}
	decode := json.Unmarshal
	if c.Quirks.Is(quirk.PatchUnknown, "refuse") {
		decode = strictjson.Unmarshal
	}
	if decode(body, v) != nil {
		return errBodyInvalid
	}
	return nil
}

func (p patch) apply(a *store.Attributes) {
	for _, each := range []struct {
		enabled  *bool
		disabled *bool
	}{
		{p.DeleteEnabled, &a.DeleteDisabled},
		{p.WriteEnabled, &a.WriteDisabled},
		{p.ReadEnabled, &a.ReadDisabled},
		{p.ListEnabled, &a.ListDisabled},
	} {
		if each.enabled != nil {
			*each.disabled = !*each.enabled
		}
	}
}
