package main

import (
	"context"
	"os"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
)

// filesHelp says how files are named on the command lines that send them.
const filesHelp = `A FILE is sent under its path as title, or under its base name where the path is
absolute or points out of this folder; FILE:TYPE gives it a media type (the
default is application/vnd.oci.image.layer.v1.tar, as oras has it). A folder is
sent as a gzipped tar, without owners, and is a folder again when it is pulled.`

func newArtifactPushCommand(a *app) *cobra.Command {
	var f transfers.ChangeFlags
	var pack packFlags
	command := &cobra.Command{
		Use: "push REF FILE[:TYPE]...", Short: "Send files as an artifact; prints its reference by digest",
		Long: "Send files as an artifact. " + filesHelp,
		Example: `  acrkit artifact push local/team/config:1 values.yaml:application/yaml docs --artifact-type application/vnd.example.config
  acrkit artifact push local/team/model:7 model.bin --annotation stage=test`,
		Args: f.Args(leastArgs("REF", "FILE")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.mover().RunChange(command, &f, args, func(ctx context.Context, args []string, with transfers.Making) ([]transfers.Made, error) {
				to, err := location.Parse(args[0], a.Getenv("ACR_REGISTRY"))
				if err != nil {
					return nil, err
				}
				if to.Kind == location.InRegistry && to.Ref.Version() == "" {
					to.Ref.Tag = "latest"
				}
				return a.packFiles(ctx, &f, &pack, args[1:], to, nil, with)
			})
		},
	}
	f.Add(command)
	pack.add(command)
	return command
}

// packFlags say what an artifact of files is.
type packFlags struct {
	artifactType string
	annotations  []string
}

func (f *packFlags) add(command *cobra.Command) {
	command.Flags().StringVar(&f.artifactType, "artifact-type", "", "the artifact's media `TYPE` (default "+artifact.DefaultArtifactType+")")
	command.Flags().StringArrayVarP(&f.annotations, "annotation", "a", nil, "a `KEY=VALUE` annotation of the manifest; may be repeated")
}

// packFiles makes an artifact of files, about subject where that isn't nil.
func (a *app) packFiles(ctx context.Context, f *transfers.ChangeFlags, pack *packFlags, args []string, to location.Location, subject *ocispec.Descriptor, with transfers.Making) ([]transfers.Made, error) {
	annotations, err := keyValues("--annotation", pack.annotations)
	if err != nil {
		return nil, err
	}
	options, err := f.Options(a.mover())
	if err != nil {
		return nil, err
	}
	files := make([]artifact.FileSpec, 0, len(args))
	for _, arg := range args {
		files = append(files, fileSpec(arg))
	}
	draft, err := artifact.PackFiles(ctx, files, &artifact.PackOptions{
		ArtifactType: pack.artifactType, Annotations: annotations, Subject: subject, Created: with.Now,
	})
	if err != nil {
		return nil, usageOfOption(err)
	}
	return []transfers.Made{{Source: draft, To: to, Options: options}}, nil
}

// fileSpec reads FILE[:TYPE]. A colon is the last one, with a media type behind
// it, and none where a file has the whole name.
func fileSpec(arg string) artifact.FileSpec {
	colon := strings.LastIndexByte(arg, ':')
	if colon <= 0 || !strings.Contains(arg[colon:], "/") {
		return artifact.FileSpec{Path: arg}
	}
	if _, err := os.Lstat(arg); err == nil {
		return artifact.FileSpec{Path: arg}
	}
	return artifact.FileSpec{Path: arg[:colon], MediaType: arg[colon+1:]}
}

// keyValues reads the values of a flag that are KEY=VALUE.
func keyValues(flag string, list []string) (map[string]string, error) {
	values := map[string]string{}
	for _, text := range list {
		key, value, found := strings.Cut(text, "=")
		if !found || key == "" {
			return nil, failure.Usagef("%s %q: must be KEY=VALUE", flag, text)
		}
		if _, twice := values[key]; twice {
			return nil, failure.Usagef("%s %q: the key was given before", flag, text)
		}
		values[key] = value
	}
	return values, nil
}
