package diagnose

var rowsDisallowed = []Row{
	{
		Code: "WRITE_DISALLOWED", Kind: KindConflict, Severity: SeverityError,
		Title: "{host} forbids to change {thing} (405)",
		Meaning: "A lock of the tag, the manifest or the repository forbids the change, or the registry is full. The registry " +
			"gives the same response to all of them.",
		Causes: []Cause{
			inferred("probably the tag or the repository is locked: writeEnabled is false", "the locks in acrkit show, and in acrkit repo show"),
			inferred("possibly the registry has reached its storage limit", "az acr show-usage -n {registry}"),
		},
		Fix: []string{
			"acrkit show {host}/{image}",
			"acrkit repo show {host}/{repository}",
			"acrkit tag unlock {host}/{tagged}",
			"acrkit repo unlock {host}/{repository}",
		},
		Retry: RetryNo, Link: linkLocks,
		match:   all(disallowed, methods("PUT", "POST", "PATCH")),
		observe: []observer{observeMessage, observeResponse},
	},
	{
		Code: "DELETE_DISALLOWED", Kind: KindConflict, Severity: SeverityError,
		Title: "{host} forbids to delete {thing} (405)",
		Meaning: "A lock forbids it: of the tag, of the manifest, of a tag that points to the manifest, or of the repository. " +
			"Purging tools skip what is locked.",
		Causes: []Cause{
			inferred("probably writeEnabled or deleteEnabled is false on the tag, its manifest or the repository", "the locks in acrkit show, and in acrkit repo show"),
			inferred("possibly another tag of the same manifest is locked", "its tags in acrkit manifest show"),
		},
		Fix: []string{
			"acrkit show {host}/{image}",
			"acrkit manifest unlock {host}/{image}",
			"acrkit tag unlock {host}/{tagged}",
		},
		Retry: RetryNo, Link: linkLocks,
		match:   all(disallowed, methods("DELETE")),
		observe: []observer{observeMessage, observeResponse},
	},
	{
		Code: "READ_DISALLOWED", Kind: KindConflict, Severity: SeverityError,
		Title: "{host} forbids to read {thing} (405)",
		Meaning: "A manifest in quarantine can't be pulled by its digest until it is released, and one whose readEnabled is false " +
			"not at all. The response is the same for both.",
		Causes: []Cause{
			inferred("probably the image is in quarantine, or its readEnabled is false", "acrkit manifest show {host}/{image} shows the locks; no lock means quarantine"),
		},
		Fix: []string{
			"acrkit manifest show {host}/{image}",
			"acrkit manifest unlock {host}/{image} --for read",
			"a quarantined image: whoever scans the images has to release it",
		},
		Retry: RetryNo, Link: linkLocks,
		match:   all(disallowed, methods("GET", "HEAD")),
		observe: []observer{observeMessage, observeResponse},
	},
	{
		Code: "DISALLOWED", Kind: KindConflict, Severity: SeverityError,
		Title:   "{host} forbids the operation (405)",
		Meaning: "A lock, a quarantine or a limit of the registry forbids it; the response does not tell which operation it was.",
		Causes: []Cause{
			inferred("probably a lock: writeEnabled, deleteEnabled or readEnabled is false", "acrkit show {host}/{image}"),
			inferred("possibly a quarantine or the storage limit", "az acr show-usage -n {registry}"),
		},
		Fix:   []string{"acrkit show {host}/{image}", "acrkit repo show {host}/{repository}"},
		Retry: RetryNo, Link: linkLocks,
		match:   disallowed,
		rank:    rankGeneral,
		observe: []observer{observeMessage, observeResponse},
	},
}

