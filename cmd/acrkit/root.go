package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/version"
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
		newVerifyCommand(a),
		newCheckCommand(a),
		newDiffCommand(a),
		newFilesCommand(a),
		newExportCommand(a),
		newRetagCommand(a),
		newAnnotateCommand(a),
		newMutateCommand(a),
		newAppendCommand(a),
		newRebaseCommand(a),
		newFlattenCommand(a),
		newIndexCommand(a),
		newArtifactCommand(a),
		newAttachCommand(a),
		newReferrersCommand(a),
		newRepoCommand(a),
		newTagCommand(a),
		newManifestCommand(a),
		newBlobCommand(a),
		newDuCommand(a),
		newPurgeCommand(a),
		newWatchCommand(a),
		newLoginCommand(a),
		newLogoutCommand(a),
		newDockerCredentialCommand(a),
		newCredentialProviderCommand(a),
		newTokenCommand(a),
		newWhoamiCommand(a),
		newDoctorCommand(a),
		newExplainCommand(a),
		newEmulatorCommand(a),
		newCalibrateCommand(a),
		newExitCodesCommand(a),
		newCompletionCommand(a),
		newVersionCommand(a),
		newManCommand(a),
	}
}

// newRootCommand makes the whole tree over one app.
func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:     "acrkit",
		Version: version.Build().Version,
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
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		PersistentPreRunE: func(command *cobra.Command, args []string) error {
			a.given, a.typed = args, typedLine(command, args)
			return errors.Join(a.prepare(), a.limit(command))
		},
		RunE: helpOrUnknown,
	}
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.SetIn(a.Stdin)
	root.SetFlagErrorFunc(wrongFlags)
	root.AddGroup(
		&cobra.Group{ID: groupImages, Title: "Images:"},
		&cobra.Group{ID: groupRegistry, Title: "What a registry holds:"},
		&cobra.Group{ID: groupAccess, Title: "Access and diagnosis:"},
		&cobra.Group{ID: groupTools, Title: "Also:"},
	)
	flags := root.PersistentFlags()
	flags.StringVarP(&a.outputForm, "output", "o", "text", "format of the result: text, json, jsonl, table, tsv")
	flags.StringVar(&a.query, "jq", "", "filter the JSON result with a jq `EXPRESSION` (implies -o json)")
	flags.StringVar(&a.progress, "progress", "auto", "how to show progress: auto, bar, plain, json, none")
	flags.BoolVarP(&a.Quiet, "quiet", "q", false, "print only the result and errors: no progress, no notes")
	flags.DurationVar(&a.timeout, "timeout", 0, "stop the command after this time, such as `5m`; a transfer can be resumed (0: no limit)")
	flags.Var(debugFlag{&a.Debug}, "debug", "show each request; --debug=trace shows headers and small bodies too, --debug=file:PATH writes them to a file")
	flags.Lookup("debug").NoOptDefVal = "true"
	flags.IntVar(&a.Retries, "retries", session.DefaultRetries, "retry a failed request, or a blob transfer without progress, this many times")
	flags.Lookup("retries").DefValue = "3, for blobs 8"
	flags.StringSliceVar(&a.PlainHTTP, "plain-http", nil, "read images from the registry at `HOST` without TLS, which shows them, and its credential, to everyone on the network")
	flags.StringVar(&a.CredentialFlags.Username, "username", "", "user: the admin user, a scope-map token, or an application id; with --password-stdin")
	flags.BoolVar(&a.CredentialFlags.PasswordStdin, "password-stdin", false, "read the user's password from standard input")
	flags.BoolVar(&a.CredentialFlags.TokenStdin, "token-stdin", false, "read an ACR refresh token from standard input")
	root.AddCommand(commands(a)...)
	root.SetHelpCommand(newHelpCommand())
	root.CompletionOptions.DisableDefaultCmd = true
	completeValues(root)
	completeReferences(a, root)
	fitHelp(root)
	return root
}

// debugFlag is the value of --debug. It says that it is a bool, so that the
// help doesn't show the word that stands for an empty one.
type debugFlag struct{ how *string }

func (f debugFlag) String() string { return "" }

func (f debugFlag) Type() string { return "bool" }

func (f debugFlag) Set(how string) error {
	switch how {
	case "true":
		how = "requests"
	case "false":
		how = ""
	}
	*f.how = how
	return nil
}
