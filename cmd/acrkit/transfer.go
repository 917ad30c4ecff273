package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
)

// transferFlags are the flags of push, pull and copy.
type transferFlags struct {
	write       writeFlags
	platform    string
	referrers   string
	noClobber   bool
	limitRate   string
	concurrency int
	timeout     time.Duration
}

func (f *transferFlags) add(command *cobra.Command) {
	f.write.add(command, false)
	f.addTuning(command)
	command.Flags().StringVar(&f.platform, "platform", "", "take one image out of an index: `os/architecture[/variant]`")
	command.Flags().StringVar(&f.referrers, "referrers", "auto", "take signatures and SBOMs along: auto (between registries), follow, skip")
	command.Flags().BoolVar(&f.noClobber, "no-clobber", false, "don't move a tag that exists, nor replace a file (exit code 10)")
}

// addTuning adds what every command that moves blobs has.
func (f *transferFlags) addTuning(command *cobra.Command) {
	command.Flags().StringVar(&f.limitRate, "limit-rate", "", "bytes a second at most, such as `10M` (K, M and G are binary)")
	command.Flags().IntVar(&f.concurrency, "concurrency", 0, "blobs at a time (0: find out what the registry bears)")
	command.Flags().DurationVar(&f.timeout, "stall-timeout", 0, "try a connection again that moved nothing for so long (0: the default)")
}

// options makes the library's options of the flags.
func (f *transferFlags) options(a *app) (*artifact.Options, error) {
	o := &artifact.Options{NoClobber: f.noClobber, Concurrency: f.concurrency, MaxRetries: a.blobRetries(), NoProgressTimeout: f.timeout}
	if f.concurrency < 0 || f.timeout < 0 {
		return nil, usagef("--concurrency and --stall-timeout must not be negative")
	}
	rate, err := parseRate(f.limitRate)
	if err != nil {
		return nil, err
	}
	if rate > 0 {
		o.Budget = azcontainerregistry.NewTransferBudget(artifact.DefaultConnections, rate)
	}
	if f.platform != "" {
		platform, err := artifact.ParsePlatform(f.platform)
		if err != nil {
			return nil, &usageError{err: err}
		}
		o.Platform = &platform
	}
	switch f.referrers {
	case "", "auto":
	case "follow":
		o.Referrers = artifact.ReferrersFollow
	case "skip":
		o.Referrers = artifact.ReferrersSkip
	default:
		return nil, usagef("--referrers %q: must be one of auto, follow, skip", f.referrers)
	}
	return o, nil
}

// arguments are the flags that change what a transfer does, for the journal.
func (f *transferFlags) arguments() []string {
	var arguments []string
	if f.platform != "" {
		arguments = append(arguments, "--platform="+f.platform)
	}
	if f.referrers != "" && f.referrers != "auto" {
		arguments = append(arguments, "--referrers="+f.referrers)
	}
	if f.noClobber {
		arguments = append(arguments, "--no-clobber")
	}
	return arguments
}

// parseRate reads a number of bytes a second with a binary unit: "500K",
// "10MiB", "1.5G/s".
func parseRate(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	number := strings.TrimSuffix(strings.ToUpper(text), "/S")
	number = strings.TrimSuffix(strings.TrimSuffix(number, "B"), "I")
	unit := 1.0
	if n := len(number); n > 0 {
		if power := strings.IndexByte("KMGT", number[n-1]); power >= 0 {
			number = number[:n-1]
			for range power + 1 {
				unit *= 1024
			}
		}
	}
	rate, err := strconv.ParseFloat(number, 64)
	if err != nil || !(rate*unit >= 1) || rate*unit > 1<<60 {
		return 0, usagef("--limit-rate %q: must be bytes a second, such as 500K, 10M or 1.5G", text)
	}
	return int64(rate * unit), nil
}

// transfer is one push, pull or copy.
type transfer struct {
	verb     string
	flags    *transferFlags
	from, to location
}

// transferPlan is what --plan keeps of a transfer.
type transferPlan struct {
	Schema      string         `json:"schema"`
	Kind        string         `json:"kind"`
	Command     string         `json:"command"`
	MadeOn      time.Time      `json:"madeOn"`
	Source      string         `json:"source"`
	Destination string         `json:"destination"`
	Plan        *artifact.Plan `json:"plan"`
}

const transferPlanKind = "TransferPlan"

