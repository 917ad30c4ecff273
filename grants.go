package azcontainerregistry

import (
	"errors"
	"reflect"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
)

// defaultAudience is what Entra tokens for a registry are made for, in every
// cloud (ACR protocol §2.11).
const defaultAudience = "https://containerregistry.azure.net"

// ServiceName is the key of this service in [cloud.Configuration.Services]. An
// Audience given there replaces the default one.
const ServiceName cloud.ServiceName = "azcontainerregistry"

// Programs read the audience of a cloud from azcore's own configurations, so
// every service package of Azure registers itself there; v0.2.3 does too.
func init() {
	for _, c := range []cloud.Configuration{cloud.AzurePublic, cloud.AzureChina, cloud.AzureGovernment} {
		c.Services[ServiceName] = cloud.ServiceConfiguration{Audience: defaultAudience}
	}
}

func newEntraGrant(credential azcore.TokenCredential, options azcore.ClientOptions) (grant, error) {
	audience, err := audienceOf(options.Cloud)
	if err != nil {
		return nil, err
	}
	if isNil(credential) {
		return anonymousGrant{}, nil
	}
	return entraGrant{credential: credential, scope: strings.TrimRight(audience, "/") + "/.default"}, nil
}

// audienceOf returns the audience that a cloud has for registries. A cloud that
// has none has no registries: a token for another cloud's must not be asked for.
func audienceOf(c cloud.Configuration) (string, error) {
	if c.ActiveDirectoryAuthorityHost == "" && c.Services == nil {
		return defaultAudience, nil
	}
	audience := c.Services[ServiceName].Audience
	if audience == "" {
		return "", errors.New("provided Cloud field is missing Azure Container Registry configuration")
	}
	return audience, nil
}

func newPasswordGrant(credential *PasswordCredential) (grant, error) {
	if credential == nil || credential.username == "" || credential.password.reveal() == "" {
		return nil, &ArgumentError{Argument: "credential", Rule: "must come from NewPasswordCredential; for anonymous calls use NewClientWithNoCredential"}
	}
	return passwordGrant{credential: credential}, nil
}

func newRefreshTokenGrant(credential *RefreshTokenCredential) (grant, error) {
	if credential == nil || credential.refreshToken.reveal() == "" {
		return nil, &ArgumentError{Argument: "credential", Rule: "must come from NewRefreshTokenCredential; for anonymous calls use NewClientWithNoCredential"}
	}
	return refreshTokenGrant{credential: credential}, nil
}

// isNil also finds a nil pointer within an interface: a credential declared as
// *azidentity.X and never set.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan:
		return r.IsNil()
	}
	return false
}
