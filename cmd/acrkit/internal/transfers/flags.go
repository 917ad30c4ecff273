package transfers

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/units"
)

// Flags are the flags of push, pull and copy.
type Flags struct {
	Write       plan.Flags
	Platform    string
	Referrers   string
	noClobber   bool
	limitRate   string
	concurrency int
	timeout     time.Duration
}

func (f *Flags) Add(command *cobra.Command) {
	f.Write.Add(command, false)
	f.AddTuning(command)
	command.Flags().StringVar(&f.Platform, "platform", "", "take one image out of an index: `os/architecture[/variant]`")
	command.Flags().StringVar(&f.Referrers, "referrers", "auto", "take signatures and SBOMs along: auto (between registries), follow, skip")
	command.Flags().BoolVar(&f.noClobber, "no-clobber", false, "don't move a tag that exists, nor replace a file (exit code 10)")
}

// AddTuning adds what every command that moves blobs has.
func (f *Flags) AddTuning(command *cobra.Command) {
	command.Flags().StringVar(&f.limitRate, "limit-rate", "", "bytes a second at most, such as `10M` (K, M and G are binary)")
	command.Flags().IntVar(&f.concurrency, "concurrency", 0, "blobs at a time (0: find out what the registry bears)")
	command.Flags().DurationVar(&f.timeout, "stall-timeout", 0, "try a connection again that moved nothing for so long (0: the default)")
}

// options makes the library's options of the flags.
func (f *Flags) options(sess *session.Session) (*artifact.Options, error) {
	o := &artifact.Options{NoClobber: f.noClobber, Concurrency: f.concurrency, MaxRetries: sess.BlobRetries(), NoProgressTimeout: f.timeout}
	if f.concurrency < 0 || f.timeout < 0 {
		return nil, failure.Usagef("--concurrency and --stall-timeout must not be negative")
	}
	rate, err := units.ParseRate(f.limitRate)
	if err != nil {
		return nil, err
	}
	if rate > 0 {
		o.Budget = azcontainerregistry.NewTransferBudget(artifact.DefaultConnections, rate)
	}
	if f.Platform != "" {
		platform, err := artifact.ParsePlatform(f.Platform)
		if err != nil {
			return nil, &failure.UsageError{Err: err}
		}
		o.Platforms = append(o.Platforms, platform)
	}
	switch f.Referrers {
	case "", "auto":
	case "follow":
		o.Referrers = artifact.ReferrersFollow
	case "skip":
		o.Referrers = artifact.ReferrersSkip
	default:
		return nil, failure.Usagef("--referrers %q: must be one of auto, follow, skip", f.Referrers)
	}
	return o, nil
}

// arguments are the flags that change what a transfer does, for the journal.
func (f *Flags) arguments() []string {
	var arguments []string
	if f.Platform != "" {
		arguments = append(arguments, "--platform="+f.Platform)
	}
	if f.Referrers != "" && f.Referrers != "auto" {
		arguments = append(arguments, "--referrers="+f.Referrers)
	}
	if f.noClobber {
		arguments = append(arguments, "--no-clobber")
	}
	return arguments
}

// DownloadOptions makes the library's options of the flags.
func (f *Flags) DownloadOptions(sess *session.Session, digest string, progress term.Progress) (*azcontainerregistry.DownloadOptions, error) {
	o, err := f.options(sess)
	if err != nil {
		return nil, err
	}
	return &azcontainerregistry.DownloadOptions{
		Concurrency: f.concurrency, MaxRetries: o.MaxRetries, NoProgressTimeout: f.timeout, Budget: o.Budget,
		OnProgress: func(e azcontainerregistry.TransferEvent) { progress.Show(blobUpdate(digest, e)) },
	}, nil
}

// UploadOptions makes the library's options of the flags. Without a digest it is
// computed on the way.
func (f *Flags) UploadOptions(sess *session.Session, digest string, progress term.Progress) (*azcontainerregistry.UploadOptions, error) {
	o, err := f.options(sess)
	if err != nil {
		return nil, err
	}
	name := digest
	if name == "" {
		name = "upload"
	}
	return &azcontainerregistry.UploadOptions{
		Digest: digest, CheckExists: digest != "", MaxRetries: o.MaxRetries, NoProgressTimeout: f.timeout, Budget: o.Budget,
		OnProgress: func(e azcontainerregistry.TransferEvent) { progress.Show(blobUpdate(name, e)) },
	}, nil
}
