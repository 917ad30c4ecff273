// Command guide has the snippets of Azure's troubleshooting guide for v0.2.3,
// each as it stands there but for its remarks, and brings about the guide's
// errors. Its test builds it with v0.2.3 and with ours and holds what it prints
// to what the guide shows.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

// handling is the guide's snippet of error handling.
func handling(ctx context.Context, client *azcontainerregistry.Client) {
	resp, err := client.GetRepositoryProperties(ctx, "library/hello-world", nil)
	if err != nil {
		var httpErr *azcore.ResponseError
		if errors.As(err, &httpErr) {
			fmt.Println("HTTP error", httpErr.StatusCode, httpErr == err)
		} else {
			fmt.Println("not an HTTP error")
		}
		return
	}
	fmt.Println("repository", *resp.Name)
}

// logging is the guide's snippet of logging.
func logging() {
	// Print log events to stdout
	azlog.SetListener(func(cls azlog.Event, msg string) {
		fmt.Println(msg)
	})

	// Includes only requests and responses in credential logs
	azlog.SetEvents(azlog.EventRequest, azlog.EventResponse)
}

// capture is the guide's snippet of the raw response.
func capture(client *azcontainerregistry.Client) {
	var err error
	var response *http.Response
	ctx := runtime.WithCaptureResponse(context.TODO(), &response)
	_, err = client.GetRepositoryProperties(ctx, "library/hello-world", nil)
	if err != nil {
		fmt.Println("failed with", response.StatusCode)
	}
	body, err := io.ReadAll(response.Body)
	fmt.Println("response", response.Status, response.Header.Get("Content-Type"), string(body), err)
}

// transport responds with a function.
type transport func(*http.Request) *http.Response

func (f transport) Do(req *http.Request) (*http.Response, error) {
	resp := f(req)
	resp.Request = req
	return resp, nil
}

func respond(status, body string) *http.Response {
	code := 0
	if _, err := fmt.Sscan(status, &code); err != nil {
		panic(err)
	}
	return &http.Response{
		Status: status, StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func failure(code, message string) string {
	return fmt.Sprintf(`{"errors":[{"code":%q,"message":%q}]}`, code, message)
}

const endpoint = "https://contoso.azurecr.io"

func options(f transport) azcore.ClientOptions {
	return azcore.ClientOptions{Transport: f, Retry: policy.RetryOptions{MaxRetries: -1}}
}

func connect(credential azcore.TokenCredential, f transport) *azcontainerregistry.Client {
	client, err := azcontainerregistry.NewClient(endpoint, credential, &azcontainerregistry.ClientOptions{ClientOptions: options(f)})
	if err != nil {
		panic(err)
	}
	return client
}

// guarded wants a token and gives one, unless exchange refuses.
func guarded(exchange, next transport) transport {
	return func(req *http.Request) *http.Response {
		switch {
		case req.URL.Path == "/oauth2/exchange":
			return exchange(req)
		case req.URL.Path == "/oauth2/token":
			return respond("200 OK", `{"access_token":"`+signin.Token(time.Now().Add(time.Hour))+`"}`)
		case req.Header.Get("Authorization") == "":
			return challenged(req)
		}
		return next(req)
	}
}

func challenged(*http.Request) *http.Response {
	resp := respond("401 Unauthorized", failure("UNAUTHORIZED", "authentication required, visit https://aka.ms/acr/authorization for more information."))
	resp.Header.Set("WWW-Authenticate", `Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io",scope="repository:library/hello-world:metadata_read"`)
	return resp
}

func exchanges(*http.Request) *http.Response {
	return respond("200 OK", `{"refresh_token":"`+signin.Token(time.Now().Add(time.Hour))+`"}`)
}

func show(title string, err error) {
	fmt.Printf("== %s\n%T\n%v\n", title, err, err)
}

func get(credential azcore.TokenCredential, f transport) error {
	_, err := connect(credential, f).GetRepositoryProperties(context.Background(), "library/hello-world", nil)
	return err
}

func main() {
	fails := func(status, code, message string) transport {
		return func(*http.Request) *http.Response { return respond(status, failure(code, message)) }
	}
	found := func(*http.Request) *http.Response {
		return respond("200 OK", `{"imageName":"library/hello-world"}`)
	}
	disabled := fails("401 Unauthorized", "UNAUTHORIZED", "arm aad token disallowed")
	firewall := fails("403 Forbidden", "DENIED", "client with IP <> is not allowed access. Refer https://aka.ms/acr/firewall to grant access.")
	permissions := fails("403 Forbidden", "DENIED", "retrieving permissions failed")
	switch what := os.Args[1]; what {
	case "errors":
		show("arm", get(signin.Credential(), guarded(disabled, found)))
		show("anonymous", get(nil, guarded(exchanges, challenged)))
		show("permissions", get(signin.Credential(), guarded(exchanges, permissions)))
		show("permissions", get(signin.Credential(), guarded(permissions, found)))
		show("network", get(signin.Credential(), guarded(exchanges, firewall)))
		show("network", get(nil, firewall))
		blobs, err := azcontainerregistry.NewBlobClient(endpoint, nil, &azcontainerregistry.BlobClientOptions{
			ClientOptions: options(fails("404 Not Found Error", "BLOB_UPLOAD_INVALID", "blob upload invalid")),
		})
		if err != nil {
			panic(err)
		}
		_, err = blobs.UploadChunk(context.Background(), "/v2/app/blobs/uploads/1", strings.NewReader("x"), azcontainerregistry.NewBlobDigestCalculator(), nil)
		show("upload", err)
	case "handling":
		handling(context.Background(), connect(signin.Credential(), guarded(exchanges, found)))
		handling(context.Background(), connect(signin.Credential(), guarded(exchanges, permissions)))
		handling(context.Background(), connect(signin.Credential(), guarded(disabled, found)))
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		client, err := azcontainerregistry.NewClient(endpoint, nil, nil)
		if err != nil {
			panic(err)
		}
		handling(ctx, client)
	case "capture":
		capture(connect(signin.Credential(), guarded(exchanges, found)))
		capture(connect(signin.Credential(), guarded(exchanges, permissions)))
	case "logging":
		logging()
		fallthrough
	case "environment":
		handling(context.Background(), connect(signin.Credential(), guarded(exchanges, found)))
	default:
		panic(what)
	}
}
