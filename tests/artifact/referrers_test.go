package artifact_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// withoutReferrers is a registry that doesn't know the referrers API, as ACR
// doesn't where the customer manages its keys.
type withoutReferrers struct{ next policy.Transporter }

func (w withoutReferrers) Do(req *http.Request) (*http.Response, error) {
	if strings.Contains(req.URL.Path, "/referrers/") {
		return &http.Response{
			StatusCode: http.StatusNotFound, Status: "404 Not Found", Header: http.Header{"Content-Type": {"text/plain"}},
			Body: http.NoBody, Request: req,
		}, nil
	}
	resp, err := w.next.Do(req)
	if err == nil {
		resp.Header.Del("OCI-Subject")
	}
	return resp, err
}

func TestSignaturesAreFoundAtRegistriesWithoutTheReferrersAPI(t *testing.T) {
	r := emulatortest.Start(t)
	options := r.ClientOptions()
	native, err := azcontainerregistry.NewClient(r.Endpoint, r.Credential, &azcontainerregistry.ClientOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	options.Transport = withoutReferrers{options.Transport}
	old, err := azcontainerregistry.NewClient(r.Endpoint, r.Credential, &azcontainerregistry.ClientOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	b := newBuilder(t, 61)
	root := b.image("linux/amd64", 100)
	var signatures []ocispec.Descriptor
	for range 5 {
		signatures = append(signatures, b.signature(root))
	}
	signatures = append(signatures, b.signature(signatures[0]))
	into := repositoryOf(t, old, "app")
	follow := &artifact.Options{Referrers: artifact.ReferrersFollow}
	for range 2 { // the second time changes nothing
		if _, err := artifact.Copy(t.Context(), into, "v1", b.store, root.Digest.String(), follow); err != nil {
			t.Fatal(err)
		}
	}
	list, err := into.Referrers(t.Context(), root)
	if err != nil || len(list) != 5 || list[0].ArtifactType != "application/vnd.example.signature" {
		t.Errorf("referrers of the image: %v, %v", list, err)
	}
	if list, err = into.Referrers(t.Context(), signatures[0]); err != nil || len(list) != 1 {
		t.Errorf("referrers of the signature: %v, %v", list, err)
	}
	// And on from there.
	target, other := artifact.NewMemory(), repositoryOf(t, native, "mirror/app")
	for _, to := range []artifact.Target{target, other} {
		result, err := artifact.Copy(t.Context(), to, "v1", into, "v1", follow)
		if err != nil || result.Referrers != 6 {
			t.Errorf("to %s: %+v, %v", to.(artifact.Namer).Name(), result, err)
		}
	}
	// A registry that has the API gets no such tag, even if it says nothing.
	silent := azcontainerregistry.ClientOptions{ClientOptions: r.ClientOptions()}
	silent.Transport = silentAboutSubjects{silent.Transport}
	client, err := azcontainerregistry.NewClient(r.Endpoint, r.Credential, &silent)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := artifact.Copy(t.Context(), repositoryOf(t, client, "silent"), "v1", b.store, root.Digest.String(), follow); err != nil {
		t.Fatal(err)
	}
	if tags, err := repositoryOf(t, native, "silent").Tags(t.Context()); err != nil || len(tags) != 1 {
		t.Errorf("tags %q, %v", tags, err)
	}
}

// silentAboutSubjects has the API but not the header, as ACR may.
type silentAboutSubjects struct{ next policy.Transporter }

func (s silentAboutSubjects) Do(req *http.Request) (*http.Response, error) {
	resp, err := s.next.Do(req)
	if err == nil {
		resp.Header.Del("OCI-Subject")
	}
	return resp, err
}
