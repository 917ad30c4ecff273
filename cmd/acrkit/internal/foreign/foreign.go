// Package foreign reads images from registries that are not Azure's: Docker Hub,
// GHCR, Quay, MCR, ECR Public, Harbor, a plain registry. They are sources only.
//
// Their tokens come from wherever the registry's challenge says, so it is
// oras-go's client that signs in here, which sends a credential to the registry
// and to the realm that the registry names, over TLS where the registry has TLS,
// and to no other place. The client library is stricter: its tokens come from
// the login server alone.
package foreign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// Registry is one foreign registry, a source of a sync.
type Registry struct {
	// Only, if set, is the one repository that Repositories lists, for registries
	// without a catalog.
	Only string

	host       reference.Host
	credential func(ctx context.Context, repository string) (creds.Credential, error)
	transport  http.RoundTripper
}

// New makes a registry over a transport, which tries again what may be. credential finds what is sent to it for
// a repository; it is asked once a repository, and "" is the registry itself.
func New(host reference.Host, transport http.RoundTripper, credential func(ctx context.Context, repository string) (creds.Credential, error)) *Registry {
	return &Registry{host: host, credential: credential, transport: transport}
}

// Is asks a host whether it is a registry that is not Azure's. It is when its
// challenge names another token service than ACR's own /oauth2/token at the host
// itself, or when it asks for no token and says nothing that ACR says. A host
// that doesn't respond isn't refused: the first real request says what is wrong.
func Is(ctx context.Context, transport http.RoundTripper, host reference.Host) bool {
	if host.Local() || creds.AzureHost(host.Name) {
		return false
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, host.Scheme+"://"+apiHost(host.Name)+"/v2/", http.NoBody)
	if err != nil {
		return false
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
	if response.Header.Get("X-Ms-Correlation-Request-Id") != "" {
		return false
	}
	challenges := wire.ParseChallenges(response.Header.Values("WWW-Authenticate"))
	for _, challenge := range challenges {
		realm, err := url.Parse(challenge.Params["realm"])
		if err == nil && strings.HasSuffix(realm.Path, "/oauth2/token") {
			return false
		}
	}
	return len(challenges) > 0 || response.StatusCode == http.StatusOK
}

// apiHost is where a registry's API is: Docker Hub's has another name than the
// one that people write.
func apiHost(name string) string {
	switch name {
	case "docker.io", "index.docker.io":
		return "registry-1.docker.io"
	}
	return name
}

// Name is the registry's host.
func (r *Registry) Name() string { return r.host.String() }

func (r *Registry) client(repository string) *auth.Client {
	found, asked := auth.EmptyCredential, false
	return &auth.Client{
		Client: &http.Client{Transport: r.transport},
		Cache:  auth.NewSingleContextCache(),
		Credential: func(ctx context.Context, hostport string) (auth.Credential, error) {
			if hostport != apiHost(r.host.Name) {
				return auth.EmptyCredential, nil
			}
			if asked {
				return found, nil
			}
			c, err := r.credential(ctx, repository)
			if err != nil {
				return auth.EmptyCredential, err
			}
			switch c.Kind {
			case creds.Password:
				found = auth.Credential{Username: c.Username, Password: c.Password}
			case creds.RefreshToken:
				found = auth.Credential{RefreshToken: c.RefreshToken}
			}
			asked = true
			return found, nil
		},
	}
}

// Repositories lists the catalog, in lexical order. Most public registries have
// none, and say so.
func (r *Registry) Repositories(ctx context.Context) ([]string, error) {
	if r.Only != "" {
		return []string{r.Only}, nil
	}
	registry, err := remote.NewRegistry(apiHost(r.host.Name))
	if err != nil {
		return nil, fmt.Errorf("list repositories of %s: %w", r.host, err)
	}
	registry.PlainHTTP, registry.Client = r.host.Scheme == "http", r.client("")
	var all []string
	err = registry.Repositories(ctx, "", func(names []string) error {
		all = append(all, names...)
		return nil
	})
	if err != nil {
		return nil, translated(fmt.Sprintf("list repositories of %s", r.host), err)
	}
	slices.Sort(all)
	return all, nil
}

// Source opens a repository.
func (r *Registry) Source(repository string) (artifact.Source, error) {
	return r.Repository(repository)
}

// Repository opens a repository. Docker Hub's official images are below
// "library/".
func (r *Registry) Repository(name string) (*Repository, error) {
	path := name
	if apiHost(r.host.Name) == "registry-1.docker.io" && !strings.Contains(name, "/") {
		path = "library/" + name
	}
	repository, err := remote.NewRepository(apiHost(r.host.Name) + "/" + path)
	if err != nil {
		return nil, fmt.Errorf("%s/%s: %w", r.host, name, err)
	}
	repository.PlainHTTP, repository.Client = r.host.Scheme == "http", r.client(path)
	return &Repository{remote: repository, name: r.host.String() + "/" + name}, nil
}

// Repository is one repository of a foreign registry.
type Repository struct {
	remote *remote.Repository
	name   string
}

// Name is the repository as a person writes it.
func (r *Repository) Name() string { return r.name }

// Resolve finds the manifest of a tag or a digest; without one it is latest.
func (r *Repository) Resolve(ctx context.Context, ref string) (ocispec.Descriptor, error) {
	if ref == "" {
		ref = "latest"
	}
	desc, err := r.remote.Resolve(ctx, ref)
	if err != nil {
		return ocispec.Descriptor{}, translated(fmt.Sprintf("find %s of %s", ref, r.name), err)
	}
	return desc, nil
}

// Fetch opens content. Where the registry has ranges the reader can seek, so
// that a broken transfer resumes.
func (r *Repository) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	body, err := r.remote.Fetch(ctx, desc)
	if err != nil {
		return nil, translated(fmt.Sprintf("read %s of %s", desc.Digest, r.name), err)
	}
	return body, nil
}

