package session

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/internal/wire"
)

// Grant is what a token allows on one thing (ACR protocol §2.8).
type Grant struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// String is the grant as a scope.
func (g Grant) String() string { return g.Type + ":" + g.Name + ":" + strings.Join(g.Actions, ",") }

// Allows reports whether the grant covers an action.
func (g Grant) Allows(kind, name, action string) bool {
	return g.Type == kind && g.Name == name && (slices.Contains(g.Actions, action) || slices.Contains(g.Actions, "*"))
}

// TokenGrants reads what an access token allows. Known is false where it doesn't
// say. It verifies nothing: what it says is to be shown, and to warn by.
func TokenGrants(token string) (grants []Grant, known bool) {
	var claims struct{ Access *[]Grant }
	if !wire.TokenClaims(token, &claims) || claims.Access == nil {
		return nil, false
	}
	return *claims.Access, true
}

// Missing finds out which actions in a repository the registry doesn't grant to
// this identity, as far as its token tells.
func (r *Registry) Missing(ctx context.Context, repository string, actions ...string) (missing, granted []string, err error) {
	if r.Credential.Kind == creds.Anonymous && !r.challenges(ctx) {
		return nil, nil, nil
	}
	scope := Grant{"repository", repository, actions}
	got, err := r.Client.GetAccessToken(ctx, []string{scope.String()}, nil)
	if err != nil {
		return nil, nil, err
	}
	grants, known := TokenGrants(got.AccessToken)
	if !known {
		return nil, nil, nil
	}
	for _, g := range grants {
		if g.Type == scope.Type && g.Name == repository {
			granted = append(granted, g.Actions...)
		}
	}
	if slices.Contains(granted, "*") {
		return nil, granted, nil
	}
	for _, action := range actions {
		if !slices.Contains(granted, action) {
			missing = append(missing, action)
		}
	}
	return missing, granted, nil
}

// challenges reports whether the registry asks for a token at all. What can't be
// found out counts as if it did.
func (r *Registry) challenges(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.endpoint+"/v2/", nil)
	if err != nil {
		return true
	}
	response, err := r.transport.Do(request)
	if err != nil {
		return true
	}
	response.Body.Close()
	return response.StatusCode != http.StatusOK
}
