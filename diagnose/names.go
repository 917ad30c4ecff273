package diagnose

import (
	"slices"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/words"
)

// registryCalls lists, for each code that stands in answers of a registry or of
// its storage, the rows that such an answer may be about, the general one last.
// One code of the registry's means many things; the rest of the exchange tells
// them apart.
var registryCalls = []struct {
	code string
	rows []string
}{
	{"UNAUTHORIZED", []string{
		"NO_CREDENTIALS", "TOKEN_EXPIRED", "TOKEN_INVALID", "TOKEN_OTHER_REGISTRY", "ENTRA_TOKEN_AS_BEARER",
		"ANONYMOUS_DENIED", "CATALOG_DENIED", "ABAC_CONDITION", "SCOPE_MAP", "ACTION_NOT_GRANTED",
		"PULL_DENIED_OR_MISSING", "REPOSITORY_NOT_GRANTED", "GRANT_REFUSED", "REFRESH_TOKEN_AS_PASSWORD", "BASIC_REJECTED",
		"ARM_TOKEN_DISALLOWED", "REFRESH_TOKEN_REJECTED", "ANONYMOUS_PULL_OFF", "ADMIN_LOGIN_REFUSED",
		"PASSWORD_REJECTED", "LOGIN_REFUSED", "APP_NOT_REGISTERED", "APP_SECRET_INVALID", "USER_NAME_UNKNOWN",
		"CONNECTED_REGISTRY_PASSWORD", "TOKEN_ENDPOINT_REFUSED", "UNAUTHORIZED",
	}},
	{"DENIED", []string{"FIREWALL_DENIED", "FIREWALL_DENIED_PRIVATE", "NO_ROLE", "CMK_INACTIVE", "ACCESS_DENIED"}},
	{"NAME_UNKNOWN", []string{"REPOSITORY_NOT_FOUND"}},
	{"TAG_UNKNOWN", []string{"TAG_NOT_FOUND"}},
	{"MANIFEST_UNKNOWN", []string{"TAG_NOT_FOUND", "MANIFEST_NOT_FOUND", "ACCEPT_TOO_NARROW"}},
	{"QUARANTINED", []string{"TAG_NOT_FOUND", "READ_DISALLOWED"}},
	{"BLOB_UNKNOWN", []string{"BLOB_NOT_FOUND"}},
	{"BLOB_UPLOAD_INVALID", []string{"UPLOAD_INVALID"}},
	{"BLOB_UPLOAD_UNKNOWN", []string{"UPLOAD_UNKNOWN"}},
	{"BLOB_UPLOAD_RANGE_INVALID", []string{"UPLOAD_RANGE_INVALID"}},
	{"RESOURCE_UNKNOWN", []string{"CLASSIC_REGISTRY_EMPTY"}},
	{"MANIFEST_INVALID", []string{"MANIFEST_INVALID", "MANIFEST_TOO_LARGE"}},
	{"DIGEST_INVALID", []string{"DIGEST_INVALID", "DIGEST_MALFORMED"}},
	{"PAGINATION_NUMBER_INVALID", []string{"PAGE_SIZE_INVALID"}},
	{"UNSUPPORTED", []string{"UNSUPPORTED", "DELETE_BY_TAG", "LOGIN_REQUEST_INVALID"}},
	{"REGISTRY_DISALLOWED_OPERATION", []string{"WRITE_DISALLOWED", "DELETE_DISALLOWED", "READ_DISALLOWED", "DISALLOWED"}},
	{"TOOMANYREQUESTS", []string{"THROTTLED", "LOGIN_THROTTLED", "CACHE_RULE_THROTTLED"}},
	{"UNAVAILABLE", []string{"SERVICE_UNAVAILABLE"}},
	{"UNKNOWN", []string{"SERVICE_ERROR", "USER_NAME_WHITESPACE"}},
	{"INTERNAL_ERROR", []string{"SERVICE_ERROR"}},
	{"InvalidAuthenticationInfo", []string{"CREDENTIALS_TO_STORAGE"}},
	{"AuthenticationFailed", []string{"STORAGE_LINK_REFUSED", "CREDENTIALS_TO_STORAGE"}},
	{"AuthorizationFailure", []string{"STORAGE_FIREWALL"}},
	{"BlobNotFound", []string{"STORAGE_BLOB_MISSING"}},
	{"ServerBusy", []string{"STORAGE_BUSY"}},
}

// Find returns the rows that a name stands for: a code of the catalogue, the
// code in an answer of the registry, a code of `az acr check-health`, or one of
// Entra's such as AADSTS50076. The row whose own code it is comes first; letters
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
	each(func(r *Row) bool { return strings.EqualFold(r.Code, name) })
	for _, c := range registryCalls {
		if strings.EqualFold(c.code, name) {
			for _, code := range c.rows {
				each(func(r *Row) bool { return r.Code == code })
			}
		}
	}
	each(func(r *Row) bool { return r.AzCode != "" && strings.EqualFold(r.AzCode, name) })
	if number, is := strings.CutPrefix(strings.ToUpper(name), "AADSTS"); is || len(found) == 0 && isEntraNumber(number) {
		each(func(r *Row) bool { return slices.Contains(r.Entra, "AADSTS"+number) })
		if is && len(found) == 0 && isEntraNumber(number) {
			each(func(r *Row) bool { return r.Code == "ENTRA_REFUSED" })
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
	slices.SortStableFunc(candidates, func(a, b candidate) int { return a.distance - b.distance })
	var codes []string
	for _, c := range candidates[:min(len(candidates), 5)] {
		codes = append(codes, c.code)
	}
	return codes
}

// allNames lists every name that Find knows, once, the catalogue's own first.
func allNames() []string {
	names := Codes()
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
