package printed

// phrasingsElsewhere are failures of other services, in words that are nearly
// the registry's.
var phrasingsElsewhere = []Phrasing{
	{
		Tool: "Azure SQL", Text: "cannot open server…is not allowed to access the server", Weight: Said,
		Example: `Cannot open server 'shop' requested by the login. Client with IP address '203.0.113.4' is not allowed to access the server.`,
	},
	{
		Tool: "Azure SQL", Text: "sp_set_firewall_rule", Weight: Said,
		Example: `To enable access, use the Azure Management Portal or run sp_set_firewall_rule on the master database`,
	},
	{
		Tool: "Azure Key Vault", Text: "client address is not authorized and caller is not a trusted service", Weight: Said,
		Example: `(Forbidden) Client address is not authorized and caller is not a trusted service. Client address: 203.0.113.7`,
	},
	{
		Tool: "Azure Key Vault", Text: "forbiddenbyfirewall", Weight: Said,
		Example: `Inner error: { "code": "ForbiddenByFirewall" }`,
	},
	{
		Tool: "Azure Key Vault", Text: "does not have secrets get permission", Weight: Said,
		Example: `The user, group or application 'appid=1' does not have secrets get permission on key vault 'kv-shop;location=westeurope'.`,
	},
	{
		Tool: "Azure Cosmos DB", Text: "cosmos db account firewall", Weight: Said,
		Example: `Request originated from IP 203.0.113.4 through public internet. This is blocked by your Cosmos DB account firewall settings.`,
	},
	{
		Tool: "Azure Storage, Terraform", Text: "this request is not authorized to perform this operation", None: []string{"docker/registry", "azurecr"}, Weight: Said,
		Example: `Error: retrieving Container "state": StatusCode=403 -- Original Error: Code="AuthorizationFailure" Message="This request is not authorized to perform this operation."`,
	},
	{
		Tool: "Azure Storage", Text: "keybasedauthenticationnotpermitted", Weight: Said,
		Example: `ErrorCode:KeyBasedAuthenticationNotPermitted Key based authentication is not permitted on this storage account.`,
	},
	{
		Tool: "helm", Text: "another operation (install/upgrade/rollback) is in progress", Weight: Said,
		Example: `Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress`,
	},
	{
		Tool: "kubectl", Text: "error from server (forbidden)", Weight: Said,
		Example: `Error from server (Forbidden): pods is forbidden: User "dev" cannot list resource "pods" in API group ""`,
	},
	{
		Tool: "git", Text: "fatal: authentication failed for", Weight: Said,
		Example: `fatal: Authentication failed for 'https://dev.azure.com/contoso/shop/_git/shop/'`,
	},
	{
		Tool: "git", Text: "remote: repository not found", Weight: Said,
		Example: `remote: Repository not found.`,
	},
	{
		Tool: "npm", Text: "npm err!", Weight: Said,
		Example: `npm ERR! code E401 npm ERR! Incorrect or missing password.`,
	},
	{
		Tool: "NuGet", Text: "error nu1301", Weight: Said,
		Example: `error NU1301: Unable to load the service index for source https://pkgs.dev.azure.com/contoso/_packaging/feed/nuget/v3/index.json.`,
	},
	{
		Tool: "PostgreSQL", Text: "no pg_hba.conf entry for host", Weight: Said,
		Example: `FATAL: no pg_hba.conf entry for host "203.0.113.4", user "shop", database "shop", no encryption`,
	},
	{
		Tool: "MySQL", Text: "access denied for user", Weight: Said,
		Example: `ERROR 1045 (28000): Access denied for user 'shop'@'203.0.113.4' (using password: YES)`,
	},
	{
		Tool: "pipelines", Text: "the operation was canceled", Weight: Consequence,
		Example: `Error: The operation was canceled.`,
	},
	{
		Tool: "Azure Pipelines", Text: "script failed with exit code", Weight: Consequence,
		Example: `##[error]Script failed with exit code: 1`,
	},
	{
		Tool: "Azure CLI", Text: "login failed.", Weight: Consequence,
		Example: `Login failed.`,
	},
	{
		Tool: "GitHub Actions", Text: "process completed with exit code", Weight: Consequence,
		Example: `Error: Process completed with exit code 1.`,
	},
	{
		Tool: "ACR Tasks", Text: "failed to run step id", Weight: Consequence,
		Example: `failed to run step ID: build: exit status 1`,
	},
	{
		Tool: "Azure CLI", Text: "unable to authenticate using aad or admin login credentials", Weight: Consequence,
		Example: `ERROR: Unable to authenticate using AAD or admin login credentials. Please specify both username and password in non-interactive mode.`,
	},
	{
		Tool: "Azure CLI", Text: "admin user is disabled", Weight: Consequence,
		Example: `WARNING: Unable to get admin user credentials with message: Admin user is disabled. Run 'az acr update -n shop --admin-enabled true' to enable it.`,
	},
}

