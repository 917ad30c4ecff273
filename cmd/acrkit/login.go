package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

// loginResult is what login and logout did.
type loginResult struct {
	Registry string `json:"registry"`
	Store    string `json:"store"`
	Username string `json:"username,omitempty"`
	Removed  *bool  `json:"removed,omitempty"`
}

func newLoginCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "login [REGISTRY]", Short: "Write a credential into docker's store, for docker, helm and others",
		Long: `Write a credential into docker's store, for docker, helm, podman and others.
acrkit itself needs no login: it finds your credential at every call (see
acrkit whoami). With an Entra identity the store gets a refresh token of the
registry, good for some three hours, under the user
00000000-0000-0000-0000-000000000000.`,
		Example: `  acrkit login myreg.azurecr.io
  printenv PASSWORD | acrkit login myreg.azurecr.io --username ci-token --password-stdin`,
		GroupID: groupAccess,
		Args:    rangeArgs(0, "REGISTRY"),
		RunE: func(command *cobra.Command, args []string) error {
			h, err := a.registryArgument(args)
			if err == nil && h.Local() {
				err = usagef("the embedded registry needs no login, and no other program can reach it; acrkit emulator serves it on a port")
			}
			if err != nil {
				return err
			}
			return a.login(command.Context(), h)
		},
	}
}

func (a *app) login(ctx context.Context, h host) error {
	r, err := a.open(ctx, h)
	if err != nil {
		return err
	}
	// A credential that doesn't work must not replace one that does.
	if err := r.verify(ctx); err != nil {
		return err
	}
	username, secret := creds.NullUser, ""
	switch r.credential.Kind {
	case creds.Anonymous:
		return &explained{
			err:  coded(exitNotSignedIn, fmt.Errorf("no credential for %s was found", h)),
			code: "NO_CREDENTIAL_AVAILABLE", why: describeAnswers(r.answers),
			fix: []string{"az login", "acrkit login " + h.String() + " --username USER --password-stdin"},
		}
	case creds.Password:
		username, secret = r.credential.Username, r.credential.Password
	case creds.RefreshToken:
		secret = r.credential.RefreshToken
	case creds.Entra:
		if secret, err = a.exchange(ctx, r); err != nil {
			return err
		}
	}
	store, err := creds.StoreDocker(ctx, creds.DockerConfig(a.getenv), h.Name, username, secret)
	if err != nil {
		return err
	}
	view := loginView()
	view.Text = func(w io.Writer, l loginResult) error {
		_, err := fmt.Fprintf(w, "signed in to %s: %s\n", l.Registry, l.Store)
		return err
	}
	return output.One(a.printer, view, loginResult{Registry: h.String(), Store: store, Username: username})
}

// verify asks the registry for a token that anybody with a credential gets.
func (r *registry) verify(ctx context.Context) error {
	_, err := r.client.GetAccessToken(ctx, []string{catalogScope}, nil)
	return err
}

// catalogScope is the scope of the catalogue; a token is issued for it whatever
// the identity may do (ACR protocol §2.5).
const catalogScope = "registry:catalog:*"

// exchange trades an Entra token for a refresh token of the registry.
func (a *app) exchange(ctx context.Context, r *registry) (string, error) {
	token, err := r.credential.Token.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{creds.RegistryScope}})
	if err != nil {
		return "", err
	}
	options := a.clientOptions()
	options.Transport = a.network()
	client, err := azcontainerregistry.NewAuthenticationClient(r.host.Endpoint(),
		&azcontainerregistry.AuthenticationClientOptions{ClientOptions: options})
	if err != nil {
		return "", err
	}
	got, err := client.ExchangeAADAccessTokenForACRRefreshToken(ctx, azcontainerregistry.PostContentSchemaGrantTypeAccessToken, r.host.Name,
		&azcontainerregistry.AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions{AccessToken: &token.Token})
	if err != nil {
		return "", err
	}
	if value(got.RefreshToken) == "" {
		return "", errors.New("exchange the Entra token: the registry's answer holds no refresh token")
	}
	return *got.RefreshToken, nil
}

func loginView() output.View[loginResult] {
	return output.View[loginResult]{Kind: "Login", Columns: []output.Column[loginResult]{
		{Name: "registry", Value: func(l loginResult) string { return l.Registry }},
		{Name: "store", Value: func(l loginResult) string { return l.Store }},
	}}
}

func newLogoutCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "logout [REGISTRY]", Short: "Remove a registry's credential from docker's store",
		Example: "  acrkit logout myreg.azurecr.io",
		GroupID: groupAccess,
		Args:    rangeArgs(0, "REGISTRY"),
		RunE: func(command *cobra.Command, args []string) error {
			h, err := a.registryArgument(args)
			if err != nil {
				return err
			}
			config := creds.DockerConfig(a.getenv)
			removed, err := creds.ForgetDocker(command.Context(), config, h.Name)
			if err != nil {
				return err
			}
			view := loginView()
			view.Text = func(w io.Writer, l loginResult) error {
				text := "signed out of %s: %s\n"
				if !removed {
					text = "nothing to remove for %s in %s\n"
				}
				_, err := fmt.Fprintf(w, text, l.Registry, l.Store)
				return err
			}
			return output.One(a.printer, view, loginResult{Registry: h.String(), Store: config, Removed: &removed})
		},
	}
}

