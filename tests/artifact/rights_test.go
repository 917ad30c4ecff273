package artifact_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// limited is a registry and clients of it: its owner's, and one of a token with
// the given actions on team/app.
func limited(t testing.TB, actions ...string) (owner, token *azcontainerregistry.Client, r *emulatortest.Registry) {
	t.Helper()
	r = emulatortest.Start(t)
	policies := emulatortest.Policies()
	policies.Tokens = []emulator.ScopeMapToken{{
		Name: "ci-token", Passwords: []string{"token-secret"},
		Rules: []emulator.ScopeMapRule{{Repository: "team/app", Actions: actions}},
	}}
	r.SetPolicies(t, policies)
	credential, err := azcontainerregistry.NewPasswordCredential("ci-token", "token-secret")
	if err != nil {
		t.Fatal(err)
	}
	token, err = azcontainerregistry.NewClientWithPasswordCredential(r.Endpoint, credential, &azcontainerregistry.ClientOptions{ClientOptions: r.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	return clientOf(t, r, r.Endpoint), token, r
}

func registryOf(t testing.TB, client *azcontainerregistry.Client) *artifact.Registry {
	t.Helper()
	registry, err := artifact.NewRegistry(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	return registry
}

func TestTokenThatMayPushAloneIsATarget(t *testing.T) {
	// What ACR calls push: there is no writing without reading content, and
	// reading content is not listing tags (ACR protocol §2.3).
	owner, token, _ := limited(t, "content/write", "content/read")
	b := newBuilder(t, 140)
	image := b.image("linux/amd64", 100, 200)
	root := b.index(image, b.image("linux/arm64", 50))
	b.tag(root, "v1")
	if _, err := artifact.Copy(t.Context(), repositoryOf(t, token, "team/app"), "v1", b.store, "v1", nil); err != nil {
		t.Fatal(err)
	}
	requireWhole(t, repositoryOf(t, owner, "team/app"), "v1", root.Digest)

	other := emulatortest.Start(t)
	source := clientOf(t, other, other.Endpoint)
	b.tag(image, "v2")
	for _, tag := range []string{"v1", "v2"} {
		if _, err := artifact.Copy(t.Context(), repositoryOf(t, source, "team/app"), tag, b.store, tag, nil); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 2 {
		result, err := artifact.Sync(t.Context(), registryOf(t, token), registryOf(t, source), nil)
		if err != nil || result.Images != 2 || result.Failed != 0 {
			t.Fatalf("round %d: %+v, %v", round, result, err)
		}
		if round == 1 && result.Skipped != 2 {
			t.Errorf("what is there is found by asking for each tag: %+v", result)
		}
	}
	requireWhole(t, repositoryOf(t, owner, "team/app"), "v2", image.Digest)
}

func TestTokenThatMayNotReadCannotKeepTags(t *testing.T) {
	_, token, r := limited(t, "content/write")
	b := newBuilder(t, 141)
	root := b.image("linux/amd64", 10)
	_, err := artifact.Copy(t.Context(), repositoryOf(t, token, "team/app"), "v1", b.store, root.Digest.String(), &artifact.Options{NoClobber: true})
	if err == nil || errors.As(err, new(*artifact.ExistsError)) {
		t.Errorf("error %v, want that the tag can't be looked up", err)
	}
	for _, request := range r.Emulator.Requests() {
		if request.Method == http.MethodPut {
			t.Errorf("%s %s was sent", request.Method, request.Path)
		}
	}
}

func TestTokenThatMayPullAloneIsASource(t *testing.T) {
	owner, token, _ := limited(t, "content/read")
	b := newBuilder(t, 142)
	root := b.image("linux/amd64", 100)
	b.tag(root, "v1")
	if _, err := artifact.Copy(t.Context(), repositoryOf(t, owner, "team/app"), "v1", b.store, "v1", nil); err != nil {
		t.Fatal(err)
	}
	tree := artifact.NewLayoutTree(t.TempDir())
	defer tree.Close()
	for _, from := range [][]string{nil, {"team/app"}} {
		result, err := artifact.Sync(t.Context(), tree, registryOf(t, token), &artifact.SyncOptions{Repositories: from, Include: []string{"team/app:v1"}})
		if err != nil || result.Images != 1 {
			t.Errorf("from %v: %+v, %v", from, result, err)
		}
	}
	into, err := tree.Source("team/app")
	if err != nil {
		t.Fatal(err)
	}
	requireWhole(t, into, "v1", root.Digest)
	_, err = artifact.Sync(t.Context(), tree, registryOf(t, token), &artifact.SyncOptions{Repositories: []string{"team/app"}})
	if err == nil || !strings.Contains(err.Error(), "named in full") {
		t.Errorf("without a name: %v", err)
	}
}

func TestDependentsOfAManifestAreFound(t *testing.T) {
	repository, _ := startRepository(t, "team/app")
	b := newBuilder(t, 143)
	child, free := b.image("linux/amd64", 10), b.image("linux/arm64", 20)
	root := b.index(child, free)
	signature := b.signature(child)
	cosigned := b.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: b.add(ocispec.MediaTypeImageConfig, []byte("{}")), Layers: []ocispec.Descriptor{b.add("text/plain", b.blob(5))},
	})
	tag := "sha256-" + child.Digest.Encoded() + ".sig"
	b.tag(root, "v1")
	b.tag(cosigned, tag)
	result, err := artifact.Copy(t.Context(), repository, "v1", b.store, "v1", nil)
	if err != nil || result.Referrers != 1 || result.DigestTags != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	found, err := repository.Dependents(t.Context(), child.Digest)
	if err != nil {
		t.Fatal(err)
	}
	got := map[artifact.Relation]digest.Digest{}
	for _, d := range found {
		got[d.Relation] = d.Descriptor.Digest
		if d.Of != child.Digest {
			t.Errorf("%+v is of another", d)
		}
		if want := map[artifact.Relation][]string{artifact.RelationIndex: {"v1"}, artifact.RelationDigestTag: {tag}}[d.Relation]; !slices.Equal(d.Tags, want) {
			t.Errorf("%s: tags %v, want %v", d.Relation, d.Tags, want)
		}
	}
	if len(found) != 3 || got[artifact.RelationIndex] != root.Digest || got[artifact.RelationReferrer] != signature.Digest || got[artifact.RelationDigestTag] != cosigned.Digest {
		t.Errorf("%+v", found)
	}
	// What goes along needs nothing any more.
	if left, err := repository.Dependents(t.Context(), child.Digest, root.Digest, signature.Digest, cosigned.Digest); err != nil || len(left) != 0 {
		t.Errorf("%+v, %v", left, err)
	}
	if left, err := repository.Dependents(t.Context(), free.Digest); err != nil || len(left) != 1 {
		t.Errorf("%+v, %v", left, err)
	}
}

func TestSignaturesUnderCosignsTagsGoFromRegistryToRegistry(t *testing.T) {
	from, source := startRepository(t, "team/app")
	into, _ := startRepository(t, "mirror/app")
	b := newBuilder(t, 144)
	root := b.index(b.image("linux/amd64", 10))
	signed := b.addJSON(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: b.add(ocispec.MediaTypeImageConfig, []byte("{}")), Layers: []ocispec.Descriptor{b.add("text/plain", b.blob(5))},
	})
	tag := "sha256-" + root.Digest.Encoded() + ".sig"
	for name, desc := range map[string]ocispec.Descriptor{"v1": root, tag: signed} {
		if _, err := artifact.Copy(t.Context(), from, name, b.store, desc.Digest.String(), nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		result, err := artifact.Copy(t.Context(), into, "v1", from, "v1", nil)
		if err != nil || result.DigestTags != 1 {
			t.Fatalf("%+v, %v", result, err)
		}
	}
	requireWhole(t, into, tag, signed.Digest)
	// It comes to an image that is there already, though no pattern names it.
	registry := registryOf(t, clientOf(t, source, source.Endpoint))
	other := repositoryOf(t, clientOf(t, source, source.Endpoint), "other/app")
	if _, err := artifact.Copy(t.Context(), other, "v1", b.store, root.Digest.String(), nil); err != nil {
		t.Fatal(err)
	}
	result, err := artifact.Sync(t.Context(), registry, registry, &artifact.SyncOptions{
		Include: []string{"team/app:v1"}, Rename: func(string) string { return "other/app" },
	})
	if err != nil || result.DigestTags != 1 {
		t.Errorf("%+v, %v", result, err)
	}
	requireWhole(t, other, tag, signed.Digest)
}
