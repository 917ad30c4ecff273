package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// buildCommand builds acrkit as a static program for Linux. What of the
// environment would change its bytes is left out; where the source is, and
// whether it is in a repository, does not.
func buildCommand(ctx context.Context, root, out, architecture string, stderr io.Writer) error {
	absolute, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", absolute, "./cmd/acrkit")
	c.Dir, c.Stdout, c.Stderr = root, stderr, stderr
	c.Env = append(slices.DeleteFunc(os.Environ(), changesBuild),
		"CGO_ENABLED=0", "GOOS=linux", "GOARCH="+architecture, "GOFLAGS=")
	if err := c.Run(); err != nil {
		return fmt.Errorf("build acrkit for linux/%s: %w", architecture, err)
	}
	return nil
}

// changesBuild reports whether a variable of the environment is one that the
// Go command builds by, other than where it finds and keeps things.
func changesBuild(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	switch name {
	case "GOFLAGS", "GOEXPERIMENT", "GOAMD64", "GOARM64", "GOFIPS140", "GOWORK", "GOOS", "GOARCH", "CGO_ENABLED":
		return true
	}
	return false
}
