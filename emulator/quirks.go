package emulator

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
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

	check func(value string) error // of free text; nil for any
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
	quirkImageFallback      = "docker-image-fallback"
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
	quirkCorrelationID      = "correlation-id"
	quirkRepositoryLength   = "repository-length"
	quirkInvalidName        = "invalid-name"
	quirkInvalidLast        = "invalid-last"
	quirkMalformedMount     = "malformed-mount"
	quirkAPIVersion         = "api-version"
	quirkMethodNotAllowed   = "method-not-allowed"
	quirkBaseNoSlash        = "base-without-slash"
	quirkInvalidToken       = "invalid-token"
	quirkReferrersScope     = "referrers-scope"
	quirkMalformedForm      = "malformed-form"
	quirkDeniedScope        = "denied-scope"
	quirkAccessTokenRID     = "access-token-registry-id"
	quirkPatchUnknown       = "patch-unknown-member"
	quirkTagsUnknownRepo    = "tags-of-unknown-repository"
	quirkTagsListUnknown    = "tags-list-of-unknown-repository"
	quirkTagsListEmpty      = "empty-tags-list"
	quirkTagsListPage       = "tags-list-page"
	quirkEmptyManifests     = "empty-manifest-list"
	quirkManifestNoRepo     = "manifest-of-unknown-repository"
	quirkManifestDetail     = "unknown-manifest-detail"
	quirkMismatchDetail     = "digest-mismatch-detail"
	quirkUploadDetail       = "unknown-upload-detail"
	quirkUploadLifetime     = "upload-lifetime"
	quirkBlobRepository     = "repository-of-blobs"
	quirkMovedTag           = "moved-tag-created"
	quirkExpiredURL         = "expired-url"
	quirkChunkOrder         = "out-of-order-chunk"
	quirkStaleUpload        = "stale-upload"
	quirkStaleChunk         = "stale-chunk"
	quirkStatusScope        = "upload-status-scope"
	quirkSchema1Checks      = "schema1-checks"
	quirkInternalBody       = "internal-error-body"
	quirkTokenName          = "token-name-length"
	quirkABACDenial         = "abac-denial"
	quirkMetadataWrite      = "metadata-write-right"
	quirkDeletedRights      = "deleted-rights"
	quirkBeyondEnd          = "range-beyond-end"
)

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
		if check := quirkTable[i].check; check != nil {
			if err := check(value); err != nil {
				return nil, fmt.Errorf("quirk %q: value %q: %w", name, value, err)
			}
		}
		set[name] = value
	}
	return set, nil
}

func checkHeaderQuirk(value string) error {
	if !validHeader("X", value) {
		return errors.New("want the value of a header")
	}
	return nil
}

func checkPageQuirk(value string) error {
	if n, err := strconv.Atoi(value); err != nil || n < 1 || n > maxPageSize {
		return fmt.Errorf("want a number from 1 to %d", maxPageSize)
	}
	return nil
}

func checkDurationQuirk(value string) error {
	if d, err := time.ParseDuration(value); err != nil || d <= 0 {
		return errors.New("want a positive duration such as \"24h\"")
	}
	return nil
}

// number is the value of a quirk whose values are numbers.
func (s quirkSet) number(name string) int {
	// The table and its checks let nothing else in.
	n, _ := strconv.Atoi(s[name])
	return n
}

// duration is the value of a quirk whose values are durations.
func (s quirkSet) duration(name string) time.Duration {
	d, _ := time.ParseDuration(s[name])
	return d
}

func (s quirkSet) value(name string) string { return s[name] }

// is reports whether a quirk has a value.
func (s quirkSet) is(name, value string) bool { return s[name] == value }
