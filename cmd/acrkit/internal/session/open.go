package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
)

// Registry is an open registry: its clients share one pipeline and its tokens.
type Registry struct {
	Host       reference.Host
	Credential creds.Credential
	Outcomes   []creds.Outcome
	Client     *azcontainerregistry.Client
	Blobs      *azcontainerregistry.BlobClient
	memo       map[any]any
	session    *Session

	endpoint  string // where its clients send requests
	transport policy.Transporter
}

// Remember returns what make made for a key, and makes it once a command. A key
// has a type of its own.
func (r *Registry) Remember(key any, make func() (any, error)) (any, error) {
	if made, done := r.memo[key]; done {
		return made, nil
	}
	made, err := make()
	if err != nil {
		return nil, err
	}
	if r.memo == nil {
		r.memo = map[any]any{}
	}
	r.memo[key] = made
	return made, nil
}

// Verify asks the registry for a token that anybody with a credential gets.
func (r *Registry) Verify(ctx context.Context) error {
	_, err := r.Client.GetAccessToken(ctx, []string{catalogScope}, nil)
	return err
}

// opened is what a registry's clients are kept by: repositories whose credential
// is kept under a path of their own have other clients.
type opened struct {
	host  reference.Host
	scope string
}

// Open gives the clients of a registry, signed in by the first link of the
// chain that has a credential. They are made once a command.
func (s *Session) Open(ctx context.Context, h reference.Host) (*Registry, error) {
	return s.open(ctx, reference.Reference{Registry: h})
}

// OpenFor is Open with the credential for the repository that ref names.
func (s *Session) OpenFor(ctx context.Context, ref reference.Reference) (*Registry, error) {
	return s.open(ctx, ref)
}

func (s *Session) open(ctx context.Context, ref reference.Reference) (*Registry, error) {
	h := ref.Registry
	place := creds.Place{Host: h.Name, Repository: ref.Repository}
	key := opened{host: h}
	if !h.Local() && ref.Repository != "" {
		key.scope = creds.FindStores(s.Getenv).Scope(place)
	}
	if r := s.registries[key]; r != nil {
		return r, nil
	}
	if err := s.flagsFit(h); err != nil {
		return nil, err
	}
	r := &Registry{Host: h, session: s}
	options := s.clientOptions()
	var err error
	if h.Local() {
		err = s.openLocal(ctx, r, options)
	} else {
		err = s.openRemote(ctx, r, place, options)
	}
	if err != nil {
		return nil, err
	}
	r.Blobs = r.Client.NewBlobClient()
	if s.registries == nil {
		s.registries = map[opened]*Registry{}
	}
	s.registries[key] = r
	return r, nil
}

// flagsFit refuses to send the one credential of the flags to two registries.
func (s *Session) flagsFit(h reference.Host) error {
	if err := s.CredentialFlags.Check(); err != nil {
		return &failure.UsageError{Err: err}
	}
	if !s.CredentialFlags.Given() {
		return nil
	}
	for key := range s.registries {
		other := key.host
		if !other.Local() && !h.Local() && other.Name != h.Name {
			return failure.Usagef("the credential of the flags would go to two registries, %s and %s: sign in to one of them with acrkit login", other.Name, h.Name)
		}
	}
	return nil
}

func (s *Session) openRemote(ctx context.Context, r *Registry, place creds.Place, options policy.ClientOptions) error {
	var err error
	r.Credential, r.Outcomes, err = s.Chain().Resolve(ctx, place)
	if err != nil {
		return explainLink(r.Host, err)
	}
	s.warnOfSkipped(r.Outcomes)
	options.Cloud = creds.CloudOf(r.Host.Name)
	options.Transport = s.Network()
	r.Client, err = r.newClient(r.Host.Endpoint(), options)
	return err
}

