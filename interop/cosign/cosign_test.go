package cosign

import (
	"bytes"
	"context"
	"encoding/base64"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/cosign/v2/pkg/oci"
	"github.com/sigstore/cosign/v2/pkg/oci/layout"
	"github.com/sigstore/cosign/v2/pkg/oci/mutate"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/dsse"
	"github.com/sigstore/sigstore/pkg/signature/payload"

	"github.com/acrkit/azcontainerregistry/emulator"
)

const (
	adminUser     = "acrkit"
	adminPassword = "cosign+ACRpassword"
)

// registry is an emulator that cosign reaches over a loopback port.
type registry struct {
	t       *testing.T
	host    string
	options []ociremote.Option
	keys    signature.SignerVerifier
}

func startEmulator(t *testing.T) *registry {
	t.Helper()
	e, err := emulator.New(&emulator.Options{Registries: []emulator.RegistryOptions{{
		Name:     adminUser,
		Policies: emulator.Policies{Admin: &emulator.AdminUser{Passwords: []string{adminPassword}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: e}
	go server.Serve(listener)
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return &registry{t: t, host: listener.Addr().String(), options: login(adminPassword), keys: newKeys(t)}
}

func login(password string) []ociremote.Option {
	return []ociremote.Option{ociremote.WithRemoteOptions(remote.WithAuth(&authn.Basic{Username: adminUser, Password: password}))}
}

// newKeys are what `cosign generate-key-pair` writes, read again.
func newKeys(t *testing.T) signature.SignerVerifier {
	t.Helper()
	pass := func(bool) ([]byte, error) { return []byte("pass"), nil }
	pair, err := cosign.GenerateKeyPair(pass)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := cosign.LoadPrivateKey(pair.PrivateBytes, []byte("pass"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// image pushes an image and returns its digest.
func (r *registry) image(repository string) name.Digest {
	r.t.Helper()
	ref, err := name.ParseReference(r.host + "/" + repository + ":v1")
	if err != nil {
		r.t.Fatal(err)
	}
	image, err := random.Image(300, 2)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := remote.Write(ref, image, remote.WithAuth(&authn.Basic{Username: adminUser, Password: adminPassword})); err != nil {
		r.t.Fatal(err)
	}
	digest, err := ociremote.ResolveDigest(ref, r.options...)
	if err != nil {
		r.t.Fatal(err)
	}
	return digest
}

// signed is the image with a signature that is not written yet.
func (r *registry) signed(d name.Digest, claims map[string]any) oci.SignedEntity {
	r.t.Helper()
	text, err := payload.Cosign{Image: d, Annotations: claims}.MarshalJSON()
	if err != nil {
		r.t.Fatal(err)
	}
	signed, err := r.keys.SignMessage(bytes.NewReader(text))
	if err != nil {
		r.t.Fatal(err)
	}
	layer, err := static.NewSignature(text, base64.StdEncoding.EncodeToString(signed))
	if err != nil {
		r.t.Fatal(err)
	}
	entity, err := ociremote.SignedEntity(d, r.options...)
	if err != nil {
		r.t.Fatal(err)
	}
	if entity, err = mutate.AttachSignatureToEntity(entity, layer); err != nil {
		r.t.Fatal(err)
	}
	return entity
}

// verify is `cosign verify --key --insecure-ignore-tlog`.
func (r *registry) verify(ref name.Reference, keys signature.Verifier, with ...func(*cosign.CheckOpts)) (int, error) {
	o := &cosign.CheckOpts{
		RegistryClientOpts: r.options, SigVerifier: keys, ClaimVerifier: cosign.SimpleClaimVerifier, IgnoreTlog: true, Offline: true,
	}
	for _, w := range with {
		w(o)
	}
	signatures, _, err := cosign.VerifyImageSignatures(r.t.Context(), ref, o)
	return len(signatures), err
}

// tags lists a repository's.
func (r *registry) tags(repository name.Repository) []string {
	r.t.Helper()
	tags, err := remote.List(repository, remote.WithAuth(&authn.Basic{Username: adminUser, Password: adminPassword}))
	if err != nil {
		r.t.Fatal(err)
	}
	return tags
}

func TestCosignDoesNotSignOrVerify(t *testing.T) {
	r := startEmulator(t)
	d := r.image("signed/app")
	if n, err := r.verify(d, r.keys); err == nil {
		t.Errorf("without a signature, %d are valid", n)
	}
	for i, claims := range []map[string]any{{"build": "7"}, {"build": "8"}} {
		if err := ociremote.WriteSignatures(d.Repository, r.signed(d, claims), r.options...); err != nil {
			t.Fatal(err)
		}
		if n, err := r.verify(d, r.keys); err != nil || n != i+1 {
			t.Errorf("%d signatures are valid, want %d: %v", n, i+1, err)
		}
	}
	tag, err := name.ParseReference(r.host + "/signed/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.verify(tag, r.keys, func(o *cosign.CheckOpts) { o.Annotations = map[string]any{"build": "8"} }); err != nil || n != 1 {
		t.Errorf("%d signatures have the annotation: %v", n, err)
	}
	if n, err := r.verify(d, newKeys(t)); err == nil {
		t.Errorf("%d signatures are valid by another key", n)
	}
	if n, err := r.verify(d, r.keys, func(o *cosign.CheckOpts) { o.RegistryClientOpts = login("wrong") }); err == nil || !strings.Contains(err.Error(), "UNAUTHORIZED") {
		t.Errorf("with a wrong password, %d: %v", n, err)
	}
	_, hex, _ := strings.Cut(d.DigestStr(), ":")
	if tags := r.tags(d.Repository); !slices.Contains(tags, "sha256-"+hex+".sig") {
		t.Errorf("tags %v", tags)
	}
}

// With OCI 1.1 signatures are referrers and need no tag.
func TestCosignSignsByReferrersOnly(t *testing.T) {
	r := startEmulator(t)
	d := r.image("referred/app")
	if err := ociremote.WriteSignaturesExperimentalOCI(d, r.signed(d, nil), r.options...); err != nil {
		t.Fatal(err)
	}
	if n, err := r.verify(d, r.keys, func(o *cosign.CheckOpts) { o.ExperimentalOCI11 = true }); err != nil || n != 1 {
		t.Errorf("%d signatures are valid: %v", n, err)
	}
	if tags := r.tags(d.Repository); !slices.Equal(tags, []string{"v1"}) {
		t.Errorf("tags %v", tags)
	}
	all, err := ociremote.Referrers(d, "", r.options...)
	if err != nil || len(all.Manifests) != 1 {
		t.Errorf("referrers %+v: %v", all, err)
	}
}

// What tree shows, and save, load and copy take along.
func TestCosignTakesAlongLessThanItAttached(t *testing.T) {
	r := startEmulator(t)
	d := r.image("whole/app")
	if err := ociremote.WriteSignatures(d.Repository, r.signed(d, nil), r.options...); err != nil {
		t.Fatal(err)
	}
	r.attest(d)
	sbom, err := static.NewFile([]byte(`{"spdxVersion":"SPDX-2.3"}`), static.WithLayerMediaType("text/spdx+json"))
	if err != nil {
		t.Fatal(err)
	}
	at, err := ociremote.SBOMTag(d, r.options...)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(at, sbom, remote.WithAuth(&authn.Basic{Username: adminUser, Password: adminPassword})); err != nil {
		t.Fatal(err)
	}
	image, err := ociremote.SignedImage(d, r.options...)
	if err != nil {
		t.Fatal(err)
	}
	if file, err := image.Attachment("sbom"); err != nil {
		t.Error(err)
	} else if text, err := file.Payload(); err != nil || !strings.Contains(string(text), "SPDX-2.3") {
		t.Errorf("the SBOM is %s: %v", text, err)
	}
	dir := t.TempDir()
	if err := layout.WriteSignedImage(dir, image); err != nil {
		t.Fatal(err)
	}
	if _, _, err := cosign.VerifyLocalImageSignatures(t.Context(), dir, &cosign.CheckOpts{
		SigVerifier: r.keys, ClaimVerifier: cosign.SimpleClaimVerifier, IgnoreTlog: true, Offline: true,
	}); err != nil {
		t.Errorf("saved: %v", err)
	}
	saved, err := layout.SignedImageIndex(dir)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := name.ParseReference(r.host + "/loaded/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := ociremote.WriteSignedImageIndexImages(loaded, saved, r.options...); err != nil {
		t.Fatal(err)
	}
	if n, err := r.verify(loaded, r.keys); err != nil || n != 1 {
		t.Errorf("loaded, %d signatures are valid: %v", n, err)
	}
	if n, err := r.attestations(loaded); err != nil || n != 1 {
		t.Errorf("loaded, %d attestations are valid: %v", n, err)
	}
}

// attest is `cosign attest --key --tlog-upload=false`.
func (r *registry) attest(d name.Digest) {
	r.t.Helper()
	digest, err := v1.NewHash(d.DigestStr())
	if err != nil {
		r.t.Fatal(err)
	}
	statement := `{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://cosign.sigstore.dev/attestation/v1",` +
		`"subject":[{"name":"app","digest":{"sha256":"` + digest.Hex + `"}}],"predicate":{"Data":"built here","Timestamp":""}}`
	envelope, err := dsse.WrapSigner(r.keys, "application/vnd.in-toto+json").SignMessage(strings.NewReader(statement))
	if err != nil {
		r.t.Fatal(err)
	}
	layer, err := static.NewAttestation(envelope, static.WithLayerMediaType("application/vnd.dsse.envelope.v1+json"),
		static.WithAnnotations(map[string]string{"predicateType": "https://cosign.sigstore.dev/attestation/v1"}))
	if err != nil {
		r.t.Fatal(err)
	}
	entity, err := mutate.AttachAttestationToEntity(ociremote.SignedUnknown(d, r.options...), layer)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := ociremote.WriteAttestations(d.Repository, entity, r.options...); err != nil {
		r.t.Fatal(err)
	}
}

// attestations is `cosign verify-attestation --key --insecure-ignore-tlog`.
func (r *registry) attestations(ref name.Reference) (int, error) {
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	all, _, err := cosign.VerifyImageAttestations(ctx, ref, &cosign.CheckOpts{
		RegistryClientOpts: r.options, SigVerifier: r.keys, ClaimVerifier: cosign.IntotoSubjectClaimVerifier, IgnoreTlog: true, Offline: true,
	})
	return len(all), err
}
