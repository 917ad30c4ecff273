// Package quirk holds the behaviours of the emulator that can be turned.
package quirk

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Quirk is a behaviour that can be turned: a fact about ACR that no recording
// settles, or a departure of ACR from the OCI distribution specification.
type Quirk struct {
	// Name is the key in the emulator's options.
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
	OCIStrict          = "oci-strict"
	ServerHeader       = "server-header"
	EmptyCatalog       = "empty-catalog"
	InvalidPageSize    = "invalid-page-size"
	ReadDisabled       = "read-disabled"
	ManifestTooLarge   = "manifest-too-large"
	UnknownBlobDetail  = "unknown-blob-detail"
	MissingAccept      = "missing-accept"
	ManifestListFall   = "manifest-list-fallback"
	ImageFallback      = "docker-image-fallback"
	ReferrerType       = "referrer-artifact-type"
	SHA512             = "sha512"
	MonolithicPost     = "monolithic-post"
	ManifestTagParam   = "manifest-tag-param"
	DeleteByTag        = "delete-manifest-by-tag"
	AnonymousMount     = "anonymous-mount"
	PartialChunk       = "partial-chunk"
	IndexChildDelete   = "delete-index-child"
	ReferrersOnDelete  = "referrers-on-delete"
	RestoreStatus      = "restore-status"
	SoftDeletedPush    = "soft-deleted-push"
	UploadLock         = "upload-lock"
	EmptyRepository    = "empty-repository"
	RateRemaining      = "rate-remaining"
	BlobDigestHeader   = "blob-digest-header"
	ArtifactSizeZero   = "image-size-without-blobs"
	ManifestLockTagged = "manifest-lock-and-tagging"
	StorageRange       = "storage-range"
	SparseManifests    = "sparse-manifests"
	StorageDigest      = "storage-digest-header"
	MalformedDigest    = "malformed-digest"
	ForeignService     = "foreign-service"
	TokenMember        = "token-member"
	CorrelationID      = "correlation-id"
	RepositoryLength   = "repository-length"
	InvalidName        = "invalid-name"
	InvalidLast        = "invalid-last"
	MalformedMount     = "malformed-mount"
	APIVersion         = "api-version"
	MethodNotAllowed   = "method-not-allowed"
	BaseNoSlash        = "base-without-slash"
	InvalidToken       = "invalid-token"
	ReferrersScope     = "referrers-scope"
	MalformedForm      = "malformed-form"
	DeniedScope        = "denied-scope"
	AccessTokenRID     = "access-token-registry-id"
	PatchUnknown       = "patch-unknown-member"
	TagsListUnknown    = "tags-list-of-unknown-repository"
	TagsListEmpty      = "empty-tags-list"
	TagsListPage       = "tags-list-page"
	EmptyManifests     = "empty-manifest-list"
	ManifestNoRepo     = "manifest-of-unknown-repository"
	ManifestDetail     = "unknown-manifest-detail"
	MismatchDetail     = "digest-mismatch-detail"
	UploadDetail       = "unknown-upload-detail"
	UploadLifetime     = "upload-lifetime"
	BlobRepository     = "repository-of-blobs"
	MovedTag           = "moved-tag-created"
	ExpiredURL         = "expired-url"
	ChunkOrder         = "out-of-order-chunk"
	StaleUpload        = "stale-upload"
	ReferrersOrder     = "referrers-order"
	AccessSpelling     = "access-token-spelling"
	NoRole             = "no-role"
	TokenErrorID       = "token-error-correlation-id"
	DisallowedText     = "disallowed-message"
	OfflineToken       = "offline-token"
	StaleChunk         = "stale-chunk"
	StatusScope        = "upload-status-scope"
	Schema1Checks      = "schema1-checks"
	InternalBody       = "internal-error-body"
	TokenName          = "token-name-length"
	ABACDenial         = "abac-denial"
	MetadataWrite      = "metadata-write-right"
	DeletedRights      = "deleted-rights"
	BeyondEnd          = "range-beyond-end"
)

// Quirks lists the quirks with their values, defaults and evidence, in a
// stable order.
func All() []Quirk {
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

// maxPageSize is the largest page of a listing (ACR protocol §3.1).
const MaxPageSize = 1000

// Set holds the value of every quirk. It may be read while a value is turned.
type Set struct{ values *sync.Map }

// Of makes a set of some quirks.
func Of(values map[string]string) Set {
	set := Set{&sync.Map{}}
	for name, value := range values {
		set.values.Store(name, value)
	}
	return set
}

// Turn gives a quirk another value, by the rules of [NewSet]. oci-strict can't be
// turned: it only chooses where the others begin.
func (s Set) Turn(name, value string) error {
	if name == OCIStrict {
		return fmt.Errorf("quirk %q: it chooses the values at the start, and can't be turned later", name)
	}
	checked, err := NewSet(map[string]string{name: value})
	if err == nil {
		s.values.Store(name, checked.Value(name))
	}
	return err
}

// NewSet applies what was asked for over the defaults.
func NewSet(asked map[string]string) (Set, error) {
	set := Of(nil)
	strict := asked[OCIStrict] == "on"
	for _, q := range quirkTable {
		set.values.Store(q.Name, q.defaultValue())
		if strict && q.Strict != "" {
			set.values.Store(q.Name, q.Strict)
		}
	}
	for name, value := range asked {
		i := slices.IndexFunc(quirkTable, func(q Quirk) bool { return q.Name == name })
		if i < 0 {
			return Set{}, fmt.Errorf("quirk %q: no such quirk", name)
		}
		if values := quirkTable[i].Values; len(values) > 0 && !slices.Contains(values, value) {
			return Set{}, fmt.Errorf("quirk %q: value %q is not one of %s", name, value, strings.Join(values, ", "))
		}
		if check := quirkTable[i].check; check != nil {
			if err := check(value); err != nil {
				return Set{}, fmt.Errorf("quirk %q: value %q: %w", name, value, err)
			}
		}
		set.values.Store(name, value)
	}
	return set, nil
}

func checkHeaderQuirk(value string) error {
	if !ValidHeader("X", value) {
		return errors.New("want the value of a header")
	}
	return nil
}

func checkPageQuirk(value string) error {
	if n, err := strconv.Atoi(value); err != nil || n < 1 || n > MaxPageSize {
		return fmt.Errorf("want a number from 1 to %d", MaxPageSize)
	}
	return nil
}

func checkDurationQuirk(value string) error {
	if d, err := time.ParseDuration(value); err != nil || d <= 0 {
		return errors.New("want a positive duration such as \"24h\"")
	}
	return nil
}

// Number is the value of a quirk whose values are numbers.
func (s Set) Number(name string) int {
	// The table and its checks let nothing else in.
	n, _ := strconv.Atoi(s.Value(name))
	return n
}

// Duration is the value of a quirk whose values are durations.
func (s Set) Duration(name string) time.Duration {
	d, _ := time.ParseDuration(s.Value(name))
	return d
}

// Value is the value of a quirk, "" of one that isn't in the set.
func (s Set) Value(name string) string {
	if s.values == nil {
		return ""
	}
	value, _ := s.values.Load(name)
	text, _ := value.(string)
	return text
}

// Is reports whether a quirk has a value.
func (s Set) Is(name, value string) bool { return s.Value(name) == value }

// ValidHeader keeps responses from being split by what a rule says.
func ValidHeader(name, value string) bool {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	return name != "" && !strings.ContainsFunc(value, control) &&
		!strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) })
}