// warnOfSkipped says once a command which links could not be asked.
func (s *Session) warnOfSkipped(outcomes []creds.Outcome) {
	for _, outcome := range outcomes {
		if outcome.State != creds.Skipped || s.warned[outcome.Detail] {
			continue
		}
		if s.warned == nil {
			s.warned = map[string]bool{}
		}
		s.warned[outcome.Detail] = true
		s.Note("warning: %s: %s; continuing without it (acrkit explain DOCKER_HELPER_FAILED)", outcome.Link, failure.Clean(outcome.Detail))
	}
}

// explainLink says of docker's store what is wrong with it: its file or its
// helper is this machine's, whatever its error looks like.
func explainLink(h reference.Host, err error) error {
	var link *creds.LinkError
	if !errors.As(err, &link) || link.Link != creds.DockerStore {
		return err
	}
	code, fix := "DOCKER_HELPER_FAILED", []string{"acrkit logout " + h.String() + "  # forget what is stored", "acrkit login " + h.String()}
	if errors.As(err, new(*creds.DamagedError)) {
		code, fix = "DOCKER_CONFIG_DAMAGED", []string{"correct the file at the place named, or move it away"}
	}
	return &failure.Explained{Err: failure.Coded(failure.ExitFailed, err), Code: code, Fix: fix}
}

// newClient makes the client of the registry at endpoint.
func (r *Registry) newClient(endpoint string, options policy.ClientOptions) (*azcontainerregistry.Client, error) {
	r.endpoint, r.transport = endpoint, options.Transport
	return newClient(endpoint, r.Credential, options)
}

// newClient makes the client that suits a credential.
func newClient(endpoint string, credential creds.Credential, options policy.ClientOptions) (*azcontainerregistry.Client, error) {
	o := &azcontainerregistry.ClientOptions{ClientOptions: options}
	switch credential.Kind {
	case creds.Anonymous:
		return azcontainerregistry.NewClientWithNoCredential(endpoint, o)
	case creds.Password:
		password, err := azcontainerregistry.NewPasswordCredential(credential.Username, credential.Password)
		if err != nil {
			return nil, err
		}
		return azcontainerregistry.NewClientWithPasswordCredential(endpoint, password, o)
	case creds.RefreshToken:
		token, err := azcontainerregistry.NewRefreshTokenCredential(credential.RefreshToken)
		if err != nil {
			return nil, err
		}
		return azcontainerregistry.NewClientWithRefreshTokenCredential(endpoint, token, o)
	case creds.Entra:
		return azcontainerregistry.NewClient(endpoint, credential.Token, o)
	}
	return nil, fmt.Errorf("credential of unknown kind %q", credential.Kind)
}

// Repository opens a repository for the copying of images.
func (s *Session) Repository(ctx context.Context, ref reference.Reference) (*artifact.Repository, error) {
	r, err := s.OpenFor(ctx, ref)
	if err != nil {
		return nil, err
	}
	return artifact.NewRepository(r.Client, r.Blobs, ref.Repository)
}

// catalogScope is the scope of the catalogue; a token is issued for it whatever
// the identity may do (ACR protocol §2.5).
const catalogScope = "registry:catalog:*"

// ExchangeToken exchanges an Entra token for a refresh token of the registry.
func ExchangeToken(ctx context.Context, sess *Session, r *Registry) (string, error) {
	token, err := r.Credential.Token.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{creds.RegistryScope}})
	if err != nil {
		return "", err
	}
	options := sess.clientOptions()
	options.Transport = sess.Network()
	client, err := azcontainerregistry.NewAuthenticationClient(r.Host.Endpoint(),
		&azcontainerregistry.AuthenticationClientOptions{ClientOptions: options})
	if err != nil {
		return "", err
	}
	got, err := client.ExchangeAADAccessTokenForACRRefreshToken(ctx, azcontainerregistry.PostContentSchemaGrantTypeAccessToken, r.Host.Name,
		&azcontainerregistry.AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions{AccessToken: &token.Token})
	if err != nil {
		return "", err
	}
	if got.RefreshToken == nil || *got.RefreshToken == "" {
		return "", errors.New("exchange the Entra token: the registry's response holds no refresh token")
	}
	return *got.RefreshToken, nil
}
