package diagnose

import (
	"net/url"
	"strings"
)

var rowsRequest = []Row{
	{
		Code: "MANIFEST_BLOB_UNKNOWN", Kind: KindContent, Severity: SeverityError,
		Title: "the manifest names blobs that {repository} does not have",
		Meaning: "A manifest is accepted only after everything it names. The registry lists what is missing. On a geo-replicated " +
			"registry a push that changes replicas midway meets this too.",
		Causes: []Cause{
			certain("the replica that answered has not got the blobs that it names", "the registry's own answer"),
			inferred("probably they were not pushed to this repository", "acrkit blob show {host}/{repository}@<digest>"),
			inferred("possibly they went to another geo-replica and have not arrived here", "the same push succeeds after a minute, or at a regional endpoint"),
		},
		Fix:   []string{"push again: what is there already is not sent twice", "for a geo-replicated registry, push to its regional endpoint"},
		Retry: RetryLater, Link: linkGeo,
		match: coded(400, "MANIFEST_BLOB_UNKNOWN"),
		see:   []sight{sawMessage, sawAnswer},
	},
	{
		Code: "MANIFEST_INVALID", Kind: KindContent, Severity: SeverityError,
		Title:   "{host} does not accept the manifest (400 MANIFEST_INVALID)",
		Meaning: "The manifest is not well-formed, or not of the type that Content-Type says, or larger than 4 MiB.",
		Causes: []Cause{
			certain("the manifest, as it was sent, is not valid for the registry", "the registry's own message"),
			inferred("probably its mediaType and the request's Content-Type differ", "compare the two"),
			inferred("possibly it is larger than 4 MiB", "its size in bytes"),
		},
		Fix:   []string{"send the manifest's own mediaType as Content-Type, and its bytes unchanged"},
		Retry: RetryNo, Link: linkErrors,
		match: coded(400, "MANIFEST_INVALID"),
		see:   []sight{sawMessage, sawContentType, sawAnswer},
	},
	{
		Code: "DIGEST_MALFORMED", Kind: KindRequest, Severity: SeverityError,
		Title:   "{host} cannot read the digest that ends the upload (400 DIGEST_INVALID)",
		Meaning: "The digest parameter is not sha256: and 64 hexadecimal digits in lower case.",
		Causes:  []Cause{certain("the digest parameter is malformed", "the answer's detail")},
		Fix:     []string{"send digest=sha256:<64 hexadecimal digits>"},
		Retry:   RetryNo, Link: linkErrors,
		match: all(coded(400, "DIGEST_INVALID"), parsingFailed),
		see:   []sight{sawMessage, sawAnswer},
	},
	{
		Code: "DIGEST_INVALID", Kind: KindContent, Severity: SeverityError,
		Title:   "the bytes that arrived at {host} don't have the digest that was promised",
		Meaning: "The registry hashed what it received, and compared. The upload is refused, nothing is kept.",
		Causes: []Cause{
			certain("what the registry received has another digest than the request names", "the registry's own message"),
			inferred("probably the source changed between hashing and sending", "hash it again and compare"),
			inferred("possibly a chunk was sent twice or lost after a retry", "the official library v0.2.3 does so when a connection breaks within a chunk"),
		},
		Fix:   []string{"push again from the start, from a file that nobody writes to"},
		Retry: RetryRestart, Link: linkErrors,
		match: all(coded(400, "DIGEST_INVALID"), not(parsingFailed)),
		see:   []sight{sawMessage, sawAnswer},
	},
	{
		Code: "SIZE_INVALID", Kind: KindContent, Severity: SeverityError,
		Title:   "the length that arrived at {host} is not the one that was announced",
		Meaning: "Content-Length and the bytes received differ.",
		Causes: []Cause{
			certain("the registry received another number of bytes than the request announced", "the registry's own message"),
			inferred("probably the source changed its size while it was sent", "its size before and after"),
		},
		Fix:   []string{"push again from a file that nobody writes to"},
		Retry: RetryRestart, Link: linkErrors,
		match: coded(400, "SIZE_INVALID"),
		see:   []sight{sawMessage, sawAnswer},
	},
	{
		Code: "NAME_INVALID", Kind: KindRequest, Severity: SeverityError,
		Title:   "{host} does not accept a repository name in the query (400 NAME_INVALID)",
		Meaning: "A name given as a parameter, such as from= of a mount, breaks the grammar of repository names.",
		Causes:  []Cause{certain("a name in the query breaks the grammar", "the registry's own message")},
		Fix:     []string{"use lower-case letters and digits, divided by . _ __ - or /"},
		Retry:   RetryNo, Link: linkErrors,
		match: coded(400, "NAME_INVALID"),
		see:   []sight{sawMessage, sawQuery, sawAnswer},
	},
	{
		Code: "TAG_INVALID", Kind: KindContent, Severity: SeverityError,
		Title:   "the tag inside the manifest is not the one in its address (400 TAG_INVALID)",
		Meaning: "Manifests of Docker's schema 1 carry name and tag in themselves, and both have to fit the address.",
		Causes:  []Cause{certain("the manifest carries another tag than {reference}", "the registry's own message")},
		Fix:     []string{"push a manifest of OCI's or of Docker's schema 2: they carry no tag"},
		Retry:   RetryNo, Link: linkErrors,
		match: coded(400, "TAG_INVALID"),
		see:   []sight{sawMessage, sawContentType, sawAnswer},
	},
	{
		Code: "MANIFEST_UNVERIFIED", Kind: KindContent, Severity: SeverityError,
		Title:   "the manifest's signature does not verify (400 MANIFEST_UNVERIFIED)",
		Meaning: "Manifests of Docker's schema 1 are signed; this one's signature does not fit its bytes.",
		Causes:  []Cause{certain("the signature inside the manifest does not fit it", "the registry's own message")},
		Fix:     []string{"push a manifest of OCI's or of Docker's schema 2: they are not signed inside"},
		Retry:   RetryNo, Link: linkErrors,
		match: coded(400, "MANIFEST_UNVERIFIED"),
		see:   []sight{sawMessage, sawContentType, sawAnswer},
	},
	{
		Code: "PAGE_SIZE_INVALID", Kind: KindRequest, Severity: SeverityError,
		Title:   "{host} does not accept the page size (400 PAGINATION_NUMBER_INVALID)",
		Meaning: "The parameter n of a listing is a positive number; a registry gives at most 1000 items a page.",
		Causes:  []Cause{certain("the parameter n is not a number the registry takes", "the registry's own message")},
		Fix:     []string{"use a page size from 1 to 1000"},
		Retry:   RetryNo, Link: linkErrors,
		match: coded(400, "PAGINATION_NUMBER_INVALID"),
		see:   []sight{sawMessage, sawQuery, sawAnswer},
	},
	{
		Code: "UPLOAD_RANGE_INVALID", Kind: KindRequest, Severity: SeverityError,
		Title:   "{host} did not expect a chunk at this place (416)",
		Meaning: "Chunks go strictly in order, and Content-Range reads 0-99: without the word bytes and without a total.",
		Causes: []Cause{
			certain("the chunk's Content-Range is not what the upload goes on with", "the registry's own answer"),
			inferred("probably an earlier chunk got lost or arrived twice", "the answer's Range header says what has arrived"),
			inferred("possibly the header is not in the registry's form", "the answer's detail says so"),
		},
		Fix:   []string{"ask the upload's status and go on after its Range; BlobClient.Upload does so by itself"},
		Retry: RetryRestart, Link: linkErrors,
		match: all(coded(416, "BLOB_UPLOAD_RANGE_INVALID")),
		see:   []sight{sawMessage, sawRange, sawAnswer},
	},
	{
		Code: "RANGE_NOT_SATISFIABLE", Kind: KindContent, Severity: SeverityError,
		Title:   "the part that was asked for is not in the content (416)",
		Meaning: "A download asked for bytes after the content's end.",
		Causes: []Cause{
			certain("the range asked for begins after the content's end", "status 416"),
			inferred("probably a partial file is larger than the content, or belongs to another one", "compare its size with the descriptor's"),
		},
		Fix:   []string{"delete the partial file and pull again"},
		Retry: RetryRestart, Link: linkErrors,
		match: func(x *exchange) bool { return x.status == 416 && x.code != "BLOB_UPLOAD_RANGE_INVALID" },
		see:   []sight{sawMessage, sawRange, sawAnswer},
	},
	{
		Code: "DELETE_BY_TAG", Kind: KindRequest, Severity: SeverityError,
		Title:   "{host} deletes manifests by digest alone (405 UNSUPPORTED)",
		Meaning: "Deleting a manifest removes all its tags; so the registry wants its digest. Removing one tag and keeping the manifest is another call.",
		Causes:  []Cause{certain("the request names a manifest by something else than its digest", "the registry's own message")},
		Fix: []string{
			"remove the tag alone: acrkit tag delete {host}/{image}",
			"delete the manifest and all its tags: acrkit manifest delete {host}/{repository}@<digest>",
		},
		Retry: RetryNo, Link: linkErrors,
		match: saying(coded(405, "UNSUPPORTED"), "only be deleted by digest"),
		see:   []sight{sawMessage, sawAnswer},
	},
	{
		Code: "UNSUPPORTED", Kind: KindRequest, Severity: SeverityError,
		Title:   "{host} does not support {method} here (405)",
		Meaning: "The path exists, and the registry has no such operation on it.",
		Causes: []Cause{
			certain("the registry does not support this operation here", "the registry's own answer"),
			inferred("possibly the feature is off or not in the registry's tier, such as soft delete", "az acr show -n {registry} --query \"[sku,policies]\""),
		},
		Fix:   []string{"az acr show -n {registry} --query \"[sku,policies]\""},
		Retry: RetryNo, Link: linkLimits,
		match: all(func(x *exchange) bool { return x.status == 405 && x.phase != phaseStorage && !x.page }, not(saying(coded(405, "UNSUPPORTED"), "only be deleted by digest")), not(disallowed)),
		see:   []sight{sawMessage, sawBody, sawAnswer},
	},
	{
		Code: "CONFLICT", Kind: KindConflict, Severity: SeverityError,
		Title:   "the request conflicts with the state of {thing} at {host} (409)",
		Meaning: "Something changed what the request builds on, or another operation on it is not done.",
		Causes:  []Cause{inferred("probably another client is working on the same repository at this moment", "the registry's webhooks or its log name it")},
		Fix:     []string{"look at the present state, acrkit show {host}/{image}, and try again"},
		Retry:   RetryLater, Link: linkErrors,
		match: func(x *exchange) bool { return x.status == 409 && x.phase != phaseStorage },
		see:   []sight{sawMessage, sawBody, sawAnswer},
	},
	{
		Code: "PRECONDITION_FAILED", Kind: KindConflict, Severity: SeverityError,
		Title:   "{thing} at {host} is not what the request expects it to be (412)",
		Meaning: "The request carried a condition on the present state, and it does not hold.",
		Causes:  []Cause{certain("the condition that the request carried does not hold", "status 412")},
		Fix:     []string{"look at the present state, acrkit show {host}/{image}, and decide again"},
		Retry:   RetryNo, Link: linkErrors,
		match: func(x *exchange) bool { return x.status == 412 },
		see:   []sight{sawMessage, sawBody, sawAnswer},
	},
	{
		Code: "MANIFEST_TOO_LARGE", Kind: KindContent, Severity: SeverityError,
		Title:   "the manifest is too large for {host} (413)",
		Meaning: "A manifest may have 4 MiB.",
		Causes:  []Cause{inferred("probably the manifest is larger than 4 MiB", "its size in bytes")},
		Fix:     []string{"move large annotations into a layer or an attached artifact"},
		Retry:   RetryNo, Link: linkLimits,
		match: all(tooLarge, pathHas("/manifests/")),
		see:   []sight{sawLength, sawMessage, sawBody, sawAnswer},
	},
	{
		Code: "REQUEST_TOO_LARGE", Kind: KindContent, Severity: SeverityError,
		Title: "one request is too large for {host} (413)",
		Meaning: "A layer may have some 195 GiB, and a single request less: registries of the Basic tier and proxies on the way " +
			"have been seen to refuse bodies above some 20 MB.",
		Causes: []Cause{
			inferred("probably the tier or a proxy limits the size of one request", "smaller chunks get through"),
			inferred("possibly the layer is above the tier's limit", "its size in the descriptor"),
		},
		Fix:   []string{"send smaller chunks: UploadOptions.ChunkSize; BlobClient.Upload falls back to them by itself"},
		Retry: RetryRestart, Link: linkLimits,
		match: all(tooLarge, not(pathHas("/manifests/"))),
		see:   []sight{sawLength, sawMessage, sawServer, sawBody, sawAnswer},
	},
	{
		Code: "BAD_REQUEST", Kind: KindRequest, Severity: SeverityError,
		Title:   "{host} does not understand the request ({status})",
		Meaning: "The registry refused the request as malformed, for a reason that the catalogue does not know. Its own words are shown.",
		Causes:  []Cause{inferred("probably the client built the request wrongly", "the request in --debug=trace")},
		Fix:     []string{"run the command with --debug=trace"},
		Retry:   RetryNo, Link: linkErrors,
		match: func(x *exchange) bool {
			switch x.status {
			case 401, 403, 404, 405, 407, 429:
				return false
			}
			return x.status >= 400 && x.status < 500 && x.phase != phaseStorage && x.phase != phaseEntra &&
				x.phase != phaseExchange && x.phase != phaseToken && !x.page
		},
		rank: rankGeneral,
		see:  []sight{sawMessage, sawBody, sawAnswer},
	},
}

