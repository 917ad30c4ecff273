package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

type versionInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version of this program",
		Example: "  acrkit version --jq .item.version",
		GroupID: groupTools,
		Args:    exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			return output.One(a.printer, versionView, buildVersion())
		},
	}
}

var versionView = output.View[versionInfo]{
	Kind: "Version",
	Columns: []output.Column[versionInfo]{
		{Name: "version", Value: func(v versionInfo) string { return v.Version }},
		{Name: "revision", Value: func(v versionInfo) string { return v.Revision }},
		{Name: "go", Value: func(v versionInfo) string { return v.Go }},
		{Name: "platform", Value: func(v versionInfo) string { return v.Platform }},
	},
	Text: func(w io.Writer, v versionInfo) error {
		_, err := fmt.Fprintf(w, "acrkit %s %s %s\n", v.Version, v.Go, v.Platform)
		return err
	},
}

// buildVersion reads what the Go toolchain stamped into the program.
func buildVersion() versionInfo {
	v := versionInfo{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.Revision = setting.Value
		case "vcs.time":
			v.Time = setting.Value
		case "vcs.modified":
			v.Modified = setting.Value == "true"
		}
	}
	return v
}
