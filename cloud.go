package azcontainerregistry

import "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

// ServiceName is the key of this service in [cloud.Configuration.Services]. An
// Audience given there replaces the default one.
const ServiceName cloud.ServiceName = "azcontainerregistry"
