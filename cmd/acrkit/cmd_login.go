package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/creds"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

func newLoginCommand(a *app) *cobra.Command {
	var storeIn string
	command := &cobra.Command{
		Use: "login [REGISTRY]", Short: "Store a credential for docker, helm and others",
		Long: `Write a credential into docker's store, for docker, helm, podman and others.
acrkit itself needs no login: it finds your credential at every call (see
acrkit whoami). With an Entra identity the store gets a refresh token of the
registry, valid for about three hours, under the user
00000000-0000-0000-0000-000000000000.`,
		Example: `  acrkit login myreg.azurecr.io
  printenv PASSWORD | acrkit login myreg.azurecr.io --username ci-token --password-stdin
  acrkit login myreg.azurecr.io --store none`,
		GroupID: groupAccess,
		Args:    rangeArgs(0, "REGISTRY"),
		RunE: func(command *cobra.Command, args []string) error {
			if storeIn != storeDocker && storeIn != storeNone {
				return failure.Usagef("--store %q: must be docker or none", storeIn)
			}
			h, err := a.RegistryArgument(args)
			if err == nil && h.Local() {
				err = failure.Usagef("the embedded registry needs no login, and no other program can reach it; acrkit emulator serves it on a port")
			}
			if err != nil {
				return err
			}
			return login(command.Context(), a, h, storeIn)
		},
	}
	command.Flags().StringVar(&storeIn, "store", storeDocker, "where to store the credential: docker, or none, which prints what to do instead")
	return command
}

// The places of --store.
const (
	storeDocker = "docker"
	storeNone   = "none"
)

// instructionsView says how a tool signs in without anything being stored.
func instructionsView() output.View[loginResult] {
	view := loginView()
	view.Text = func(w io.Writer, l loginResult) error {
		_, err := fmt.Fprintf(w, `%[1]s accepts the credential; nothing was stored.
To let docker, podman and helm ask acrkit each time, put a link to acrkit named
%[2]s into a folder of PATH, and into ~/.docker/config.json:
  {"credHelpers": {"%[1]s": "%[3]s"}}
To sign one tool in now, for some three hours (jq prints the secret to the pipe):
  printf %[1]s | acrkit docker-credential get | jq -r .Secret |
    docker login %[1]s --username %[4]s --password-stdin
`, l.Registry, helperProgram, creds.OwnHelper, creds.NullUser)
		return err
	}
	return view
}

// noCredential says how to give one. An Entra sign-in helps Azure's registries
// alone.
func noCredential(h reference.Host, outcomes []creds.Outcome) error {
	fix := []string{"printenv PASSWORD | acrkit login " + h.String() + " --username USER --password-stdin"}
	if creds.AzureHost(h.Name) {
		fix = append([]string{"az login"}, fix...)
	}
	return &failure.Explained{
		Err:  failure.Coded(failure.ExitNotSignedIn, fmt.Errorf("no credential for %s was found", h)),
		Code: "NO_CREDENTIAL_AVAILABLE", Why: session.OutcomeLines(outcomes), Fix: fix,
	}
}

func login(ctx context.Context, a *app, h reference.Host, storeIn string) error {
	r, err := a.Open(ctx, h)
	if err != nil {
		return err
	}
	if r.Credential.Kind == creds.Anonymous {
		return noCredential(h, r.Outcomes)
	}
	// A credential that doesn't work must not replace one that does.
	if err := r.Verify(ctx); err != nil {
		return err
	}
	if storeIn == storeNone {
		return output.One(a.printer, instructionsView(), loginResult{Registry: h.String(), Store: storeNone})
	}
	username, secret, err := storable(ctx, a, r)
	if err != nil {
		return err
	}
	store, err := creds.FindStores(a.Getenv).Put(ctx, h.Name, username, secret)
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

// loginResult is what login and logout did.
type loginResult struct {
	Registry string `json:"registry"`
	Store    string `json:"store"`
	Username string `json:"username,omitempty"`
	Removed  *bool  `json:"removed,omitempty"`
}

func loginView() output.View[loginResult] {
	return output.View[loginResult]{Kind: "Login", Columns: []output.Column[loginResult]{
		{Name: "registry", Value: func(l loginResult) string { return l.Registry }},
		{Name: "store", Value: func(l loginResult) string { return l.Store }},
	}}
}
