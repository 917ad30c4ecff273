// Command replicator copies an image from one registry to another by chunks. Both
// are scripts of what they say next, of the order in which the official library
// speaks: call, challenge, exchange, token, call. A request too many or too few
// ends it.
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

type reply struct {
	status int
	body   string
	header map[string]string
}

// script sends the replies one after the other.
type script struct {
	name    string
	replies []reply
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	body := ""
	if req.Body != nil {
		data, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		req.Body.Close()
		body = string(data)
	}
	if strings.HasPrefix(req.URL.Path, "/oauth2/") {
		body = ""
	}
	fmt.Printf("%s: %s %s %q\n", s.name, req.Method, req.URL.RequestURI(), body)
	if len(s.replies) == 0 {
		panic("no more replies")
	}
	next := s.replies[0]
	s.replies = s.replies[1:]
	resp := &http.Response{
		StatusCode: next.status, Status: fmt.Sprintf("%d %s", next.status, http.StatusText(next.status)), Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(next.body)), ContentLength: int64(len(next.body)), Request: req,
	}
	for name, value := range next.header {
		resp.Header.Set(name, value)
	}
	return resp, nil
}

// login is what a registry says to a client that it doesn't know.
func login(host, scope string) []reply {
	token := signin.Token(time.Now().Add(time.Hour))
	return []reply{
		{401, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, map[string]string{
			"WWW-Authenticate": fmt.Sprintf(`Bearer realm="https://%s/oauth2/token",service="%s",scope="%s"`, host, host, scope),
		}},
		{200, `{"refresh_token":"` + token + `"}`, nil},
		{200, `{"access_token":"` + token + `"}`, nil},
	}
}

func options(s *script) azcore.ClientOptions {
	return azcore.ClientOptions{Transport: &http.Client{Transport: s}, Retry: policy.RetryOptions{MaxRetries: -1}}
}

func main() {
	const blob = "hello, replica"
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(blob)))
	manifest := `{"schemaVersion":2,"layers":[{"digest":"` + digest + `"}]}`
	manifestDigest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(manifest)))

	from := &script{name: "from", replies: append(login("from.azurecr.io", "repository:app:pull"),
		reply{200, manifest, map[string]string{"Docker-Content-Digest": manifestDigest, "Content-Type": string(azcontainerregistry.ContentTypeApplicationVndOciImageManifestV1JSON)}},
	)}
	fromBlobs := &script{name: "from blobs", replies: append(login("from.azurecr.io", "repository:app:pull"),
		reply{206, blob[:5], map[string]string{"Content-Range": "bytes 0-4/14"}}, reply{206, blob[5:], map[string]string{"Content-Range": "bytes 5-13/14"}})}
	toBlobs := &script{name: "to blobs", replies: append(login("to.azurecr.io", "repository:mirror/app:pull,push"),
		reply{404, `{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}`, nil},
		reply{202, "", map[string]string{"Location": "/v2/mirror/app/blobs/uploads/1?_state=a"}},
		reply{202, "", map[string]string{"Location": "/v2/mirror/app/blobs/uploads/1?_state=b", "Range": "0-4"}},
		reply{202, "", map[string]string{"Location": "/v2/mirror/app/blobs/uploads/1?_state=c", "Range": "0-13"}},
		reply{201, "", map[string]string{"Docker-Content-Digest": digest}},
	)}
	target := &script{name: "to", replies: append(login("to.azurecr.io", "repository:mirror/app:metadata_read"),
		reply{404, `{"errors":[{"code":"TAG_UNKNOWN","message":"the specified tag does not exist"}]}`, nil},
	)}

	source, err := azcontainerregistry.NewClient("https://from.azurecr.io", signin.Credential(), &azcontainerregistry.ClientOptions{ClientOptions: options(from)})
	check(err)
	sourceBlobs, err := azcontainerregistry.NewBlobClient("https://from.azurecr.io", signin.Credential(), &azcontainerregistry.BlobClientOptions{ClientOptions: options(fromBlobs)})
	check(err)
	destination, err := azcontainerregistry.NewClient("https://to.azurecr.io", signin.Credential(), &azcontainerregistry.ClientOptions{ClientOptions: options(target)})
	check(err)
	destinationBlobs, err := azcontainerregistry.NewBlobClient("https://to.azurecr.io", signin.Credential(), &azcontainerregistry.BlobClientOptions{ClientOptions: options(toBlobs)})
	check(err)
	ctx := context.Background()

	_, err = destination.GetTagProperties(ctx, "mirror/app", "v1", nil)
	e, ok := err.(*azcore.ResponseError)
	fmt.Println("absent:", ok && e.StatusCode == http.StatusNotFound)

	got, err := source.GetManifest(ctx, "app", "v1", &azcontainerregistry.ClientGetManifestOptions{Accept: to.Ptr("application/vnd.oci.image.manifest.v1+json")})
	check(err)
	checked, err := azcontainerregistry.NewDigestValidationReader(*got.DockerContentDigest, got.ManifestData)
	check(err)
	data, err := io.ReadAll(checked)
	check(err)
	fmt.Println("manifest", len(data), *got.DockerContentDigest == manifestDigest)

	_, err = destinationBlobs.CheckBlobExists(ctx, "mirror/app", digest, nil)
	e, ok = err.(*azcore.ResponseError)
	fmt.Println("blob absent:", ok && e.StatusCode == http.StatusNotFound)
	calculator := azcontainerregistry.NewBlobDigestCalculator()
	started, err := destinationBlobs.StartUpload(ctx, "mirror/app", nil)
	check(err)
	location := *started.Location
	for _, r := range []string{"bytes=0-4", "bytes=5-13"} {
		chunk, err := sourceBlobs.GetChunk(ctx, "app", digest, r, nil)
		check(err)
		part, err := io.ReadAll(chunk.ChunkData)
		check(err)
		check(chunk.ChunkData.Close())
		fmt.Println("chunk", *chunk.ContentRange, len(part))
		sent, err := destinationBlobs.UploadChunk(ctx, location, streaming.NopCloser(strings.NewReader(string(part))), calculator, nil)
		check(err)
		location = *sent.Location
		fmt.Println("sent", *sent.Range)
	}
	completed, err := destinationBlobs.CompleteUpload(ctx, location, calculator, nil)
	check(err)
	fmt.Println("complete", *completed.DockerContentDigest == digest)
	for _, s := range []*script{from, fromBlobs, toBlobs, target} {
		fmt.Println(s.name, "left:", len(s.replies))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
