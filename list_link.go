package azcontainerregistry

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// follow turns the target of a link into the address of the next page.
func (l *listing) follow(from *url.URL, target string) (string, error) {
	u, err := resolve(from, target)
	if err != nil {
		return "", wire.ErrMalformedLink
	}
	if o := originOf(u); o != l.registry.home || u.User != nil {
		return "", &UntrustedOriginError{Kind: OriginKindLink, Got: o.String(), Want: l.registry.home.String()}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", wire.ErrMalformedLink
	}
	for name, values := range l.sticky {
		if !query.Has(name) {
			query[name] = values
		}
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// link returns the address of the page after resp's, "" if it is the last one.
// A header that can't be read is returned as it is, so that the listing doesn't
// end there without a word.
func (l *listing) link(resp *http.Response) string {
	lines := resp.Header.Values("Link")
	target, err := wire.NextLink(lines)
	if err != nil {
		return strings.Join(lines, ", ")
	}
	if target == "" {
		return ""
	}
	if u, err := url.Parse(target); err == nil && (u.IsAbs() || u.Host != "") {
		return target
	}
	return runtime.JoinPaths(l.registry.endpoint, target)
}

// next turns a page's link into the address to ask.
func (l *listing) next(link string) (string, error) {
	if strings.HasPrefix(strings.TrimSpace(link), "<") {
		return "", wire.ErrMalformedLink
	}
	return l.follow(l.registry.base, link)
}
