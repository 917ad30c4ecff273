package printed

// forbiddenCauses are what a 403 may mean whose reason the tool does not show.
var forbiddenCauses = []Cause{
	{"probably the registry's network rules leave this address out, or public access is off", `az acr show -n {registry} --query "[publicNetworkAccess,networkRuleSet]"; the registry's response names the address, which this text does not show: acrkit doctor {host}`},
	{"possibly the machine should use the private endpoint, and its private DNS zone is not linked to this network", "acrkit doctor {host} shows what the name resolves to"},
	{"possibly a proxy or a firewall in between forbids it", "acrkit doctor {host} shows whose response it is"},
}

// anonymousCauses are what an anonymous token request that was refused may
// mean, in order.
var anonymousCauses = []Cause{
	{"probably no credentials for {host} were given to the tool, and anonymous pull is off", "acrkit doctor {host} shows which credentials are found; az acr show -n {registry} --query anonymousPullEnabled"},
	{"possibly credentials are there under another name than {host}, or for another user", "the name in docker's or helm's store must be the login server in lower case"},
	{"possibly the identity that should sign in has no role on the registry, so that the tool continued without it", "az role assignment list --assignee <identity> --all"},
	{"possibly {image} is mistyped: the registry gives the same response for what does not exist", "somebody who may list can tell: acrkit ls {host}"},
}

// nodeCauses are the same for a node of Kubernetes.
var nodeCauses = []Cause{
	{"probably the identity of the node's kubelet has no AcrPull on the registry: the sign-in failed, and the node continued without credentials", "az aks check-acr -g <group> -n <cluster> --acr {host}"},
	{"possibly the pod names no imagePullSecret, or the secret is in another namespace or for another host", "kubectl get secret <name> -n <namespace of the pod> -o jsonpath='{.data.\\.dockerconfigjson}' | base64 -d names the hosts"},
	{"possibly {image} is mistyped: a node asks without credentials after a missing tag, too", "somebody who may list can tell: acrkit ls {host}"},
	{"possibly anonymous pull was meant to be on", "az acr show -n {registry} --query anonymousPullEnabled"},
}

// exchangeCauses are what a 401 at the exchange may mean.
var exchangeCauses = []Cause{
	{"probably the identity has no role on the registry: some responses to that are 401", "az role assignment list --assignee <identity> --all"},
	{"possibly the token comes from another tenant than the registry's", "acrkit doctor {host} shows the token's tenant"},
	{"possibly the token has expired, or its audience is not a registry's", "acrkit doctor {host} shows audience and expiry"},
}

