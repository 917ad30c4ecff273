package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
)

// The kinds of kubelet's credential provider interface.
const (
	providerVersion  = "credentialprovider.kubelet.k8s.io/v1"
	providerRequest  = "CredentialProviderRequest"
	providerResponse = "CredentialProviderResponse"
)

// providerCache is how long kubelet keeps a credential: well below the three
// hours of a refresh token.
const providerCache = "1h0m0s"

func newCredentialProviderCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "credential-provider", Short: "Be a credential provider for the kubelet",
		Long: `Be kubelet's credential provider (credentialprovider.kubelet.k8s.io/v1): a
CredentialProviderRequest comes as JSON on standard input, and the response goes
to standard output. It is the credential that acrkit itself would use, which on
a node of AKS is the node's managed identity; where there is none, the response
has no credential, and kubelet asks the next provider. kubelet keeps it for an
hour.

Put the program into the folder of --image-credential-provider-bin-dir, and this
into the file of --image-credential-provider-config:
  apiVersion: kubelet.config.k8s.io/v1
  kind: CredentialProviderConfig
  providers:
    - name: acrkit
      apiVersion: credentialprovider.kubelet.k8s.io/v1
      args: [credential-provider]
      matchImages: ["*.azurecr.io", "*.azurecr.cn", "*.azurecr.us"]
      defaultCacheDuration: 1h`,
		Example: `  cat request.json | acrkit credential-provider`,
		GroupID: groupAccess, Args: exactArgs(),
		RunE: func(command *cobra.Command, _ []string) error {
			data, err := readHelperInput(a.Stdin)
			if err != nil {
				return err
			}
			var request struct {
				APIVersion string `json:"apiVersion"`
				Kind       string `json:"kind"`
				Image      string `json:"image"`
			}
			if json.Unmarshal(data, &request) != nil {
				return failure.Usagef("credential-provider: standard input is no JSON object of the kind %s", providerRequest)
			}
			if request.APIVersion != providerVersion || request.Kind != providerRequest || request.Image == "" {
				return failure.Usagef(`credential-provider: want "apiVersion":%q, "kind":%q and an "image", not %.60q and %.60q`, providerVersion, providerRequest, request.APIVersion, request.Kind)
			}
			ref, err := reference.Parse(request.Image, "docker.io")
			if err != nil {
				return err
			}
			type auth struct {
				Username string `json:"username"`
				Password string `json:"password"`
			}
			response := struct {
				APIVersion    string          `json:"apiVersion"`
				Kind          string          `json:"kind"`
				CacheKeyType  string          `json:"cacheKeyType"`
				CacheDuration string          `json:"cacheDuration"`
				Auth          map[string]auth `json:"auth"`
			}{providerVersion, providerResponse, "Registry", providerCache, map[string]auth{}}
			if ref.Registry.Local() {
				return failure.Usagef("credential-provider: %s is in the embedded registry, which kubelet can't reach", ref)
			}
			r, err := a.OpenFor(command.Context(), ref)
			if err != nil {
				return err
			}
			if r.Credential.Kind != creds.Anonymous {
				username, secret, err := storable(command.Context(), a, r)
				if err != nil {
					return fmt.Errorf("credential for %s: %w", ref.Registry, err)
				}
				response.Auth[ref.Registry.Name] = auth{username, secret}
			} else {
				response.CacheDuration = "0s" // the next time there may be one
			}
			return json.NewEncoder(a.Stdout).Encode(response)
		},
	}
}
