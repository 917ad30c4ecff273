package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
)

func newPullCommand(a *app) *cobra.Command {
	return transferCommand(a, "pull REF DST", "Pull an image into a folder, an archive or standard output",
		locationHelp+"\n\nEvery byte is verified before it is called done; what DST has already is not\nfetched again.",
		`  acrkit pull local/team/app:1 oci:app
  acrkit pull --platform linux/arm64 myreg.azurecr.io/team/app:1 docker:- | docker load`,
		func(from, to location.Location) error {
			switch {
			case from.Kind != location.InRegistry:
				return failure.Usagef("pull fetches from a registry; acrkit copy %s %s copies anything", from, to)
			case to.Kind == location.InRegistry:
				return failure.Usagef("pull writes to a folder, an archive or standard output; from registry to registry it is acrkit copy %s %s", from, to)
			}
			return nil
		})
}
