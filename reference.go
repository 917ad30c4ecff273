package azcontainerregistry

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/acrkit/azcontainerregistry/internal/names"
	"github.com/acrkit/azcontainerregistry/internal/redact"
)

const endpointRule = "must be https:// and the login server's host, such as https://contoso.azurecr.io"

// checkEndpoint returns the address of a login server. Plain HTTP is for this
// machine, or for whoever allows it.
func checkEndpoint(endpoint string, allowHTTP bool) (*url.URL, error) {
	refuse := func(rule string) error {
		value := endpoint
		if at := strings.LastIndexByte(value, '@'); at >= 0 {
			// A password, whether or not the rest makes it one.
			value = redact.Mark + value[at:]
		}
		return &ArgumentError{Argument: "endpoint", Value: redact.Text(shorten(value)), Rule: rule}
	}
	u, err := url.Parse(endpoint)
	switch {
	case endpoint == "":
		return nil, refuse("must not be empty: it is " + strings.TrimPrefix(endpointRule, "must be "))
	case err != nil, u.Scheme == "", u.Opaque != "", !strings.Contains(endpoint, "://"):
		// "contoso.azurecr.io" and "contoso.azurecr.io:443" have no scheme.
		return nil, refuse(endpointRule)
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, refuse(endpointRule)
	case u.Hostname() == "":
		return nil, refuse("has no host; it " + endpointRule)
	case u.User != nil:
		return nil, refuse("must not hold a user name or password: use NewClientWithPasswordCredential")
	case !validPort(u):
		return nil, refuse("must have a port between 1 and 65535, if any")
	case strings.Trim(u.Path, "/") != "":
		return nil, refuse("must not have a path: the repository is an argument of each call")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, refuse("must not have a query or fragment")
	case u.Scheme == "http" && !allowHTTP && !originOf(u).loopback():
		return nil, refuse("must be https: over http a credential could be read on the way (InsecureAllowCredentialWithHTTP permits it)")
	}
	// As the registry writes its own name: the token endpoints compare it.
	_, host, _ := strings.Cut(originOf(u).String(), "://")
	return &url.URL{Scheme: u.Scheme, Host: host}, nil
}

func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return true
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}

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
const catalogScope = "registry:catalog:*"

func pullScope(repository string) string   { return "repository:" + repository + ":pull" }
func pushScope(repository string) string   { return "repository:" + repository + ":pull,push" }
func deleteScope(repository string) string { return "repository:" + repository + ":delete" }
func readScope(repository string) string   { return "repository:" + repository + ":metadata_read" }

func metaWriteScope(repository string) string { return "repository:" + repository + ":metadata_write" }

// uploadRepository returns the repository that an upload's address is in.
func uploadRepository(u *url.URL) (string, bool) {
	rest, ok := strings.CutPrefix(u.Path, "/v2/")
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