// phrasingsLogin are the failures of signing in to a registry, by who prints
// them.
var phrasingsLogin = []Phrasing{
	{
		Tool: "kubelet, containerd", Text: "failed to pull…failed to fetch anonymous token…401 unauthorized", Code: "NODE_WITHOUT_CREDENTIALS", Weight: Status, Again: true, Causes: nodeCauses,
		Example: `Failed to pull image "shop.azurecr.io/web:1.0": failed to pull and unpack image "shop.azurecr.io/web:1.0": failed to resolve reference "shop.azurecr.io/web:1.0": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://shop.azurecr.io/oauth2/token?scope=repository%3Aweb%3Apull&service=shop.azurecr.io: 401 Unauthorized`,
	},
	{
		Tool: "helm, buildx, Argo CD", Text: "failed to fetch anonymous token…401 unauthorized", Code: "ANONYMOUS_PULL_OFF", Weight: Status, Again: true, Causes: anonymousCauses,
		Example: `Error: failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://shop.azurecr.io/oauth2/token?scope=repository%3Acharts%2Fweb%3Apull&service=shop.azurecr.io: 401 Unauthorized`,
	},
	{
		Tool: "kubelet, helm, buildx", Text: "failed to fetch anonymous token…403 forbidden", Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://shop.azurecr.io/oauth2/token: 403 Forbidden`,
	},
	{
		Tool: "kubelet, helm, buildx", Text: "failed to fetch oauth token…401 unauthorized", Code: "LOGIN_REFUSED", Weight: Said,
		Example: `failed to authorize: failed to fetch oauth token: unexpected status from POST request to https://shop.azurecr.io/oauth2/token: 401 Unauthorized`,
	},
	{
		Tool: "kubelet, helm, buildx", Text: "failed to fetch oauth token…403 forbidden", Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `failed to authorize: failed to fetch oauth token: unexpected status: 403 Forbidden`,
	},
	{
		Tool: "kubelet", Text: "unable to retrieve some image pull secrets", Code: "NODE_WITHOUT_CREDENTIALS", Weight: Status, Causes: nodeCauses,
		Example: `Warning  FailedToRetrieveImagePullSecret  kubelet  Unable to retrieve some image pull secrets (acr-secret); attempting to pull the image may not succeed.`,
	},
	{
		Tool: "kubelet, AKS, Container Apps", Text: "token exchange endpoint returned error status: 401", Code: "ENTRA_TOKEN_REJECTED", Weight: Status, Causes: exchangeCauses,
		Example: `ACR shop.azurecr.io rejected token exchange: ACR token exchange endpoint returned error status: 401. body: {"errors":[{"code":"UNAUTHORIZED","message":"authentication required, visit https://aka.ms/acr/authorization for more information."}]}`,
	},
	{
		Tool: "kubelet, AKS, Container Apps", Text: "token exchange endpoint returned error status: 403", Code: "ACCESS_DENIED", Weight: Said, Causes: forbiddenCauses,
		Example: `ACR shop.azurecr.io rejected token exchange: ACR token exchange endpoint returned error status: 403. body:`,
	},
	{
		Tool: "AKS", Text: "rejected token exchange", Code: "ENTRA_TOKEN_REJECTED", Weight: Status, Causes: exchangeCauses,
		Example: `ACR shop.azurecr.io rejected token exchange`,
	},
	{
		Tool: "Azure SDKs, azd", Text: "/oauth2/exchange…401", Code: "ENTRA_TOKEN_REJECTED", Weight: Status, Causes: exchangeCauses,
		Example: `POST https://shop.azurecr.io/oauth2/exchange RESPONSE 401: 401 Unauthorized ERROR CODE UNAVAILABLE Response contained no body`,
	},
	{
		Tool: "Azure SDKs, azd", Text: "/oauth2/exchange…403", Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `POST https://shop.azurecr.io/oauth2/exchange RESPONSE 403: 403 Forbidden ERROR CODE UNAVAILABLE`,
	},
	{
		Tool: "Azure SDKs", Text: "/oauth2/exchange…429", Code: "LOGIN_THROTTLED", Weight: Said,
		Example: `POST https://shop.azurecr.io/oauth2/exchange RESPONSE 429: 429 Too Many Requests`,
	},
	{
		Tool: "Docker, crane, oras", Text: "/oauth2/token…429", None: []string{"realm="}, Code: "LOGIN_THROTTLED", Weight: Said,
		Example: `GET "https://shop.azurecr.io/oauth2/token?service=shop.azurecr.io": response status code 429: toomanyrequests: too many requests`,
	},
	{
		Tool: "crane", Text: "/oauth2/token…toomanyrequests", None: []string{"realm="}, Code: "LOGIN_THROTTLED", Weight: Said,
		Example: `GET https://shop.azurecr.io/oauth2/token?scope=repository%3Aweb%3Apull&service=shop.azurecr.io: TOOMANYREQUESTS: too many requests`,
	},
	{
		Tool: "helm, oras, buildx", Text: "/oauth2/token…: 403", None: []string{"realm="}, Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `unexpected status from GET request to https://shop.azurecr.io/oauth2/token?service=shop.azurecr.io: 403 Forbidden`,
	},
	{
		Tool: "helm, oras, buildx", Text: "/oauth2/token…401", None: []string{"realm="}, Code: "LOGIN_REFUSED", Weight: Status,
		Example: `GET "https://shop.azurecr.io/oauth2/token?scope=repository%3Aweb%3Apull&service=shop.azurecr.io": response status code 401: unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information.`,
	},
	{
		Tool: "crane", Text: "/oauth2/token…unauthorized", None: []string{"realm="}, Code: "LOGIN_REFUSED", Weight: Status,
		Example: `GET https://shop.azurecr.io/oauth2/token?scope=repository%3Aweb%3Apull&service=shop.azurecr.io: UNAUTHORIZED: authentication required, visit https://aka.ms/acr/authorization for more information.`,
	},
	{
		Tool: "Azure Container Apps", Text: "get https:?scope=…unauthorized", Code: "LOGIN_REFUSED", Weight: Said,
		Example: `Invalid value: "shop.azurecr.io/web:1.0": GET https:?scope=repository%3Aweb%3Apull&service=shop.azurecr.io: UNAUTHORIZED: authentication required, visit https://aka.ms/acr/authorization for more information.`,
	},
	{
		Tool: "podman, skopeo, buildah", Text: "unable to retrieve auth token: invalid username/password", Code: "LOGIN_REFUSED", Weight: Said,
		Example: `Error: initializing source docker://shop.azurecr.io/web:1.0: unable to retrieve auth token: invalid username/password: unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information.`,
	},
	{
		Tool: "podman, skopeo", Text: "error logging into \"…invalid username/password", Code: "LOGIN_REFUSED", Weight: Said,
		Example: `Error: logging into "shop.azurecr.io": error logging into "shop.azurecr.io": invalid username/password`,
	},
	{
		Tool: "podman, skopeo", Text: "invalid username/password", Code: "LOGIN_REFUSED", Weight: Said,
		Example: `Error: logging into "shop.azurecr.io": invalid username/password`,
	},
	{
		Tool: "Docker", Text: "/v2/\": unauthorized", Code: "LOGIN_REFUSED", Weight: Said,
		Example: `Error response from daemon: Get "https://shop.azurecr.io/v2/": unauthorized: {"errors":[{"code":"UNAUTHORIZED","message":"authentication required, visit https://aka.ms/acr/authorization for more information."}]}`,
	},
	{
		Tool: "Docker", Text: "/v2/: unauthorized", Code: "LOGIN_REFUSED", Weight: Said,
		Example: `Error response from daemon: Get https://shop.azurecr.io/v2/: unauthorized: authentication required`,
	},
	{
		Tool: "Docker", Text: "login attempt to…failed with status: 401", Code: "LOGIN_REFUSED", Weight: Said,
		Example: `Error response from daemon: login attempt to https://shop.azurecr.io/v2/ failed with status: 401 Unauthorized`,
	},
	{
		Tool: "Docker", Text: "login attempt to…failed with status: 404", Code: "NOT_A_REGISTRY", Weight: Status,
		Example: `Error response from daemon: login attempt to https://shop.azurecr.io/v2/ failed with status: 404 Not Found`,
	},
	{
		Tool: "Docker", Text: "login attempt to…failed with status: 403", Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `Error response from daemon: login attempt to https://shop.azurecr.io/v2/ failed with status: 403 Forbidden`,
	},
	{
		Tool: "Docker, helm", Text: "no basic auth credentials", Code: "NO_CREDENTIALS", Weight: Said,
		Example: `Error response from daemon: Head "https://shop.azurecr.io/v2/web/manifests/1.0": no basic auth credentials`,
	},
	{
		Tool: "oras", Text: "basic credential not found", Code: "NO_CREDENTIALS", Weight: Said,
		Example: `Error: HEAD "https://shop.azurecr.io/v2/web/manifests/1.0": basic credential not found`,
	},
	{
		Tool: "Docker", Text: "cannot perform an interactive login from a non tty device", Code: "NO_CREDENTIALS", Weight: Said,
		Example: `Error: Cannot perform an interactive login from a non TTY device`,
	},
	{
		Tool: "docker/login-action", Text: "username and password required", Code: "NO_CREDENTIALS", Weight: Said,
		Example: `Error: Username and password required`,
	},
	{
		Tool: "all", Text: "server message: invalid_token", Code: "TOKEN_INVALID", Weight: Said,
		Example: `failed to resolve reference "shop.azurecr.io/web:1.0": pull access denied: server message: invalid_token: authorization failed`,
	},
	{
		Tool: "containerd", Text: "push access denied…insufficient_scope", Code: "ACTION_NOT_GRANTED", Weight: Said,
		Example: `push access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`,
	},
	{
		Tool: "buildx", Text: "failed to push…insufficient_scope", Code: "ACTION_NOT_GRANTED", Weight: Said,
		Example: `ERROR: failed to push shop.azurecr.io/web:1.0: server message: insufficient_scope: authorization failed`,
	},
	{
		Tool: "Docker", Text: "denied: requested access to the resource is denied", Code: "ACTION_NOT_GRANTED", Weight: Status,
		Example: `The push refers to repository [shop.azurecr.io/web]
denied: requested access to the resource is denied`,
	},
	{
		Tool: "podman, buildah, skopeo", Text: "writing blob…requested access to the resource is denied", Code: "ACTION_NOT_GRANTED", Weight: Status,
		Example: `Error: writing blob: initiating layer upload to /v2/web/blobs/uploads/ in shop.azurecr.io: requested access to the resource is denied`,
	},
	{
		Tool: "kubelet, containerd", Text: "pull access denied…repository does not exist or may require", Code: "PULL_DENIED_OR_MISSING", Weight: Said,
		Example: `failed to resolve reference "shop.azurecr.io/web:1.0": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`,
	},
	{
		Tool: "Docker", Text: "pull access denied", Code: "PULL_DENIED_OR_MISSING", Weight: Said,
		Example: `Error response from daemon: pull access denied for shop.azurecr.io/web, repository does not exist or may require 'docker login'`,
	},
	{
		Tool: "all", Text: "insufficient_scope", Code: "PULL_DENIED_OR_MISSING", Weight: Said,
		Example: `server message: insufficient_scope: authorization failed`,
	},
	{
		Tool: "all", Text: "error=\"invalid_token\"", Code: "TOKEN_INVALID", Weight: Said,
		Example: `Www-Authenticate: Bearer realm="https://shop.azurecr.io/oauth2/token",service="shop.azurecr.io",error="invalid_token"`,
	},
	{
		Tool: "notary", Text: "failed to sign…not authorized to perform this operation", Code: "CONTENT_TRUST_NOT_ALLOWED", Weight: Said,
		Example: `failed to sign shop.azurecr.io/web:1.0: you are not authorized to perform this operation: server returned 401.`,
	},
	{
		Tool: "notary", Text: "you are not authorized to perform this operation: server returned 401", Code: "CONTENT_TRUST_NOT_ALLOWED", Weight: Said,
		Example: `you are not authorized to perform this operation: server returned 401.`,
	},
	{
		Tool: "helm", Text: "azurecr.…/helm/v1/repo", Code: "HELM_REPO_RETIRED", Weight: Said,
		Example: `Error: looks like "https://shop.azurecr.io/helm/v1/repo" is not a valid chart repository or cannot be reached: failed to fetch https://shop.azurecr.io/helm/v1/repo/index.yaml : 401 Unauthorized`,
	},
	{
		Tool: "helm", Text: "azurecr.…is not a valid chart repository", Code: "HELM_REPO_RETIRED", Weight: Said,
		Example: `Error: looks like "https://shop.azurecr.io" is not a valid chart repository or cannot be reached: failed to fetch https://shop.azurecr.io/index.yaml : 404 Not Found`,
	},
}
