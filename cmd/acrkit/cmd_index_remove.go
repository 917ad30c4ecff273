package main

import (
	"context"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

func newIndexRemoveCommand(a *app) *cobra.Command {
	var c imageChange
	command := &cobra.Command{
		Use: "remove REF DIGEST|PLATFORM...", Short: "Take images out of an index; prints it by digest",
		Long: `Take images out of an index, with their attestations. The images themselves stay
in the registry. An index isn't left empty. ` + changeHelp,
		Example: `  acrkit index remove local/team/app:1 linux/s390x --dry-run
  acrkit index remove local/team/app:1 $DIGEST --to 1-small`,
		Args: c.Args(leastArgs("REF", "PLATFORM")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.runChange(command, &c, args, func(ctx context.Context, src artifact.Source, reference string, rest []string, _ *ocispec.Platform, _ time.Time) (*artifact.Draft, error) {
				var digests []digest.Digest
				var platforms []ocispec.Platform
				for _, text := range rest {
					if strings.Contains(text, ":") {
						d, err := digest.Parse(text)
						if err != nil {
							return nil, failure.Usagef("%q: it is no digest: %w", text, err)
						}
						digests = append(digests, d)
						continue
					}
					p, err := onePlatform(text)
					if err != nil {
						return nil, err
					}
					if p == nil {
						return nil, failure.Usagef("a platform must not be empty")
					}
					platforms = append(platforms, *p)
				}
				return artifact.IndexRemove(ctx, src, reference, digests, platforms)
			})
		},
	}
	c.add(command, "")
	return command
}
