package emulator

import (
	"fmt"
	"slices"
	"strings"
)

// Quirk is a behaviour that can be turned: a fact about ACR that no recording
// settles, or a departure of ACR from the OCI distribution specification.
type Quirk struct {
	// Name is the key in [Options.Quirks].
	Name string
	// Values are the values it takes, the default first. Empty means free
	// text, with Default as the default.
	Values []string
	// Default is the value when nothing else is asked for.
	Default string
	// Strict is the value that the quirk "oci-strict" turns it to; empty
	// means that it has no say.
	Strict string
	// Effect says what it turns.
	Effect string
	// Evidence says what the default rests on.
	Evidence string
}

// The names of the quirks.
const (
	quirkOCIStrict          = "oci-strict"
	quirkServerHeader       = "server-header"
	quirkEmptyCatalog       = "empty-catalog"
	quirkInvalidPageSize    = "invalid-page-size"
	quirkReadDisabled       = "read-disabled"
	quirkManifestTooLarge   = "manifest-too-large"
	quirkUnknownBlobDetail  = "unknown-blob-detail"
	quirkMissingAccept      = "missing-accept"
	quirkManifestListFall   = "manifest-list-fallback"
	quirkReferrerType       = "referrer-artifact-type"
	quirkSHA512             = "sha512"
	quirkMonolithicPost     = "monolithic-post"
	quirkManifestTagParam   = "manifest-tag-param"
	quirkDeleteByTag        = "delete-manifest-by-tag"
	quirkAnonymousMount     = "anonymous-mount"
	quirkPartialChunk       = "partial-chunk"
	quirkIndexChildDelete   = "delete-index-child"
	quirkReferrersOnDelete  = "referrers-on-delete"
	quirkRestoreStatus      = "restore-status"
	quirkSoftDeletedPush    = "soft-deleted-push"
	quirkUploadLock         = "upload-lock"
	quirkEmptyRepository    = "empty-repository"
	quirkRateRemaining      = "rate-remaining"
	quirkBlobDigestHeader   = "blob-digest-header"
	quirkArtifactSizeZero   = "image-size-without-blobs"
	quirkManifestLockTagged = "manifest-lock-and-tagging"
	quirkStorageRange       = "storage-range"
	quirkSparseManifests    = "sparse-manifests"
	quirkStorageDigest      = "storage-digest-header"
	quirkMalformedDigest    = "malformed-digest"
	quirkForeignService     = "foreign-service"
	quirkTokenMember        = "token-member"
)

