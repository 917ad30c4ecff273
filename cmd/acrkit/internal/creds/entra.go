package creds

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// RegistryScope is the Entra scope of ACR in every cloud (ACR protocol §2.11).
const RegistryScope = "https://containerregistry.azure.net/.default"

const (
	// probeLimit bounds the question whether this machine has a managed
	// identity: elsewhere its address doesn't respond at all.
	probeLimit = 2 * time.Second
	// entraLimit bounds every other token: a login page that hangs must not
	// hang every command.
	entraLimit = 30 * time.Second
)

func identityLimit(promised bool) time.Duration {
	if promised {
		return entraLimit
	}
	return probeLimit
}

// CloudOf chooses the Azure cloud by the login server's suffix.
func CloudOf(host string) cloud.Configuration {
	switch {
	case strings.HasSuffix(host, ".azurecr.cn"):
		return cloud.AzureChina
	case strings.HasSuffix(host, ".azurecr.us"):
		return cloud.AzureGovernment
	}
	return cloud.AzurePublic
}

// source makes one credential of azidentity.
type source struct {
	name  string
	limit time.Duration
	// present tells without a request whether it makes sense to ask.
	present func() (bool, string)
	// probed is true when nothing says that the source is there at all: then a
	// response that isn't an identity service's comes from something else at its
	// address, such as a proxy, and says nothing about the credential.
	probed bool
	make   func(policy.ClientOptions) (azcore.TokenCredential, error)
}

// EntraLinks are the links that end in an Entra token: the environment's
// service principal, workload identity, managed identity and the Azure CLI.
func EntraLinks(getenv func(string) string) []Link { return entraLinks(getenv, RegistryScope) }

// ManagerChain is the same for the resource manager of the registry's cloud,
// whose tokens are for scope.
func ManagerChain(getenv func(string) string, scope string) Chain { return entraLinks(getenv, scope) }

func entraLinks(getenv func(string) string, scope string) []Link {
	// The environment says that there is an identity: App Service, Container
	// Apps, Functions, Arc. Its first token may take a while.
	promised := getenv("IDENTITY_ENDPOINT") != "" || getenv("MSI_ENDPOINT") != "" || getenv("IMDS_ENDPOINT") != ""
	sources := []source{
		{
			name: "service principal", limit: entraLimit,
			present: func() (bool, string) {
				return getenv("AZURE_TENANT_ID") != "" && getenv("AZURE_CLIENT_ID") != "" &&
					(getenv("AZURE_CLIENT_SECRET") != "" || getenv("AZURE_CLIENT_CERTIFICATE_PATH") != ""), "AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH is not set"
			},
			make: func(o policy.ClientOptions) (azcore.TokenCredential, error) {
				return servicePrincipal(getenv, o)
			},
		},
		{
			name: "workload identity", limit: entraLimit,
			present: func() (bool, string) {
				return getenv("AZURE_FEDERATED_TOKEN_FILE") != "", "AZURE_FEDERATED_TOKEN_FILE is not set"
			},
			make: func(o policy.ClientOptions) (azcore.TokenCredential, error) {
				return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: o})
			},
		},
		{
			name: "managed identity", limit: identityLimit(promised),
			present: func() (bool, string) { return true, "" },
			probed:  !promised,
			make: func(o policy.ClientOptions) (azcore.TokenCredential, error) {
				options := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: o}
				if id := getenv("AZURE_CLIENT_ID"); id != "" {
					options.ID = azidentity.ClientID(id)
				}
				return azidentity.NewManagedIdentityCredential(options)
			},
		},
		{
			name: "azure cli", limit: entraLimit,
			present: func() (bool, string) { return true, "" },
			make: func(policy.ClientOptions) (azcore.TokenCredential, error) {
				return azidentity.NewAzureCLICredential(nil)
			},
		},
	}
	links := make([]Link, 0, len(sources))
	for _, s := range sources {
		links = append(links, s.link(scope))
	}
	return links
}

func (s source) link(scope string) Link {
	return Link{Name: s.name, Find: func(ctx context.Context, place Place) (Credential, string, error) {
		host := place.Host
		if !AzureHost(host) {
			return Credential{}, "", nothing("%s is not a login server of Azure, so it gets no Entra token", host)
		}
		if ok, why := s.present(); !ok {
			return Credential{}, "", nothing("%s", why)
		}
		credential, err := s.make(policy.ClientOptions{Cloud: CloudOf(host)})
		if err != nil {
			return Credential{}, "", nothing("%s", firstLine(err))
		}
		limited, cancel := context.WithTimeout(ctx, s.limit)
		defer cancel()
		token, err := credential.GetToken(limited, policy.TokenRequestOptions{Scopes: []string{scope}})
		var refused *azidentity.AuthenticationFailedError
		switch {
		case err == nil:
			return Credential{Kind: Entra, Token: credential, Username: identityOf(token.Token)}, expiryOf(token), nil
		case errors.As(err, &refused) && s.probed && !speaksJSON(refused.RawResponse):
			return Credential{}, "", nothing("the server at its address (%d) is no identity service", refused.RawResponse.StatusCode)
		case errors.As(err, &refused):
			// Entra knows this identity and refuses it: trying the next one would hide that.
			return Credential{}, "", err
		case limited.Err() != nil && ctx.Err() == nil && !s.probed && s.name == "managed identity":
			return Credential{}, "", fmt.Errorf("the managed identity that the environment names gave no token within %s", s.limit)
		case limited.Err() != nil && ctx.Err() == nil:
			return Credential{}, "", nothing("no response within %s", s.limit)
		}
		return Credential{}, "", nothing("%s", firstLine(err))
	}}
}

// speaksJSON reports whether a response is a JSON object, as those of every
// identity service are. Without a response there is nothing to tell by.
func speaksJSON(response *http.Response) bool {
	if response == nil {
		return true
	}
	body, err := runtime.Payload(response)
	var object map[string]any
	return err == nil && json.Unmarshal(body, &object) == nil
}

// expiryOf says whose token it is and until when.
func expiryOf(token azcore.AccessToken) string {
	return fmt.Sprintf("%s, token until %s", identityOf(token.Token), token.ExpiresOn.UTC().Format(time.RFC3339))
}

// identityOf reads whose an Entra token is. The token is not verified here:
// that is the registry's work.
func identityOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "an identity that its token doesn't name"
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return "an identity that its token doesn't name"
	}
	var claims struct {
		UPN    string `json:"upn"`
		Unique string `json:"unique_name"`
		AppID  string `json:"appid"`
		OID    string `json:"oid"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return "an identity that its token doesn't name"
	}
	switch {
	case claims.UPN != "":
		return claims.UPN
	case claims.Unique != "":
		return claims.Unique
	case claims.AppID != "":
		return "application " + claims.AppID
	case claims.OID != "":
		return "object " + claims.OID
	}
	return "an identity that its token doesn't name"
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
