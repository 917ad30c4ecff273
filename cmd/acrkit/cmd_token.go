package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

func newTokenCommand(a *app) *cobra.Command {
	var scopes []string
	command := &cobra.Command{
		Use: "token [REGISTRY]", Short: "Print an access token for a scope, for curl and scripts",
		Long: `Print an access token for one or more scopes. It is a secret, valid for about
75 minutes: keep it out of logs. A registry issues a token even
where the identity lacks the actions asked for: what is missing is printed on
standard error, and a token that grants none of them is an error (exit code 5).`,
		Example: `  acrkit token myreg.azurecr.io --scope repository:team/app:pull
  TOKEN=$(acrkit token myreg --scope 'registry:catalog:*')
  curl -H "Authorization: Bearer $TOKEN" https://myreg.azurecr.io/acr/v1/_catalog`,
		GroupID: groupAccess,
		Args:    rangeArgs(0, "REGISTRY"),
		RunE: func(command *cobra.Command, args []string) error {
			if len(scopes) == 0 {
				return failure.Usagef("token: --scope is missing, such as --scope repository:team/app:pull")
			}
			h, err := a.RegistryArgument(args)
			if err != nil {
				return err
			}
			r, err := a.Open(command.Context(), h)
			if err != nil {
				return err
			}
			asked, err := parseScopes(scopes)
			if err != nil {
				return err
			}
			got, err := r.Client.GetAccessToken(command.Context(), scopes, nil)
			if err != nil {
				return err
			}
			result := tokenResult{Registry: h.String(), Asked: scopes, Scopes: []string{}, AccessToken: got.AccessToken, ExpiresOn: got.ExpiresOn}
			if err := a.sayGranted(&result, asked); err != nil {
				return err
			}
			return output.One(a.printer, output.View[tokenResult]{Kind: "AccessToken", Columns: []output.Column[tokenResult]{
				{Name: "token", Value: func(t tokenResult) string { return t.AccessToken }},
				{Name: "expires", Value: func(t tokenResult) string { return items.When(&t.ExpiresOn) }},
			}}, result)
		},
	}
	// A scope may hold commas, so this is no comma-separated list.
	command.Flags().StringArrayVar(&scopes, "scope", nil, "a `SCOPE`, such as repository:NAME:pull,push; may be repeated")
	return command
}

// tokenResult is an access token; its text is the token alone.
type tokenResult struct {
	Registry    string    `json:"registry"`
	Scopes      []string  `json:"scopes"` // what the token grants
	Asked       []string  `json:"asked"`  // what was asked for
	AccessToken string    `json:"accessToken"`
	ExpiresOn   time.Time `json:"expiresOn"`
}

// parseScopes reads type:name:actions. A name may hold colons, a repository's
// actions are behind the last.
func parseScopes(scopes []string) ([]session.Grant, error) {
	var asked []session.Grant
	for _, scope := range scopes {
		kind, rest, _ := strings.Cut(scope, ":")
		colon := strings.LastIndexByte(rest, ':')
		if kind == "" || colon <= 0 || colon == len(rest)-1 {
			return nil, failure.Usagef("--scope %q: must be type:name:actions, such as repository:team/app:pull,push or registry:catalog:*", scope)
		}
		asked = append(asked, session.Grant{Type: kind, Name: rest[:colon], Actions: strings.Split(rest[colon+1:], ",")})
	}
	return asked, nil
}

// sayGranted fills in what the token grants, and says what it lacks of what was
// asked for.
func (a *app) sayGranted(result *tokenResult, asked []session.Grant) error {
	grants, known := session.TokenGrants(result.AccessToken)
	if !known {
		result.Scopes = result.Asked // the token is not one that tells
		return nil
	}
	for _, g := range grants {
		if len(g.Actions) > 0 {
			result.Scopes = append(result.Scopes, g.String())
		}
	}
	var missing []string
	found := false
	for _, want := range asked {
		lacks := want
		lacks.Actions = nil
		for _, action := range want.Actions {
			if slices.ContainsFunc(grants, func(g session.Grant) bool { return g.Allows(want.Type, want.Name, action) }) {
				found = true
			} else {
				lacks.Actions = append(lacks.Actions, action)
			}
		}
		if len(lacks.Actions) > 0 {
			missing = append(missing, lacks.String())
		}
	}
	switch {
	case len(missing) == 0:
	case !found:
		return &failure.Explained{
			Err:  failure.Coded(failure.ExitNotAllowed, fmt.Errorf("the token that %s gives grants nothing of what was asked for", result.Registry)),
			Code: "ACTION_NOT_GRANTED", Why: []string{"asked for: " + strings.Join(result.Asked, " ")}, Fix: []string{"acrkit whoami " + result.Registry},
		}
	default:
		a.Note("warning: the token does not grant %s", strings.Join(missing, " "))
	}
	return nil
}
