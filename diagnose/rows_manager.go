package diagnose

// rowsARM are refusals of Azure Resource Manager, which finds registries and has
// them import: another service than the registry, with rights of its own.
var rowsARM = []Row{
	{
		Code: "ARM_REGISTRY_NOT_VISIBLE", Kind: KindAuthorization, Severity: SeverityError,
		Title: "Azure Resource Manager does not show this registry to the caller",
		Meaning: "The Azure command line and Terraform look a registry up in a subscription before they do anything with it. That " +
			"is another right than pulling or pushing, and another service than the registry.",
		Causes: []Cause{
			inferred("probably the registry is in another subscription than the one chosen", "az account show; az acr list --query \"[].name\" -o tsv"),
			inferred("possibly the identity has no role Reader on it: AcrPull and AcrPush do not include that", "az role assignment list --assignee <identity> --all"),
			inferred("possibly the name is mistyped", "nslookup {hostname}"),
		},
		Fix: []string{
			"az account set -s <subscription>",
			"without Resource Manager: acrkit login {host}",
		},
		Retry: RetryNo, Link: linkLogin, AzCode: azLogin,
	},
	{
		Code: "IMPORT_NOT_ALLOWED", Kind: KindAuthorization, Severity: SeverityError,
		Title: "this identity may not have the registry import images (403)",
		Meaning: "An import is done by the target registry, which Azure Resource Manager asks for it. AcrPush does not include that: " +
			"the action is Microsoft.ContainerRegistry/registries/importImage/action at the target.",
		Causes: []Cause{
			certain("Azure Resource Manager does not let this identity import", "its own message"),
			inferred("probably the identity has no role with the action importImage at the target", "az role assignment list --assignee <identity> --all"),
			inferred("possibly it may not read the source registry", "the action that the message names"),
		},
		Fix: []string{
			"az role assignment create --role 'Container Registry Data Importer and Data Reader' --assignee <identity> --scope <resource id>",
			"leave out --server: the same copy then goes through this machine",
		},
		Retry: RetryNo, Link: "https://learn.microsoft.com/azure/container-registry/container-registry-import-images",
	},
	{
		Code: "IMPORT_FAILED", Kind: KindUnknown, Severity: SeverityError,
		Title:   "the registry did not import the image",
		Meaning: "Azure Resource Manager took the import, and the registry did not end it. What it says of the reason is all there is.",
		Causes: []Cause{
			inferred("probably the source has no such image, or does not give it to the target registry", "acrkit show <source>"),
			inferred("possibly the image, or its tag, is there already or is locked", "acrkit show <target>"),
		},
		Fix: []string{
			"acrkit show <source>",
			"leave out --server: the same copy then goes through this machine",
		},
		Retry: RetryNo, Link: "https://learn.microsoft.com/azure/container-registry/container-registry-import-images",
	},
	{
		Code: "ARM_SIGN_IN_REFUSED", Kind: KindAuthentication, Severity: SeverityError,
		Title: "Azure Resource Manager does not accept this identity",
		Meaning: "Resource Manager takes tokens of Entra identities alone: a user, a service principal or a managed identity. The admin " +
			"user, scope-map tokens and ACR refresh tokens are the registry's own.",
		Causes: []Cause{
			inferred("probably nobody is signed in to Azure on this machine", "az account show"),
			inferred("possibly the sign-in is in another tenant than the registry's subscription", "az account list -o table"),
		},
		Fix:   []string{"az login", "acrkit whoami {host}"},
		Retry: RetryNo, Link: linkLogin, AzCode: azLogin,
	},
	{
		Code: "ARM_THROTTLED", Kind: KindThrottled, Severity: SeverityError,
		Title:   "Azure Resource Manager throttles this identity (429)",
		Meaning: "Resource Manager limits the requests of an identity and of a subscription. The registry's own limits are others.",
		Causes: []Cause{
			certain("more requests arrived than the identity or the subscription may send", "status 429"),
		},
		Fix:   []string{"wait as long as Retry-After says", "leave out --server: the same copy then goes through this machine"},
		Retry: RetryLater, Link: linkLogin,
	},
}
