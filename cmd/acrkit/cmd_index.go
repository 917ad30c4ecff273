package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
)

func newIndexCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use: "index", Short: "Indexes for several platforms: create, add, remove",
		Long: `Indexes of images for several platforms. The images stay where they are, those of
another repository of the registry are mounted.`,
		GroupID: groupImages, Args: cobra.ArbitraryArgs, RunE: helpOrUnknown,
	}
	command.AddCommand(newIndexCreateCommand(a), newIndexAddCommand(a), newIndexRemoveCommand(a))
	return command
}

// indexEntryHelp says how images are named that go into an index.
const indexEntryHelp = `SRC is an image, whose platform its configuration states, unless =os/arch[/variant]
after SRC does; or an index, all of whose images are meant.`

// indexEntries reads SRC[=PLATFORM] arguments.
func (a *app) indexEntries(ctx context.Context, args []string) ([]artifact.IndexEntry, error) {
	entries := make([]artifact.IndexEntry, 0, len(args))
	for _, arg := range args {
		text, platform, _ := strings.Cut(arg, "=")
		at, err := a.imageLocation(text)
		if err != nil {
			return nil, err
		}
		entry := artifact.IndexEntry{}
		if entry.Platform, err = onePlatform(platform); err != nil {
			return nil, err
		}
		if entry.Source, err = location.OpenSource(ctx, a.Session, at); err != nil {
			return nil, err
		}
		entry.Reference = at.Version()
		entries = append(entries, entry)
	}
	return entries, nil
}