var rowsService = []Row{
	{
		Code: "CACHE_RULE_THROTTLED", Kind: KindThrottled, Severity: SeverityError,
		Title:   "the registry that {host} caches from throttles it (429)",
		Meaning: "The image comes from an upstream registry by a cache rule, and the upstream refuses more requests.",
		Causes: []Cause{
			certain("the source registry of a cache rule throttles", "the registry's own message"),
			inferred("probably the cache rule has no credentials, and shares the upstream's anonymous limit", "az acr cache list -r {registry}"),
		},
		Fix:   []string{"az acr credential-set create -r {registry} -n <name> -l <upstream> -u <vault-uri> -p <vault-uri>"},
		Retry: RetryLater, Link: "https://learn.microsoft.com/azure/container-registry/artifact-cache-overview",
		match:   all(throttled, fromCache),
		observe: []observer{observeMessage, observeWait, observeResponse},
	},
	{
		Code: "LOGIN_THROTTLED", Kind: KindThrottled, Severity: SeverityError,
		Title:   "{host} throttles sign-ins (429 at the token endpoint)",
		Meaning: "The token endpoints have a limit of their own. It looks like a failed sign-in, and the credentials were not even looked at.",
		Causes: []Cause{
			certain("the registry received too many token requests", "status 429 at a token endpoint"),
			inferred("probably a client asks for a token with every request in place of keeping it", "count the requests to /oauth2 in its log"),
		},
		Fix: []string{
			"wait {wait}, then try again",
			"programs: keep a token until it expires, and share it between clients",
		},
		Retry: RetryLater, Link: linkLimits, AzCode: "CONNECTIVITY_TOOMANYREQUESTS_ERROR",
		match:   all(throttled, not(fromCache), func(ev *evidence) bool { return ev.phase == phaseExchange || ev.phase == phaseToken }),
		observe: []observer{observeMessage, observeWait, observeResponse},
	},
	{
		Code: "THROTTLED", Kind: KindThrottled, Severity: SeverityError,
		Title: "{host} throttles this caller (429)",
		Meaning: "Each identity and each registry may send so many reads, writes, deletes and referrer listings a minute, " +
			"depending on the tier. All anonymous callers count as one, and so do all users of the admin user.",
		Causes: []Cause{
			certain("more requests arrived within the window than the tier allows", "status 429"),
			inferred("probably many jobs share one identity", "give them identities of their own"),
			inferred("possibly the registry's tier is too small for the load", "az acr show -n {registry} --query sku"),
		},
		Fix: []string{
			"wait {wait}, then try again",
			"az acr update -n {registry} --sku Premium",
		},
		Retry: RetryLater, Link: linkLimits,
		match:   all(throttled, not(fromCache), func(ev *evidence) bool { return ev.phase != phaseExchange && ev.phase != phaseToken }),
		observe: []observer{observeMessage, observeWait, observeResponse},
	},
	{
		Code: "SERVICE_UNAVAILABLE", Kind: KindService, Severity: SeverityError,
		Title:   "{host} is not available at this moment (503)",
		Meaning: "The service responds, and cannot do the work for now.",
		Causes: []Cause{
			certain("the service could not do the work when it was asked", "status 503"),
			inferred("probably a temporary fault of the service", "the same request succeeds within minutes"),
		},
		Fix:   []string{"wait {wait}, then try again", "az acr check-health -n {registry}"},
		Retry: RetryLater, Link: linkStatus,
		match:   registryStatus(503),
		observe: []observer{observeMessage, observeBody, observeWait, observeResponse},
	},
	{
		Code: "GATEWAY_ERROR", Kind: KindService, Severity: SeverityError,
		Title:   "a gateway in front of {host} got no response from it ({status})",
		Meaning: "Something between here and the registry passed the request on and got nothing usable back: the service's own gateway, or a proxy.",
		Causes: []Cause{
			inferred("probably a temporary fault of the service", "the same request succeeds within minutes"),
			inferred("possibly a proxy in between lost the connection", "the response's Via and Server headers name it"),
		},
		Fix:   []string{"try again", "acrkit doctor {host}"},
		Retry: RetryLater, Link: linkStatus,
		match:   either(registryStatus(502), registryStatus(504)),
		observe: []observer{observeServer, observeBody, observeResponse},
	},
	{
		Code: "REGISTRY_FULL", Kind: KindService, Severity: SeverityError,
		Title:   "{host} has no space left to write to ({status})",
		Meaning: "The registry could not keep what was sent. An emulator or a registry of one's own says so; Azure's has no such response. What it had before stays.",
		Causes:  []Cause{certain("the disk that {host} keeps its data on is full, or its user's quota is used up", "the status 507")},
		Fix:     []string{"df -h", "free some space where {host} keeps its data, and run the command again: it continues"},
		Retry:   RetryNo,
		match:   func(ev *evidence) bool { return ev.status == 507 && ev.phase != phaseStorage && ev.phase != phaseEntra },
		observe: []observer{observeMessage, observeBody, observeResponse},
	},
	{
		Code: "SERVICE_ERROR", Kind: KindService, Severity: SeverityError,
		Title:   "{host} reported an internal error ({status})",
		Meaning: "The registry failed internally. Azure's support can find the cause by the correlation id.",
		Causes:  []Cause{inferred("probably a temporary fault of the service", "the same request succeeds within minutes; one that keeps failing is for Azure's support")},
		Fix:     []string{"try again", "open a support request that quotes the correlation id"},
		Retry:   RetryLater, Link: linkStatus,
		match: func(ev *evidence) bool {
			return ev.status >= 500 && ev.phase != phaseStorage && ev.phase != phaseEntra &&
				ev.status != 502 && ev.status != 503 && ev.status != 504
		},
		rank:    rankGeneral,
		observe: []observer{observeMessage, observeBody, observeWait, observeResponse},
	},
}