// transferred is the result of a transfer.
type transferred struct {
	Reference        string `json:"reference"`
	Tag              string `json:"tag,omitempty"`
	Digest           string `json:"digest"`
	MediaType        string `json:"mediaType"`
	Source           string `json:"source"`
	BlobsCopied      int    `json:"blobsCopied"`
	BlobsMounted     int    `json:"blobsMounted"`
	BlobsExisted     int    `json:"blobsExisted"`
	ManifestsPushed  int    `json:"manifestsPushed"`
	ManifestsExisted int    `json:"manifestsExisted"`
	Referrers        int    `json:"referrers"`
	BytesCopied      int64  `json:"bytesCopied"`
}

// runTransfer plans, or does, a transfer.
func (a *app) runTransfer(command *cobra.Command, t transfer) error {
	options, err := t.flags.options(a)
	if err != nil {
		return err
	}
	if t.flags.write.apply != "" {
		return a.applyTransfer(command, t, options)
	}
	if err := a.stdinIsFree(t.from); err != nil {
		return err
	}
	a.flagsElsewhere = t.remote()
	t.settleSource()
	if err := t.refuseReplacing(); err != nil {
		return err
	}
	src, err := a.source(command.Context(), t.from)
	if err != nil {
		return err
	}
	if err := t.settleTarget(command.Context(), src); err != nil {
		return err
	}
	if t.flags.write.dryRun || t.flags.write.keep != "" {
		return a.planTransfer(command, t, src, options)
	}
	return a.move(command.Context(), t, options, func(ctx context.Context, dst artifact.Target, o *artifact.Options) (artifact.Result, error) {
		return artifact.Copy(ctx, dst, t.to.version(), src, t.from.version(), o)
	})
}

// stdinIsFree refuses to read an image and a secret from standard input: it
// holds one of them.
func (a *app) stdinIsFree(from location) error {
	if from.kind != inStream || !(a.credentialFlags.PasswordStdin || a.credentialFlags.TokenStdin) {
		return nil
	}
	return usagef("standard input can't hold both what is sent and the secret; sign in with acrkit login first, or set ACR_USERNAME and ACR_PASSWORD")
}

// remote reports whether a registry other than the embedded one takes part.
func (t *transfer) remote() bool {
	return (t.from.kind == inRegistry && !t.from.ref.Registry.Local()) || (t.to.kind == inRegistry && !t.to.ref.Registry.Local())
}

// settleSource fills in the source's name: latest in a registry.
func (t *transfer) settleSource() {
	if t.from.kind == inRegistry && t.from.ref.Version() == "" {
		t.from.ref.Tag = "latest"
	}
}

// settleTarget fills in the destination's name where it was left out: the
// source's, which a folder or an archive with one image tells itself.
func (t *transfer) settleTarget(ctx context.Context, src artifact.Source) error {
	if t.to.version() != "" {
		return nil
	}
	name := t.from.name
	if t.from.kind == inRegistry {
		name = t.from.ref.Tag
	}
	if lister, ok := src.(artifact.TagLister); ok && name == "" && t.from.kind != inRegistry {
		tags, err := lister.Tags(ctx)
		if err != nil {
			return err
		}
		if len(tags) == 1 {
			name = tags[0]
		}
	}
	switch {
	case t.to.kind == inRegistry:
		// A docker archive calls its image app:1; only the tag goes along.
		if tag := name[strings.LastIndexByte(name, ':')+1:]; tagGrammar.MatchString(tag) {
			t.to.ref.Tag = tag
		}
	case t.to.format == artifact.ArchiveDocker && t.from.kind == inRegistry && name != "":
		t.to.name = t.from.ref.Repository + ":" + name
	default:
		t.to.name = name
	}
	return nil
}

// refuseReplacing is --no-clobber for files; the library does it for tags.
func (t *transfer) refuseReplacing() error {
	if !t.flags.noClobber || t.to.kind != inArchive {
		return nil
	}
	if _, err := os.Stat(t.to.path); err == nil {
		return coded(exitExists, fmt.Errorf("%s exists already", t.to.path))
	}
	return nil
}

// move does a transfer with its progress and its entry in the journal, and
// prints what came of it.
func (a *app) move(ctx context.Context, t transfer, o *artifact.Options,
	do func(context.Context, artifact.Target, *artifact.Options) (artifact.Result, error),
) error {
	entry, err := a.beginJournal(t)
	if err != nil {
		return err
	}
	dst, finish, err := a.target(ctx, t.to)
	if err != nil {
		if entry != nil {
			err = errors.Join(err, entry.Fail(err))
		}
		return err
	}
	progress := term.NewProgress(a.mode, a.stderr, a.screen, a.now)
	o.OnEvent = func(e artifact.Event) { progress.Show(update(e)) }
	o.Journal = entry
	result, err := do(ctx, dst, o)
	progress.Close()
	if err = finish(err); err != nil {
		return a.interrupted(ctx, t, entry, err)
	}
	if t.to.kind == inStream {
		// Standard output holds the archive.
		return nil
	}
	return output.One(a.printer, transferredView(), t.describe(result))
}

