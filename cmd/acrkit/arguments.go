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

// leastArgs wants these arguments at least, the last of them as often as given.
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
	return &failure.UsageError{Err: errors.New(command.CommandPath() + ": " + what), See: command.UseLine()}
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

func unknownCommand(command *cobra.Command, word string) error {
	message := fmt.Sprintf("unknown command %q for %q", word, command.CommandPath())
	// cobra suggests within two edits only when told the distance.
	command.SuggestionsMinimumDistance = 2
	if similar := command.SuggestionsFor(word); len(similar) > 0 {
		message += "; did you mean " + strings.Join(similar, " or ") + "?"
	}
	return &failure.UsageError{Err: errors.New(message), See: command.CommandPath() + " --help"}
}
