package quirk

// quirkTable is the list of quirks; the first of Values is the default.
var quirkTable = []Quirk{
	{
		Name: OCIStrict, Values: []string{"off", "on"},
		Effect:   "on turns every quirk whose ACR behaviour departs from the OCI distribution specification to the specification's, unless the quirk is set itself",
		Evidence: "ACR protocol sections 4.3 to 4.6; OCI distribution specification 1.1",
	},
	{
		Name: ServerHeader, Default: "AzureContainerRegistry", check: checkHeaderQuirk,
		Effect:   "the Server header; openresty until early 2024, nginx in 2019",
		Evidence: "recorded, section 1.3",
	},
	{
		Name: EmptyCatalog, Values: []string{"null", "array"},
		Effect:   "the repositories member of an empty catalog",
		Evidence: "recorded, section 13",
	},
	{
		Name: InvalidPageSize, Values: []string{"default", "refuse", "specification"}, Strict: "specification",
		Effect:   "n that is zero, negative or no number: the default page size, or 400 PAGINATION_NUMBER_INVALID; by the specification, n=0 of tags/list is an empty page",
		Evidence: "guess, sections 3.1 and 11",
	},
	{
		Name: ReadDisabled, Values: []string{"disallowed", "unknown"},
		Effect:   "a pull of what has readEnabled=false: 405 REGISTRY_DISALLOWED_OPERATION, or 404 as if unknown",
		Evidence: "documented that it blocks; the form is a guess, section 7.3",
	},
	{
		Name: ManifestTooLarge, Values: []string{"400", "413"},
		Effect:   "the status for a manifest over 4 MiB, code MANIFEST_INVALID",
		Evidence: "documented, the status inferred, section 13",
	},
	{
		Name: UnknownBlobDetail, Values: []string{"digest", "absent"},
		Effect:   "the detail of BLOB_UNKNOWN on GET; DELETE is recorded without one",
		Evidence: "recorded in OCI's conformance programme, sections 4.4 and 12; DELETE is recorded without one",
	},
	{
		Name: MissingAccept, Values: []string{"refuse-oci", "accept"}, Strict: "accept",
		Effect:   "a manifest GET without Accept: 404 for OCI types, or served",
		Evidence: "issue with unknown request headers, section 4.3",
	},
	{
		Name: ManifestListFall, Values: []string{"serve", "linux-amd64"},
		Effect:   "a Docker manifest list by tag that Accept lacks: served anyway, or its linux/amd64 child",
		Evidence: "guess, section 4.3",
	},
	{
		Name: ImageFallback, Values: []string{"serve", "schema1"},
		Effect:   "a Docker image by tag that Accept lacks: served anyway, or converted to a signed manifest of schema 1",
		Evidence: "recorded as converted in 2022, guess that it is not any more, sections 4.3 and 11",
	},
	{
		Name: ReferrerType, Values: []string{"config", "own"}, Strict: "config",
		Effect:   "artifactType of a referrer without its own: the config's media type, or none",
		Evidence: "recorded in OCI's conformance programme, section 4.6; an issue of late 2024 saw none",
	},
	{
		Name: SHA512, Values: []string{"off", "on"}, Strict: "on",
		Effect:   "whether sha512 digests can be pushed and pulled",
		Evidence: "guess: not, section 1.2",
	},
	{
		Name: MonolithicPost, Values: []string{"accept", "ignore"}, Strict: "accept",
		Effect:   "POST …/uploads/?digest= with a body: the whole upload (201), or a plain start (202)",
		Evidence: "recorded in OCI's conformance programme, section 4.5",
	},
	{
		Name: ManifestTagParam, Values: []string{"ignore", "accept"}, Strict: "accept",
		Effect:   "PUT of a manifest by digest with ?tag=: the parameters are ignored, or tag the manifest",
		Evidence: "unknown, section 4.3; development version of the specification",
	},
	{
		Name: DeleteByTag, Values: []string{"refuse", "untag"}, Strict: "untag",
		Effect:   "DELETE of /v2 manifests by tag: 405 UNSUPPORTED, or the tag goes",
		Evidence: "recorded, section 4.3; the specification allows both",
	},
	{
		Name: AnonymousMount, Values: []string{"off", "on"}, Strict: "on",
		Effect:   "a mount without from: a plain start, or found in any repository",
		Evidence: "recorded in OCI's conformance programme as a plain start, section 12; the specification allows both",
	},
	{
		Name: PartialChunk, Values: []string{"keep", "discard"},
		Effect:   "a chunk cut off half way: what arrived stays and the state is stale, or is dropped and the same Location works again",
		Evidence: "issue and documentation, sections 4.5 and 10 (17)",
	},
	{
		Name: IndexChildDelete, Values: []string{"allow", "refuse"},
		Effect:   "DELETE of a manifest that an index still names",
		Evidence: "guess, section 7.2",
	},
	{
		Name: ReferrersOnDelete, Values: []string{"later", "delete", "keep"},
		Effect:   "what deleting a subject does to its referrers: they go a second later by the clock, at once, or not at all",
		Evidence: "recorded in OCI's conformance programme that not in the same step; documented that they go, sections 4.6 and 7.2",
	},
	{
		Name: RestoreStatus, Values: []string{"202", "200"},
		Effect:   "the status of a restore",
		Evidence: "guess, sections 3.10 and 11",
	},
	{
		Name: SoftDeletedPush, Values: []string{"invalid", "refuse", "restore"},
		Effect:   "a push of a digest that is soft-deleted: 400 MANIFEST_INVALID, 405 REGISTRY_DISALLOWED_OPERATION, or it comes back",
		Evidence: "documented, the status inferred, section 13",
	},
	{
		Name: UploadLock, Values: []string{"start", "manifest"},
		Effect:   "where a repository's write lock stops a push: already at the start of an upload, or at the manifest",
		Evidence: "guess, sections 4.5 and 11",
	},
	{
		Name: EmptyRepository, Values: []string{"remove", "keep"},
		Effect:   "a repository whose last manifest was deleted disappears, or stays",
		Evidence: "recorded in OCI's conformance programme; output of clients, sections 12 and 13",
	},
	{
		Name: RateRemaining, Default: "count", check: checkHeaderQuirk,
		Effect:   "X-Ms-Ratelimit-Remaining-Calls-Per-Second on DELETE responses: count counts down and refills by the tier, a value stays, off leaves it out, at the token endpoints too",
		Evidence: "recorded in OCI's conformance programme for Premium, section 12; a fixed value or none in older recordings, section 1.3",
	},
	{
		Name: BlobDigestHeader, Values: []string{"off", "on"},
		Effect:   "Docker-Content-Digest on blob DELETE responses",
		Evidence: "recorded in OCI's conformance programme without, section 12",
	},
	{
		Name: ArtifactSizeZero, Values: []string{"zero", "sum"},
		Effect:   "imageSize of a manifest without layers: 0, or its own bytes and its config",
		Evidence: "recorded twice as 0, section 7.1",
	},
	{
		Name: ManifestLockTagged, Values: []string{"allow", "refuse"},
		Effect:   "tagging a manifest that is write-locked",
		Evidence: "guess, section 7.3",
	},
	{
		Name: StorageRange, Values: []string{"start", "specification"}, Strict: "specification",
		Effect:   "the ranges that the storage host honours: those with a start, ignoring others, or also the last bytes of a blob, refusing a reversed range with 416",
		Evidence: "guess: Azure Storage's norm; ranges with a start are recorded, section 4.4",
	},
	{
		Name: StorageDigest, Values: []string{"off", "on"}, Strict: "on",
		Effect:   "Docker-Content-Digest on the storage host's responses",
		Evidence: "recorded without, section 4.4; the specification's development version asks for it",
	},
	{
		Name: MalformedDigest, Values: []string{"not-found", "refuse"}, Strict: "refuse",
		Effect:   "PUT of a manifest by a malformed digest: a plain 404, or 400 DIGEST_INVALID",
		Evidence: "recorded in OCI's conformance programme, sections 1.5 and 12",
	},
	{
		Name: SparseManifests, Values: []string{"refuse", "accept"}, Strict: "accept",
		Effect:   "a manifest that names blobs or manifests the repository lacks: 400 MANIFEST_BLOB_UNKNOWN, or stored",
		Evidence: "issue with full headers, section 4.3; the specification allows both",
	},
	{
		Name: ForeignService, Values: []string{"401", "400"},
		Effect:   "the status of the token endpoints when service is another registry",
		Evidence: "guess, section 2.4",
	},
	{
		Name: TokenMember, Values: []string{"off", "on"},
		Effect:   "a second member \"token\" beside \"access_token\" in what the token endpoint returns",
		Evidence: "recorded in OCI's conformance programme: not, section 12",
	},
	{
		Name: CorrelationID, Values: []string{"echo", "own"},
		Effect:   "X-Ms-Correlation-Request-Id: the request's own when it sent one, or always a new GUID",
		Evidence: "client code sends it, guess that it comes back, section 1.3",
	},
	{
		Name: RepositoryLength, Values: []string{"255", "256"},
		Effect:   "the longest name of a repository",
		Evidence: "guess, section 1.2",
	},
	{
		Name: InvalidName, Values: []string{"not-found", "refuse"},
		Effect:   "a path whose repository has no valid name: a plain 404, or 400 NAME_INVALID, both before authentication",
		Evidence: "recorded as a plain 404 for a name with a space, guess for upper case, section 1.5",
	},
	{
		Name: InvalidLast, Values: []string{"ignore", "refuse"},
		Effect:   "a catalog's last that cannot be a repository: a place in the order like any other, or 400 NAME_INVALID",
		Evidence: "guess, section 1.5",
	},
	{
		Name: MalformedMount, Values: []string{"refuse", "start"},
		Effect:   "a mount from a repository without a valid name: 400 NAME_INVALID, or a plain start",
		Evidence: "specification and guess, sections 1.5 and 6",
	},
	{
		Name: APIVersion, Values: []string{"ignore", "refuse"},
		Effect:   "an api-version other than 2021-07-01 on /acr/v1 and /oauth2: ignored, or 400 UNSUPPORTED",
		Evidence: "guess, section 1.8",
	},
	{
		Name: MethodNotAllowed, Values: []string{"405", "404"},
		Effect:   "a method that a known route does not have: 405 UNSUPPORTED after authentication, or a plain 404 before it",
		Evidence: "guess, section 6",
	},
	{
		Name: BaseNoSlash, Values: []string{"same", "redirect"},
		Effect:   "/v2 without its slash: the same as /v2/, or a redirect to it",
		Evidence: "guess, section 4.1",
	},
	{
		Name: ReferrersOrder, Values: []string{"newest-first", "digest"},
		Effect:   "the order of referrers: the newest first, or by digest",
		Evidence: "recorded in OCI's conformance programme, section 4.6",
	},
	{
		Name: AccessSpelling, Values: []string{"capitalised", "lower-case"},
		Effect:   "how the members of an access token's claim access are spelled: Type, Name and Actions, or type, name and actions",
		Evidence: "recorded, section 13; documentation has the other, section 2.8",
	},
	{
		Name: NoRole, Values: []string{"401", "401-empty", "403"},
		Effect:   "the exchange of an identity without a role: 401 UNAUTHORIZED with the usual message, 401 without a body as in April 2025, or 403 DENIED retrieving permissions failed as in 2022",
		Evidence: "output of clients, section 13; guides for the oldest, section 2.4",
	},
	{
		Name: TokenErrorID, Values: []string{"on", "off"},
		Effect:   "a CorrelationId at the end of the messages of the token endpoints and the firewall",
		Evidence: "output of clients, section 13; without it until 2024",
	},
	{
		Name: DisallowedText, Values: []string{"hyphen", "plain"},
		Effect:   "the end of the message of REGISTRY_DISALLOWED_OPERATION",
		Evidence: "output of a client of 2026, section 13; without the hyphen in 2021, section 6",
	},
	{
		Name: OfflineToken, Values: []string{"null-guid", "off"},
		Effect:   "a refresh_token in the response to GET /oauth2/token?offline_token=true, for a caller who signs in with the null GUID and a refresh token, or never",
		Evidence: "deduced from what az acr login leaves in docker's configuration, section 12",
	},
	{
		Name: InvalidToken, Values: []string{"invalid_token", "none"},
		Effect:   "the error attribute of the challenge to a malformed or expired token, or none",
		Evidence: "recorded in 2021 for a token that the registry did not issue; an expired one was not seen, section 13",
	},
	{
		Name: ReferrersScope, Values: []string{"pull", "metadata_read"},
		Effect:   "the action that a referrers listing needs",
		Evidence: "recorded in OCI's conformance programme, section 4.6",
	},
	{
		Name: MalformedForm, Values: []string{"400", "401"},
		Effect:   "a token request without grant_type, service or scope, or with an unknown grant: 400 UNSUPPORTED, or 401 without a body",
		Evidence: "guess, sections 2.4 and 11",
	},
	{
		Name: DeniedScope, Values: []string{"reduce", "refuse"},
		Effect:   "a token request for actions that the caller lacks: 200 with what is left, or 401",
		Evidence: "documented and output of clients, section 13",
	},
	{
		Name: AccessTokenRID, Values: []string{"on", "off"},
		Effect:   "the claim rid of an access token",
		Evidence: "recorded, section 13",
	},
	{
		Name: PatchUnknown, Values: []string{"ignore", "refuse"},
		Effect:   "an unknown member in the body of a PATCH: ignored, or 400 UNSUPPORTED",
		Evidence: "guess, section 3",
	},
	{
		Name: TagsListUnknown, Values: []string{"is-not-found", "not-known"},
		Effect:   "the wording of NAME_UNKNOWN on /v2/<name>/tags/list",
		Evidence: "recorded in OCI's conformance programme, section 4.2",
	},
	{
		Name: TagsListEmpty, Values: []string{"null", "array"},
		Effect:   "the tags member of /v2/<name>/tags/list when there are none",
		Evidence: "guess, sections 4.2 and 11",
	},
	{
		Name: TagsListPage, Default: "100", check: checkPageQuirk,
		Effect:   "how many tags a page of /v2/<name>/tags/list has without n, up to 1000",
		Evidence: "guess, section 4.2",
	},
	{
		Name: EmptyManifests, Values: []string{"null", "array"},
		Effect:   "the manifests member of a repository without any",
		Evidence: "guess by analogy with tags, section 3.8",
	},
	{
		Name: ManifestNoRepo, Values: []string{"manifest", "name"},
		Effect:   "a pull from an unknown repository: MANIFEST_UNKNOWN, or NAME_UNKNOWN",
		Evidence: "guess, section 4.3",
	},
	{
		Name: ManifestDetail, Values: []string{"revision", "absent"},
		Effect:   "the detail of MANIFEST_UNKNOWN on a pull by digest: name and digest, or none",
		Evidence: "recorded in OCI's conformance programme, section 4.3; DELETE is recorded without one",
	},
	{
		Name: MismatchDetail, Values: []string{"digest", "absent"},
		Effect:   "the detail of DIGEST_INVALID when content has another digest: that digest, or none",
		Evidence: "guess, sections 4.3 and 4.5",
	},
	{
		Name: UploadDetail, Values: []string{"uuid", "empty"},
		Effect:   "the detail of BLOB_UPLOAD_UNKNOWN: an object with the upload's id, or an empty one",
		Evidence: "issue: an object of unknown content, section 4.5",
	},
	{
		Name: UploadLifetime, Default: "24h", check: checkDurationQuirk,
		Effect:   "how long an upload may stay unfinished before a garbage collection ends it",
		Evidence: "unknown, section 11",
	},
	{
		Name: BlobRepository, Values: []string{"unlisted", "listed"},
		Effect:   "a repository that has blobs and never had a manifest: unknown, or listed",
		Evidence: "guess, section 7.1",
	},
	{
		Name: MovedTag, Values: []string{"keep", "renew"},
		Effect:   "createdTime of a tag that is pointed to another manifest",
		Evidence: "output of a client, section 13",
	},
	{
		Name: ExpiredURL, Values: []string{"403", "401"},
		Effect:   "the status of the storage host for a signature that has expired or is wrong",
		Evidence: "guess: Azure Storage's norm, section 4.4",
	},
	{
		Name: ChunkOrder, Values: []string{"416", "404"},
		Effect:   "a chunk whose Content-Range does not begin where the upload ends: 416 BLOB_UPLOAD_RANGE_INVALID, or 404 BLOB_UPLOAD_INVALID",
		Evidence: "recorded in OCI's conformance programme, section 4.5",
	},
	{
		Name: StaleUpload, Values: []string{"resume", "invalid"},
		Effect:   "a request at an upload's earlier Location: the status is given and a chunk sent again gets 416 with a fresh Location and Range, as since mid-2024, or 404 BLOB_UPLOAD_INVALID, as in 2023",
		Evidence: "recorded in OCI's conformance programme; issues of 2023 for the other value, section 4.5",
	},
	{
		Name: StaleChunk, Values: []string{"404", "416"},
		Effect:   "a chunk without Content-Range at an upload's earlier Location: 404 BLOB_UPLOAD_INVALID, or 416 with a fresh Location and Range",
		Evidence: "issues of 2023; unknown since mid-2024, sections 4.5 and 11",
	},
	{
		Name: StatusScope, Values: []string{"pull", "pull,push"},
		Effect:   "the actions that the status of an upload needs",
		Evidence: "recorded in OCI's conformance programme, section 4.5",
	},
	{
		Name: Schema1Checks, Values: []string{"on", "off"},
		Effect:   "whether the tag and the signatures of a manifest of schema 1 are checked",
		Evidence: "guess, section 6",
	},
	{
		Name: InternalBody, Values: []string{"json", "html", "empty"},
		Effect:   "the body of a 500",
		Evidence: "guess, section 5.3",
	},
	{
		Name: TokenName, Values: []string{"5-50", "any"},
		Effect:   "how many characters the name of a scope-map token has",
		Evidence: "guess, section 2.9",
	},
	{
		Name: ABACDenial, Values: []string{"401", "403"},
		Effect:   "what an ABAC registry returns to a caller that lacks an action: 401 with insufficient_scope as any other, or 403 DENIED",
		Evidence: "documented and output of clients, section 13",
	},
	{
		Name: MetadataWrite, Values: []string{"write", "delete"},
		Effect:   "the right of a classic role that metadata_write needs",
		Evidence: "guess from the claim's names, section 2.9",
	},
	{
		Name: DeletedRights, Values: []string{"own", "content"},
		Effect:   "the rights that the soft-delete actions need: deleted/read and deleted/restore/action, or read and write",
		Evidence: "guess from the claim's names, section 2.9",
	},
	{
		Name: BeyondEnd, Values: []string{"416", "whole"},
		Effect:   "a range that begins beyond the end of a blob, at the storage host: 416 InvalidRange, or the whole blob",
		Evidence: "guess: Azure Storage's norm, section 4.4",
	},
}
