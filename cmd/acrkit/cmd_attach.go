package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
)

func newAttachCommand(a *app) *cobra.Command {
	var f transfers.ChangeFlags
	var pack packFlags
	command := &cobra.Command{
		Use: "attach REF [FILE[:TYPE]...]", Short: "Attach files to an image: an SBOM, a signature, a report",
		Long: `Send files as an artifact that refers to an image: acrkit referrers lists it, and
copies take it along. The image itself stays as it is. Annotations alone can be
attached, too. ` + filesHelp,
		Example: `  acrkit attach local/team/app:1 sbom.spdx.json:application/spdx+json --artifact-type application/spdx+json
  acrkit attach local/team/app:1 report.sarif --artifact-type application/sarif+json --annotation tool=scanner`,
		GroupID: groupImages, Args: f.Args(leastArgs("REF")),
		RunE: func(command *cobra.Command, args []string) error {
			if f.Write.Apply == "" && pack.artifactType == "" {
				return failure.Usagef("acrkit attach: --artifact-type is missing: it is what tells a signature from an SBOM")
			}
			if f.Write.Apply == "" && len(args) == 1 && len(pack.annotations) == 0 {
				return failure.Usagef("acrkit attach: neither a FILE nor an --annotation is given: there is nothing to attach")
			}
			return a.mover().RunChange(command, &f, args, func(ctx context.Context, args []string, with transfers.Making) ([]transfers.Made, error) {
				to, err := location.Parse(args[0], a.Getenv("ACR_REGISTRY"))
				if err != nil {
					return nil, err
				}
				if to.Kind == location.InRegistry && to.Ref.Version() == "" {
					to.Ref.Tag = "latest"
				}
				src, err := location.OpenSource(ctx, a.Session, to)
				if err != nil {
					return nil, err
				}
				subject, err := src.Resolve(ctx, to.Version())
				if err != nil {
					return nil, err
				}
				subject.Annotations, subject.Platform, subject.Data, subject.ArtifactType = nil, nil, nil, ""
				// The artifact itself has no tag: what refers to an image is found by it.
				to.Ref.Tag, to.Ref.Digest, to.Name = "", "", ""
				return a.packFiles(ctx, &f, &pack, args[1:], to, &subject, with)
			})
		},
	}
	f.Add(command)
	pack.add(command)
	return command
}
