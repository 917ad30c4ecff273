package main

import "github.com/spf13/cobra"

func newFilesCommand(a *app) *cobra.Command {
	command := &cobra.Command{
		Use: "files", Short: "Files inside images: list, print, copy and compare them",
		Long: `Files inside images, read where the image is: its layers are merged as they
would be unpacked, with whiteouts, owners, modes and links, and nothing is
unpacked or run. SRC is an image in a registry, a layout folder (oci:DIR) or an
archive (oci:FILE.tar, docker:FILE.tar); its layers may be plain, gzip or zstd.
acrkit export writes the whole as a tar.`,
		GroupID: groupImages, Args: cobra.ArbitraryArgs, RunE: helpOrUnknown,
	}
	command.AddCommand(newFilesLsCommand(a), newFilesCatCommand(a), newFilesCpCommand(a), newFilesDiffCommand(a))
	return command
}
