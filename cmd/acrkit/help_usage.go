package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// printUsage writes a command's usage in cobra's form, the texts of its flags
// wrapped at helpWidth. cobra can do that by a template, which would be 2.8 MB of
// the program (see .ci/size).
func printUsage(c *cobra.Command) error {
	var b strings.Builder
	b.WriteString("Usage:")
	if c.Runnable() {
		b.WriteString("\n  " + c.UseLine())
	}
	parent := c.HasAvailableSubCommands()
	if parent {
		b.WriteString("\n  " + c.CommandPath() + " [command]")
	}
	if len(c.Aliases) > 0 {
		section(&b, "Aliases:", "\n  "+c.NameAndAliases())
	}
	if c.HasExample() {
		section(&b, "Examples:", "\n"+c.Example)
	}
	if parent {
		listCommands(&b, c)
	}
	if c.HasAvailableLocalFlags() {
		section(&b, "Flags:", flagTexts(c.LocalFlags()))
	}
	if c.HasAvailableInheritedFlags() {
		section(&b, "Global Flags:", flagTexts(c.InheritedFlags()))
	}
	if parent {
		section(&b, fmt.Sprintf("Use %q for more information about a command.", c.CommandPath()+" [command] --help"), "")
	}
	b.WriteByte('\n')
	_, err := io.WriteString(c.OutOrStderr(), b.String())
	return err
}

func section(b *strings.Builder, title, content string) { b.WriteString("\n\n" + title + content) }

func flagTexts(flags *pflag.FlagSet) string {
	return "\n" + strings.TrimRight(flags.FlagUsagesWrapped(helpWidth), " \n")
}

// listCommands lists the commands below c by their groups, those without one last.
func listCommands(b *strings.Builder, c *cobra.Command) {
	list := func(title, group string) {
		var lines strings.Builder
		for _, child := range c.Commands() {
			if child.GroupID == group && (child.IsAvailableCommand() || child.Name() == "help") {
				fmt.Fprintf(&lines, "\n  %-*s %s", child.NamePadding(), child.Name(), child.Short)
			}
		}
		section(b, title, lines.String())
	}
	for _, group := range c.Groups() {
		list(group.Title, group.ID)
	}
	switch {
	case len(c.Groups()) == 0:
		list("Available Commands:", "")
	case !c.AllChildCommandsHaveGroup():
		list("Additional Commands:", "")
	}
}
