package image

import (
	"context"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// Flags are the flags of every command that looks at an image.
type Flags struct{ platform string }

// Add adds the flags.
func (f *Flags) Add(command *cobra.Command) {
	command.Flags().StringVar(&f.platform, "platform", "", "the image of an index to use: `PLATFORM`, os[(version)]/arch[/variant] or local")
}

// Open opens an argument as the flags say.
func (f *Flags) Open(ctx context.Context, sess *session.Session, text string) (*Image, error) {
	var platform *ocispec.Platform
	if f.platform != "" {
		parsed, err := artifact.ParsePlatform(f.platform)
		if err != nil {
			return nil, &failure.UsageError{Err: err}
		}
		platform = &parsed
	}
	return OpenPlace(ctx, sess, text, platform)
}

// Help says what the commands that look at an image take as REF.
const Help = `REF is one of:

  registry/repository[:tag][@digest]   in a registry; local/... is embedded here
  oci:DIR[:NAME]                       an OCI image layout folder
  oci:FILE.tar[:NAME]                  the same as a tar archive
  docker:FILE.tar[:NAME]               an archive of docker save
  -                                    standard input`