var rowsStorage = []Row{
	{
		Code: "CREDENTIALS_TO_STORAGE", Kind: KindRequest, Severity: SeverityError,
		Title: "the storage host {data} refuses the form of the request's credentials (400)",
		Meaning: "A blob's GET is redirected to a storage host, with a URL that is signed already. An Authorization " +
			"header sent along makes the storage refuse the request, and shows the token to a host that has no use for it.",
		Causes: []Cause{
			certain("the storage host refuses the form of the credentials sent to it", "its own error code"),
			inferred("probably the client follows the redirect with its Authorization header", "this library drops it; a transport given to it may add it again"),
		},
		Fix:   []string{"drop Authorization when scheme, host or port of a redirect differ from the registry's"},
		Retry: RetryNo, Link: linkEndpoints,
		match: func(ev *evidence) bool {
			return ev.phase == phaseStorage && ev.status == 400 && (ev.code == "InvalidAuthenticationInfo" || ev.code == "AuthenticationFailed" || ev.auth.scheme != "")
		},
		observe: []observer{observeMessage, observeSentAuthorization, observeRedirect, observeResponse},
	},
	{
		Code: "STORAGE_LINK_REFUSED", Kind: KindAuthorization, Severity: SeverityError,
		Title:   "the storage host {data} does not accept the signed link (403)",
		Meaning: "A blob's link is signed and valid for about twenty minutes. The storage host rejects this one.",
		Causes: []Cause{
			inferred("probably the link has expired: it is valid for about twenty minutes", "its se parameter, against the response's Date"),
			inferred("possibly this machine or a proxy changed the link's query", "its length"),
			inferred("possibly this machine's clock is wrong", "acrkit doctor compares the clocks"),
		},
		Fix:   []string{"ask the registry for the blob again: it gives a fresh link, and BlobClient does so by itself"},
		Retry: RetryRestart, Link: linkEndpoints,
		match:   all(storage(403), either(storageCode("AuthenticationFailed"), func(ev *evidence) bool { return ev.code == "" })),
		observe: []observer{observeMessage, observeLinkEnd, observeRedirect, observeResponse},
	},
	{
		Code: "STORAGE_FIREWALL", Kind: KindNetwork, Severity: SeverityError,
		Title:   "the storage host {data} does not let this address in (403)",
		Meaning: "The registry let the caller in, and the storage behind it does not.",
		Causes: []Cause{
			certain("the storage host does not authorise the request from here", "its own error code"),
			inferred("probably a service endpoint policy or a network rule in between keeps requests from this storage account", "the subnet's service endpoint policies"),
		},
		Fix:   []string{"allow {data}, or switch on dedicated data endpoints: az acr update -n {registry} --data-endpoint-enabled"},
		Retry: RetryNo, Link: linkEndpoints,
		match:   all(storage(403), not(storageCode("AuthenticationFailed")), func(ev *evidence) bool { return ev.code != "" }),
		observe: []observer{observeMessage, observeRedirect, observeResponse},
	},
	{
		Code: "STORAGE_BLOB_MISSING", Kind: KindService, Severity: SeverityError,
		Title:   "the storage host {data} has no such blob, though the registry redirected to it (404)",
		Meaning: "The registry knows the blob and its storage does not have it.",
		Causes:  []Cause{inferred("probably the blob was deleted between the redirect and the download, or a replica has not received it", "ask again after a minute")},
		Fix:     []string{"try again after a minute", "push the image again if it stays so"},
		Retry:   RetryLater, Link: linkEndpoints,
		match:   storage(404),
		observe: []observer{observeMessage, observeRedirect, observeResponse},
	},
	{
		Code: "STORAGE_BUSY", Kind: KindService, Severity: SeverityError,
		Title:   "the storage host {data} failed or is busy ({status})",
		Meaning: "Azure storage responds so for a short time, when it is overloaded or moves data.",
		Causes:  []Cause{inferred("probably a temporary fault of the storage service", "the same request succeeds within a minute")},
		Fix:     []string{"try again; BlobClient does so by itself"},
		Retry:   RetryLater, Link: linkStatus,
		match:   func(ev *evidence) bool { return ev.phase == phaseStorage && (ev.status >= 500 || ev.status == 429) },
		observe: []observer{observeMessage, observeWait, observeRedirect, observeResponse},
	},
	{
		Code: "STORAGE_ERROR", Kind: KindService, Severity: SeverityError,
		Title:   "the storage host {data} refused the download ({status})",
		Meaning: "The host of a blob's redirect returned a status that the catalogue does not list.",
		Causes:  []Cause{inferred("possibly a proxy in between responded in its place", "the response's Server and Via headers")},
		Fix:     []string{"acrkit doctor {host}"},
		Retry:   RetryLater, Link: linkEndpoints,
		match:   func(ev *evidence) bool { return ev.phase == phaseStorage && ev.status >= 400 && ev.status != 416 },
		rank:    rankGeneral,
		observe: []observer{observeMessage, observeServer, observeBody, observeRedirect, observeResponse},
	},
}
