package main

import (
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
)

func newPushCommand(a *app) *cobra.Command {
	return transferCommand(a, "push SRC REF", "Push an image from a folder, an archive or standard input",
		locationHelp+"\n\nWhat the registry has already is not sent again. The tag comes last. Prints the\nreference by digest.",
		`  acrkit push oci:app.tar local/team/app:1
  docker save team/app:1 | acrkit push - myreg.azurecr.io/team/app:1
  acrkit push --all docker:images.tar.zst myreg.azurecr.io`,
		func(from, to location.Location) error {
			switch {
			case from.Kind == location.InRegistry && location.IsHere(from.Ref.Repository):
				return location.SchemeMissing(from.Ref.Repository)
			case from.Kind == location.InRegistry:
				return failure.Usagef("push sends from a folder, an archive or standard input; from registry to registry it is acrkit copy %s %s", from, to)
			case to.Kind != location.InRegistry:
				return failure.Usagef("push sends to a registry; acrkit copy %s %s copies anything", from, to)
			}
			return nil
		})
}

const locationHelp = `SRC and DST are one of:

  registry/repository[:tag][@digest]   in a registry; local/... is embedded here
  oci:DIR[:NAME]                       an OCI image layout folder
  oci:FILE.tar[:NAME]                  the same as a tar archive
  docker:FILE.tar[:NAME]               an archive of docker save, or its folder
  -                                    standard input or output

oci:- and docker:- say which form goes to standard output. NAME is a name or a
digest. An archive may be compressed by gzip, zstd, xz or
bzip2. A registry without a tag means the image's own tag, or latest.`
