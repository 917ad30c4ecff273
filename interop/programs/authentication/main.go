// Command authentication trades tokens by hand and reads without signing in,
// as programs do that were written for the official library.
package main

import (
	"context"
	"fmt"
	"log"
	"net/url"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

func main() {
	endpoint := os.Getenv("ACR_ENDPOINT")
	address, err := url.Parse(endpoint)
	if err != nil {
		log.Fatalf("failed to parse endpoint: %v", err)
	}
	ctx := context.Background()
	client, err := azcontainerregistry.NewAuthenticationClient(endpoint, nil)
	if err != nil {
		log.Fatalf("failed to create authentication client: %v", err)
	}
	entra, err := signin.Credential().GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://containerregistry.azure.net/.default"}})
	if err != nil {
		log.Fatalf("failed to get token: %v", err)
	}
	refresh, err := client.ExchangeAADAccessTokenForACRRefreshToken(ctx, azcontainerregistry.PostContentSchemaGrantTypeAccessToken, address.Host,
		&azcontainerregistry.AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions{AccessToken: to.Ptr(entra.Token)})
	if err != nil {
		log.Fatalf("failed to exchange: %v", err)
	}
	fmt.Printf("refresh token: %d parts\n", len(strings.Split(*refresh.ACRRefreshToken.RefreshToken, ".")))
	access, err := client.ExchangeACRRefreshTokenForACRAccessToken(ctx, address.Host, "registry:catalog:*", *refresh.RefreshToken,
		&azcontainerregistry.AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenOptions{GrantType: to.Ptr(azcontainerregistry.TokenGrantTypeRefreshToken)})
	if err != nil {
		log.Fatalf("failed to exchange: %v", err)
	}
	fmt.Printf("access token: %d parts\n", len(strings.Split(*access.ACRAccessToken.AccessToken, ".")))
	_, err = client.ExchangeACRRefreshTokenForACRAccessToken(ctx, address.Host, "registry:catalog:*", "not.a.token", nil)
	fmt.Printf("wrong token refused: %t\n", err != nil)

	anonymous, err := azcontainerregistry.NewClient(endpoint, nil, &azcontainerregistry.ClientOptions{
		ClientOptions: azcore.ClientOptions{Retry: policy.RetryOptions{MaxRetries: -1}},
	})
	if err != nil {
		log.Fatalf("failed to create anonymous client: %v", err)
	}
	_, err = anonymous.GetRepositoryProperties(ctx, "library/app", nil)
	fmt.Printf("anonymous refused: %t\n", err != nil)
}