// Tags lists the tags, in lexical order.
func (r *Repository) Tags(ctx context.Context) ([]string, error) {
	var all []string
	err := r.remote.Tags(ctx, "", func(tags []string) error {
		all = append(all, tags...)
		return nil
	})
	if err != nil {
		return nil, translated(fmt.Sprintf("list tags of %s", r.name), err)
	}
	slices.Sort(all)
	return all, nil
}

// Referrers lists what refers to a manifest, by the API or by its tag.
func (r *Repository) Referrers(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	var all []ocispec.Descriptor
	err := r.remote.Referrers(ctx, desc, "", func(page []ocispec.Descriptor) error {
		all = append(all, page...)
		return nil
	})
	if err != nil {
		return nil, translated(fmt.Sprintf("list referrers of %s of %s", desc.Digest, r.name), err)
	}
	return all, nil
}

// translated gives an error of the registry the exit status that the same
// refusal of an Azure registry has. What is not there is artifact.ErrNotFound.
func translated(operation string, err error) error {
	var response *errcode.ErrorResponse
	if !errors.As(err, &response) {
		if errors.Is(err, errdef.ErrNotFound) {
			return fmt.Errorf("%s: %w", operation, artifact.ErrNotFound)
		}
		return fmt.Errorf("%s: %w", operation, err)
	}
	// The body may hold what was sent; its codes and messages are enough.
	said := http.StatusText(response.StatusCode)
	if len(response.Errors) > 0 {
		said = response.Errors.Error()
	}
	refused := fmt.Errorf("%s: %d %s", operation, response.StatusCode, failure.Clean(said))
	switch response.StatusCode {
	case http.StatusNotFound:
		return errors.Join(refused, artifact.ErrNotFound)
	case http.StatusUnauthorized:
		return failure.Coded(failure.ExitNotSignedIn, refused)
	case http.StatusForbidden:
		return failure.Coded(failure.ExitNotAllowed, refused)
	case http.StatusTooManyRequests:
		return failure.Coded(failure.ExitThrottled, refused)
	}
	return refused
}
