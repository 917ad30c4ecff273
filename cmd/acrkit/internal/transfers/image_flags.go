package transfers

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

// ImageFlags say what of an image is copied. As JSON they are kept with a plan.
type ImageFlags struct {
	Platforms     []string `json:"platforms,omitempty"`
	OSVersion     string   `json:"osVersion,omitempty"`
	Referrers     string   `json:"referrers,omitempty"`
	ForeignLayers bool     `json:"foreignLayers,omitempty"`
	MountFrom     []string `json:"mountFrom,omitempty"`
}

// Add adds the flags of every command that copies images.
func (f *ImageFlags) Add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringArrayVar(&f.Platforms, "platform", nil, "the images of an index to copy: `PLATFORM`, os[(version)]/arch[/variant], local or all; may be repeated")
	flags.StringVar(&f.OSVersion, "os-version", "", "the `VERSION` of Windows that --platform means, such as 10.0.20348")
	flags.StringVar(&f.Referrers, "referrers", "auto", "signatures, SBOMs and the like: auto (not from a registry to a file), follow, skip, or a `LIST` of oci, cosign and artifact types")
	flags.BoolVar(&f.ForeignLayers, "foreign-layers", false, "copy layers that are to be fetched from elsewhere, where the source holds them")
	flags.StringArrayVar(&f.MountFrom, "mount-from", nil, "a `REPOSITORY` of the target's registry that may hold the layers; may be repeated")
}

// arguments are the flags as the journal keeps them.
func (f *ImageFlags) arguments() []string {
	var arguments []string
	for _, platform := range f.Platforms {
		arguments = append(arguments, "--platform="+platform)
	}
	if f.OSVersion != "" {
		arguments = append(arguments, "--os-version="+f.OSVersion)
	}
	if f.Referrers != "" && f.Referrers != "auto" {
		arguments = append(arguments, "--referrers="+f.Referrers)
	}
	if f.ForeignLayers {
		arguments = append(arguments, "--foreign-layers")
	}
	for _, repository := range f.MountFrom {
		arguments = append(arguments, "--mount-from="+repository)
	}
	return arguments
}

// choose sets the library's options.
func (f *ImageFlags) choose(o *artifact.Options) error {
	o.ForeignLayers, o.MountFrom = f.ForeignLayers, f.MountFrom
	if err := f.choosePlatforms(o); err != nil {
		return err
	}
	switch f.Referrers {
	case "", "auto":
	case "follow", "all":
		o.Referrers = artifact.ReferrersFollow
	case "skip", "none":
		o.Referrers = artifact.ReferrersSkip
	default:
		o.Referrers = artifact.ReferrersFollow
		for kind := range strings.SplitSeq(f.Referrers, ",") {
			if err := artifact.CheckReferrerKind(kind); err != nil {
				return failure.Usagef("--referrers %q: must be auto, follow, skip, or a list of oci, cosign and artifact types such as application/vnd.cncf.notary.signature", f.Referrers)
			}
			o.ReferrerKinds = append(o.ReferrerKinds, kind)
		}
	}
	return nil
}

func (f *ImageFlags) choosePlatforms(o *artifact.Options) error {
	if slices.Contains(f.Platforms, "all") {
		if len(f.Platforms) > 1 || f.OSVersion != "" {
			return failure.Usagef("--platform all: it is every platform, and can't be given with others")
		}
		return nil
	}
	versioned := false
	for _, text := range f.Platforms {
		platform, err := artifact.ParsePlatform(text)
		if err != nil {
			return &failure.UsageError{Err: err}
		}
		if platform.OS == "windows" && platform.OSVersion == "" && f.OSVersion != "" {
			platform.OSVersion, versioned = f.OSVersion, true
		}
		o.Platforms = append(o.Platforms, platform)
	}
	if f.OSVersion != "" && !versioned {
		return failure.Usagef("--os-version %s: it needs a --platform windows/... without a version of its own", f.OSVersion)
	}
	return nil
}
