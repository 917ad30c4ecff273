package main

import (
	"errors"
	"strconv"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/diagnose"
)

const locationHelp = `SRC and DST are one of:

  registry/repository[:tag][@digest]   in a registry; local/... is the embedded one
  oci:DIR[:NAME]                       an OCI image layout folder
  oci:FILE.tar[:NAME]                  the same as a tar archive
  docker:FILE.tar[:NAME]               an archive of docker save
  -                                    standard input or output (oci:- or docker:- say which form to write)`

func newPushCommand(a *app) *cobra.Command {
	return a.transferCommand("push SRC REF", "Push an image from a folder, an archive or standard input",
		locationHelp+"\n\nWhat the registry has already is not sent again. The tag comes last. Prints the\nreference by digest.",
		`  acrkit push oci:app.tar local/team/app:1
  docker save team/app:1 | acrkit push - myreg.azurecr.io/team/app:1`,
		func(from, to location) error {
			switch {
			case from.kind == inRegistry:
				return usagef("push sends from a folder, an archive or standard input; from registry to registry it is acrkit copy %s %s", from, to)
			case to.kind != inRegistry:
				return usagef("push sends to a registry; acrkit copy %s %s copies anything", from, to)
			}
			return nil
		})
}

func newPullCommand(a *app) *cobra.Command {
	return a.transferCommand("pull REF DST", "Pull an image into a folder, an archive or standard output",
		locationHelp+"\n\nEvery byte is verified before it is called done; what DST has already is not\nfetched again.",
		`  acrkit pull local/team/app:1 oci:app
  acrkit pull --platform linux/arm64 myreg.azurecr.io/team/app:1 docker:- | docker load`,
		func(from, to location) error {
			switch {
			case from.kind != inRegistry:
				return usagef("pull fetches from a registry; acrkit copy %s %s copies anything", from, to)
			case to.kind == inRegistry:
				return usagef("pull writes to a folder, an archive or standard output; from registry to registry it is acrkit copy %s %s", from, to)
			}
			return nil
		})
}

func newCopyCommand(a *app) *cobra.Command {
	return a.transferCommand("copy SRC DST", "Copy an image from anywhere to anywhere",
		locationHelp+"\n\nWithin one registry blobs are mounted, not moved. Between registries signatures\nand SBOMs come along. Prints the reference by digest.",
		`  acrkit copy local/team/app:1 myreg.azurecr.io/team/app:1
  acrkit copy myreg.azurecr.io/team/app:1 myreg.azurecr.io/prod/app:1 --no-clobber`,
		func(location, location) error { return nil })
}

func (a *app) transferCommand(use, short, long, example string, fits func(from, to location) error) *cobra.Command {
	var f transferFlags
	command := &cobra.Command{
		Use: use, Short: short, Long: long, Example: example, GroupID: groupImages,
		Args: f.write.args(exactArgs("SRC", "DST")),
		RunE: func(command *cobra.Command, args []string) error {
			t := transfer{verb: command.Name(), flags: &f}
			if f.write.apply == "" {
				var err error
				if t.from, err = parseLocation(args[0], a.getenv("ACR_REGISTRY")); err != nil {
					return err
				}
				if t.to, err = parseLocation(args[1], a.getenv("ACR_REGISTRY")); err != nil {
					return err
				}
				if err := fits(t.from, t.to); err != nil {
					return err
				}
			}
			return a.runTransfer(command, t)
		},
	}
	f.add(command)
	return command
}

// reason is why something is tried again, in a word: the status where the
// registry answered, the diagnosis' title otherwise.
func reason(err error) string {
	var answered *azcore.ResponseError
	if errors.As(err, &answered) {
		return strconv.Itoa(answered.StatusCode)
	}
	if diagnosis, known := diagnose.Explain(err); known {
		return clean(diagnosis.Title)
	}
	return clean(firstLine(err))
}