// quirkTable is the list of quirks; the first of Values is the default.
var quirkTable = []Quirk{
	{
		Name: quirkOCIStrict, Values: []string{"off", "on"},
		Effect:   "on turns every quirk whose ACR behaviour departs from the OCI distribution specification to the specification's, unless the quirk is set itself",
		Evidence: "ACR protocol sections 4.3 to 4.6; OCI distribution specification 1.1",
	},
	{
		Name: quirkServerHeader, Default: "AzureContainerRegistry",
		Effect:   "the Server header; openresty until early 2024, nginx in 2019",
		Evidence: "recorded, section 1.3",
	},
	{
		Name: quirkEmptyCatalog, Values: []string{"array", "null"},
		Effect:   "the repositories member of an empty catalog",
		Evidence: "guess, sections 3.1 and 11",
	},
	{
		Name: quirkInvalidPageSize, Values: []string{"default", "refuse", "specification"}, Strict: "specification",
		Effect:   "n that is zero, negative or no number: the default page size, or 400 PAGINATION_NUMBER_INVALID; by the specification, n=0 of tags/list is an empty page",
		Evidence: "guess, sections 3.1 and 11",
	},
	{
		Name: quirkReadDisabled, Values: []string{"disallowed", "unknown"},
		Effect:   "a pull of what has readEnabled=false: 405 REGISTRY_DISALLOWED_OPERATION, or 404 as if unknown",
		Evidence: "documented that it blocks; the form is a guess, section 7.3",
	},
	{
		Name: quirkManifestTooLarge, Values: []string{"400", "413"},
		Effect:   "the status for a manifest over 4 MiB, code MANIFEST_INVALID",
		Evidence: "guess, sections 4.3 and 11",
	},
	{
		Name: quirkUnknownBlobDetail, Values: []string{"absent", "digest"},
		Effect:   "the detail of BLOB_UNKNOWN on GET; DELETE is recorded without one",
		Evidence: "guess, section 4.4",
	},
	{
		Name: quirkMissingAccept, Values: []string{"refuse-oci", "accept"}, Strict: "accept",
		Effect:   "a manifest GET without Accept: 404 for OCI types, or served",
		Evidence: "issue with unknown request headers, section 4.3",
	},
	{
		Name: quirkManifestListFall, Values: []string{"serve", "linux-amd64"},
		Effect:   "a Docker manifest list by tag that Accept lacks: served anyway, or its linux/amd64 child",
		Evidence: "guess, section 4.3",
	},
	{
		Name: quirkReferrerType, Values: []string{"config", "own"}, Strict: "config",
		Effect:   "artifactType of a referrer without its own: the config's media type, or none",
		Evidence: "specification; an issue of late 2024 saw none, section 4.6",
	},
	{
		Name: quirkSHA512, Values: []string{"off", "on"}, Strict: "on",
		Effect:   "whether sha512 digests can be pushed and pulled",
		Evidence: "guess: not, section 1.2",
	},
	{
		Name: quirkMonolithicPost, Values: []string{"ignore", "accept"}, Strict: "accept",
		Effect:   "POST …/uploads/?digest= with a body: a plain start (202), or the whole upload (201)",
		Evidence: "guess, section 4.5",
	},
	{
		Name: quirkManifestTagParam, Values: []string{"ignore", "accept"}, Strict: "accept",
		Effect:   "PUT of a manifest by digest with ?tag=: the parameters are ignored, or tag the manifest",
		Evidence: "unknown, section 4.3; development version of the specification",
	},
	{
		Name: quirkDeleteByTag, Values: []string{"refuse", "untag"}, Strict: "untag",
		Effect:   "DELETE of /v2 manifests by tag: 405 UNSUPPORTED, or the tag goes",
		Evidence: "recorded, section 4.3; the specification allows both",
	},
	{
		Name: quirkAnonymousMount, Values: []string{"off", "on"}, Strict: "on",
		Effect:   "a mount without from: a plain start, or found in any repository",
		Evidence: "no evidence; the specification allows both",
	},
	{
		Name: quirkPartialChunk, Values: []string{"keep", "discard"},
		Effect:   "a chunk cut off half way: what arrived stays and the state is stale (404 BLOB_UPLOAD_INVALID), or is dropped and the same Location works again",
		Evidence: "issue and documentation, sections 4.5 and 10 (17)",
	},
	{
		Name: quirkIndexChildDelete, Values: []string{"allow", "refuse"},
		Effect:   "DELETE of a manifest that an index still names",
		Evidence: "guess, section 7.2",
	},
	{
		Name: quirkReferrersOnDelete, Values: []string{"delete", "keep"},
		Effect:   "what deleting a subject does to its referrers",
		Evidence: "documented, section 7.2",
	},
	{
		Name: quirkRestoreStatus, Values: []string{"202", "200"},
		Effect:   "the status of a restore",
		Evidence: "guess, sections 3.10 and 11",
	},
	{
		Name: quirkSoftDeletedPush, Values: []string{"refuse", "restore"},
		Effect:   "a push of a digest that is soft-deleted: 405 REGISTRY_DISALLOWED_OPERATION, or it comes back",
		Evidence: "documented that it is refused; the form is unknown, section 4.3",
	},
	{
		Name: quirkUploadLock, Values: []string{"start", "manifest"},
		Effect:   "where a repository's write lock stops a push: already at the start of an upload, or at the manifest",
		Evidence: "guess, sections 4.5 and 11",
	},
	{
		Name: quirkEmptyRepository, Values: []string{"remove", "keep"},
		Effect:   "a repository whose last manifest was deleted disappears, or stays",
		Evidence: "guess, section 3.8",
	},
	{
		Name: quirkRateRemaining, Default: "8.000000",
		Effect:   "X-Ms-Ratelimit-Remaining-Calls-Per-Second on DELETE answers; off leaves it out",
		Evidence: "recorded, section 1.3; older recordings lack it",
	},
	{
		Name: quirkBlobDigestHeader, Values: []string{"off", "on"},
		Effect:   "Docker-Content-Digest on blob DELETE answers",
		Evidence: "recorded without, although the API description lists it, section 4.4",
	},
	{
		Name: quirkArtifactSizeZero, Values: []string{"zero", "sum"},
		Effect:   "imageSize of a manifest without layers: 0, or its own bytes and its config",
		Evidence: "recorded twice as 0, section 7.1",
	},
	{
		Name: quirkManifestLockTagged, Values: []string{"allow", "refuse"},
		Effect:   "tagging a manifest that is write-locked",
		Evidence: "guess, section 7.3",
	},
	{
		Name: quirkStorageRange, Values: []string{"start", "specification"}, Strict: "specification",
		Effect:   "the ranges that the storage host honours: those with a start, ignoring others, or also the last bytes of a blob, refusing a reversed range with 416",
		Evidence: "guess: Azure Storage's norm; ranges with a start are recorded, section 4.4",
	},
	{
		Name: quirkStorageDigest, Values: []string{"off", "on"}, Strict: "on",
		Effect:   "Docker-Content-Digest on the storage host's answers",
		Evidence: "recorded without, section 4.4; the specification's development version asks for it",
	},
	{
		Name: quirkMalformedDigest, Values: []string{"not-found", "refuse"}, Strict: "refuse",
		Effect:   "PUT of a manifest by a malformed digest: a plain 404, or 400 DIGEST_INVALID",
		Evidence: "recorded as a plain 404 on other routes, section 1.5",
	},
	{
		Name: quirkSparseManifests, Values: []string{"refuse", "accept"}, Strict: "accept",
		Effect:   "a manifest that names blobs or manifests the repository lacks: 400 MANIFEST_BLOB_UNKNOWN, or stored",
		Evidence: "issue with full headers, section 4.3; the specification allows both",
	},
	{
		Name: quirkForeignService, Values: []string{"401", "400"},
		Effect:   "the status of the token endpoints when service is another registry",
		Evidence: "guess, section 2.4",
	},
	{
		Name: quirkTokenMember, Values: []string{"off", "on"},
		Effect:   "a second member \"token\" beside \"access_token\" in what the token endpoint answers",
		Evidence: "guess: not, section 2.6",
	},
}

