package azcontainerregistry

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
)

// RestoreManifest brings back a manifest that soft delete keeps, and one of its
// tags (ACR protocol §3.10, a preview of ACR's). Several tags take a call each.
func (c *Client) RestoreManifest(ctx context.Context, name, digest string, options *ClientRestoreManifestOptions) (resp ClientRestoreManifestResponse, err error) {
	ctx, end := c.registry().begin(ctx, "Client.RestoreManifest", "restore manifest", name, digest)
	defer func() { end(&err) }()
	var o ClientRestoreManifestOptions
	if options != nil {
		o = *options
	}
	if err := checkAll(checkRepository("name", name), checkDigest("digest", digest)); err != nil {
		return resp, err
	}
	if o.Tag != "" {
		if err := checkTag("Tag", o.Tag); err != nil {
			return resp, err
		}
	}
	path := deletedPath(name) + "/_manifests/" + url.PathEscape(digest)
	req, err := c.registry().newRequest(ctx, http.MethodPost, path+c.registry().withAPIVersion(map[string][]string{"force": {strconv.FormatBool(o.Force)}}),
		restoreScope(name))
	if err != nil {
		return resp, err
	}
	if err := setJSON(req, restoreRequest{Tag: o.Tag}); err != nil {
		return resp, err
	}
	_, err = c.registry().call(req, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent)
	return resp, err
}

type restoreRequest struct{ Tag string }

// MarshalJSON writes the tag, if there is one.
func (r restoreRequest) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Tag string `json:"tag,omitempty"`
	}{r.Tag})
}
