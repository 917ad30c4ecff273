package diagnose

import (
	"slices"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/order"
	"github.com/acrkit/azcontainerregistry/internal/words"
)

// registryCalls lists, for each code that stands in responses of a registry or of
// its storage, the rows that such a response may be about, the general one last.
// One code of the registry's means many things; the rest of the response tells
// them apart.
var registryCalls = []struct {
	code string
	rows []Code
}{
	{"UNAUTHORIZED", []Code{
		CodeNoCredentials, CodeTokenExpired, CodeTokenInvalid, CodeTokenOtherRegistry, CodeEntraTokenAsBearer,
		CodeAnonymousDenied, CodeCatalogDenied, CodeABACCondition, CodeScopeMap, CodeActionNotGranted,
		CodePullDeniedOrMissing, CodeRepositoryNotGranted, CodeGrantRefused, CodeRefreshTokenAsPassword, CodeBasicRejected,
		CodeARMTokenDisallowed, CodeNoRole, CodeRefreshTokenRejected, CodeAnonymousPullOff, CodeAdminLoginRefused,
		CodePasswordRejected, CodeLoginRefused, CodeAppNotRegistered, CodeAppSecretInvalid, CodeUserNameUnknown,
		CodeConnectedRegistryPassword, CodeTokenEndpointRefused, CodeUnauthorized,
	}},
	{"DENIED", []Code{CodeFirewallDenied, CodeFirewallDeniedPrivate, CodeNoRole, CodeCMKInactive, CodeCMKKeyForbidden, CodeAccessDenied}},
	{"NAME_UNKNOWN", []Code{CodeRepositoryNotFound}},
	{"TAG_UNKNOWN", []Code{CodeTagNotFound}},
	{"MANIFEST_UNKNOWN", []Code{CodeTagNotFound, CodeManifestNotFound, CodeAcceptTooNarrow}},
	{"QUARANTINED", []Code{CodeTagNotFound, CodeReadDisallowed}},
	{"IMAGE_QUARANTINED", []Code{CodeReadDisallowed}},
	{"BLOB_UNKNOWN", []Code{CodeBlobNotFound}},
	{"BLOB_UPLOAD_INVALID", []Code{CodeUploadInvalid}},
	{"BLOB_UPLOAD_UNKNOWN", []Code{CodeUploadUnknown}},
	{"BLOB_UPLOAD_RANGE_INVALID", []Code{CodeUploadRangeInvalid}},
	{"RESOURCE_UNKNOWN", []Code{CodeClassicRegistryEmpty}},
	{"MANIFEST_INVALID", []Code{CodeManifestInvalid, CodeManifestTooLarge}},
	{"DIGEST_INVALID", []Code{CodeDigestInvalid, CodeDigestMalformed}},
	{"PAGINATION_NUMBER_INVALID", []Code{CodePageSizeInvalid}},
	{"UNSUPPORTED", []Code{CodeUnsupported, CodeDeleteByTag, CodeLoginRequestInvalid}},
	{"REGISTRY_DISALLOWED_OPERATION", []Code{CodeWriteDisallowed, CodeDeleteDisallowed, CodeReadDisallowed, CodeDisallowed}},
	{"TOOMANYREQUESTS", []Code{CodeThrottled, CodeLoginThrottled, CodeCacheRuleThrottled}},
	{"UNAVAILABLE", []Code{CodeServiceUnavailable}},
	{"UNKNOWN", []Code{CodeRegistryFull, CodeServiceError, CodeUserNameWhitespace}},
	{"INTERNAL_ERROR", []Code{CodeServiceError}},
	{"InvalidAuthenticationInfo", []Code{CodeCredentialsToStorage}},
	{"AuthenticationFailed", []Code{CodeStorageLinkRefused, CodeCredentialsToStorage}},
	{"AuthorizationFailure", []Code{CodeStorageFirewall}},
	{"BlobNotFound", []Code{CodeStorageBlobMissing}},
	{"ServerBusy", []Code{CodeStorageBusy}},
}

