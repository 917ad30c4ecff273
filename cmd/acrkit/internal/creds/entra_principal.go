package creds

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// servicePrincipal is the credential of the environment's service principal, as
// azidentity.EnvironmentCredential makes it: a secret, else a certificate. That
// one links the sign-in with a user's password, too, which Entra has given up.
func servicePrincipal(getenv func(string) string, o policy.ClientOptions) (azcore.TokenCredential, error) {
	tenant, client := getenv("AZURE_TENANT_ID"), getenv("AZURE_CLIENT_ID")
	var more []string
	if tenants := getenv("AZURE_ADDITIONALLY_ALLOWED_TENANTS"); tenants != "" {
		more = strings.Split(tenants, ";")
	}
	if secret := getenv("AZURE_CLIENT_SECRET"); secret != "" {
		return azidentity.NewClientSecretCredential(tenant, client, secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: o, AdditionallyAllowedTenants: more})
	}
	path := getenv("AZURE_CLIENT_CERTIFICATE_PATH")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read AZURE_CLIENT_CERTIFICATE_PATH: %w", err)
	}
	var password []byte
	if p := getenv("AZURE_CLIENT_CERTIFICATE_PASSWORD"); p != "" {
		password = []byte(p)
	}
	certificates, key, err := azidentity.ParseCertificates(data, password)
	if err != nil {
		return nil, fmt.Errorf("read the certificate %s: %w", path, err)
	}
	chain, _ := strconv.ParseBool(getenv("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN")) // anything else means no
	return azidentity.NewClientCertificateCredential(tenant, client, certificates, key, &azidentity.ClientCertificateCredentialOptions{
		ClientOptions: o, AdditionallyAllowedTenants: more, SendCertificateChain: chain,
	})
}