// interrupted tells how to go on with a transfer that a signal ended.
func (a *app) interrupted(ctx context.Context, t transfer, entry *artifact.JournalEntry, err error) error {
	if !errors.Is(context.Cause(ctx), errInterrupted) {
		return err
	}
	if entry == nil {
		return fmt.Errorf("%s %s to %s: %w", t.verb, t.from, t.to, errInterrupted)
	}
	record := entry.Record()
	return &explained{
		err:  coded(exitResumable, fmt.Errorf("%s %s to %s: %w", t.verb, t.from, t.to, errInterrupted)),
		code: "INTERRUPTED",
		why: []string{fmt.Sprintf("%d of %d blobs are done, %s of %s moved", record.Totals.Blobs, record.Totals.BlobsTotal,
			output.Size(record.Totals.Bytes), output.Size(record.Totals.BytesTotal))},
		fix: []string{"acrkit transfers resume " + record.ID + "  # or the same command again"},
	}
}

// beginJournal remembers the transfer on disk. A transfer from or to a stream
// cannot be gone on with.
func (a *app) beginJournal(t transfer) (*artifact.JournalEntry, error) {
	if t.from.kind == inStream || t.to.kind == inStream {
		return nil, nil
	}
	return a.beginEntry(artifact.TransferSpec{
		Verb: t.verb, Source: t.from.absolute(), Destination: t.to.absolute(), Arguments: t.flags.arguments(),
	})
}

func (t *transfer) describe(result artifact.Result) transferred {
	digest := result.Root.Digest.String()
	item := transferred{
		Digest: digest, Tag: result.Reference, MediaType: result.Root.MediaType, Source: t.from.String(),
		BlobsCopied: result.BlobsCopied, BlobsMounted: result.BlobsMounted, BlobsExisted: result.BlobsExisted,
		ManifestsPushed: result.ManifestsPushed, ManifestsExisted: result.ManifestsExisted,
		Referrers: result.Referrers, BytesCopied: result.BytesCopied,
	}
	if t.to.kind == inRegistry {
		item.Reference = t.to.ref.withDigest(digest).String()
	} else {
		place := t.to
		place.name = ""
		item.Reference = place.String() + "@" + digest
	}
	return item
}

func transferredView() output.View[transferred] {
	return output.View[transferred]{Kind: "Transfer", Columns: []output.Column[transferred]{
		{Name: "reference", Value: func(t transferred) string { return t.Reference }},
		{Name: "tag", Value: func(t transferred) string { return t.Tag }},
		{Name: "copied", Value: func(t transferred) string { return strconv.Itoa(t.BlobsCopied) }},
		{Name: "mounted", Value: func(t transferred) string { return strconv.Itoa(t.BlobsMounted) }},
		{Name: "existed", Value: func(t transferred) string { return strconv.Itoa(t.BlobsExisted) }},
		{Name: "bytes", Value: func(t transferred) string { return strconv.FormatInt(t.BytesCopied, 10) }},
	}}
}

// planTransfer shows, or keeps, what a transfer would do.
func (a *app) planTransfer(command *cobra.Command, t transfer, src artifact.Source, o *artifact.Options) error {
	ctx := command.Context()
	dst, err := a.rehearsal(ctx, t.to)
	if err != nil {
		return err
	}
	p, err := artifact.NewPlan(ctx, dst, t.to.version(), src, t.from.version(), o)
	if err != nil {
		return err
	}
	kept := transferPlan{
		Schema: output.Schema, Kind: transferPlanKind, Command: command.CommandPath(), MadeOn: a.now().UTC(),
		Source: t.from.absolute(), Destination: t.to.absolute(), Plan: p,
	}
	if path := t.flags.write.keep; path != "" {
		if err := saveJSON(path, kept); err != nil {
			return err
		}
		a.note("kept the plan in %s; to do it: %s --apply %[1]s", path, kept.Command)
	}
	return output.One(a.printer, planTransferView(), kept)
}

func planTransferView() output.View[transferPlan] {
	return output.View[transferPlan]{
		Kind: transferPlanKind,
		Columns: []output.Column[transferPlan]{
			{Name: "source", Value: func(p transferPlan) string { return p.Source }},
			{Name: "destination", Value: func(p transferPlan) string { return p.Destination }},
			{Name: "digest", Value: func(p transferPlan) string { return p.Plan.Root.Digest.String() }},
			{Name: "bytes", Value: func(p transferPlan) string { return strconv.FormatInt(p.Plan.Bytes, 10) }},
			{Name: "skipped", Value: func(p transferPlan) string { return strconv.FormatInt(p.Plan.BytesSkipped, 10) }},
			{Name: "requests", Value: func(p transferPlan) string { return strconv.Itoa(p.Plan.Requests) }},
		},
		Text: writeTransferPlan,
	}
}