// statusCodes are the codes that a registry's responses of a status have, for a
// person who has only the number.
var statusCodes = map[string][]string{
	"401": {"UNAUTHORIZED"},
	"403": {"DENIED"},
	"404": {"NAME_UNKNOWN", "TAG_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN", "BLOB_UPLOAD_UNKNOWN"},
	"405": {"REGISTRY_DISALLOWED_OPERATION", "UNSUPPORTED"},
	"416": {"BLOB_UPLOAD_RANGE_INVALID"},
	"429": {"TOOMANYREQUESTS"},
	"500": {"UNKNOWN", "INTERNAL_ERROR"},
	"503": {"UNAVAILABLE"},
}

// Find returns the rows that a name stands for: a code of the catalogue, the
// code in a response of the registry, a code of `az acr check-health`, one of
// Entra's such as AADSTS50076, or a status such as 401. The row whose own code it is comes first; letters
// may be of either case. It returns none for a name that nobody uses.
func Find(name string) []Row {
	name = strings.TrimSpace(name)
	var found []Row
	add := func(r *Row) {
		if !slices.ContainsFunc(found, func(f Row) bool { return f.Code == r.Code }) {
			found = append(found, r.clone())
		}
	}
	each := func(fits func(*Row) bool) {
		for i := range rows {
			if fits(&rows[i]) {
				add(&rows[i])
			}
		}
	}
	each(func(r *Row) bool { return strings.EqualFold(string(r.Code), name) })
	for _, c := range registryCalls {
		if strings.EqualFold(c.code, name) || slices.Contains(statusCodes[name], c.code) {
			for _, code := range c.rows {
				each(func(r *Row) bool { return r.Code == code })
			}
		}
	}
	each(func(r *Row) bool { return r.AzCode != "" && strings.EqualFold(r.AzCode, name) })
	if number, is := strings.CutPrefix(strings.ToUpper(name), "AADSTS"); is || len(found) == 0 && isEntraNumber(number) {
		each(func(r *Row) bool { return slices.Contains(r.Entra, "AADSTS"+number) })
		if is && len(found) == 0 && isEntraNumber(number) {
			each(func(r *Row) bool { return r.Code == CodeEntraRefused })
		}
	}
	return found
}

// isEntraNumber reports whether text has the form of an AADSTS code's number.
func isEntraNumber(text string) bool {
	return len(text) >= 5 && len(text) <= 8 && strings.Trim(text, "0123456789") == ""
}

// Similar returns codes that resemble a name, the most similar first, five at
// most: for a person who mistyped one.
func Similar(name string) []string {
	name = strings.ToUpper(name[:min(len(name), 64)])
	type candidate struct {
		code     string
		distance int
	}
	var candidates []candidate
	for _, code := range allNames() {
		distance := words.Edits(name, strings.ToUpper(code))
		switch {
		case distance <= max(2, len(name)/4):
		case sharesWord(name, strings.ToUpper(code)):
			distance += 100 // behind those that are merely mistyped
		default:
			continue
		}
		candidates = append(candidates, candidate{code, distance})
	}
	order.By(candidates, func(a, b candidate) int { return a.distance - b.distance })
	var codes []string
	for _, c := range candidates[:min(len(candidates), 5)] {
		codes = append(codes, c.code)
	}
	return codes
}

// allNames lists every name that Find knows, once, the catalogue's own first.
func allNames() []string {
	var names []string
	for _, code := range Codes() {
		names = append(names, string(code))
	}
	for _, c := range registryCalls {
		names = append(names, c.code)
	}
	for _, r := range rows {
		if r.AzCode != "" {
			names = append(names, r.AzCode)
		}
		names = append(names, r.Entra...)
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(names, func(name string) bool {
		known := seen[name]
		seen[name] = true
		return known
	})
}

func sharesWord(name, code string) bool {
	for word := range strings.SplitSeq(name, "_") {
		if len(word) > 2 && strings.Contains(code, word) {
			return true
		}
	}
	return false
}