// phrasingsRegistry are the registry's own words. All tools pass them on.
var phrasingsRegistry = []Phrasing{
	{
		Tool: "all", Text: "client with ip '…is not allowed access", Code: "FIREWALL_DENIED", Weight: Said, Proven: true,
		Example: `Error response from daemon: Get "https://shop.azurecr.io/v2/": denied: {"errors":[{"code":"DENIED","message":"client with IP \u0027203.0.113.4\u0027 is not allowed access. Refer https://aka.ms/acr/firewall to grant access."}]}`,
	},
	{
		Tool: "all", Text: "aka.ms/acr/firewall", Code: "FIREWALL_DENIED", Weight: Said,
		Example: `denied: Refer https://aka.ms/acr/firewall to grant access.`,
	},
	{
		Tool: "all", Text: "retrieving permissions failed", Code: "NO_ROLE", Weight: Said, Proven: true,
		Example: `{"errors":[{"code":"DENIED","message":"retrieving permissions failed"}]}`,
	},
	{
		Tool: "all", Text: "arm aad token disallowed", Code: "ARM_TOKEN_DISALLOWED", Weight: Said, Proven: true,
		Example: `{"errors":[{"code":"UNAUTHORIZED","message":"arm aad token disallowed"}]}`,
	},
	{
		Tool: "all", Text: "application not registered with aad", Code: "APP_NOT_REGISTERED", Weight: Said, Proven: true,
		Example: `Error response from daemon: Get "https://shop.azurecr.io/v2/": unauthorized: Application not registered with AAD.`,
	},
	{
		Tool: "all", Text: "invalid clientid or client secret", Code: "APP_SECRET_INVALID", Weight: Said, Proven: true,
		Example: `unauthorized: Invalid clientid or client secret.`,
	},
	{
		Tool: "all", Text: "client id must be guid", Code: "USER_NAME_UNKNOWN", Weight: Said, Proven: true,
		Example: `unauthorized: aad access token with sp failed with client id must be guid`,
	},
	{
		Tool: "connected registry", Text: "unauthorized…incorrect password", Code: "CONNECTED_REGISTRY_PASSWORD", Weight: Said,
		Example: `Error response from daemon: Get "https://localhost:8443/v2/": unauthorized: Incorrect Password`,
	},
	{
		Tool: "all", Text: "manifest tagged by…is not found", Code: "TAG_NOT_FOUND", Weight: Said, Proven: true,
		Example: `manifest for shop.azurecr.io/web:1.9 not found: manifest unknown: manifest tagged by "1.9" is not found`,
	},
	{
		Tool: "all", Text: "manifest sha256:…is not found", Code: "MANIFEST_NOT_FOUND", Weight: Said, Proven: true,
		Example: `GET https://shop.azurecr.io/v2/web/manifests/sha256:9c6b: MANIFEST_UNKNOWN: manifest sha256:9c6b is not found; map[Name:web]`,
	},
	{
		Tool: "all", Text: "accept header does not support", Code: "ACCEPT_TOO_NARROW", Weight: Said, Proven: true,
		Example: `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"OCI index found, but accept header does not support OCI indexes","detail":{}}]}`,
	},
	{
		Tool: "all", Text: "repository \"…\" is not found", Code: "REPOSITORY_NOT_FOUND", Weight: Said, Proven: true,
		Example: `GET https://shop.azurecr.io/v2/wbe/tags/list?n=1000: NAME_UNKNOWN: repository "wbe" is not found; map[name:wbe]`,
	},
	{
		Tool: "all", Text: "name_unknown", Code: "REPOSITORY_NOT_FOUND", Weight: Said,
		Example: `Error: GET https://shop.azurecr.io/v2/wbe/tags/list: NAME_UNKNOWN: repository not found`,
	},
	{
		Tool: "all", Text: "repository name not known to registry", Code: "REPOSITORY_NOT_FOUND", Weight: Said,
		Example: `name unknown: repository name not known to registry`,
	},
	{
		Tool: "Docker, podman", Text: "name unknown", Code: "REPOSITORY_NOT_FOUND", Weight: Said,
		Example: `Error: fetching tags list: name unknown: repository "wbe" is not found`,
	},
	{
		Tool: "all", Text: "manifest_blob_unknown", Code: "MANIFEST_BLOB_UNKNOWN", Weight: Said,
		Example: `PUT https://shop.azurecr.io/v2/web/manifests/1.0: MANIFEST_BLOB_UNKNOWN: blob unknown to registry; sha256:9c6b`,
	},
	{
		Tool: "Docker", Text: "manifest blob unknown", Code: "MANIFEST_BLOB_UNKNOWN", Weight: Said,
		Example: `manifest blob unknown: blob unknown to registry`,
	},
	{
		Tool: "all", Text: "blob_upload_invalid", Code: "UPLOAD_INVALID", Weight: Said,
		Example: `Error: PATCH https://shop.azurecr.io/v2/web/blobs/uploads/1?_state=x: BLOB_UPLOAD_INVALID: blob upload invalid`,
	},
	{
		Tool: "all", Text: "blob upload invalid", Code: "UPLOAD_INVALID", Weight: Said,
		Example: `blob upload invalid: invalid upload state`,
	},
	{
		Tool: "all", Text: "blob_upload_unknown", Code: "UPLOAD_UNKNOWN", Weight: Said,
		Example: `PUT https://shop.azurecr.io/v2/web/blobs/uploads/1: BLOB_UPLOAD_UNKNOWN: blob upload unknown to registry`,
	},
	{
		Tool: "all", Text: "blob upload unknown", Code: "UPLOAD_UNKNOWN", Weight: Said,
		Example: `##[error]blob upload unknown`,
	},
	{
		Tool: "all", Text: "blob_upload_range_invalid", Code: "UPLOAD_RANGE_INVALID", Weight: Said,
		Example: `{"errors":[{"code":"BLOB_UPLOAD_RANGE_INVALID","message":"invalid content range"}]}`,
	},
	{
		Tool: "all", Text: "blob_unknown", Code: "BLOB_NOT_FOUND", Weight: Said,
		Example: `GET https://shop.azurecr.io/v2/web/blobs/sha256:9c6b: BLOB_UNKNOWN: blob unknown to registry; sha256:9c6b`,
	},
	{
		Tool: "Docker", Text: "unknown blob", Code: "BLOB_NOT_FOUND", Weight: Said,
		Example: `5843afab3874: Pushed
unknown blob`,
	},
	{
		Tool: "all", Text: "blob unknown to registry", Code: "BLOB_NOT_FOUND", Weight: Said,
		Example: `error pulling image: blob unknown: blob unknown to registry`,
	},
	{
		Tool: "all", Text: "manifest…request body too large", Code: "MANIFEST_TOO_LARGE", Weight: Said,
		Example: `PUT https://shop.azurecr.io/v2/web/manifests/1.0: MANIFEST_INVALID: http: request body too large`,
	},
	{
		Tool: "all", Text: "manifest_unverified", Code: "MANIFEST_UNVERIFIED", Weight: Said,
		Example: `{"errors":[{"code":"MANIFEST_UNVERIFIED","message":"manifest failed signature verification"}]}`,
	},
	{
		Tool: "oras, helm", Text: "manifest unverified", Code: "MANIFEST_UNVERIFIED", Weight: Said,
		Example: `PUT "https://shop.azurecr.io/v2/web/manifests/1.0": response status code 400: manifest unverified: manifest failed signature verification`,
	},
	{
		Tool: "all", Text: "manifest_invalid", Code: "MANIFEST_INVALID", Weight: Said,
		Example: `PUT https://shop.azurecr.io/v2/web/manifests/1.0: MANIFEST_INVALID: manifest invalid; map[Tag:1.0]`,
	},
	{
		Tool: "Docker", Text: "manifest invalid", Code: "MANIFEST_INVALID", Weight: Said,
		Example: `manifest invalid: manifest invalid`,
	},
	{
		Tool: "all", Text: "digest_invalid", Code: "DIGEST_INVALID", Weight: Said,
		Example: `PUT https://shop.azurecr.io/v2/web/blobs/uploads/1: DIGEST_INVALID: provided digest did not match uploaded content`,
	},
	{
		Tool: "all", Text: "provided digest did not match uploaded content", Code: "DIGEST_INVALID", Weight: Said,
		Example: `digest invalid: provided digest did not match uploaded content`,
	},
	{
		Tool: "all", Text: "digest invalid", Code: "DIGEST_INVALID", Weight: Said,
		Example: `unknown: digest invalid: provided digest did not match`,
	},
	{
		Tool: "all", Text: "size_invalid", Code: "SIZE_INVALID", Weight: Said,
		Example: `{"errors":[{"code":"SIZE_INVALID","message":"provided length did not match content length"}]}`,
	},
	{
		Tool: "oras, helm", Text: "size invalid", Code: "SIZE_INVALID", Weight: Said,
		Example: `PUT "https://shop.azurecr.io/v2/web/blobs/uploads/1": response status code 400: size invalid: provided length did not match content length`,
	},
	{
		Tool: "all", Text: "name_invalid", Code: "NAME_INVALID", Weight: Said,
		Example: `{"errors":[{"code":"NAME_INVALID","message":"invalid repository name"}]}`,
	},
	{
		Tool: "all", Text: "tag_invalid", Code: "TAG_INVALID", Weight: Said,
		Example: `{"errors":[{"code":"TAG_INVALID","message":"manifest tag did not match URI"}]}`,
	},
	{
		Tool: "all", Text: "manifest tag did not match uri", Code: "TAG_INVALID", Weight: Said,
		Example: `tag invalid: manifest tag did not match URI`,
	},
	{
		Tool: "all", Text: "pagination_number_invalid", Code: "PAGE_SIZE_INVALID", Weight: Said,
		Example: `{"errors":[{"code":"PAGINATION_NUMBER_INVALID","message":"invalid number of results requested"}]}`,
	},
	{
		Tool: "all", Text: "only be deleted by digest", Code: "DELETE_BY_TAG", Weight: Said, Proven: true,
		Example: `{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported: a manifest can only be deleted by digest"}]}`,
	},
	{
		Tool: "all", Text: "operation is disallowed on this", Code: "DISALLOWED", Weight: Said,
		Example: `unknown: The operation is disallowed on this registry, repository or image. View troubleshooting steps at https://aka.ms/acr/faq/`,
	},
	{
		Tool: "all", Text: "registry_disallowed_operation", Code: "DISALLOWED", Weight: Said,
		Example: `PUT https://shop.azurecr.io/v2/web/manifests/1.0: REGISTRY_DISALLOWED_OPERATION`,
	},
	{
		Tool: "all", Text: "image_quarantined", Code: "READ_DISALLOWED", Weight: Said, Proven: true,
		Example: `GET https://shop.azurecr.io/v2/web/manifests/1.0: IMAGE_QUARANTINED: The image is quarantined.; map[]`,
	},
	{
		Tool: "all", Text: "the image is quarantined", Code: "READ_DISALLOWED", Weight: Said, Proven: true,
		Example: `reading manifest 1.0 in shop.azurecr.io/web: unknown: The image is quarantined.`,
	},
	{
		Tool: "all", Text: "\"quarantined\"", Code: "READ_DISALLOWED", Weight: Said,
		Example: `{"errors":[{"code":"QUARANTINED","message":"the image is quarantined"}]}`,
	},
	{
		Tool: "all", Text: "the operation is unsupported", Code: "UNSUPPORTED", Weight: Said,
		Example: `unsupported: The operation is unsupported.`,
	},
	{
		Tool: "Docker Hub", Text: "increase-rate-limit", Code: "UPSTREAM_THROTTLED", Weight: Said, Proven: true,
		Example: `toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit`,
	},
	{
		Tool: "Docker Hub", Text: "you have reached your…pull rate limit", Code: "UPSTREAM_THROTTLED", Weight: Said, Proven: true,
		Example: `StatusCode: 429, TOOMANYREQUESTS: You have reached your unauthenticated pull rate limit.`,
	},
	{
		Tool: "all", Text: "too many requests to source registry for cache rule", Code: "CACHE_RULE_THROTTLED", Weight: Said, Proven: true,
		Example: `toomanyrequests: too many requests to source registry for cache rule 'dotnet-sdk'. CorrelationId: 9c32da6b-62c2-4417-90a8-fd1f50e45d79`,
	},
	{
		Tool: "all", Text: "identity associated with the registry is inactive", Code: "CMK_INACTIVE", Weight: Said, Proven: true,
		Example: `denied: The identity associated with the registry is inactive. Reassign the identity manually.`,
	},
	{
		Tool: "all", Text: "access to key encryption key is forbidden", Code: "CMK_KEY_FORBIDDEN", Weight: Said, Proven: true,
		Example: `denied: Access to Key Encryption Key is forbidden. View troubleshooting steps at https://aka.ms/acr/cmk`,
	},
	{
		Tool: "all", Text: "aka.ms/acr/cmk", Code: "CMK_KEY_FORBIDDEN", Weight: Said,
		Example: `View troubleshooting steps at https://aka.ms/acr/cmk`,
	},
	{
		Tool: "all", Text: "resource_unknown", Code: "CLASSIC_REGISTRY_EMPTY", Weight: Status,
		Example: `{"errors":[{"code":"RESOURCE_UNKNOWN","message":"resource is not found"}]}`,
	},
}
