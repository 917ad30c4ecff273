package artifact_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// contentOf reads what desc names.
func contentOf(t testing.TB, src artifact.Source, desc ocispec.Descriptor) []byte {
	t.Helper()
	var data bytes.Buffer
	if err := artifact.NewContent(src, desc).WriteTo(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

// imageIn reads the manifest and the config of the image under reference.
func imageIn(t testing.TB, src artifact.Source, reference string) (ocispec.Manifest, ocispec.Image) {
	t.Helper()
	root, err := src.Resolve(t.Context(), reference)
	if err != nil {
		t.Fatal(err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(contentOf(t, src, root), &m); err != nil {
		t.Fatal(err)
	}
	var image ocispec.Image
	if err := json.Unmarshal(contentOf(t, src, m.Config), &image); err != nil {
		t.Fatal(err)
	}
	return m, image
}

// isNotFound reports whether a store or a registry says that a thing isn't there.
func isNotFound(err error) bool {
	var response *azcore.ResponseError
	return errors.Is(err, artifact.ErrNotFound) || errors.As(err, &response) && response.StatusCode == 404
}

// memoryRegistry is many repositories in memory.
type memoryRegistry map[string]*artifact.Memory

func (memoryRegistry) Name() string { return "memory registry" }

func (r memoryRegistry) Repositories(context.Context) ([]string, error) {
	return slices.Sorted(maps.Keys(r)), nil
}

func (r memoryRegistry) Source(name string) (artifact.Source, error) {
	if r[name] == nil {
		return nil, artifact.ErrNotFound
	}
	return r[name], nil
}

// clientOf is a client of an emulated registry.
func clientOf(t testing.TB, r *emulatortest.Registry, endpoint string) *azcontainerregistry.Client {
	t.Helper()
	client, err := azcontainerregistry.NewClient(endpoint, r.Credential, &azcontainerregistry.ClientOptions{ClientOptions: r.ClientOptions()})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func repositoryOf(t testing.TB, client *azcontainerregistry.Client, name string) *artifact.Repository {
	t.Helper()
	repository, err := artifact.NewRepository(client, nil, name)
	if err != nil {
		t.Fatal(err)
	}
	return repository
}

// startRepository is an empty repository of a registry of its own.
func startRepository(t testing.TB, name string) (*artifact.Repository, *emulatortest.Registry) {
	t.Helper()
	r := emulatortest.Start(t)
	return repositoryOf(t, clientOf(t, r, r.Endpoint), name), r
}

func remoteImplementations() []implementation {
	return []implementation{{
		name: "repository",
		create: func(t *testing.T) artifact.Target {
			repository, _ := startRepository(t, "team/app")
			return repository
		},
		reopen: func(_ *testing.T, target artifact.Target) artifact.Source { return target.(*artifact.Repository) },
	}}
}
