package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
)

// syncFlags are the flags of sync.
type syncFlags struct {
	transferFlags
	include, exclude []string
	shard            string
	images           int
	verify           bool
}

func newSyncCommand(a *app) *cobra.Command {
	var f syncFlags
	command := &cobra.Command{
		Use: "sync SRC DST", Short: "Copy whole repositories, or a whole registry", GroupID: groupImages,
		Long: `SRC and DST are a registry, registry/repository, or oci:DIR: a folder with one
OCI layout a repository. A repository of SRC keeps its name at DST; where DST
names a repository, a single repository takes that name, and those of a whole
registry go below it.

What DST has already is left alone, so the same command again does what is
missing; nothing is ever deleted. An image that fails doesn't stop the others
(exit code 9). --shard i/n, with i from 0 to n-1, does one nth of the images:
n processes on n machines do the whole, and none needs to know of the others.

Patterns match repository, or with a colon repository:tag: * is any run of
characters but /, ** any run, ? one character.`,
		Example: `  acrkit sync local myreg.azurecr.io --include 'team/**' --exclude '**:dev-*'
  acrkit sync myreg.azurecr.io/team/app oci:mirror
  acrkit sync old.azurecr.io new.azurecr.io --shard $JOB_COMPLETION_INDEX/16`,
		Args: f.write.args(exactArgs("SRC", "DST")),
		RunE: func(command *cobra.Command, args []string) error {
			if f.write.apply != "" {
				return a.applySync(command, &f)
			}
			return a.runSync(command, &f, args[0], args[1], nil)
		},
	}
	flags := command.Flags()
	f.write.add(command, false)
	f.addTuning(command)
	flags.StringVar(&f.platform, "platform", "", "take one image out of each index: `os/architecture[/variant]`")
	flags.StringVar(&f.referrers, "referrers", "auto", "take signatures and SBOMs along: auto (between registries), follow, skip")
	flags.StringArrayVar(&f.include, "include", nil, "only what matches this `pattern`; may be repeated")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "not what matches this `pattern`; may be repeated")
	flags.StringVar(&f.shard, "shard", "", "do part `i/n` of the work, i from 0 to n-1")
	flags.IntVar(&f.images, "images", 0, "images at a time (0: 4)")
	flags.BoolVar(&f.verify, "verify", false, "look for every blob of images whose tag is right already")
	return command
}

// syncArguments are the flags that change what a sync does, for the journal.
func (f *syncFlags) syncArguments() []string {
	arguments := f.arguments()
	for _, pattern := range f.include {
		arguments = append(arguments, "--include="+pattern)
	}
	for _, pattern := range f.exclude {
		arguments = append(arguments, "--exclude="+pattern)
	}
	if f.shard != "" {
		arguments = append(arguments, "--shard="+f.shard)
	}
	if f.verify {
		arguments = append(arguments, "--verify")
	}
	return arguments
}

func (f *syncFlags) syncOptions(a *app) (*artifact.SyncOptions, error) {
	o, err := f.options(a)
	if err != nil {
		return nil, err
	}
	s := &artifact.SyncOptions{Include: f.include, Exclude: f.exclude, Images: f.images, Verify: f.verify, Copy: *o}
	if s.Shard, s.Shards, err = parseShard(f.shard); err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, &usageError{err: err}
	}
	return s, nil
}

// parseShard reads i/n.
func parseShard(text string) (shard, shards int, err error) {
	if text == "" {
		return 0, 0, nil
	}
	i, n, found := strings.Cut(text, "/")
	shard, err1 := strconv.Atoi(i)
	shards, err2 := strconv.Atoi(n)
	if !found || err1 != nil || err2 != nil || shards < 1 || shard < 0 || shard >= shards {
		return 0, 0, usagef("--shard %q: must be i/n, with i from 0 to n-1, such as 0/4", text)
	}
	return shard, shards, nil
}

// syncEnd is the SRC or DST of a sync.
type syncEnd struct {
	location   location
	repository string // "" for all
}

// parseSyncEnd reads a registry, registry/repository or oci:DIR.
func parseSyncEnd(text, ownRegistry string) (syncEnd, error) {
	if scheme, rest, _ := strings.Cut(text, ":"); scheme == "oci" && rest != "" && rest != "-" {
		if isTar(rest) {
			return syncEnd{}, usagef("%q: a sync needs a folder; an archive holds single images", text)
		}
		return syncEnd{location: location{kind: inLayout, path: rest}}, nil
	}
	if looksLikePath(text) || text == "-" || strings.HasPrefix(text, "docker:") {
		return syncEnd{}, usagef("%q: a sync goes between registries, repositories and folders (oci:DIR)", text)
	}
	ref, err := parseAny(text, ownRegistry)
	if err != nil {
		return syncEnd{}, err
	}
	if ref.Version() != "" {
		return syncEnd{}, usagef("%q: a sync takes whole repositories; one image is acrkit copy, some are --include 'repository:tag'", text)
	}
	return syncEnd{location: location{kind: inRegistry, ref: ref}, repository: ref.Repository}, nil
}

// remote reports whether the end is in a registry other than the embedded one.
func (e syncEnd) remote() bool {
	return e.location.kind == inRegistry && !e.location.ref.Registry.Local()
}

// syncStore is both what a sync reads and what it writes.
type syncStore interface {
	artifact.SyncSource
	artifact.SyncTarget
}

