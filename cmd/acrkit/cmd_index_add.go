package main

import (
	"context"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
)

func newIndexAddCommand(a *app) *cobra.Command {
	var c imageChange
	var annotations []string
	var replace bool
	command := &cobra.Command{
		Use: "add REF SRC[=PLATFORM]...", Short: "Add images to an index; prints it by digest",
		Long: "Add images to an index. " + indexEntryHelp + ` An image for a
platform that the index has already is refused (exit code 10), unless --replace
is given. ` + changeHelp,
		Example: `  acrkit index add local/team/app:1 local/team/app:1-s390x
  acrkit index add local/team/app:1 local/team/app:1-arm64-fixed --replace --dry-run`,
		Args: c.Args(leastArgs("REF", "SRC")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.runChange(command, &c, args, func(ctx context.Context, src artifact.Source, reference string, rest []string, _ *ocispec.Platform, _ time.Time) (*artifact.Draft, error) {
				set, err := keyValues("--annotation", annotations)
				if err != nil {
					return nil, err
				}
				entries, err := a.indexEntries(ctx, rest)
				if err != nil {
					return nil, err
				}
				return artifact.IndexAdd(ctx, src, reference, entries, &artifact.IndexOptions{Annotations: set, Replace: replace})
			})
		},
	}
	c.add(command, "")
	command.Flags().StringArrayVarP(&annotations, "annotation", "a", nil, "a `KEY=VALUE` annotation of the index; may be repeated")
	command.Flags().BoolVar(&replace, "replace", false, "put an image in the place of one for the same platform")
	return command
}
