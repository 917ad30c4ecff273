// Package azcontainerregistry is a client for Azure Container Registry (ACR):
// a drop-in for the official library of the same name, v0.2.3, that resumes
// transfers, keeps one token for each scope, and fills in every error's code.
//
// # Clients
//
// [Client] has repositories, tags and manifests, [BlobClient] the blobs that
// manifests refer to. [NewClient] takes an Entra credential, such as
// azidentity's; [NewClientWithPasswordCredential] a user of the registry's own,
// [NewClientWithRefreshTokenCredential] an ACR refresh token obtained elsewhere,
// and [NewClientWithNoCredential] nothing. [Client.NewBlobClient] shares all that
// a client has. [AuthenticationClient] is for programs that handle tokens
// themselves.
//
// Clients are built on azcore: its retries, policies, transports, logging
// (AZURE_SDK_GO_LOGGING=all), tracing and pagers work as for every Azure
// client. No token, password, signed address or upload state reaches a log,
// an error or a span.
//
// # Tokens
//
// A client of a new registry sends its first call without a token and follows
// the challenge, whose path and service it keeps. Later calls know their scope
// (ACR protocol §2.3) and carry a token: there is at most one 401 for each client,
// and none where a shared [TokenCache] has seen the registry. A token is fetched
// once for all goroutines that need it, renewed before it expires and replaced
// when the registry no longer accepts it. An Authorization header that the caller
// sets is not changed, and then no token is fetched. The credentials that this
// package adds are sent to the login server alone: a redirect, Location, Link or
// realm that points to another origin gets none.
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
// The methods of v0.2.3 return its errors: when a request failed, an
// [*azcore.ResponseError] itself, with azcore's own text, only that ErrorCode has
// the registry's code; without a response, what azcore returned. [OperationOf]
// tells what was being done to what, [HasCode] looks for codes, [CorrelationID]
// finds what Azure's support asks for. Methods that v0.2.3 lacks check arguments
// before anything is sent ([*ArgumentError]) and put an [*OperationError] around
// the cause. Failures that no server reported have types of their own:
// [DigestMismatchError], [RetriesExhaustedError] and others.
//
// # Differences from v0.2.3
//
// Every exported name is there with the same meaning, and v0.2.3's methods behave
// as v0.2.3's. Where they panicked there is an error, a body is sent with the
// first request of a client, http with a credential to a public name is refused,
// and a credential never crosses origins. docs/migrating.md has the whole table,
// which a program built with both libraries holds.
//
// [*azcore.ResponseError]: https://pkg.go.dev/github.com/Azure/azure-sdk-for-go/sdk/azcore#ResponseError
package azcontainerregistry
