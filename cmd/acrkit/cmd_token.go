package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

func newTokenCommand(a *app) *cobra.Command {
	var scopes []string
	command := &cobra.Command{
		Use: "token [REGISTRY]", Short: "Print an access token for a scope, for curl and scripts",
		Long: `Print an access token for one or more scopes. Whoever has it may do what it
allows for some 75 minutes: keep it out of logs. A token is issued even where
the identity lacks the actions asked for; acrkit doctor shows what it holds.`,
		Example: `  acrkit token myreg.azurecr.io --scope repository:team/app:pull
  curl -H "Authorization: Bearer $(acrkit token myreg --scope registry:catalog:'*')" https://myreg.azurecr.io/acr/v1/_catalog`,
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
			got, err := r.Client.GetAccessToken(command.Context(), scopes, nil)
			if err != nil {
				return err
			}
			return output.One(a.printer, output.View[tokenResult]{Kind: "AccessToken", Columns: []output.Column[tokenResult]{
				{Name: "token", Value: func(t tokenResult) string { return t.AccessToken }},
				{Name: "expires", Value: func(t tokenResult) string { return items.When(&t.ExpiresOn) }},
			}}, tokenResult{h.String(), scopes, got.AccessToken, got.ExpiresOn})
		},
	}
	// A scope may hold commas, so this is no comma-separated list.
	command.Flags().StringArrayVar(&scopes, "scope", nil, "what the token shall allow, such as `repository:NAME:pull,push`; may be repeated")
	return command
}

// tokenResult is an access token; its text is the token alone.
type tokenResult struct {
	Registry    string    `json:"registry"`
	Scopes      []string  `json:"scopes"`
	AccessToken string    `json:"accessToken"`
	ExpiresOn   time.Time `json:"expiresOn"`
}