// tokenResult is an access token; its text is the token alone.
type tokenResult struct {
	Registry    string    `json:"registry"`
	Scopes      []string  `json:"scopes"`
	AccessToken string    `json:"accessToken"`
	ExpiresOn   time.Time `json:"expiresOn"`
}

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
				return usagef("token: --scope is missing, such as --scope repository:team/app:pull")
			}
			h, err := a.registryArgument(args)
			if err != nil {
				return err
			}
			r, err := a.open(command.Context(), h)
			if err != nil {
				return err
			}
			got, err := r.client.GetAccessToken(command.Context(), scopes, nil)
			if err != nil {
				return err
			}
			return output.One(a.printer, output.View[tokenResult]{Kind: "AccessToken", Columns: []output.Column[tokenResult]{
				{Name: "token", Value: func(t tokenResult) string { return t.AccessToken }},
				{Name: "expires", Value: func(t tokenResult) string { return when(&t.ExpiresOn) }},
			}}, tokenResult{h.String(), scopes, got.AccessToken, got.ExpiresOn})
		},
	}
	// A scope may hold commas, so this is no comma-separated list.
	command.Flags().StringArrayVar(&scopes, "scope", nil, "what the token shall allow, such as `repository:NAME:pull,push`; may be repeated")
	return command
}

// identity is what whoami tells.
type identity struct {
	Registry   string         `json:"registry"`
	Credential string         `json:"credential"`
	Username   string         `json:"username,omitempty"`
	Accepted   bool           `json:"accepted"`
	Links      []creds.Answer `json:"links"`
}

func newWhoamiCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "whoami [REGISTRY]", Short: "Show which credential is used for a registry, and what each link of the chain answered",
		Long: `Show which credential is used for a registry, and what each link of the chain
answered: the flags, the environment, docker's store, a service principal,
workload identity, managed identity, the Azure CLI, anonymous. The credential
is tried at the registry.

ACR_USERNAME with ACR_PASSWORD, and ACR_REFRESH_TOKEN, belong to the registry
that ACR_REGISTRY names, and go to no other.`,
		Example: `  acrkit whoami myreg.azurecr.io
  acrkit whoami local -o json`,
		GroupID: groupAccess,
		Args:    rangeArgs(0, "REGISTRY"),
		RunE: func(command *cobra.Command, args []string) error {
			h, err := a.registryArgument(args)
			if err != nil {
				return err
			}
			return a.whoami(command.Context(), h)
		},
	}
}

func (a *app) whoami(ctx context.Context, h host) error {
	r, err := a.open(ctx, h)
	var link *creds.LinkError
	switch {
	case errors.As(err, &link):
		// The chain itself is what was asked for: show how far it came.
		shown := identity{Registry: h.String(), Credential: "none", Links: link.Answers}
		return errors.Join(output.One(a.printer, identityView(), shown), err)
	case err != nil:
		return err
	}
	refused := r.verify(ctx)
	shown := identity{
		Registry: h.String(), Credential: string(r.credential.Kind), Username: r.credential.Username,
		Accepted: refused == nil, Links: r.answers,
	}
	if err := output.One(a.printer, identityView(), shown); err != nil {
		return err
	}
	return refused
}

func identityView() output.View[identity] {
	return output.View[identity]{
		Kind: "Identity",
		Columns: []output.Column[identity]{
			{Name: "registry", Value: func(i identity) string { return i.Registry }},
			{Name: "credential", Value: func(i identity) string { return i.Credential }},
			{Name: "user", Value: func(i identity) string { return i.Username }},
			{Name: "accepted", Value: func(i identity) string { return fmt.Sprint(i.Accepted) }},
		},
		Text: func(w io.Writer, i identity) error {
			accepted := "yes"
			if !i.Accepted {
				accepted = "no"
			}
			if err := facts(w, [][2]string{
				{"registry", i.Registry}, {"credential", i.Credential}, {"user", i.Username}, {"accepted", accepted},
			}); err != nil {
				return err
			}
			for _, line := range describeAnswers(i.Links) {
				if _, err := fmt.Fprintf(w, "  %s\n", line); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// describeAnswers is a line a link of the chain.
func describeAnswers(answers []creds.Answer) []string {
	lines := make([]string, 0, len(answers))
	for _, answer := range answers {
		line := fmt.Sprintf("%-18s %-9s %s", answer.Link, answer.State, clean(oneLine(answer.Detail)))
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// oneLine joins the lines of a text that have words.
func oneLine(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.Trim(line, " \t\r\n-"); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " · ")
}
