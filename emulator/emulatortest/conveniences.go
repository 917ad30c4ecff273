package emulatortest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/emulator"
)

// The types of what [Registry.PushImage] pushes.
const (
	mediaTypeManifest = "application/vnd.oci.image.manifest.v1+json"
	mediaTypeConfig   = "application/vnd.oci.image.config.v1+json"
	mediaTypeLayer    = "application/vnd.oci.image.layer.v1.tar"
)

// PushImage pushes a small image and returns the digest of its manifest. The
// reference is a repository and a tag with a colon between, such as
// "team/app:v1". Each content is a layer of its own; without any there is one
// layer, which the reference makes its own. The push uses the registry's
// Credential, and its requests are recorded like all others.
func (r *Registry) PushImage(t testing.TB, reference string, contents ...string) (digest string) {
	t.Helper()
	repository, tag, ok := strings.Cut(reference, ":")
	if !ok || repository == "" || tag == "" {
		t.Fatalf("emulatortest: push image: %q is not a repository and a tag with a colon between", reference)
	}
	if len(contents) == 0 {
		contents = []string{"the layer of " + reference}
	}
	p := &pusher{registry: r, repository: repository}
	digest, err := p.push(tag, contents)
	if err != nil {
		t.Fatalf("emulatortest: push image %s: %v", reference, err)
	}
	return digest
}

// AssertRequests fails the test unless the route was asked for n times so far.
func (r *Registry) AssertRequests(t testing.TB, route emulator.Route, n int) {
	t.Helper()
	requests := r.Requests(route)
	if len(requests) == n {
		return
	}
	var seen strings.Builder
	for _, request := range requests {
		fmt.Fprintf(&seen, "\n%d %s %s %d", request.Number, request.Method, request.Path, request.Status)
	}
	t.Errorf("emulatortest: %d requests of %s, want %d:%s", len(requests), route, n, &seen)
}

// FailNth makes the nth request from now on that the fault applies to fail, and
// no other one. n counts from 1; the fault's own Skip and Count are not used.
// Faults in force stay.
func (r *Registry) FailNth(t testing.TB, n int, fault emulator.Fault) {
	t.Helper()
	if n < 1 {
		t.Fatalf("emulatortest: fail the request %d: want 1 or more", n)
	}
	fault.Skip, fault.Count = n-1, 1
	if err := r.Emulator.AddFaults(fault); err != nil {
		t.Fatalf("emulatortest: %v", err)
	}
}

// Advance moves the emulator's clock forward, or backward when d is negative:
// tokens, signed URLs and what is kept for a time expire by it.
func (r *Registry) Advance(d time.Duration) { r.Emulator.Clock().Advance(d) }

// pusher pushes one image.
type pusher struct {
	registry   *Registry
	repository string
	token      string
}

type pushedDescriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

func (p *pusher) push(tag string, contents []string) (string, error) {
	if err := p.signIn(); err != nil {
		return "", err
	}
	image := struct {
		SchemaVersion int                `json:"schemaVersion"`
		MediaType     string             `json:"mediaType"`
		Config        pushedDescriptor   `json:"config"`
		Layers        []pushedDescriptor `json:"layers"`
	}{SchemaVersion: 2, MediaType: mediaTypeManifest}
	var diffIDs []string
	for _, content := range contents {
		layer, err := p.blob(mediaTypeLayer, []byte(content))
		if err != nil {
			return "", err
		}
		image.Layers = append(image.Layers, layer)
		diffIDs = append(diffIDs, layer.Digest)
	}
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs},
	})
	if err != nil {
		return "", err
	}
	if image.Config, err = p.blob(mediaTypeConfig, config); err != nil {
		return "", err
	}
	raw, err := json.Marshal(image)
	if err != nil {
		return "", err
	}
	response, err := p.do(http.MethodPut, "/v2/"+p.repository+"/manifests/"+tag, raw, mediaTypeManifest, http.StatusCreated)
	if err != nil {
		return "", err
	}
	return response.Get("Docker-Content-Digest"), nil
}

// blob uploads content in one request.
func (p *pusher) blob(mediaType string, content []byte) (pushedDescriptor, error) {
	sum := sha256.Sum256(content)
	d := pushedDescriptor{MediaType: mediaType, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: len(content)}
	started, err := p.do(http.MethodPost, "/v2/"+p.repository+"/blobs/uploads/", nil, "", http.StatusAccepted)
	if err != nil {
		return d, err
	}
	_, err = p.do(http.MethodPut, started.Get("Location")+"&digest="+url.QueryEscape(d.Digest), content, "application/octet-stream", http.StatusCreated)
	return d, err
}

// signIn gets a token that may push to the repository.
func (p *pusher) signIn() error {
	entra, err := p.registry.Credential.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{"https://containerregistry.azure.net/.default"}})
	if err != nil {
		return err
	}
	login := p.registry.LoginServer
	refresh, err := p.member("/oauth2/exchange", "refresh_token", url.Values{"grant_type": {"access_token"}, "service": {login}, "access_token": {entra.Token}})
	if err != nil {
		return err
	}
	p.token, err = p.member("/oauth2/token", "access_token", url.Values{
		"grant_type": {"refresh_token"}, "service": {login}, "refresh_token": {refresh},
		"scope": {"repository:" + p.repository + ":pull,push"},
	})
	return err
}

// member posts a form and returns a member of the JSON that comes back.
func (p *pusher) member(path, name string, form url.Values) (string, error) {
	response, err := p.registry.HTTPClient().PostForm(p.registry.Endpoint+path, form)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	var members map[string]string
	if response.StatusCode != http.StatusOK || json.Unmarshal(body, &members) != nil {
		return "", fmt.Errorf("%s returned %s %s", path, response.Status, body)
	}
	return members[name], nil
}

// do sends one request with the token and returns the response's headers.
func (p *pusher) do(method, path string, body []byte, contentType string, want int) (http.Header, error) {
	request, err := http.NewRequestWithContext(context.Background(), method, p.registry.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := p.registry.HTTPClient().Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != want {
		return nil, fmt.Errorf("%s %s returned %s %s", method, request.URL.Path, response.Status, text)
	}
	return response.Header, nil
}
