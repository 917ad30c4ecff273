package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/internal/words"
)

// exactArgs requires exactly these arguments, and names the missing one.
func exactArgs(names ...string) cobra.PositionalArgs {
	return rangeArgs(len(names), names...)
}

// someArgs requires one argument or more.
func someArgs(name string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if len(args) == 0 {
			return wrongArgs(command, name+" is missing")
		}
		return nil
	}
}

// leastArgs requires these arguments at least, the last of them as often as given.
func leastArgs(names ...string) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return wrongArgs(command, names[len(args)]+" is missing")
		}
		return nil
	}
}

// usageOfOption makes a wrong command line of an option that the library
// refuses.
func usageOfOption(err error) error {
	var invalid *artifact.InvalidError
	if errors.As(err, &invalid) && invalid.Code == "OPTION_INVALID" {
		return &failure.UsageError{Err: err}
	}
	return err
}

// rangeArgs requires at least least of these arguments and at most all of them.
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
	return &failure.UsageError{Err: errors.New(command.CommandPath() + ": " + what), See: command.UseLine()}
}

// wrongFlags makes the error of flags that a command can't read, with the one
// that may have been meant.
func wrongFlags(command *cobra.Command, err error) error {
	// A command that only holds others is where a mistyped one ends: then its
	// flags are nobody's.
	if command.HasSubCommands() {
		for _, word := range command.Flags().Args() {
			return unknownCommand(command, word)
		}
	}
	var unknown *pflag.NotExistError
	message := valueRule(err)
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
	return &failure.UsageError{Err: errors.New(message), See: command.CommandPath() + " --help"}
}

// helpOrUnknown runs a command that only holds others: alone it shows its help,
// with an unknown word it says so, with what may have been meant.
func helpOrUnknown(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return command.Help()
	}
	return unknownCommand(command, args[0])
}

// valueRule says of a flag's value which form it must have.
func valueRule(err error) string {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err.Error()
	}
	flag := invalid.GetFlag()
	rule, known := map[string]string{
		"int": "a whole number, such as 8", "duration": "a duration, such as 30s or 5m", "bool": "true or false",
	}[flag.Value.Type()]
	if !known {
		return err.Error()
	}
	return fmt.Sprintf("--%s %q: must be %s", flag.Name, invalid.GetValue(), rule)
}

// otherWords are what other tools call the things that commands do.
var otherWords = map[string][]string{
	"cp": {"copy"}, "import": {"copy"}, "mv": {"copy"}, "clone": {"copy"}, "promote": {"copy"},
	"mirror": {"sync"}, "replicate": {"sync"},
	"rm": {"tag untag", "tag delete", "manifest delete", "repo delete"}, "remove": {"tag untag", "tag delete", "manifest delete", "repo delete"},
	"delete": {"tag delete", "manifest delete", "repo delete"}, "del": {"tag delete", "manifest delete", "repo delete"}, "untag": {"tag untag"},
	"inspect": {"show"}, "describe": {"show"}, "config": {"show"}, "digest": {"tag show"}, "info": {"show"},
	"list": {"ls"}, "tags": {"ls"}, "catalog": {"ls"}, "repositories": {"repo list"}, "repos": {"repo list"}, "images": {"ls"},
	"lock": {"tag lock", "manifest lock", "repo lock"}, "unlock": {"tag unlock", "manifest unlock", "repo unlock"},
	"restore": {"repo restore", "manifest restore", "tag restore"}, "undelete": {"repo restore", "manifest restore"},
	"upload": {"push"}, "download": {"pull"}, "fetch": {"pull"}, "save": {"pull"}, "load": {"push"},
	"resume": {"transfers resume"}, "continue": {"transfers resume"},
	"auth": {"login"}, "signin": {"login"}, "check-health": {"doctor"}, "ping": {"doctor"}, "health": {"doctor"},
	"error": {"explain"}, "serve": {"emulator"}, "registry": {"emulator"}, "server": {"emulator"},
	"referrers": {"manifest referrers"}, "signatures": {"manifest referrers"}, "layers": {"blob list"},
}

// unknownCommand names the command that was meant: one that other tools call by
// this word, or one that is a slip of the finger away.
func unknownCommand(command *cobra.Command, word string) error {
	message := fmt.Sprintf("unknown command %q for %q", word, command.CommandPath())
	if similar := meant(command, word); len(similar) > 0 {
		message += "; did you mean " + strings.Join(similar, " or ") + "?"
	}
	return &failure.UsageError{Err: errors.New(message), See: command.CommandPath() + " --help"}
}

func meant(command *cobra.Command, word string) []string {
	var found []string
	if command.Parent() == nil {
		for _, path := range otherWords[word] {
			if target, rest, err := command.Find(strings.Fields(path)); err == nil && len(rest) == 0 && target != command {
				found = append(found, path)
			}
		}
	}
	if len(found) > 0 {
		return found
	}
	// In a short word two wrong letters are another word.
	most := 1
	if len(word) > 4 {
		most = 2
	}
	for _, child := range command.Commands() {
		if d := words.Edits(word, child.Name()); d > 0 && d <= most && child.IsAvailableCommand() {
			found = append(found, child.Name())
		}
	}
	return found
}
