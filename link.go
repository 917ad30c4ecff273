package azcontainerregistry

import (
	"net/url"

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
		if query.Has(name) {
			continue
		}
		for _, v := range values {
			if u.RawQuery != "" {
				u.RawQuery += "&"
			}
			u.RawQuery += url.QueryEscape(name) + "=" + url.QueryEscape(v)
		}
	}
	return u.String(), nil
}
