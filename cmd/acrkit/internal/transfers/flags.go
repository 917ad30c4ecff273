package transfers

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
	Images      ImageFlags
	All         bool
	Tags        TagFlags    // copy's
	Server      ServerFlags // copy's
	noClobber   bool
	limitRate   string
	concurrency int
	timeout     time.Duration
}

func (f *Flags) Add(command *cobra.Command) {
	f.Write.Add(command, false)
	f.AddTuning(command)
	f.Images.Add(command)
	if command.Name() != "pull" {
		command.Flags().BoolVar(&f.All, "all", false, "send every image of SRC, each under its own names, to a registry or registry/repository")
	}
	if command.Name() == "copy" {
		f.Tags.add(command)
		f.Server.add(command)
	}
	command.Flags().BoolVar(&f.noClobber, "no-clobber", false, "don't move a tag that exists, nor replace a file (exit code 10)")
}

// AddTuning adds what every command that moves blobs has.
func (f *Flags) AddTuning(command *cobra.Command) {
	command.Flags().StringVar(&f.limitRate, "limit-rate", "", "limit the rate to this many bytes per second, such as `10M` (K, M and G are binary)")
	command.Flags().IntVarP(&f.concurrency, "concurrency", "j", 0, "blobs transferred at a time (0: adapt to the registry and the network)")
	command.Flags().DurationVar(&f.timeout, "stall-timeout", 0, "retry a connection on which no byte moved for this long (0: 1m)")
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
	return o, f.Images.choose(o)
}

// arguments are the flags that change what a transfer does, for the journal.
func (f *Flags) arguments() []string {
	arguments := f.Images.arguments()
	if f.All {
		arguments = append(arguments, "--all")
	}
	if f.noClobber {
		arguments = append(arguments, "--no-clobber")
	}
	return append(arguments, f.Tags.arguments()...)
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

// Observed makes options that show their progress; done ends it, and may be
// called again.
func (m *Mover) Observed(f *Flags) (o *artifact.Options, done func(), err error) {
	if o, err = f.options(m.Session); err != nil {
		return nil, nil, err
	}
	progress := term.NewProgress(m.Mode, m.Stderr, m.Screen, m.Now)
	o.OnEvent = func(e artifact.Event) { progress.Show(update(e)) }
	return o, progress.Close, nil
}

// UploadOptions makes the library's options of the flags. Without a digest it is
// computed while sending.
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

// choose sets the flags as they were when a plan was made: it decides alone what
// is copied.
func (f *Flags) choose(command *cobra.Command, arguments []string) error {
	kept := pflag.NewFlagSet(command.Name(), pflag.ContinueOnError)
	var own []string
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		if deciding(command, flag) {
			kept.AddFlag(flag)
			if flag.Changed {
				own = append(own, "--"+flag.Name)
			}
		}
	})
	if len(own) > 0 {
		return failure.Usagef("%s: the plan decides what is copied; leave out %s", command.CommandPath(), strings.Join(own, ", "))
	}
	if err := kept.Parse(arguments); err != nil {
		return failure.Usagef("plan %s: %w", f.Write.Apply, err)
	}
	return nil
}

// deciding reports whether a flag says what is copied; the others say how fast,
// how it is shown, or whether it is done at all.
func deciding(command *cobra.Command, flag *pflag.Flag) bool {
	return command.InheritedFlags().Lookup(flag.Name) == nil &&
		!slices.Contains([]string{"limit-rate", "concurrency", "stall-timeout", "dry-run", "plan", "apply", "yes", "images", "help"}, flag.Name)
}