func (a *app) syncStore(ctx context.Context, end syncEnd) (syncStore, error) {
	if end.location.kind == inLayout {
		tree := artifact.NewLayoutTree(end.location.path)
		a.onClose(tree.Close)
		return tree, nil
	}
	r, err := a.open(ctx, end.location.ref.Registry)
	if err != nil {
		return nil, err
	}
	return artifact.NewRegistry(r.client, r.blobs)
}

// runSync does a sync; with a plan, just that.
func (a *app) runSync(command *cobra.Command, f *syncFlags, from, to string, plan *artifact.SyncPlan) error {
	ctx := command.Context()
	own := a.getenv("ACR_REGISTRY")
	src, err := parseSyncEnd(from, own)
	if err != nil {
		return err
	}
	dst, err := parseSyncEnd(to, own)
	if err != nil {
		return err
	}
	o, err := f.syncOptions(a)
	if err != nil {
		return err
	}
	if src.repository != "" {
		o.Repositories = []string{src.repository}
	}
	if dst.repository != "" {
		o.Rename = func(name string) string {
			if src.repository != "" {
				return dst.repository
			}
			return dst.repository + "/" + name
		}
	}
	a.flagsElsewhere = src.remote() || dst.remote()
	source, err := a.syncStore(ctx, src)
	if err != nil {
		return err
	}
	target, err := a.syncStore(ctx, dst)
	if err != nil {
		return err
	}
	if f.write.dryRun || f.write.keep != "" {
		return a.planSync(command, f, src, dst, func() (*artifact.SyncPlan, error) {
			return artifact.PlanSync(ctx, target, source, o)
		})
	}
	do := artifact.Sync
	if plan != nil {
		// The plan names its stores by the path it was made with; the paths here
		// are absolute. What the names stand for was read above.
		kept := *plan
		kept.Source, kept.Destination = source.Name(), target.Name()
		do = kept.Apply
	}
	spec := artifact.TransferSpec{
		Verb: "sync", Source: src.location.absolute(), Destination: dst.location.absolute(), Arguments: f.syncArguments(),
	}
	if o.Copy.Journal, err = a.beginEntry(spec); err != nil {
		return err
	}
	progress := term.NewProgress(a.mode, a.stderr, a.screen, a.now)
	o.Copy.OnEvent = func(e artifact.Event) { progress.Show(syncUpdate(e)) }
	result, err := do(ctx, target, source, o)
	progress.Close()
	var partial *artifact.PartialError
	if err != nil && !errors.As(err, &partial) {
		return a.interruptedSync(ctx, o.Copy.Journal, spec, result, err)
	}
	if err := output.One(a.printer, syncView(), result); err != nil {
		return err
	}
	return partlySynced(spec, partial)
}

// partlySynced names the images that were not copied.
func partlySynced(spec artifact.TransferSpec, partial *artifact.PartialError) error {
	if partial == nil {
		return nil
	}
	const most = 20 // the rest is found by doing it again
	var why []string
	for _, failed := range partial.Errs[:min(most, len(partial.Errs))] {
		why = append(why, "not copied: "+clean(failed.Error()))
	}
	if more := len(partial.Errs) - most; more > 0 {
		why = append(why, fmt.Sprintf("and %d more", more))
	}
	return &explained{
		err:  coded(exitPartly, fmt.Errorf("sync %s to %s: %d of %d images were not copied", spec.Source, spec.Destination, partial.Failed, partial.Total)),
		code: "PARTLY_DONE",
		why:  why,
		fix:  []string{"acrkit transfers resume " + spec.ID() + "  # or the same command again"},
	}
}

// syncUpdate is the step of a sync: what a copy plans for one image is nothing
// to show, and digests are shown with the image they belong to.
func syncUpdate(e artifact.Event) term.Update {
	u := update(e)
	switch e.Kind {
	case artifact.EventPlanned:
		u.Step = ""
	case artifact.EventImage, artifact.EventTagged:
		u.Name = e.Image
	}
	return u
}

func (a *app) interruptedSync(ctx context.Context, entry *artifact.JournalEntry, spec artifact.TransferSpec, result artifact.SyncResult, err error) error {
	if !errors.Is(context.Cause(ctx), errInterrupted) || entry == nil {
		return err
	}
	return &explained{
		err:  coded(exitResumable, fmt.Errorf("sync %s to %s: %w", spec.Source, spec.Destination, errInterrupted)),
		code: "INTERRUPTED",
		why:  []string{fmt.Sprintf("%d images are copied, %d were there", result.Copied, result.Skipped)},
		fix:  []string{"acrkit transfers resume " + spec.ID() + "  # or the same command again"},
	}
}

func syncView() output.View[artifact.SyncResult] {
	return output.View[artifact.SyncResult]{
		Kind: "Sync",
		Columns: []output.Column[artifact.SyncResult]{
			{Name: "images", Value: func(r artifact.SyncResult) string { return strconv.Itoa(r.Images) }},
			{Name: "copied", Value: func(r artifact.SyncResult) string { return strconv.Itoa(r.Copied) }},
			{Name: "skipped", Value: func(r artifact.SyncResult) string { return strconv.Itoa(r.Skipped) }},
			{Name: "failed", Value: func(r artifact.SyncResult) string { return strconv.Itoa(r.Failed) }},
			{Name: "bytes", Value: func(r artifact.SyncResult) string { return strconv.FormatInt(r.Bytes, 10) }},
		},
		Text: func(w io.Writer, r artifact.SyncResult) error {
			_, err := fmt.Fprintf(w, "%d images: %d copied (%s), %d there already, %d failed\n", r.Images, r.Copied, output.Size(r.Bytes), r.Skipped, r.Failed)
			return err
		},
	}
}
