package diagnose

// Links to the pages that say more.
const (
	linkAuthorization  = "https://aka.ms/acr/authorization"
	linkFirewall       = "https://aka.ms/acr/firewall"
	linkLogin          = "https://learn.microsoft.com/azure/container-registry/container-registry-troubleshoot-login"
	linkAccess         = "https://learn.microsoft.com/azure/container-registry/container-registry-troubleshoot-access"
	linkRoles          = "https://learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-overview"
	linkABAC           = "https://learn.microsoft.com/azure/container-registry/container-registry-rbac-abac-repository-permissions"
	linkScopeMaps      = "https://learn.microsoft.com/azure/container-registry/container-registry-token-based-repository-permissions"
	linkAnonymous      = "https://learn.microsoft.com/azure/container-registry/anonymous-pull-access"
	linkARM            = "https://learn.microsoft.com/cli/azure/acr/config/authentication-as-arm"
	linkAuthentication = "https://learn.microsoft.com/azure/container-registry/container-registry-authentication"
)

const azAccessToken = "CONNECTIVITY_ACCESS_TOKEN_ERROR"

var rowsUnauthorized = []Row{
	{
		Code: "NO_CREDENTIALS", Kind: KindAuthentication, Severity: SeverityError,
		Title: "{host} asks for a sign-in, and none was given (401)",
		Meaning: "The request carried no credentials, and what it asks for is not open to everybody. " +
			"Without credentials a registry gives content only when anonymous pull is on, and then only for reading.",
		Causes: []Cause{
			certain("the request carried no Authorization header", "the recorded request has none"),
			inferred("probably no credential was configured for this registry", "acrkit whoami {host} shows what each credential of the chain found"),
			inferred("possibly this was meant to be an anonymous pull, which is off unless somebody turned it on", "az acr show -n {registry} --query anonymousPullEnabled"),
		},
		Fix: []string{
			"acrkit whoami {host}",
			"az login",
			"az acr login -n {registry}",
			"printenv PASSWORD | acrkit login {host} --username <user> --password-stdin",
		},
		Retry: RetryNo, Link: linkAuthentication,
		match:   all(resource401, func(ev *evidence) bool { return ev.request != nil && ev.auth.scheme == "" }),
		observe: []observer{observeNoCredentials, observeMessage, observeScopes, observeResponse},
	},
	{
		Code: "TOKEN_EXPIRED", Kind: KindAuthentication, Severity: SeverityError,
		Title: "the access token for {host} has expired (401)",
		Meaning: "An access token is valid for 75 minutes, a refresh token for 3 hours and 15 minutes. The token sent " +
			"had expired by the registry's own clock.",
		Causes: []Cause{certain("the token had expired when the registry responded", "its exp claim is before the response's Date header")},
		Fix: []string{
			"get a new token: acrkit token --scope {scope} {host}",
			"a token fetched by a program is renewed when the program keeps its credential, not the token",
		},
		Retry: RetryNo, Link: linkAuthentication, AzCode: azAccessToken,
		match:   all(resource401, bearer, expired),
		observe: []observer{observeExpiry, observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "ENTRA_TOKEN_AS_BEARER", Kind: KindAuthentication, Severity: SeverityError,
		Title: "{host} was given an Entra token, and takes only its own (401)",
		Meaning: "A registry does not accept an Entra token on its paths. The token is exchanged at /oauth2/exchange for a " +
			"refresh token, and that one at /oauth2/token for an access token.",
		Causes: []Cause{certain("the bearer token was issued by Entra", "its iss claim names Entra")},
		Fix:    []string{"use acrkit token --scope {scope} {host} for a token that the registry takes"},
		Retry:  RetryNo, Link: linkAuthentication,
		match:   all(resource401, bearer, func(ev *evidence) bool { return ev.auth.claims.fromEntra() && !expired(ev) }),
		observe: []observer{observeAudience, observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "TOKEN_OTHER_REGISTRY", Kind: KindAuthentication, Severity: SeverityError,
		Title:   "the token sent to {host} is for another registry (401)",
		Meaning: "A registry's tokens are valid for that registry alone; the audience in them names it.",
		Causes:  []Cause{certain("the token was issued for {audience}", "its aud claim names another login server")},
		Fix:     []string{"acrkit token --scope {scope} {host}"},
		Retry:   RetryNo, Link: linkAuthentication,
		match:   all(resource401, bearer, foreign, not(expired)),
		observe: []observer{observeAudience, observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "TOKEN_INVALID", Kind: KindAuthentication, Severity: SeverityError,
		Title: "{host} does not accept the token (401)",
		Meaning: "The registry calls the token invalid although it had not ended: it is damaged, not one of the registry's, " +
			"or was made invalid meanwhile.",
		Causes: []Cause{
			inferred("probably the token was truncated or changed in transit", "a token has three parts divided by dots; compare its length with the one that was issued"),
			inferred("possibly the registry's permission mode was changed, which invalidates all its tokens", "a new token works at once"),
			inferred("possibly this machine's clock is wrong", "acrkit doctor {host} compares the clocks"),
		},
		Fix:   []string{"get a new token: acrkit token --scope {scope} {host}"},
		Retry: RetryNo, Link: linkAuthentication,
		match: all(resource401, bearer, not(expired), not(foreign), not(func(ev *evidence) bool { return ev.auth.claims.fromEntra() }), func(ev *evidence) bool {
			return ev.challenge.err == "invalid_token"
		}),
		observe: []observer{observeExpiry, observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "ANONYMOUS_DENIED", Kind: KindAuthorization, Severity: SeverityError,
		Title: "{host} lets anonymous callers read, and this asks for {action} (401)",
		Meaning: "With anonymous pull on, callers without credentials may pull, list tags and list the catalog. Everything else " +
			"needs a sign-in.",
		Causes: []Cause{certain("the token was issued to nobody, and does not grant {action}", "its claims name no subject and no such action")},
		Fix:    []string{"az login", "acrkit whoami {host}"},
		Retry:  RetryNo, Link: linkAnonymous,
		match:   all(denied, anonymous),
		observe: []observer{observeScopes, observeMessage, observeResponse},
	},
	{
		Code: "CATALOG_DENIED", Kind: KindAuthorization, Severity: SeverityError,
		Title: "this identity may not list the repositories of {host} (401)",
		Meaning: "Listing the catalog is a permission of its own. A scope-map token never has it; on a registry in ABAC mode it " +
			"comes with the role Container Registry Repository Catalog Lister alone.",
		Causes: []Cause{
			inferred("probably the identity has no role that lists the catalog", "acrkit doctor {host} shows what is granted"),
			inferred("possibly this is a scope-map token, which never lists the catalog", "az acr token list -r {registry} shows the names of those tokens"),
		},
		Fix: []string{
			"az role assignment create --assignee {subject} --role AcrPull --scope $(az acr show -n {registry} --query id -o tsv)",
			"az role assignment create --assignee {subject} --role \"Container Registry Repository Catalog Lister\" --scope $(az acr show -n {registry} --query id -o tsv)",
			"without the right to list, name the repository: acrkit ls {host}/<repository>",
		},
		Retry: RetryNo, Link: linkRoles,
		match:   all(denied, not(anonymous), lacksCatalog),
		observe: []observer{observeScopes, observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "ABAC_CONDITION", Kind: KindAuthorization, Severity: SeverityError,
		Title: "this identity may not {action} in {repository}; the registry decides by repository (401)",
		Meaning: "The registry is in ABAC mode: the classic roles AcrPull, AcrPush and AcrDelete have no effect, and the " +
			"Container Registry Repository roles may carry conditions on the repository's name.",
		Causes: []Cause{
			inferred("probably no Repository role of the identity covers {repository}, or its condition names other repositories", "look at the conditions of its role assignments"),
			inferred("possibly the identity has only classic roles, which don't count in ABAC mode", "their names begin with Acr"),
			inferred("possibly the role was assigned minutes ago", "new assignments take up to ten minutes to show in tokens"),
		},
		Fix: []string{
			"az role assignment list --assignee {subject} --scope $(az acr show -n {registry} --query id -o tsv) --include-inherited",
			"az role assignment create --assignee {subject} --role \"Container Registry Repository Writer\" --scope $(az acr show -n {registry} --query id -o tsv)",
		},
		Retry: RetryNo, Link: linkABAC,
		match:   all(denied, not(anonymous), not(lacksCatalog), abac),
		observe: []observer{observeScopes, observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "SCOPE_MAP", Kind: KindAuthorization, Severity: SeverityError,
		Title: "the token {subject} does not grant {action} in {repository} (401)",
		Meaning: "The subject of the access token is neither an application nor a user of Entra's, as with scope-map tokens. Their " +
			"scope map lists repositories and actions; everything else is refused as if it were not there.",
		Causes: []Cause{
			certain("the token grants no {action} on {repository}", "its access claim"),
			inferred("probably {subject} is a scope-map token, and its scope map leaves the repository or the action out", "az acr token show -r {registry} -n {subject}"),
			inferred("possibly {image} is mistyped or does not exist: the registry does not say so to this caller", "somebody who may list can tell: acrkit ls {host}"),
		},
		Fix: []string{
			"az acr token show -r {registry} -n {subject} --query scopeMapId",
			"az acr scope-map update -r {registry} -n <map> --add-repository {repository} {rights}",
		},
		Retry: RetryNo, Link: linkScopeMaps,
		match:   all(denied, named, not(lacksCatalog), not(abac)),
		observe: []observer{observeScopes, observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "ACTION_NOT_GRANTED", Kind: KindAuthorization, Severity: SeverityError,
		Title: "this identity may not {action} in {repository} (401)",
		Meaning: "The registry accepted the identity and granted some of what was asked for on this repository, without the " +
			"action that the request needs.",
		Causes: []Cause{
			certain("the token grants other actions on {repository}, and not {action}", "the token's access claim lists what is granted"),
			inferred("probably the role has no such action: AcrPull reads, AcrPush reads and writes, AcrDelete deletes", "az role assignment list shows the roles"),
			inferred("possibly the registry decides by repository (ABAC), and no Repository role with the action covers {repository}", "acrkit doctor {host}/{repository} shows the mode"),
		},
		Fix: []string{
			"az role assignment create --assignee {subject} --role <AcrPull|AcrPush|AcrDelete> --scope $(az acr show -n {registry} --query id -o tsv)",
			"for a scope-map token: az acr scope-map update -r {registry} -n <map> --add-repository {repository} {rights}",
		},
		Retry: RetryNo, Link: linkRoles,
		match:   all(denied, not(anonymous), not(named), not(lacksCatalog), not(abac), grantsSome),
		observe: []observer{observeScopes, observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "PULL_DENIED_OR_MISSING", Kind: KindAuthorization, Severity: SeverityError,
		Title: "{host} grants nothing on {repository}, and does not say whether it exists (401)",
		Meaning: "To a caller who may not read a repository, the response is the same whether the repository and the tag " +
			"exist or not. So a mistyped name looks like a missing permission.",
		Causes: []Cause{
			inferred("possibly {image} is mistyped or does not exist", "somebody who may list can tell: acrkit ls {host}"),
			inferred("probably no role covers {repository}, or the registry decides by repository (ABAC) and a role's condition leaves it out", "acrkit doctor {host}/{repository} shows the mode and what is granted"),
			inferred("possibly the role was assigned minutes ago", "new assignments take up to ten minutes to show in tokens"),
		},
		Fix: []string{
			"check the name: acrkit ls {host}",
			"acrkit doctor {host}/{repository}",
			"az role assignment list --assignee {subject} --all",
		},
		Retry: RetryNo, Link: linkABAC,
		match:   all(denied, not(anonymous), not(named), not(lacksCatalog), not(abac), not(grantsSome), lacksOnly("pull", "metadata_read")),
		observe: []observer{observeScopes, observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "REPOSITORY_NOT_GRANTED", Kind: KindAuthorization, Severity: SeverityError,
		Title:   "{host} grants this identity nothing on {repository} (401)",
		Meaning: "The registry accepted the identity and issued a token that grants no action on this repository.",
		Causes: []Cause{
			inferred("probably the registry decides by repository (ABAC), and no Repository role covers {repository}", "acrkit doctor {host}/{repository} shows the mode and what is granted"),
			inferred("possibly the role was assigned minutes ago", "new assignments take up to ten minutes to show in tokens"),
		},
		Fix: []string{
			"acrkit doctor {host}/{repository}",
			"az role assignment list --assignee {subject} --all",
		},
		Retry: RetryNo, Link: linkABAC,
		match:   all(denied, not(anonymous), not(named), not(lacksCatalog), not(abac), not(grantsSome), not(lacksOnly("pull", "metadata_read"))),
		observe: []observer{observeScopes, observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "GRANT_REFUSED", Kind: KindAuthorization, Severity: SeverityError,
		Title: "{host} refuses a token that grants what the request needs (401)",
		Meaning: "The token's own claims cover the request, and the registry says that they do not suffice. What counts has changed " +
			"since the token was issued, or is not told by it.",
		Causes: []Cause{
			certain("the registry calls the token's scope insufficient", "error=\"insufficient_scope\" in its challenge"),
			inferred("probably a role or a scope map was changed after the token was issued", "a new token grants less"),
		},
		Fix:   []string{"acrkit doctor {host}/{repository}", "sign in again: acrkit login {host}"},
		Retry: RetryNo, Link: linkAuthorization, AzCode: azAccessToken,
		match:   all(resource401, sound, func(ev *evidence) bool { return insufficient(ev) && len(ev.missing) == 0 }),
		observe: []observer{observeScopes, observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "REFRESH_TOKEN_AS_PASSWORD", Kind: KindAuthentication, Severity: SeverityError,
		Title: "a refresh token was sent as a password to {host} (401)",
		Meaning: "The user " + nullUser + " stands for a refresh token. It is exchanged for an access token at /oauth2/token; " +
			"the registry's other paths don't take it.",
		Causes: []Cause{certain("the request carried the null user and a password on a path other than /oauth2/token", "the recorded request's Authorization header")},
		Fix:    []string{"exchange it first: acrkit token --scope {scope} {host}"},
		Retry:  RetryNo, Link: linkAuthentication,
		match:   all(resource401, basic, func(ev *evidence) bool { return ev.auth.user == nullUser }),
		observe: []observer{observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "BASIC_REJECTED", Kind: KindAuthentication, Severity: SeverityError,
		Title: "{host} does not accept this user name and password (401)",
		Meaning: "User name and password work on the registry's paths for the admin user and for a service principal. A " +
			"scope-map token's password has to be exchanged at /oauth2/token first.",
		Causes: []Cause{
			inferred("probably the password is wrong, was regenerated, or the admin user is off", "az acr show -n {registry} --query adminUserEnabled"),
			inferred("possibly {user} is a scope-map token, whose password works at /oauth2/token only", "az acr token show -r {registry} -n {user}"),
		},
		Fix: []string{
			"az acr credential show -n {registry}",
			"az acr token credential generate -r {registry} -n {user} --password1",
		},
		Retry: RetryNo, Link: linkLogin,
		match:   all(resource401, basic, func(ev *evidence) bool { return ev.auth.user != nullUser }),
		observe: []observer{observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "UNAUTHORIZED", Kind: KindAuthentication, Severity: SeverityError,
		Title: "{host} asks for other credentials than those sent (401)",
		Meaning: "The registry refused the credentials, and the response does not tell whether they are wrong or too weak: the " +
			"token cannot be read, or the request is not recorded.",
		Causes: []Cause{
			inferred("probably the token does not cover {scope}", "acrkit doctor {host}/{repository} shows what is granted"),
			inferred("possibly the token has expired or is for another registry", "acrkit whoami {host}"),
		},
		Fix:   []string{"acrkit whoami {host}", "acrkit doctor {host}/{repository}"},
		Retry: RetryNo, Link: linkAuthorization, AzCode: azAccessToken,
		match: func(ev *evidence) bool {
			return ev.status == 401 && ev.phase != phaseStorage && ev.phase != phaseEntra &&
				ev.phase != phaseExchange && ev.phase != phaseToken
		},
		rank:    rankGeneral,
		observe: []observer{observeMessage, observeScopes, observeExpiry, observeIdentity, observeBody, observeResponse},
	},
}