func writeTransferPlan(w io.Writer, p transferPlan) error {
	var b strings.Builder
	for _, items := range [][]artifact.PlanItem{p.Plan.Blobs, p.Plan.Manifests} {
		for _, item := range items {
			fmt.Fprintf(&b, "would %-6s %s  %9s  %s\n", item.Action, term.Short(item.Digest), output.Size(item.Size), output.Clean(item.MediaType))
		}
	}
	fmt.Fprintf(&b, "would tag    %s as %s\n", term.Short(p.Plan.Root.Digest.String()), output.Clean(p.Destination))
	if p.Plan.Replaces != "" {
		fmt.Fprintf(&b, "which names  %s now\n", term.Short(p.Plan.Replaces))
	}
	fmt.Fprintf(&b, "in all       %s to move, %s there already, %d requests\n", output.Size(p.Plan.Bytes), output.Size(p.Plan.BytesSkipped), p.Plan.Requests)
	_, err := io.WriteString(w, b.String())
	return err
}

// applyTransfer does what a kept plan says.
func (a *app) applyTransfer(command *cobra.Command, t transfer, o *artifact.Options) error {
	p, err := loadPlan(t.flags.write.apply, parseTransferPlan)
	if err != nil {
		return err
	}
	if p.Command != command.CommandPath() {
		return usagef("plan %s: it was made by %q, apply it with that", t.flags.write.apply, p.Command)
	}
	if t.from, err = parseLocation(p.Source, ""); err != nil {
		return err
	}
	if t.to, err = parseLocation(p.Destination, ""); err != nil {
		return err
	}
	if err := a.stdinIsFree(t.from); err != nil {
		return err
	}
	a.flagsElsewhere = t.remote()
	src, err := a.source(command.Context(), t.from)
	if err != nil {
		return err
	}
	return a.move(command.Context(), t, o, func(ctx context.Context, dst artifact.Target, o *artifact.Options) (artifact.Result, error) {
		// The plan names its stores by the path it was made with; the paths
		// here are absolute. What the names stand for was read above.
		kept := *p.Plan
		kept.Source, kept.Destination = storeName(src), storeName(dst)
		return kept.Apply(ctx, dst, src, o)
	})
}

func storeName(store any) string {
	if named, ok := store.(artifact.Namer); ok {
		return named.Name()
	}
	return ""
}

func parseTransferPlan(data []byte) (transferPlan, error) {
	var raw struct {
		transferPlan
		Plan json.RawMessage `json:"plan"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return transferPlan{}, err
	}
	p := raw.transferPlan
	if p.Schema != output.Schema || p.Kind != transferPlanKind {
		return transferPlan{}, fmt.Errorf("schema %q, kind %q: this program applies %q, %q", p.Schema, p.Kind, output.Schema, transferPlanKind)
	}
	var err error
	p.Plan, err = artifact.ParsePlan(raw.Plan)
	return p, err
}

// update turns the library's event into a step of the display.
func update(e artifact.Event) term.Update {
	u := term.Update{
		Step: steps[e.Kind], Digest: e.Descriptor.Digest.String(), Name: e.Reference, From: e.From,
		Bytes: e.Bytes, Total: e.Total, Ranges: e.Ranges, Attempt: e.Attempt, Wait: e.Wait,
		AllBlobs: e.Totals.BlobsTotal, DoneBlobs: e.Totals.Blobs, AllBytes: e.Totals.BytesTotal, DoneBytes: e.Totals.Bytes,
	}
	if e.Err != nil {
		u.Reason = reason(e.Err)
	}
	return u
}

// steps says which event is which step; the others aren't shown.
var steps = map[artifact.EventKind]term.Step{
	artifact.EventPlanned:      term.Planned,
	artifact.EventBlobStarted:  term.Started,
	artifact.EventBlobProgress: term.Moving,
	artifact.EventBlobExists:   term.Exists,
	artifact.EventBlobMounted:  term.Mounted,
	artifact.EventBlobResumed:  term.Resumed,
	artifact.EventBlobRetrying: term.Retrying,
	artifact.EventBlobDone:     term.Done,
	artifact.EventManifestDone: term.Manifest,
	artifact.EventTagged:       term.Tagged,
	artifact.EventImage:        term.Image,
}
