package azcontainerregistry_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

// canned is a transport that gives one response to everything.
type canned struct {
	body   []byte
	header http.Header
}

func (c *canned) Do(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Header: c.header, Request: req,
		Body: io.NopCloser(bytes.NewReader(c.body)), ContentLength: int64(len(c.body)),
	}, nil
}

// TestReadingAManifestCostsFewAllocations bounds what is ours and azcore's of a
// read, without the network's share: 75 when it was written, of which the
// pipeline's policies, its copies of the request and its log line are some 40.
func TestReadingAManifestCostsFewAllocations(t *testing.T) {
	const bound = 82
	body := []byte(`{"schemaVersion":2}`)
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(body))
	transport := &canned{body, http.Header{"Docker-Content-Digest": {digest}, "Content-Type": {"application/vnd.oci.image.manifest.v1+json"}}}
	client, err := azcontainerregistry.NewClientWithNoCredential("https://registry.azurecr.io", &azcontainerregistry.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	got := testing.AllocsPerRun(200, func() {
		response, err := client.GetManifest(t.Context(), "team/app", "v1", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer response.ManifestData.Close()
		verified, err := azcontainerregistry.NewDigestValidationReader(*response.DockerContentDigest, response.ManifestData)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(verified); err != nil {
			t.Fatal(err)
		}
	})
	if got > bound {
		t.Errorf("reading a manifest takes %.0f allocations, more than %d", got, bound)
	}
}
