package printed

// dockerCauses are what az means when it finds no use of docker.
var dockerCauses = []Cause{
	{"probably docker is not installed here, not on the PATH, or its daemon is not running", "docker info"},
	{"possibly another tool is used in its place, such as podman", "DOCKER_COMMAND=podman az acr login, or acrkit login {host}"},
}

// phrasingsAzure are what the Azure command line, Azure's libraries and Azure
// Resource Manager say.
var phrasingsAzure = []Phrasing{
	{
		Tool: "Azure CLI", Text: "connectivity_dns_error", Code: "DNS_NOT_FOUND", Weight: Said,
		Example: `An error occurred: CONNECTIVITY_DNS_ERROR
Failed to reach DNS for registry 'shop.azurecr.io'. Please check if the spelling is correct, if the CLI environment is on correct cloud and your network connectivity.`,
	},
	{
		Tool: "Azure CLI", Text: "failed to reach dns for registry", Code: "DNS_NOT_FOUND", Weight: Said,
		Example: `Failed to reach DNS for registry 'shop.azurecr.io'.`,
	},
	{
		Tool: "Azure CLI", Text: "connectivity_ssl_error", Code: "TLS_UNKNOWN_AUTHORITY", Weight: Said,
		Causes: []Cause{
			{"probably a proxy in between intercepts the connection, and this machine does not trust its certificate", "acrkit doctor {host} shows who issued the certificate"},
			{"possibly the TLS handshake fails for another reason: the text does not tell", "acrkit doctor {host}"},
		},
		Example: `An error occurred: CONNECTIVITY_SSL_ERROR
Unable to establish a secure connection to the registry 'shop.azurecr.io'. Are you using a proxy server?`,
	},
	{
		Tool: "Azure CLI", Text: "connectivity_challenge_error", Code: "CHALLENGE_MISSING", Weight: Said,
		Causes: []Cause{
			{"probably something other than the registry responds at this name: a proxy, a gateway, or a private endpoint's wrong target", "curl -si https://{host}/v2/ should show a 401 with WWW-Authenticate; acrkit doctor {host}"},
			{"possibly the request failed on its way, which the Azure CLI reports by the same code", "acrkit doctor {host} tells the two apart"},
		},
		Example: `An error occurred: CONNECTIVITY_CHALLENGE_ERROR
Registry 'shop.azurecr.io' did not issue a challenge.`,
	},
	{
		Tool: "Azure CLI", Text: "did not issue a challenge", Code: "CHALLENGE_MISSING", Weight: Said,
		Causes: []Cause{
			{"probably something other than the registry responds at this name: a proxy, a gateway, or a private endpoint's wrong target", "acrkit doctor {host}"},
		},
		Example: `Registry 'shop.azurecr.io' did not issue a challenge.`,
	},
	{
		Tool: "Azure CLI", Text: "connectivity_aad_login_error", Code: "ENTRA_LOGIN_UNSUPPORTED", Weight: Said, Proven: true,
		Example: `An error occurred: CONNECTIVITY_AAD_LOGIN_ERROR
Registry 'shop.azurecr.io' does not support AAD login.`,
	},
	{
		Tool: "Azure CLI", Text: "does not support aad login", Code: "ENTRA_LOGIN_UNSUPPORTED", Weight: Said,
		Example: `Registry 'shop.azurecr.io' does not support AAD login.`,
	},
	{
		Tool: "Azure CLI", Text: "connectivity_www_authenticate_error", Code: "CHALLENGE_UNUSABLE", Weight: Said, Proven: true,
		Example: `An error occurred: CONNECTIVITY_WWW_AUTHENTICATE_ERROR`,
	},
	{
		Tool: "Azure CLI", Text: "connectivity_forbidden_error", Code: "ACCESS_DENIED", Weight: Said, Causes: forbiddenCauses,
		Example: `An error occurred: CONNECTIVITY_FORBIDDEN_ERROR
Looks like you don't have access to registry 'shop.azurecr.io'.`,
	},
	{
		Tool: "Azure CLI", Text: "looks like you don't have access to registry", Code: "ACCESS_DENIED", Weight: Said, Causes: forbiddenCauses,
		Example: `Looks like you don't have access to registry 'shop.azurecr.io'. To see configured firewall rules, run 'az acr show --query networkRuleSet --name shop'.`,
	},
	{
		Tool: "Azure CLI", Text: "connectivity_toomanyrequests_error", Code: "LOGIN_THROTTLED", Weight: Said,
		Example: `An error occurred: CONNECTIVITY_TOOMANYREQUESTS_ERROR`,
	},
	{
		Tool: "Azure CLI", Text: "connectivity_refresh_token_error…response code: 403", Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `An error occurred: CONNECTIVITY_REFRESH_TOKEN_ERROR
Access to registry 'shop.azurecr.io' was denied. Response code: 403. Please try running 'az login' again to refresh permissions.`,
	},
	{
		Tool: "Azure CLI", Text: "connectivity_refresh_token_error…response code: 429", Code: "LOGIN_THROTTLED", Weight: Said,
		Example: `An error occurred: CONNECTIVITY_REFRESH_TOKEN_ERROR
Access to registry 'shop.azurecr.io' was denied. Response code: 429.`,
	},
	{
		Tool: "Azure CLI", Text: "connectivity_refresh_token_error…response code: 5", Code: "SERVICE_ERROR", Weight: Status,
		Example: `An error occurred: CONNECTIVITY_REFRESH_TOKEN_ERROR
Access to registry 'shop.azurecr.io' was denied. Response code: 503.`,
	},
	{
		Tool: "Azure CLI", Text: "connectivity_refresh_token_error", Code: "ENTRA_TOKEN_REJECTED", Weight: Status, Causes: exchangeCauses,
		Example: `An error occurred: CONNECTIVITY_REFRESH_TOKEN_ERROR
Access to registry 'shop.azurecr.io' was denied. Response code: 401. Please try running 'az login' again to refresh permissions.`,
	},
	{
		Tool: "Azure CLI", Text: "connectivity_access_token_error…response code: 403", Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `An error occurred: CONNECTIVITY_ACCESS_TOKEN_ERROR
Access to registry 'shop.azurecr.io' was denied. Response code: 403.`,
	},
	{
		Tool: "Azure CLI", Text: "connectivity_access_token_error", Code: "TOKEN_ENDPOINT_REFUSED", Weight: Status,
		Example: `An error occurred: CONNECTIVITY_ACCESS_TOKEN_ERROR
Access to registry 'shop.azurecr.io' was denied. Response code: 401.`,
	},
	{
		Tool: "Azure CLI", Text: "access to registry '…was denied. response code: 403", Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `Access to registry 'shop.azurecr.io' was denied. Response code: 403.`,
	},
	{
		Tool: "Azure CLI", Text: "access to registry '…was denied", Code: "ENTRA_TOKEN_REJECTED", Weight: Status, Causes: exchangeCauses,
		Example: `Access to registry 'shop.azurecr.io' was denied. Response code: 401. Please try running 'az login' again to refresh permissions.`,
	},
	{
		Tool: "Azure CLI", Text: "login_server_error", Code: "ARM_REGISTRY_NOT_VISIBLE", Weight: Said,
		Example: `An error occurred: LOGIN_SERVER_ERROR
An error occurred while retrieving the login server for registry 'shop'.`,
	},
	{
		Tool: "Azure CLI", Text: "retrieving the login server for registry", Code: "ARM_REGISTRY_NOT_VISIBLE", Weight: Said,
		Example: `An error occurred while retrieving the login server for registry 'shop'. Please check if the spelling is correct`,
	},
	{
		Tool: "Azure CLI", Text: "could not connect to the registry login server", Code: "CONNECT_TIMEOUT", Weight: Vague,
		Causes: []Cause{
			{"probably the network between here and {host} blocks the connection, or the name resolves to the wrong address", "acrkit doctor {host} shows name, address, TLS and response, one after the other"},
			{"possibly there is no registry of that name", "az acr list --query \"[].loginServer\" -o tsv"},
		},
		Example: `Could not connect to the registry login server 'shop.azurecr.io'. Please verify that the registry exists and the URL 'https://shop.azurecr.io/v2/' is reachable from your environment.`,
	},
	{
		Tool: "Azure CLI", Text: "docker_command_error", Code: "DOCKER_NOT_RUNNING", Weight: Said, Causes: dockerCauses,
		Example: `An error occurred: DOCKER_COMMAND_ERROR
Please verify if Docker client is installed and running.`,
	},
	{
		Tool: "Azure CLI", Text: "docker_daemon_error", Code: "DOCKER_NOT_RUNNING", Weight: Said, Causes: dockerCauses,
		Example: `An error occurred: DOCKER_DAEMON_ERROR`,
	},
	{
		Tool: "Azure CLI", Text: "docker_version_error", Code: "DOCKER_VERSION_ERROR", Weight: Said,
		Example: `An error occurred: DOCKER_VERSION_ERROR`,
	},
	{
		Tool: "Azure CLI", Text: "docker_pull_error", Code: "DOCKER_PULL_ERROR", Weight: Said,
		Example: `An error occurred: DOCKER_PULL_ERROR`,
	},
	{
		Tool: "Azure CLI", Text: "helm_command_error", Code: "HELM_COMMAND_ERROR", Weight: Status,
		Example: `An error occurred: HELM_COMMAND_ERROR
Please verify if Helm is installed.`,
	},
	{
		Tool: "Azure CLI", Text: "helm_version_error", Code: "HELM_VERSION_ERROR", Weight: Status,
		Example: `An error occurred: HELM_VERSION_ERROR`,
	},
	{
		Tool: "Azure CLI", Text: "notary_command_error", Code: "NOTARY_COMMAND_ERROR", Weight: Status,
		Example: `An error occurred: NOTARY_COMMAND_ERROR
Please verify if notary is installed.`,
	},
	{
		Tool: "Azure CLI", Text: "notary_version_error", Code: "NOTARY_VERSION_ERROR", Weight: Status,
		Example: `An error occurred: NOTARY_VERSION_ERROR`,
	},
	{
		Tool: "Azure CLI", Text: "cmk_error", Code: "CMK_ERROR", Weight: Said,
		Example: `An error occurred: CMK_ERROR
The identity used for registry 'shop' encryption doesn't exist.`,
	},
	{
		Tool: "Azure CLI", Text: "unexpected_error", Code: "UNEXPECTED_ERROR", Weight: Vague,
		Example: `An error occurred: UNEXPECTED_ERROR`,
	},
	{
		Tool: "Azure CLI", Text: "please run 'az login'", Code: "CLI_NOT_SIGNED_IN", Weight: Said, Proven: true,
		Example: `ERROR: Please run 'az login' to setup account.`,
	},
	{
		Tool: "Azure CLI", Text: "please run \"az login\"", Code: "CLI_NOT_SIGNED_IN", Weight: Said, Proven: true,
		Example: `ERROR: AzureCLICredential: Please run "az login" to set up an account`,
	},
	{
		Tool: "Azure CLI", Text: "no subscription found. run 'az account set'", Code: "CLI_NOT_SIGNED_IN", Weight: Said,
		Example: `No subscription found. Run 'az account set' to select a subscription.`,
	},
	{
		Tool: "Azure CLI", Text: "microsoft.containerregistry/registries' could not be found in subscription", Code: "ARM_REGISTRY_NOT_VISIBLE", Weight: Status,
		Example: `The resource with name 'shop' and type 'Microsoft.ContainerRegistry/registries' could not be found in subscription 'Pay-As-You-Go'.`,
	},
	{
		Tool: "Azure CLI", Text: "microsoft.containerregistry/registries/…was not found", Code: "ARM_REGISTRY_NOT_VISIBLE", Weight: Said,
		Example: `(ResourceNotFound) The Resource 'Microsoft.ContainerRegistry/registries/shop' under resource group 'rg' was not found.`,
	},
	{
		Tool: "Terraform", Text: "container registry…was not found", Code: "ARM_REGISTRY_NOT_VISIBLE", Weight: Said,
		Example: `Error: Container Registry (Name "shop" / Resource Group "rg") was not found`,
	},
	{
		Tool: "Azure CLI, Terraform", Text: "does not have authorization to perform action 'microsoft.containerregistry", Code: "ARM_REGISTRY_NOT_VISIBLE", Weight: Said,
		Example: `(AuthorizationFailed) The client 'x' with object id 'x' does not have authorization to perform action 'Microsoft.ContainerRegistry/registries/listCredentials/action' over scope '/subscriptions/y/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/shop'.`,
	},
	{
		Tool: "Azure SDKs", Text: "no default identity is assigned", None: []string{"defaultazurecredential"}, Code: "MANAGED_IDENTITY_UNKNOWN", Weight: Said,
		Example: `ManagedIdentityCredential: no default identity is assigned to this resource`,
	},
	{
		Tool: "Azure SDKs", Text: "identity not found", None: []string{"defaultazurecredential"}, Code: "MANAGED_IDENTITY_UNKNOWN", Weight: Said,
		Example: `{"error":"invalid_request","error_description":"Identity not found"}`,
	},
	{
		Tool: "Azure SDKs", Text: "requested identity has not been assigned", None: []string{"defaultazurecredential"}, Code: "MANAGED_IDENTITY_UNKNOWN", Weight: Said,
		Example: `ManagedIdentityCredential authentication unavailable. The requested identity has not been assigned to this resource.`,
	},
	{
		Tool: "Azure SDKs", Text: "requested identity isn't assigned", None: []string{"defaultazurecredential"}, Code: "MANAGED_IDENTITY_UNKNOWN", Weight: Said,
		Example: `ManagedIdentityCredential authentication failed: the requested identity isn't assigned to this resource`,
	},
	{
		Tool: "Azure SDKs", Text: "defaultazurecredential…fail", Code: "NO_CREDENTIAL_AVAILABLE", Weight: Said,
		Example: `DefaultAzureCredential: failed to acquire a token. Attempted credentials: EnvironmentCredential: missing environment variable AZURE_TENANT_ID`,
	},
	{
		Tool: "Azure SDKs", Text: "chainedtokencredential…fail", Code: "NO_CREDENTIAL_AVAILABLE", Weight: Said,
		Example: `ChainedTokenCredential: failed to acquire a token.`,
	},
	{
		Tool: "Azure SDK for Java", Text: "failed to acquire token from any of the…credentials", Code: "NO_CREDENTIAL_AVAILABLE", Weight: Said,
		Example: `Failed to acquire token from any of the chained credentials`,
	},
	{
		Tool: "Azure SDKs", Text: "no managed identity endpoint found", Code: "MANAGED_IDENTITY_UNREACHABLE", Weight: Said,
		Example: `ManagedIdentityCredential authentication unavailable, no managed identity endpoint found.`,
	},
	{
		Tool: "Azure SDKs", Text: "workloadidentitycredential…", None: []string{"defaultazurecredential"}, Code: "WORKLOAD_IDENTITY_INCOMPLETE", Weight: Status,
		Example: `WorkloadIdentityCredential: no client ID specified. Check pod configuration or set ClientID in the options`,
	},
	{
		Tool: "azure/login", Text: "unable to get actions_id_token_request_url", Code: "WORKLOAD_IDENTITY_INCOMPLETE", Weight: Said,
		Example: `Error: Login failed with Error: Unable to get ACTIONS_ID_TOKEN_REQUEST_URL env variable.`,
	},
	{
		Tool: "azure/login", Text: "not all values are present. ensure 'client-id'", Code: "NO_CREDENTIAL_AVAILABLE", Weight: Said,
		Example: `Login failed with Error: Using auth-type: SERVICE_PRINCIPAL. Not all values are present. Ensure 'client-id' and 'tenant-id' are supplied.`,
	},
	{
		Tool: "Azure SDKs", Text: "azure cli not found on path", Code: "CLI_NOT_FOUND", Weight: Status,
		Example: `AzureCLICredential: Azure CLI not found on path`,
	},
	{
		Tool: "shells", Text: "az: command not found", Code: "CLI_NOT_FOUND", Weight: Said,
		Example: `bash: az: command not found`,
	},
}
