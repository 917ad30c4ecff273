package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/internal/network"
)

// registry is an open registry: its clients share one pipeline and its tokens.
type registry struct {
	host       host
	credential creds.Credential
	answers    []creds.Answer
	client     *azcontainerregistry.Client
	blobs      *azcontainerregistry.BlobClient
	// restorable is what a plan's check has seen soft-deleted; a repository's own
	// entry, without digest and tag, says that it has been asked.
	restorable map[restorable]bool
}

// reference reads an argument that must name a repository.
func (a *app) reference(text string) (reference, error) {
	return parseReference(text, a.getenv("ACR_REGISTRY"))
}

// tagReference reads an argument that must name a tag, and no digest.
func (a *app) tagReference(text string) (reference, error) {
	r, err := a.reference(text)
	if err == nil && (r.Tag == "" || r.Digest != "") {
		err = badReference(text, "it must name a tag: registry/repository:tag")
	}
	return r, err
}

// digestReference reads an argument that must name a digest.
func (a *app) digestReference(text string) (reference, error) {
	r, err := a.reference(text)
	if err == nil && r.Digest == "" {
		err = badReference(text, "it must name a digest: registry/repository@sha256:…")
	}
	return r, err
}

// repositoryReference reads an argument that must name a repository alone.
func (a *app) repositoryReference(text string) (reference, error) {
	r, err := a.reference(text)
	if err == nil && r.Version() != "" {
		err = badReference(text, "it must name a repository, without a tag or digest")
	}
	return r, err
}

// registryArgument reads an argument that must name a registry alone; without
// one it is ACR_REGISTRY.
func (a *app) registryArgument(args []string) (host, error) {
	if len(args) > 0 {
		return parseRegistry(args[0])
	}
	own := a.getenv("ACR_REGISTRY")
	if own == "" {
		return host{}, usagef("no registry named: give one, such as myreg.azurecr.io or local, or set ACR_REGISTRY")
	}
	return parseRegistry(own)
}

// open gives the clients of a registry, signed in by the first link of the
// chain that has a credential. They are made once a command.
func (a *app) open(ctx context.Context, h host) (*registry, error) {
	if r := a.registries[h]; r != nil {
		return r, nil
	}
	if err := a.flagsFit(h); err != nil {
		return nil, err
	}
	r := &registry{host: h}
	options := a.clientOptions()
	var err error
	if h.Local() {
		err = a.openLocal(ctx, r, options)
	} else {
		err = a.openRemote(ctx, r, options)
	}
	if err != nil {
		return nil, err
	}
	r.blobs = r.client.NewBlobClient()
	if a.registries == nil {
		a.registries = map[host]*registry{}
	}
	a.registries[h] = r
	return r, nil
}

// flagsFit refuses to send the one credential of the flags to two registries.
func (a *app) flagsFit(h host) error {
	if err := a.credentialFlags.Check(); err != nil {
		return &usageError{err: err}
	}
	if !a.credentialFlags.Given() {
		return nil
	}
	for other := range a.registries {
		if !other.Local() && !h.Local() && other.Name != h.Name {
			return usagef("the credential of the flags would go to two registries, %s and %s: sign in to one of them with acrkit login", other.Name, h.Name)
		}
	}
	return nil
}

// flags is the chain's first link. It is made once, since standard input can be
// read once.
func (a *app) flags() creds.Link {
	if a.flagLink == nil {
		flags := a.credentialFlags
		flags.Stdin = a.stdin
		link := flags.Link()
		a.flagLink = &link
	}
	return *a.flagLink
}

// chain is where a credential may come from, in order.
func (a *app) chain() creds.Chain {
	ownHost := ""
	if own, err := parseRegistry(a.getenv("ACR_REGISTRY")); err == nil {
		ownHost = own.Name
	}
	chain := creds.Chain{
		a.flags(),
		creds.Environment(a.getenv, ownHost),
		creds.Docker(creds.DockerConfig(a.getenv)),
	}
	chain = append(chain, creds.EntraLinks(a.getenv)...)
	return append(chain, creds.AnonymousLink())
}

func (a *app) openRemote(ctx context.Context, r *registry, options policy.ClientOptions) error {
	var err error
	r.credential, r.answers, err = a.chain().Resolve(ctx, r.host.Name)
	if err != nil {
		return err
	}
	options.Cloud = creds.CloudOf(r.host.Name)
	options.Transport = a.network()
	r.client, err = newClient(r.host.Endpoint(), r.credential, options)
	return err
}

// network is the transport of every remote registry. It is the command's own
// and not the library's, which is shared and never closed: when the command is
// done, so are its connections.
func (a *app) network() *http.Client {
	if a.http == nil {
		transport := network.NewTransport()
		transport.ResponseHeaderTimeout = answerLimit
		a.http = &http.Client{Transport: transport}
		a.onClose(func() error { transport.CloseIdleConnections(); return nil })
	}
	return a.http
}

// answerLimit is how long an answer may take to begin, as with the Azure CLI
// (ACR protocol §5.1). A server that never answers ends a command by it.
const answerLimit = 5 * time.Minute

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

const (
	// defaultRetries leaves the number to what is tried again.
	defaultRetries = -1
	// requestRetries are those of a request; blobs have the library's default.
	requestRetries = 3
	// maxRetries bounds --retries: beyond it azcore's waits are minutes each.
	maxRetries = 100
)

// clientOptions are the options of every client: who we are, and the log of
// requests where --debug asks for it.
func (a *app) clientOptions() azcore.ClientOptions {
	options := azcore.ClientOptions{Telemetry: policy.TelemetryOptions{ApplicationID: "acrkit"}}
	// azcore takes 0 for its default and a negative number for none.
	switch {
	case a.retries == defaultRetries:
		options.Retry.MaxRetries = requestRetries
	case a.retries == 0:
		options.Retry.MaxRetries = -1
	default:
		options.Retry.MaxRetries = int32(min(a.retries, maxRetries))
	}
	if a.requestLog != nil {
		options.PerCallPolicies = append(options.PerCallPolicies, a.requestLog.perCall())
		options.PerRetryPolicies = append(options.PerRetryPolicies, a.requestLog.perAttempt())
	}
	return options
}