// Quirks lists the quirks with their values, defaults and evidence, in a
// stable order.
func Quirks() []Quirk {
	all := slices.Clone(quirkTable)
	for i, q := range all {
		all[i].Values = slices.Clone(q.Values)
		all[i].Default = q.defaultValue()
	}
	return all
}

func (q Quirk) defaultValue() string {
	if len(q.Values) > 0 {
		return q.Values[0]
	}
	return q.Default
}

// quirkSet holds the value of every quirk.
type quirkSet map[string]string

// newQuirkSet applies what was asked for over the defaults.
func newQuirkSet(asked map[string]string) (quirkSet, error) {
	set := quirkSet{}
	strict := asked[quirkOCIStrict] == "on"
	for _, q := range quirkTable {
		set[q.Name] = q.defaultValue()
		if strict && q.Strict != "" {
			set[q.Name] = q.Strict
		}
	}
	for name, value := range asked {
		i := slices.IndexFunc(quirkTable, func(q Quirk) bool { return q.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("quirk %q: no such quirk", name)
		}
		if values := quirkTable[i].Values; len(values) > 0 && !slices.Contains(values, value) {
			return nil, fmt.Errorf("quirk %q: value %q is not one of %s", name, value, strings.Join(values, ", "))
		}
		set[name] = value
	}
	return set, nil
}

func (s quirkSet) value(name string) string { return s[name] }

// is reports whether a quirk has a value.
func (s quirkSet) is(name, value string) bool { return s[name] == value }
