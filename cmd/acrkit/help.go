package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/acrkit/azcontainerregistry/internal/words"
)

// newHelpCommand is cobra's, except that an unknown command is an error.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND...]", Short: "Show the help of a command", GroupID: groupTools,
		Example: "  acrkit help push\n  acrkit help tag delete",
		Args:    cobra.ArbitraryArgs,
		ValidArgsFunction: func(command *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if of, _, err := command.Root().Find(args); err == nil {
				for _, child := range of.Commands() {
					names = append(names, child.Name())
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(command *cobra.Command, args []string) error {
			of, rest, err := command.Root().Find(args)
			if err != nil {
				return &usageError{err: err}
			}
			if len(rest) > 0 {
				return unknownCommand(of, rest[0])
			}
			of.InitDefaultHelpFlag()
			return of.Help()
		},
	}
}

// shells are those that a completion script can be made for.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print the completion script of a shell: bash, zsh, fish, powershell",
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
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.stdout)
			}
			return usagef("completion: %q is none of %s", args[0], strings.Join(shells, ", "))
		},
	}
}

// fixedValues are the flags that take one of a few words, for the completion.
var fixedValues = map[string][]string{
	"output":    {"text", "json", "jsonl", "table", "tsv"},
	"progress":  {"auto", "bar", "plain", "json", "none"},
	"debug":     {"requests", "trace", "file:"},
	"referrers": {"auto", "follow", "skip"},
	"order":     {"name", "oldest", "newest"},
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

// wrongFlags makes the error of flags that a command can't read, with the one
// that may have been meant.
func wrongFlags(command *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	message := err.Error()
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		best, least := "", 3 // more edits than two are another word
		consider := func(flag *pflag.Flag) {
			if d := words.Edits(unknown.GetSpecifiedName(), flag.Name); d < least {
				best, least = flag.Name, d
			}
		}
		command.Flags().VisitAll(consider)
		command.InheritedFlags().VisitAll(consider)
		if best != "" {
			message += "; did you mean --" + best + "?"
		}
	}
	return &usageError{err: errors.New(message), see: command.CommandPath() + " --help"}
}

// helpOrUnknown runs a command that only holds others: alone it shows its help,
// with an unknown word it says so, with what may have been meant.
func helpOrUnknown(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return command.Help()
	}
	return unknownCommand(command, args[0])
}

func unknownCommand(command *cobra.Command, word string) error {
	message := fmt.Sprintf("unknown command %q for %q", word, command.CommandPath())
	// cobra suggests within two edits only when told the distance.
	command.SuggestionsMinimumDistance = 2
	if similar := command.SuggestionsFor(word); len(similar) > 0 {
		message += "; did you mean " + strings.Join(similar, " or ") + "?"
	}
	return &usageError{err: errors.New(message), see: command.CommandPath() + " --help"}
}

// debugFlag is the value of --debug. It says that it is a bool, so that the
// help doesn't show the word that stands for an empty one.
type debugFlag struct{ how *string }

func (f debugFlag) String() string { return "" }
func (f debugFlag) Type() string   { return "bool" }
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
