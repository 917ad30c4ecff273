package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/version"
)

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version of this program",
		Example: "  acrkit version --jq .item.version",
		GroupID: groupTools,
		Args:    exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			return output.One(a.printer, versionView, version.Build())
		},
	}
}

var versionView = output.View[version.Info]{
	Kind: "Version",
	Columns: []output.Column[version.Info]{
		{Name: "version", Value: func(v version.Info) string { return v.Version }},
		{Name: "revision", Value: func(v version.Info) string { return v.Revision }},
		{Name: "go", Value: func(v version.Info) string { return v.Go }},
		{Name: "platform", Value: func(v version.Info) string { return v.Platform }},
	},
	Text: func(w io.Writer, v version.Info) error {
		_, err := fmt.Fprintf(w, "acrkit %s %s %s\n", v.Version, v.Go, v.Platform)
		return err
	},
}
