package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

func newCompletionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print the completion script of a shell",
		Long: `Print the script by which a shell completes acrkit's command lines: commands,
flags and their values. bash needs the package bash-completion for it.`,
		Example: `  source <(acrkit completion bash)
  acrkit completion zsh > "${fpath[1]}/_acrkit"
  acrkit completion fish > ~/.config/fish/completions/acrkit.fish
  acrkit completion powershell | Out-String | Invoke-Expression`,
		GroupID: groupTools, Args: exactArgs("SHELL"), ValidArgs: shells,
		RunE: func(command *cobra.Command, args []string) error {
			root := command.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.Stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.Stdout)
			case "fish":
				return root.GenFishCompletion(a.Stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.Stdout)
			}
			return failure.Usagef("completion: %q is none of %s", args[0], strings.Join(shells, ", "))
		},
	}
}

// shells are those that a completion script can be made for.
var shells = []string{"bash", "zsh", "fish", "powershell"}

// fixedValues are the flags that take one of a few words, for the completion.
var fixedValues = map[string][]string{
	"output":    {"text", "json", "jsonl", "table", "tsv"},
	"progress":  {"auto", "bar", "plain", "json", "none"},
	"debug":     {"requests", "trace", "file:"},
	"referrers": {"auto", "follow", "skip"},
	"order":     {"name", "oldest", "newest", "time"},
	"sort":      {"stored", "unique", "shared", "logical", "name"},
	"keep-by":   {"time", "version"},
	"store":     {"docker", "none"},
	"for":       {"write", "delete", "read", "list"},
}

// completeValues registers the completion of the flags of a command, and of
// those below it.
func completeValues(command *cobra.Command) {
	command.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) { completeValue(command, flag) })
	command.PersistentFlags().VisitAll(func(flag *pflag.Flag) { completeValue(command, flag) })
	for _, child := range command.Commands() {
		completeValues(child)
	}
}

func completeValue(command *cobra.Command, flag *pflag.Flag) {
	values, known := fixedValues[flag.Name]
	if !known {
		return
	}
	// It fails only where a flag has its completion already.
	_ = command.RegisterFlagCompletionFunc(flag.Name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
