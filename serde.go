package azcontainerregistry

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/internal/redact"
)

// setJSON makes v the body of req.
func setJSON(req *policy.Request, v json.Marshaler) error {
	data, err := v.MarshalJSON()
	if err != nil {
		return err
	}
	return setBody(req, bytes.NewReader(data), "application/json", nil)
}

// callJSON sends a JSON call and reads the answer into v.
func (r *registry) callJSON(req *policy.Request, v json.Unmarshaler) error {
	resp, err := r.call(req, http.StatusOK)
	if err != nil {
		return err
	}
	return unmarshalResponse(req.Raw().Context(), resp, v)
}

// malformedAnswer says that an answer of success isn't what it should be: a
// proxy's page, half a JSON.
func malformedAnswer(body []byte, err error) error {
	return &InvalidResponseError{Missing: ResponsePartJSON, BodyStart: startOf(body), Err: err}
}

// startOf is as much of a body as tells what it is.
func startOf(body []byte) string {
	const most = 80
	return redact.Text(string(body[:min(len(body), most)]))
}
