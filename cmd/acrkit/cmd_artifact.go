package main

import "github.com/spf13/cobra"

func newArtifactCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use: "artifact", Short: "Plain files as artifacts: push them, pull them",
		Long: `Plain files as artifacts, as oras stores them: what one of the two pushes the
other pulls. An artifact about an image (an SBOM, a signature, a report) is
attached to it by acrkit attach.`,
		GroupID: groupImages, Args: cobra.ArbitraryArgs, RunE: helpOrUnknown,
	}
	command.AddCommand(newArtifactPushCommand(a), newArtifactPullCommand(a))
	return command
}
