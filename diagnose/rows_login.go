package diagnose

import (
	"strings"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

const azRefreshToken = "CONNECTIVITY_REFRESH_TOKEN_ERROR"

var rowsLogin = []Row{
	{
		Code: "RESPONSE_WITHOUT_TOKEN", Kind: KindNetwork, Severity: SeverityError,
		Title:   "the token endpoint returned 200, and the response has no token",
		Meaning: "A registry's token endpoint returns JSON that holds a token. A successful response without one comes from something else.",
		Causes: []Cause{
			certain("the response to a token request has no token", "the library read it"),
			inferred("probably a proxy's or a guest network's page was returned in place of the registry's response", "acrkit doctor shows the page"),
		},
		Fix:   []string{"acrkit doctor {host}", "open http://example.com in a browser on this machine"},
		Retry: RetryNo, Link: linkAccess, AzCode: azRefreshToken,
		match:   responseLacks(azcontainerregistry.ResponsePartToken),
		observe: []observer{observeText},
	},
	{
		Code: "ENTRA_TOKEN_REJECTED", Kind: KindAuthentication, Severity: SeverityError,
		Title: "{host} does not accept the Entra token (401 at the exchange)",
		Meaning: "The registry exchanges an Entra token for one of its own. It refused this one without giving a reason; it does so for " +
			"tokens that have expired, are damaged, or come from a tenant that is not the registry's.",
		Causes: []Cause{
			inferred("probably the token comes from another tenant than the registry's", "compare the token's tenant with az acr show -n {registry} --query identity; acrkit doctor {host} shows the token's"),
			inferred("possibly the token has expired, or its audience is not a registry's", "acrkit doctor {host} shows audience and expiry"),
		},
		Fix: []string{
			"acrkit doctor {host}",
			"az login --tenant <tenant-of-the-registry>",
		},
		Retry: RetryNo, Link: linkLogin, AzCode: azRefreshToken,
		match:   all(phased(phaseExchange, 401), empty),
		observe: []observer{observeResponse, observeEmpty, observeIdentity, observeAudience, observeExpiry},
	},
	{
		Code: "ARM_TOKEN_DISALLOWED", Kind: KindAuthentication, Severity: SeverityError,
		Title: "{host} refuses tokens that were issued for Azure Resource Manager (401)",
		Meaning: "Entra tokens name whom they are for. This registry's policy authentication-as-arm is off, so only tokens for " +
			"https://containerregistry.azure.net are exchanged.",
		Causes: []Cause{certain("the Entra token's audience is Azure Resource Manager, and the registry's policy refuses that", "the registry's own message")},
		Fix: []string{
			"ask for the scope https://containerregistry.azure.net/.default (this library does so by default)",
			"or allow it: az acr config authentication-as-arm update -r {registry} --status enabled",
		},
		Retry: RetryNo, Link: linkARM, AzCode: azRefreshToken,
		match:   saying(phased(phaseExchange, 401), "arm aad token disallowed"),
		observe: []observer{observeMessage, observeAudience, observeResponse},
	},
	{
		Code: "NO_ROLE", Kind: KindAuthorization, Severity: SeverityError,
		Title: "this identity has no role on {host} ({status} at the sign-in)",
		Meaning: "Entra knows the identity, and the registry found no permission of it: no role is assigned on the registry, its " +
			"resource group or its subscription.",
		Causes: []Cause{
			certain("the registry could find no permission for the identity", "the registry's own message"),
			inferred("probably no role was ever assigned to it on {registry}", "az role assignment list --assignee {subject} --all"),
			inferred("possibly another identity signed in than the one that has the role", "acrkit whoami {host} shows which credential was used"),
			inferred("possibly the role was assigned minutes ago", "new assignments take up to ten minutes to show"),
		},
		Fix: []string{
			"az role assignment create --assignee {subject} --role AcrPull --scope $(az acr show -n {registry} --query id -o tsv)",
			"acrkit whoami {host}",
		},
		Retry: RetryNo, Link: linkRoles, AzCode: azRefreshToken,
		// Today's text is that of every 401, which the exchange says of nothing
		// else; the older ones name permissions.
		match: either(
			saying(either(coded(403, "DENIED"), phased(phaseExchange, 401), phased(phaseToken, 401)), "retrieving permissions failed"),
			saying(phased(phaseExchange, 401), "authentication required, visit https://aka.ms/acr/authorization"),
		),
		observe: []observer{observeMessage, observeIdentity, observeResponse},
	},
	{
		Code: "REFRESH_TOKEN_REJECTED", Kind: KindAuthentication, Severity: SeverityError,
		Title: "{host} does not accept the refresh token (401 at the token endpoint)",
		Meaning: "A refresh token is valid for 3 hours and 15 minutes, and for one registry alone. The registry refused this one " +
			"without giving a reason.",
		Causes: []Cause{
			inferred("probably the refresh token has expired", "docker's store keeps the one of the last login: log in again"),
			inferred("possibly the registry's permission mode was changed, which invalidates all its tokens", "a new login works at once"),
			inferred("possibly the token is another registry's", "acrkit doctor {host} reads docker's stored token"),
		},
		Fix:   []string{"az acr login -n {registry}", "acrkit login {host}"},
		Retry: RetryNo, Link: linkLogin, AzCode: azAccessToken,
		match:   all(refusedPassword, refreshing, not(expired)),
		observe: []observer{observeResponse, observeMessage, observeEmpty, observeAudience, observeExpiry},
	},
	{
		Code: "ANONYMOUS_PULL_OFF", Kind: KindAuthentication, Severity: SeverityError,
		Title: "{host} gives no token to callers without credentials (401)",
		Meaning: "Anonymous pull is a setting of Standard and Premium registries, off unless somebody turned it on. Without it " +
			"every caller needs credentials, for reading too.",
		Causes: []Cause{
			certain("no credentials were given, and the registry requires some", "the token request named no user and no token"),
			inferred("probably anonymous pull is off, as it is by default", "az acr show -n {registry} --query anonymousPullEnabled"),
		},
		Fix: []string{
			"az login",
			"acrkit whoami {host}",
			"printenv PASSWORD | acrkit login {host} --username <user> --password-stdin",
			"az acr update -n {registry} --anonymous-pull-enabled true",
		},
		Retry: RetryNo, Link: linkAnonymous, AzCode: azAccessToken,
		match:   all(refusedPassword, granting("anonymous")),
		observe: []observer{observeMessage, observeResponse},
	},
	{
		Code: "ADMIN_LOGIN_REFUSED", Kind: KindAuthentication, Severity: SeverityError,
		Title: "{host} does not accept the admin user's password (401)",
		Meaning: "The user named like the registry is its admin user. The response is the same when the admin user is off " +
			"and when the password is wrong.",
		Causes: []Cause{
			inferred("probably the admin user is off, as it is by default", "az acr show -n {registry} --query adminUserEnabled"),
			inferred("possibly the password is wrong or was regenerated", "az acr credential show -n {registry}"),
		},
		Fix: []string{
			"az acr show -n {registry} --query adminUserEnabled",
			"az acr credential show -n {registry}",
			"better: az acr login -n {registry}, which needs no admin user",
		},
		Retry: RetryNo, Link: linkLogin, AzCode: azAccessToken,
		match:   all(either(refusedPassword, unknownUser), granting("password"), admin),
		observe: []observer{observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "PASSWORD_REJECTED", Kind: KindAuthentication, Severity: SeverityError,
		Title: "{host} does not accept the password of {user} (401)",
		Meaning: "The token endpoint refused user name and password without naming a reason: the name of a scope-map token with a " +
			"password that is wrong, has expired or was regenerated, or a token that is disabled.",
		Causes: []Cause{
			inferred("probably the password is wrong, has expired or was regenerated", "az acr token show -r {registry} -n {user}"),
			inferred("possibly the token {user} is disabled", "its status in az acr token show"),
			inferred("possibly the password was generated within the last minute", "it works after about 60 seconds"),
		},
		Fix: []string{
			"az acr token show -r {registry} -n {user}",
			"az acr token credential generate -r {registry} -n {user} --password1",
		},
		Retry: RetryNo, Link: linkScopeMaps, AzCode: azAccessToken,
		match:   all(refusedPassword, granting("password"), not(admin), func(ev *evidence) bool { return ev.auth.user != nullUser }),
		observe: []observer{observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "LOGIN_REFUSED", Kind: KindAuthentication, Severity: SeverityError,
		Title: "{host} gives no token to this caller (401)",
		Meaning: "The token endpoint refused the request, and the response does not tell whether it carried a password or none " +
			"at all.",
		Causes: []Cause{
			inferred("probably the password is wrong, or its user is disabled", "acrkit whoami {host}"),
			inferred("possibly no credentials were given, and anonymous pull is off", "az acr show -n {registry} --query anonymousPullEnabled"),
		},
		Fix:   []string{"acrkit whoami {host}", "acrkit doctor {host}"},
		Retry: RetryNo, Link: linkLogin, AzCode: azAccessToken,
		match:   all(refusedPassword, granting(""), not(empty), func(ev *evidence) bool { return ev.auth.user != nullUser }),
		observe: []observer{observeMessage, observeResponse},
	},
	{
		Code: "APP_NOT_REGISTERED", Kind: KindAuthentication, Severity: SeverityError,
		Title: "{host}'s tenant does not know the user or application (401)",
		Meaning: "The user name was taken for a service principal's application id, and the registry's tenant has no such " +
			"application.",
		Causes: []Cause{
			certain("the registry's tenant has no application of that id", "the registry's own message"),
			inferred("probably the application is in another tenant, or its id is mistyped", "az ad sp show --id <app-id>"),
			inferred("possibly the user name was meant to be a scope-map token's, and is mistyped", "az acr token list -r {registry}"),
		},
		Fix:   []string{"az ad sp show --id <app-id>", "az acr token list -r {registry} -o table"},
		Retry: RetryNo, Link: linkLogin, AzCode: azAccessToken,
		match:   saying(phased(phaseToken, 401), "Application not registered with AAD"),
		observe: []observer{observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "APP_SECRET_INVALID", Kind: KindAuthentication, Severity: SeverityError,
		Title:   "{host} was given a wrong secret for a service principal (401)",
		Meaning: "The application exists, and its secret is not the one that was sent: it is wrong, or it has expired.",
		Causes: []Cause{
			certain("the application id or its secret is not valid", "the registry's own message"),
			inferred("probably the secret has expired: secrets are valid for at most two years", "az ad app credential list --id <app-id>"),
		},
		Fix:   []string{"az ad app credential list --id <app-id> -o table", "az ad sp credential reset --id <app-id>"},
		Retry: RetryNo, Link: linkLogin, AzCode: azAccessToken,
		match:   saying(phased(phaseToken, 401), "Invalid clientid or client secret"),
		observe: []observer{observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "USER_NAME_UNKNOWN", Kind: KindAuthentication, Severity: SeverityError,
		Title: "{host} does not accept this kind of user name (401)",
		Meaning: "The user name is neither the admin user's nor a scope-map token's, and it is no GUID, as an application id " +
			"would be.",
		Causes: []Cause{
			certain("the user name is no GUID, and no admin user or token has it", "the registry's own message"),
			inferred("probably the name of a scope-map token is mistyped, or the admin user is off", "az acr token list -r {registry}"),
		},
		Fix:   []string{"az acr token list -r {registry} -o table", "az acr show -n {registry} --query adminUserEnabled"},
		Retry: RetryNo, Link: linkLogin, AzCode: azAccessToken,
		match:   all(unknownUser, not(all(granting("password"), admin))),
		observe: []observer{observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "CONNECTED_REGISTRY_PASSWORD", Kind: KindAuthentication, Severity: SeverityError,
		Title:   "the connected registry {host} was given a wrong password (401)",
		Meaning: "A connected registry on your own premises keeps its own copy of the tokens that may use it.",
		Causes: []Cause{
			certain("the token's password is wrong", "the registry's own message"),
			inferred("probably the password was regenerated, and the connected registry has not synchronised since", "az acr connected-registry show -r <parent> -n <name>"),
		},
		Fix:   []string{"az acr token credential generate -r <parent> -n {user} --password1"},
		Retry: RetryNo, Link: linkScopeMaps, AzCode: azAccessToken,
		match:   saying(either(phased(phaseToken, 401), resource401), "Incorrect Password"),
		observe: []observer{observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "EXCHANGE_METHOD", Kind: KindRequest, Severity: SeverityError,
		Title:   "{host} exchanges tokens by POST, and was sent {method} (404)",
		Meaning: "The exchange is reached by POST alone; for every other method the response is that of a path that does not exist.",
		Causes:  []Cause{certain("the request's method was {method}", "the recorded request")},
		Fix:     []string{"send POST /oauth2/exchange, with the form in its body"},
		Retry:   RetryNo, Link: linkAuthentication, AzCode: azRefreshToken,
		match:   all(phased(phaseExchange, 404), not(webPage), func(ev *evidence) bool { return ev.method != "POST" && ev.method != "" }),
		observe: []observer{observeResponse, observeBody},
	},
	{
		Code: "LOGIN_REQUEST_INVALID", Kind: KindRequest, Severity: SeverityError,
		Title:   "{host} does not understand the token request (400)",
		Meaning: "The form sent to a token endpoint lacks a field or has a value that the registry does not accept.",
		Causes: []Cause{
			inferred("probably grant_type, service or scope is missing or misspelt", "the form's fields, in acrkit … --debug=trace"),
			inferred("possibly service names another registry than {host}", "it has to be the login server itself"),
		},
		Fix:   []string{"run the command with --debug=trace and look at the form"},
		Retry: RetryNo, Link: linkAuthentication,
		match:   all(either(phased(phaseExchange, 400), phased(phaseToken, 400)), not(webPage)),
		observe: []observer{observeMessage, observeBody, observeResponse},
	},
	{
		Code: "USER_NAME_WHITESPACE", Kind: KindRequest, Severity: SeverityError,
		Title:   "{host} failed on a user name that ends in white space (500)",
		Meaning: "A user name with a line break at its end, as `echo` adds it, makes the registry return an internal error.",
		Causes:  []Cause{certain("the user name that was sent ends in white space", "the recorded request's Authorization header")},
		Fix:     []string{"take the line break away: printf %s \"$USER_NAME\" in place of echo"},
		Retry:   RetryNo, Link: linkLogin,
		match:   all(phased(phaseToken, 500), func(ev *evidence) bool { return ev.auth.user != strings.TrimSpace(ev.auth.user) }),
		observe: []observer{observeIdentity, observeMessage, observeResponse},
	},
	{
		Code: "TOKEN_ENDPOINT_REFUSED", Kind: KindAuthentication, Severity: SeverityError,
		Title:   "{host} gives no token ({status})",
		Meaning: "A token endpoint refused the request for a reason that is not in the catalogue. Its message is shown.",
		Causes:  []Cause{inferred("probably the credential is not one that this registry takes", "acrkit whoami {host} shows which one was used")},
		Fix:     []string{"acrkit whoami {host}", "acrkit doctor {host}"},
		Retry:   RetryNo, Link: linkLogin, AzCode: azAccessToken,
		match: func(ev *evidence) bool {
			return (ev.phase == phaseExchange || ev.phase == phaseToken) && ev.status >= 400 && ev.status < 500 &&
				ev.status != 403 && ev.status != 407 && ev.status != 429 && !ev.page
		},
		rank:    rankGeneral,
		observe: []observer{observeMessage, observeBody, observeIdentity, observeResponse},
	},
}

var rowsForbidden = []Row{
	{
		Code: "FIREWALL_DENIED", Kind: KindNetwork, Severity: SeverityError,
		Title: "{host} refused this address (403 DENIED)",
		Meaning: "The registry's network rules don't let this public address in. They count for every path, the login " +
			"included, so nothing else was tried.",
		Causes: []Cause{
			certain("the registry does not let {ip} in", "the registry's own message"),
			inferred("probably network rules leave {ip} out, or public access is off", "az acr show -n {registry} --query \"[publicNetworkAccess,networkRuleSet]\""),
			inferred("possibly this machine should reach the registry by its private endpoint, and {host} resolved to a public address", "acrkit doctor {host} shows what it resolves to"),
		},
		Fix: []string{
			"az acr network-rule add -n {registry} --ip-address {ip}",
			"on a private network: your resolver should give a private address; acrkit doctor {host}",
		},
		Retry: RetryNo, Link: linkFirewall, AzCode: "CONNECTIVITY_FORBIDDEN_ERROR",
		match:   all(firewall, not(firewallPrivate)),
		observe: []observer{observeMessage, observeAddress, observeResponse},
	},
	{
		Code: "FIREWALL_DENIED_PRIVATE", Kind: KindNetwork, Severity: SeverityError,
		Title: "{host} refused this private address (403 DENIED)",
		Meaning: "The registry saw an address of a private network: the request came through a service endpoint or a private " +
			"link that its rules don't know. An IP rule does not help, they take public addresses alone.",
		Causes: []Cause{
			certain("the registry does not let the private address {ip} in", "the registry's own message"),
			inferred("probably the subnet has a service endpoint for registries, and no rule of the registry names it", "the service endpoints in az network vnet subnet show"),
			inferred("possibly the private endpoint's connection is not approved", "az acr private-endpoint-connection list -r {registry}"),
		},
		Fix: []string{
			"az acr private-endpoint-connection list -r {registry} -o table",
			"acrkit doctor {host}",
		},
		Retry: RetryNo, Link: linkAccess, AzCode: "CONNECTIVITY_FORBIDDEN_ERROR",
		match:   all(firewall, firewallPrivate),
		observe: []observer{observeMessage, observeAddress, observeResponse},
	},
	{
		Code: "CMK_INACTIVE", Kind: KindService, Severity: SeverityError,
		Title: "{host} cannot use its encryption key (403)",
		Meaning: "The registry is encrypted with a key of yours. Its identity or the key was removed, so it neither reads nor " +
			"writes.",
		Causes: []Cause{
			certain("the identity that the registry opens its key with is inactive", "the registry's own message"),
			inferred("probably the managed identity was removed, or lost its access to the key vault", "az acr encryption show -n {registry}"),
		},
		Fix: []string{
			"az acr encryption show -n {registry}",
			"give the identity the key permissions get, unwrapKey and wrapKey again",
		},
		Retry: RetryNo, Link: "https://learn.microsoft.com/azure/container-registry/tutorial-troubleshoot-customer-managed-keys", AzCode: "CMK_ERROR",
		match:   saying(registry403, "identity associated with the registry is inactive"),
		observe: []observer{observeMessage, observeBody, observeResponse},
	},
	{
		Code: "CMK_KEY_FORBIDDEN", Kind: KindService, Severity: SeverityError,
		Title: "{host} may not use its encryption key",
		Meaning: "The registry is encrypted with a key of yours, and its key vault refuses that key. It neither reads nor writes " +
			"until that is fixed.",
		Causes: []Cause{
			certain("the key vault refuses the key to the registry", "the registry's own message"),
			inferred("probably the registry's identity lost its access to the vault, or the vault's firewall leaves the registry out", "az acr encryption show -n {registry}"),
			inferred("possibly the key or the vault is disabled or deleted", "az keyvault key show --id <key>"),
		},
		Fix: []string{
			"az acr encryption show -n {registry}",
			"give the identity get, wrapKey and unwrapKey on the key, and let trusted services through the vault's firewall",
		},
		Retry: RetryNo, Link: "https://learn.microsoft.com/azure/container-registry/tutorial-troubleshoot-customer-managed-keys", AzCode: "CMK_ERROR",
		match:   saying(registry403, "Access to Key Encryption Key is forbidden"),
		observe: []observer{observeMessage, observeBody, observeResponse},
	},
	{
		Code: "ACCESS_DENIED", Kind: KindAuthorization, Severity: SeverityError,
		Title: "{host} denies the request (403)",
		Meaning: "The registry returned 403 without naming an address or a missing role. Azure's registry reports a missing " +
			"permission with 401, so this comes from a rule of another kind.",
		Causes: []Cause{
			inferred("possibly a policy of the registry or of a proxy before it forbids the operation", "the response's message"),
			inferred("possibly {host} is another product's registry, which returns 403 for missing permissions", "its Server header"),
		},
		Fix:   []string{"acrkit doctor {host}/{repository}"},
		Retry: RetryNo, Link: linkLogin, AzCode: "CONNECTIVITY_FORBIDDEN_ERROR",
		match: func(ev *evidence) bool {
			return ev.status == 403 && ev.phase != phaseStorage && ev.phase != phaseEntra && len(ev.entries) > 0
		},
		rank:    rankGeneral,
		observe: []observer{observeMessage, observeScopes, observeIdentity, observeServer, observeResponse},
	},
	{
		Code: "DENIED_WITHOUT_REASON", Kind: KindAuthorization, Severity: SeverityError,
		Title:   "{host} denies the request, and a HEAD response cannot state the reason (403)",
		Meaning: "A registry explains its 403 in the body, and the response to a HEAD request has none. The same request by GET would tell.",
		Causes: []Cause{
			inferred("probably the registry's network rules leave this address out, or public access is off", "acrkit doctor {host} asks by GET"),
			inferred("possibly a proxy or a policy in between forbids it", "the response's Server and Via headers"),
		},
		Fix:   []string{"acrkit doctor {host}"},
		Retry: RetryNo, Link: linkAccess, AzCode: "CONNECTIVITY_FORBIDDEN_ERROR",
		match: func(ev *evidence) bool {
			return ev.status == 403 && ev.phase != phaseStorage && ev.phase != phaseEntra && len(ev.entries) == 0 && ev.method == "HEAD" && !ev.page
		},
		rank:    rankGeneral,
		observe: []observer{observeAddress, observeServer, observeResponse},
	},
	{
		Code: "FORBIDDEN_IN_BETWEEN", Kind: KindNetwork, Severity: SeverityError,
		Title: "a 403 that is not in the registry's form came back from {host}",
		Meaning: "A registry explains its 403 in a JSON body. This response has none, as those of proxies and of firewalls " +
			"in front of a network.",
		Causes: []Cause{
			inferred("probably a proxy or a firewall in between forbids {host}", "the response's headers and body name it"),
			inferred("possibly one of the service's own gateways responded", "the X-Ms-Correlation-Request-Id header is there"),
		},
		Fix:   []string{"acrkit doctor {host}", "ask whoever runs the proxy to allow {host} and its data hosts"},
		Retry: RetryNo, Link: linkAccess, AzCode: "CONNECTIVITY_FORBIDDEN_ERROR",
		match: func(ev *evidence) bool {
			return ev.status == 403 && ev.phase != phaseStorage && ev.phase != phaseEntra && len(ev.entries) == 0 && (ev.method != "HEAD" || ev.page)
		},
		rank:    rankGeneral,
		observe: []observer{observeServer, observeBody, observeResponse},
	},
}
