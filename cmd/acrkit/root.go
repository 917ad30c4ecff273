package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// The groups of the help, in its order.
const (
	groupImages   = "images"
	groupRegistry = "registry"
	groupAccess   = "access"
	groupTools    = "tools"
)

// commands lists every command. A command is one file with one constructor;
// this is where it is registered.
func commands(a *app) []*cobra.Command {
	return []*cobra.Command{
		newDemoCommand(a),
		newPushCommand(a),
		newPullCommand(a),
		newCopyCommand(a),
		newSyncCommand(a),
		newTransfersCommand(a),
		newLsCommand(a),
		newShowCommand(a),
		newTreeCommand(a),
		newDiffCommand(a),
		newRepoCommand(a),
		newTagCommand(a),
		newManifestCommand(a),
		newBlobCommand(a),
		newLoginCommand(a),
		newLogoutCommand(a),
		newTokenCommand(a),
		newWhoamiCommand(a),
		newDoctorCommand(a),
		newExplainCommand(a),
		newEmulatorCommand(a),
		newExitCodesCommand(a),
		newCompletionCommand(a),
		newVersionCommand(a),
	}
}

// newRootCommand makes the whole tree over one app.
func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:     "acrkit",
		Version: buildVersion().Version,
		Short:   "Work with Azure Container Registry, and learn why it failed",
		Long: `acrkit works with Azure Container Registry: push, pull, copy, list, delete,
and explain every failure. local/... is a registry embedded in this program, so
every command can be tried without an account.

A reference is registry/repository[:tag][@digest]. Where the registry is left
out, ACR_REGISTRY names it; a bare name gets .azurecr.io.`,
		Example: `  acrkit demo
  acrkit push oci:app.tar local/team/app:1
  acrkit ls local/team/app
  acrkit copy local/team/app:1 myreg.azurecr.io/team/app:1`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              cobra.ArbitraryArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.prepare() },
		RunE:              helpOrUnknown,
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetIn(a.stdin)
	root.SetFlagErrorFunc(wrongFlags)
	root.AddGroup(
		&cobra.Group{ID: groupImages, Title: "Images:"},
		&cobra.Group{ID: groupRegistry, Title: "What a registry holds:"},
		&cobra.Group{ID: groupAccess, Title: "Access and diagnosis:"},
		&cobra.Group{ID: groupTools, Title: "Also:"},
	)
	flags := root.PersistentFlags()
	flags.StringVarP(&a.outputForm, "output", "o", "text", "form of the result: text, json, jsonl, table, tsv")
	flags.StringVar(&a.query, "jq", "", "filter the JSON result with a jq `expression` (implies -o json)")
	flags.StringVar(&a.progress, "progress", "auto", "how to show progress: auto, bar, plain, json, none")
	flags.Var(debugFlag{&a.debug}, "debug", "show each request; --debug=trace headers and small bodies too, --debug=file:PATH all of it in a file of yours")
	flags.Lookup("debug").NoOptDefVal = "true"
	flags.IntVar(&a.retries, "retries", defaultRetries, "try a failed request, or a blob that doesn't get on, again so many times")
	flags.Lookup("retries").DefValue = "3, for blobs 8"
	flags.StringVar(&a.credentialFlags.Username, "username", "", "user: the admin user, a scope-map token, or an application id; with --password-stdin")
	flags.BoolVar(&a.credentialFlags.PasswordStdin, "password-stdin", false, "read the user's password from standard input")
	flags.BoolVar(&a.credentialFlags.TokenStdin, "token-stdin", false, "read an ACR refresh token from standard input")
	root.AddCommand(commands(a)...)
	root.SetHelpCommand(newHelpCommand())
	root.CompletionOptions.DisableDefaultCmd = true
	completeValues(root)
	return root
}

// exactArgs wants exactly these arguments, and names the missing one.
func exactArgs(names ...string) cobra.PositionalArgs {
	return rangeArgs(len(names), names...)
}

// someArgs wants one argument or more.
func someArgs(name string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if len(args) == 0 {
			return wrongArgs(command, name+" is missing")
		}
		return nil
	}
}

// rangeArgs wants at least least of these arguments and at most all of them.
func rangeArgs(least int, names ...string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return wrongArgs(command, names[len(args)]+" is missing")
		case len(args) > len(names):
			return wrongArgs(command, fmt.Sprintf("too many arguments, from %q on", args[len(names)]))
		}
		return nil
	}
}

// wrongArgs is a command with an argument too few or too many.
func wrongArgs(command *cobra.Command, what string) error {
	return &usageError{err: errors.New(command.CommandPath() + ": " + what), see: command.UseLine()}
}
