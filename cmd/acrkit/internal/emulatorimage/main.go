// Command emulatorimage makes the container image of the emulator, without an
// engine: an OCI layout with the image for every platform under one index, and
// for each platform an archive that "docker load" and "podman load" take. The
// same source and the same Go make the same bytes.
//
//	go run ./cmd/acrkit/internal/emulatorimage -out dist
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "emulatorimage:", err)
		os.Exit(1)
	}
}

// run makes the image that the arguments ask for.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("emulatorimage", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("out", "dist", "the `folder` to write to; what it holds of an image is replaced")
	root := flags.String("root", ".", "the `folder` of the repository")
	version := flags.String("version", "dev", "the image's `version`, its tag too")
	revision := flags.String("revision", "", "the source's `revision`, for a label")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64", "the `platforms`, with commas between them")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	image, err := newImage(*version, *revision, strings.Split(*platforms, ","))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "acrkit-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	for _, p := range image.platforms {
		binary := filepath.Join(work, strings.ReplaceAll(p.name(), "/", "-"))
		if err := buildCommand(ctx, *root, binary, p.Architecture, stderr); err != nil {
			return err
		}
		data, err := os.ReadFile(binary)
		if err != nil {
			return err
		}
		if err := image.add(ctx, p, data); err != nil {
			return err
		}
	}
	return image.write(ctx, *out, stdout)
}