func tooLarge(x *exchange) bool { return x.status == 413 && x.phase != phaseStorage }

func parsingFailed(x *exchange) bool {
	return len(x.entries) > 0 && strings.Contains(string(x.entries[0].Detail), "parsing failed")
}

// sawContentType shows as what the request's body was sent.
var sawContentType sight = func(x *exchange, see func(Origin, string, ...any)) {
	if x.request != nil {
		see(FromRequest, "the body was sent as %q, %d bytes", x.request.Header.Get("Content-Type"), x.request.ContentLength)
	}
}

var sawLength sight = func(x *exchange, see func(Origin, string, ...any)) {
	if x.request != nil && x.request.ContentLength > 0 {
		see(FromRequest, "the request's body had %d bytes", x.request.ContentLength)
	}
}

// sawRange shows the ranges that request and answer speak of.
var sawRange sight = func(x *exchange, see func(Origin, string, ...any)) {
	if x.request != nil {
		for _, name := range []string{"Content-Range", "Range"} {
			if value := x.request.Header.Get(name); value != "" {
				see(FromRequest, "the request's %s: %s", name, value)
			}
		}
	}
	if x.response != nil {
		for _, name := range []string{"Range", "Content-Range"} {
			if value := x.response.Header.Get(name); value != "" {
				see(x.origin(), "the answer's %s: %s", name, value)
			}
		}
	}
}

// sawQuery shows the parameters that rows are about, and no others: a query may
// carry secrets.
var sawQuery sight = func(x *exchange, see func(Origin, string, ...any)) {
	if x.request == nil || x.request.URL == nil {
		return
	}
	query, err := url.ParseQuery(x.request.URL.RawQuery)
	if err != nil {
		return
	}
	for _, name := range []string{"n", "last", "from", "mount"} {
		if query.Has(name) {
			see(FromRequest, "the request's parameter %s=%s", name, query.Get(name))
		}
	}
}
