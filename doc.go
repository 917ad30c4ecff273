// Package azcontainerregistry is a client for Azure Container Registry (ACR):
// a drop-in for the official library of the same name, v0.2.3, that resumes
// transfers, keeps one token a scope, and fills in every error's code.
//
// # Clients
//
// [Client] has repositories, tags and manifests, [BlobClient] the blobs that
// manifests refer to. [NewClient] takes an Entra credential, such as
// azidentity's; [NewClientWithPasswordCredential] a user that the registry
// knows, [NewClientWithRefreshTokenCredential] a ready refresh token, and
// [NewClientWithNoCredential] nothing. [Client.NewBlobClient] shares all that a
// client has. [AuthenticationClient] is for programs that handle tokens by hand.
//
// Clients are built on azcore: its retries, policies, transports, logging
// (AZURE_SDK_GO_LOGGING=all), tracing and pagers work as for every Azure
// client. No token, password, signed address or upload state reaches a log,
// an error or a span.
//
// # Tokens
//
// Each call knows its scope (ACR protocol §2.3), so that its first request
// carries a token already. A token is fetched once for all goroutines that need
// it, renewed before it expires and replaced when the registry has forgotten
// it. Credentials go to the login server and nowhere else: whatever redirect,
// Location, Link or realm leads to another scheme, host or port gets none, or
// is an [*UntrustedOriginError]. A registry that asks for no credentials gets
// none, without a call having to fail first.
//
// # Listings
//
// [Client.Repositories], [Client.Tags], [Client.Manifests] and
// [Client.Referrers] are range loops; the pagers of v0.2.3 list the same. A
// listing that was cut short is an [*IncompleteListingError], never a shorter
// list.
//
// # Errors
//
// A bad argument is an [*ArgumentError], before anything is sent. What the
// registry answered is an [*azcore.ResponseError] in the chain, with the
// registry's own code in ErrorCode and the body still readable; [HasCode] looks
// for codes, [CorrelationID] finds what Azure's support asks for. Around it an
// [*OperationError] says what was done to what. What no server said has types
// of its own: [DigestMismatchError], [RetriesExhaustedError] and others.
//
// # Differences from v0.2.3
//
// Every exported name is there with the same meaning. Errors come wrapped: use
// errors.As, as Azure's guidelines ask, not a type assertion. A name that no
// registry would take is refused before it is sent, where v0.2.3 passed on the
// registry's 404. An [*http.Client] given as transport is copied, and its
// redirects are followed by this package. A manifest is verified as it is read.
//
// [*azcore.ResponseError]: https://pkg.go.dev/github.com/Azure/azure-sdk-for-go/sdk/azcore#ResponseError
// [*http.Client]: https://pkg.go.dev/net/http#Client
package azcontainerregistry
