package azcontainerregistry

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"unicode"

	"github.com/acrkit/azcontainerregistry/internal/names"
	"github.com/acrkit/azcontainerregistry/internal/redact"
	"github.com/acrkit/azcontainerregistry/internal/strict"
)

// readEndpoint reads the address of a login server, as far as it is one: the
// first call fails where it isn't. Plain http is for hosts of this machine or of
// a private network, or for whoever allows it.
func readEndpoint(endpoint string, allowHTTP bool) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return &url.URL{}, nil
	}
	if u.Scheme == "http" && !allowHTTP && !originOf(u).private() {
		return nil, &ArgumentError{
			Argument: "endpoint", Value: redact.Text(shorten(u.Redacted())),
			Rule: "must be https: over http a credential could be read on the way (InsecureAllowCredentialWithHTTP permits it)",
		}
	}
	u.RawQuery, u.Fragment, u.User = "", "", nil
	return u, nil
}

// checkArguments returns the first of errs for a strict caller. The methods of
// v0.2.3 pass on what they get and let the registry judge, except for names that
// are empty, without which no path can be made.
func checkArguments(ctx context.Context, errs ...error) error {
	err := checkAll(errs...)
	var argument *ArgumentError
	if strict.Is(ctx) {
		return err
	}
	for _, err := range errs {
		if errors.As(err, &argument) && argument.Value == "" && argument.Argument == strings.ToLower(argument.Argument) && !optionalArguments[argument.Argument] {
			return errors.New("parameter " + argument.Argument + " cannot be empty")
		}
	}
	return nil
}

// optionalArguments may be empty: they don't stand in a path.
var optionalArguments = map[string]bool{"from": true, "mount": true}

func checkRepository(argument, name string) error {
	return checkName(names.IsRepository, argument, name, names.RepositoryRule)
}

func checkTag(argument, tag string) error {
	return checkName(names.IsTag, argument, tag, names.TagRule)
}

// checkDigest lets other algorithms than SHA-256 pass: whether the service has
// them is not known.
func checkDigest(argument, digest string) error {
	return checkName(names.IsDigest, argument, digest, names.DigestRule)
}

// checkReference checks a tag or a digest: only a digest has a colon.
func checkReference(argument, reference string) error {
	if strings.Contains(reference, ":") {
		return checkDigest(argument, reference)
	}
	return checkName(names.IsTag, argument, reference, names.ReferenceRule)
}

func checkName(is func(string) bool, argument, name, rule string) error {
	if !is(name) {
		return &ArgumentError{Argument: argument, Value: shorten(name), Rule: "must be " + rule}
	}
	return nil
}

func checkUsername(name string) error {
	switch {
	case name == "":
		return &ArgumentError{Argument: "username", Rule: "must not be empty"}
	case strings.TrimSpace(name) != name || strings.ContainsFunc(name, unicode.IsControl):
		return &ArgumentError{Argument: "username", Value: shorten(name), Rule: "must not begin or end with white space, nor hold control characters"}
	}
	return nil
}

func checkAll(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// shorten bounds what of an argument goes into an error.
func shorten(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// Scopes of ACR protocol §2.3.
const (
	catalogScope        = "registry:catalog:*"
	deletedCatalogScope = "registry:deleted_catalog:*"
)

func pullScope(repository string) string   { return "repository:" + repository + ":pull" }
func pushScope(repository string) string   { return "repository:" + repository + ":pull,push" }
func deleteScope(repository string) string { return "repository:" + repository + ":delete" }
func readScope(repository string) string   { return "repository:" + repository + ":metadata_read" }

func metaWriteScope(repository string) string { return "repository:" + repository + ":metadata_write" }

func deletedReadScope(repository string) string {
	return "repository:" + repository + ":deleted_read"
}

func restoreScope(repository string) string {
	return "repository:" + repository + ":deleted_read,deleted_restore"
}

// uploadRepository returns the repository that an upload's address is in.
func uploadRepository(u *url.URL) (string, bool) {
	_, rest, ok := strings.Cut(u.Path, "/v2/")
	if !ok {
		return "", false
	}
	// A repository's own name may have the words in it, the upload's id can't.
	at := strings.LastIndex(rest, "/blobs/uploads/")
	if at < 0 || checkRepository("location", rest[:at]) != nil {
		return "", false
	}
	return rest[:at], true
}

// uploadScopes are the scopes of a call on an upload's address. Of an address
// that isn't ACR's nothing is known before the registry challenges.
func uploadScopes(u *url.URL, scope func(string) string) []string {
	name, ok := uploadRepository(u)
	if !ok {
		return nil
	}
	return []string{scope(name)}
}
