package diagnose

const (
	linkFAQ       = "https://aka.ms/acr/faq"
	linkErrors    = "https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes"
	linkLocks     = "https://learn.microsoft.com/azure/container-registry/container-registry-image-lock"
	linkLimits    = "https://aka.ms/acr/skus#sku-feature-matrix"
	linkGeo       = "https://learn.microsoft.com/azure/container-registry/container-registry-geo-replication"
	linkHealth    = "https://learn.microsoft.com/azure/container-registry/container-registry-check-health"
	linkStatus    = "https://azure.status.microsoft"
	linkEndpoints = "https://learn.microsoft.com/azure/container-registry/container-registry-dedicated-data-endpoints"
)

var rowsNotFound = []Row{
	{
		Code: "REPOSITORY_NOT_FOUND", Kind: KindNotFound, Severity: SeverityError,
		Title:   "{host} has no repository {repository}",
		Meaning: "No repository of that name is in the registry. One comes into being with the first manifest pushed to it; blobs alone don't make one.",
		Causes: []Cause{
			certain("the registry has no repository {repository}", "the registry's response"),
			inferred("probably the name is mistyped, or the repository was deleted", "acrkit ls {host}; with soft delete on, acrkit repo list --deleted {host}"),
			inferred("possibly nothing was pushed to it yet", "pushing a manifest creates it"),
		},
		Fix:   []string{"acrkit ls {host}"},
		Retry: RetryNo, Link: linkErrors,
		match:   coded(404, "NAME_UNKNOWN"),
		observe: []observer{observeMessage, observeResponse},
	},
	{
		Code: "TAG_NOT_FOUND", Kind: KindNotFound, Severity: SeverityError,
		Title: "there is no {image} at {host}",
		Meaning: "The repository has no such tag, or the repository itself does not exist: the response is the same for both. " +
			"While quarantine is on, a new image can't be seen by its tag either.",
		Causes: []Cause{
			certain("no manifest that this caller may see has the tag {reference}", "the registry's response"),
			inferred("probably the tag is mistyped, was deleted or moved", "acrkit ls {host}/{repository}"),
			inferred("possibly the image is in quarantine", "a reader of quarantined images sees it in acrkit manifest list {host}/{repository}"),
			inferred("possibly a purge removed it", "the registry's tasks: az acr task list -r {registry}"),
		},
		Fix:   []string{"acrkit ls {host}/{repository}"},
		Retry: RetryNo, Link: linkErrors,
		match: either(
			coded(404, "TAG_UNKNOWN"),
			all(coded(404, "MANIFEST_UNKNOWN"), not(byDigest), not(tooNarrow)),
			all(headNotFound, pathHas("/manifests/"), not(byDigest), not(badRepository)),
		),
		observe: []observer{observeMessage, observeResponse},
	},
	{
		Code: "MANIFEST_NOT_FOUND", Kind: KindNotFound, Severity: SeverityError,
		Title:   "{host} has no manifest {image}",
		Meaning: "The repository has no manifest of that digest. Digests are kept by repository: the same image in another repository does not count.",
		Causes: []Cause{
			certain("the repository {repository} has no manifest {reference}", "the registry's response"),
			inferred("probably it was deleted or purged, or is in another repository", "acrkit manifest list {host}/{repository}"),
			inferred("possibly a geo-replica has not received it yet", "a regional endpoint, or a second try after a minute, finds it"),
		},
		Fix:   []string{"acrkit manifest list {host}/{repository}"},
		Retry: RetryNo, Link: linkErrors,
		match: either(
			all(coded(404, "MANIFEST_UNKNOWN"), byDigest, not(tooNarrow)),
			all(headNotFound, pathHas("/manifests/"), byDigest, not(badDigest), not(badRepository)),
		),
		observe: []observer{observeMessage, observeResponse},
	},
	{
		Code: "ACCEPT_TOO_NARROW", Kind: KindRequest, Severity: SeverityError,
		Title:   "{image} is there, and the request's Accept header leaves its type out",
		Meaning: "The registry has the manifest and returns 404 because the client did not say that it accepts manifests of this type.",
		Causes:  []Cause{certain("the manifest's media type is not in the request's Accept header", "the registry's own message")},
		Fix: []string{
			"name every manifest type in Accept; this library does so when the option is left empty",
			"the official library v0.2.3 asks for application/json alone: set its Accept option",
		},
		Retry: RetryNo, Link: linkErrors,
		match:   all(coded(404, "MANIFEST_UNKNOWN"), tooNarrow),
		observe: []observer{observeMessage, observeAccept, observeResponse},
	},
	{
		Code: "BLOB_NOT_FOUND", Kind: KindNotFound, Severity: SeverityError,
		Title:   "{repository} at {host} has no blob {reference}",
		Meaning: "Blobs are kept by repository: a layer that another repository has must be mounted or pushed.",
		Causes: []Cause{
			certain("the repository {repository} has no blob {reference}", "the registry's response"),
			inferred("probably it was deleted although a manifest names it, or the manifest came from another repository", "acrkit tree {host}/{repository}"),
		},
		Fix:   []string{"push the image again: what is there already is not sent twice"},
		Retry: RetryNo, Link: linkErrors,
		match:   either(coded(404, "BLOB_UNKNOWN"), all(headNotFound, pathHas("/blobs/"), not(badDigest), not(badRepository))),
		observe: []observer{observeMessage, observeResponse},
	},
	{
		Code: "UPLOAD_INVALID", Kind: KindService, Severity: SeverityError,
		Title: "{host} no longer accepts this upload's state (404 BLOB_UPLOAD_INVALID)",
		Meaning: "Each response of an upload carries the state for the next request. After a network fault the registry and " +
			"the client disagree about it, and the upload has to begin again.",
		Causes: []Cause{
			certain("the registry does not take the upload state that was sent", "the registry's own message"),
			inferred("probably a connection broke within a chunk, and the state sent is an older one", "the request before it failed or was repeated"),
		},
		Fix: []string{
			"start the upload again from its beginning; BlobClient.Upload does so by itself when its source can be read again",
			"acrkit transfers list",
		},
		Retry: RetryRestart, Link: linkFAQ,
		match:   coded(404, "BLOB_UPLOAD_INVALID"),
		observe: []observer{observeMessage, observeResponse},
	},
	{
		Code: "UPLOAD_UNKNOWN", Kind: KindService, Severity: SeverityError,
		Title:   "{host} has no such upload (404 BLOB_UPLOAD_UNKNOWN)",
		Meaning: "The upload was finished, cancelled or dropped by the registry; its state is no longer valid.",
		Causes: []Cause{
			certain("the registry has no upload of that id", "the registry's own message"),
			inferred("probably it was finished or cancelled before, or was not continued in time", "acrkit blob show tells whether the blob has arrived"),
		},
		Fix:   []string{"start the upload again from its beginning", "acrkit transfers list"},
		Retry: RetryRestart, Link: linkFAQ,
		match:   coded(404, "BLOB_UPLOAD_UNKNOWN"),
		observe: []observer{observeMessage, observeResponse},
	},
	{
		Code: "NAME_NOT_ROUTABLE", Kind: KindRequest, Severity: SeverityError,
		Title:   "{repository} is not a name that a registry can have",
		Meaning: "Repository names are lower-case letters and digits, divided by . _ __ - or /. A path with another name matches no route, and the registry responds with a plain 404.",
		Causes:  []Cause{certain("the name breaks the grammar of repository names", "letters of upper case, spaces or doubled separators in it")},
		Fix:     []string{"use lower case"},
		Retry:   RetryNo, Link: linkErrors,
		match:   all(either(plain404, headNotFound), badRepository),
		observe: []observer{observeResponse, observeBody},
	},
	{
		Code: "DIGEST_NOT_ROUTABLE", Kind: KindRequest, Severity: SeverityError,
		Title:   "{reference} is not a digest that a registry can have",
		Meaning: "A digest is sha256: and 64 hexadecimal digits in lower case. A path with anything else matches no route, and the registry responds with a plain 404.",
		Causes:  []Cause{certain("the reference breaks the grammar of digests", "its length or its letters")},
		Fix:     []string{"acrkit manifest list {host}/{repository}"},
		Retry:   RetryNo, Link: linkErrors,
		match:   all(either(plain404, headNotFound), not(badRepository), badDigest),
		observe: []observer{observeResponse, observeBody},
	},
	{
		Code: "ROUTE_NOT_FOUND", Kind: KindRequest, Severity: SeverityError,
		Title:   "{host} has no such path (404)",
		Meaning: "The path matches none of the registry's routes. The registry responds so before it looks at any credentials.",
		Causes: []Cause{
			inferred("probably the client built the path wrongly, or uses an API that this registry lacks", "compare the path with ACR's API"),
			inferred("possibly {host} is not an Azure registry", "acrkit doctor {host}"),
		},
		Fix:   []string{"acrkit doctor {host}"},
		Retry: RetryNo, Link: linkErrors,
		match:   all(plain404, not(badRepository), not(badDigest)),
		observe: []observer{observeResponse, observeBody},
	},
	{
		Code: "CLASSIC_REGISTRY_EMPTY", Kind: KindNotFound, Severity: SeverityError,
		Title:   "{host} cannot find its own storage (404 RESOURCE_UNKNOWN)",
		Meaning: "Registries of the classic tier kept their data in a storage account of yours. Empty ones responded so; the tier ended in 2019.",
		Causes: []Cause{
			certain("the registry's storage has no such path", "the registry's own message"),
			inferred("possibly the registry is of the classic tier and empty", "az acr show -n {registry} --query sku"),
		},
		Fix:   []string{"az acr show -n {registry} --query sku"},
		Retry: RetryNo, Link: linkLimits,
		match:   coded(404, "RESOURCE_UNKNOWN"),
		observe: []observer{observeMessage, observeResponse},
	},
	{
		Code: "NOT_FOUND", Kind: KindNotFound, Severity: SeverityError,
		Title:   "{host} does not have what was asked for (404)",
		Meaning: "The response is a 404 that does not say, in the registry's form, what is missing.",
		Causes:  []Cause{inferred("possibly {host} is not an Azure registry, or a proxy in between responded in its place", "acrkit doctor {host}")},
		Fix:     []string{"acrkit doctor {host}"},
		Retry:   RetryNo, Link: linkErrors,
		match: func(ev *evidence) bool {
			return ev.status == 404 && ev.phase != phaseStorage && ev.phase != phaseEntra && !ev.page && ev.phase != phaseExchange && ev.phase != phaseToken
		},
		rank:    rankGeneral,
		observe: []observer{observeMessage, observeBody, observeServer, observeResponse},
	},
}
