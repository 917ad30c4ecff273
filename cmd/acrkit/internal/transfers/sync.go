package transfers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/foreign"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/internal/order"
)

// SyncFlags are the flags of sync.
type SyncFlags struct {
	Flags
	Include, Exclude []string
	Shard            string
	AtATime          int // images
	Verify           bool
}

// syncArguments are the flags that change what a sync does, for the journal.
func (f *SyncFlags) syncArguments() []string {
	arguments := f.arguments()
	for _, pattern := range f.Include {
		arguments = append(arguments, "--include="+pattern)
	}
	for _, pattern := range f.Exclude {
		arguments = append(arguments, "--exclude="+pattern)
	}
	if f.Shard != "" {
		arguments = append(arguments, "--shard="+f.Shard)
	}
	if f.Verify {
		arguments = append(arguments, "--verify")
	}
	return arguments
}

func (f *SyncFlags) syncOptions(sess *session.Session) (*artifact.SyncOptions, error) {
	o, err := f.options(sess)
	if err != nil {
		return nil, err
	}
	s := &artifact.SyncOptions{Include: f.Include, Exclude: f.Exclude, Images: f.AtATime, Verify: f.Verify, Copy: *o}
	if s.Shard, s.Shards, err = parseShard(f.Shard); err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, &failure.UsageError{Err: err}
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
		return 0, 0, failure.Usagef("--shard %q: must be I/N, with I from 0 to N-1, such as 0/4", text)
	}
	return shard, shards, nil
}

// syncEnd is the SRC or DST of a sync.
type syncEnd struct {
	location   location.Location
	repository string // "" for all
}

// parseSyncEnd reads a registry, registry/repository or oci:DIR.
func parseSyncEnd(text, ownRegistry string) (syncEnd, error) {
	if scheme, rest, _ := strings.Cut(text, ":"); scheme == "oci" && rest != "" && rest != "-" && !(strings.HasPrefix(rest, "//") && !strings.HasPrefix(rest, "///")) {
		if location.IsTar(rest) {
			return syncEnd{}, failure.Usagef("%q: a sync needs a folder; an archive holds single images", text)
		}
		return syncEnd{location: location.Location{Kind: location.InLayout, Path: rest}}, nil
	}
	if location.LooksLikePath(text) || text == "-" || strings.HasPrefix(text, "docker:") && !strings.HasPrefix(text, "docker://") {
		return syncEnd{}, failure.Usagef("%q: a sync goes between registries, repositories and folders (oci:DIR)", text)
	}
	ref, err := reference.ParseAny(text, ownRegistry)
	if err != nil {
		return syncEnd{}, err
	}
	if ref.Version() != "" {
		return syncEnd{}, failure.Usagef("%q: a sync takes whole repositories; one image is acrkit copy, some are --include 'repository:tag'", text)
	}
	return syncEnd{location: location.Location{Kind: location.InRegistry, Ref: ref}, repository: ref.Repository}, nil
}

// remote reports whether the end is in a registry other than the embedded one.
func (e syncEnd) remote() bool {
	return e.location.Kind == location.InRegistry && !e.location.Ref.Registry.Local()
}

// syncStore is both what a sync reads and what it writes.
type syncStore interface {
	artifact.SyncSource
	artifact.SyncTarget
}

func openSyncStore(ctx context.Context, sess *session.Session, end syncEnd) (syncStore, error) {
	if end.location.Kind == location.InLayout {
		tree := artifact.NewLayoutTree(end.location.Path)
		sess.OnClose(tree.Close)
		return tree, nil
	}
	r, err := sess.OpenFor(ctx, end.location.Ref)
	if err != nil {
		return nil, err
	}
	return artifact.NewRegistry(r.Client, r.Blobs)
}

// openSyncSource opens what is read: also a registry that is not Azure's.
func openSyncSource(ctx context.Context, sess *session.Session, end syncEnd) (artifact.SyncSource, error) {
	if end.location.Kind == location.InRegistry {
		other, err := sess.Foreign(ctx, end.location.Ref.Registry)
		if err != nil {
			return nil, err
		}
		if other != nil {
			other.Only = end.repository
			return other, nil
		}
	}
	return openSyncStore(ctx, sess, end)
}

// RunSync does a sync; with a plan, just that.
func (m *Mover) RunSync(command *cobra.Command, f *SyncFlags, from, to string, plan *artifact.SyncPlan) error {
	ctx := command.Context()
	own := m.Getenv("ACR_REGISTRY")
	src, err := parseSyncEnd(from, own)
	if err != nil {
		return err
	}
	dst, err := parseSyncEnd(to, own)
	if err != nil {
		return err
	}
	o, err := f.syncOptions(m.Session)
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
	m.FlagsElsewhere = src.remote() || dst.remote()
	source, err := openSyncSource(ctx, m.Session, src)
	if err != nil {
		return err
	}
	target, err := openSyncStore(ctx, m.Session, dst)
	if err != nil {
		return err
	}
	if err := m.sourceExists(ctx, f, src, source); err != nil {
		return err
	}
	do, look := artifact.Sync, artifact.PlanSync
	if plan != nil {
		// The plan names its stores by the path it was made with; the paths here
		// are absolute. What the names stand for was read above.
		kept := *plan
		kept.Source, kept.Destination = source.Name(), target.Name()
		do, look = kept.Apply, kept.Check
	}
	if f.Write.DryRun || f.Write.Keep != "" {
		p, err := look(ctx, target, source, o)
		return m.planSync(command, f, src, dst, p, err)
	}
	spec := artifact.TransferSpec{
		Verb: "sync", Source: src.location.Absolute(), Destination: dst.location.Absolute(), Arguments: f.syncArguments(),
	}
	if o.Copy.Journal, err = beginEntry(m.Session, spec); err != nil {
		return err
	}
	if err := m.moveMany(ctx, spec, target, source, o, do); !errors.Is(err, errNoImage) {
		return err
	}
	return f.nothingChosen(spec.Source, 0)
}

// nothingChosen is the failure of patterns that no image matches: they are
// mistyped more often than right.
func (f *SyncFlags) nothingChosen(source string, images int) error {
	if images > 0 || len(f.Include) == 0 || f.Shard != "" {
		return nil
	}
	return failure.Coded(failure.ExitNotFound, fmt.Errorf("sync: no image of %s matches --include %s", source, strings.Join(f.Include, ", ")))
}

// sourceExists refuses a source repository that isn't there before anything is
// begun. One that only has repositories below it was meant as a pattern, and one
// whose tags may not be listed needs none for images that are named in full.
func (m *Mover) sourceExists(ctx context.Context, f *SyncFlags, src syncEnd, source artifact.SyncSource) error {
	if _, other := source.(*foreign.Registry); other || src.repository == "" {
		return nil
	}
	err := m.repositoryExists(ctx, src.location.Ref)
	switch failure.ExitCode(err) {
	case failure.ExitNotFound:
	case failure.ExitNotAllowed:
		if len(f.Include) > 0 {
			return nil
		}
		return failure.Advise(err, fmt.Sprintf("acrkit sync %s DST --include '%s:<tag>'  # images named in full need no list", src.location, src.repository))
	default:
		return err
	}
	all, listing := source.Repositories(ctx)
	below := strings.TrimSuffix(src.repository, "/") + "/"
	if listing != nil || !slices.ContainsFunc(all, func(name string) bool { return strings.HasPrefix(name, below) }) {
		return err
	}
	registry := src.location.Ref.Registry.String()
	return &failure.Explained{
		Err:  failure.Coded(failure.ExitNotFound, fmt.Errorf("sync: %s is no repository, and there are some below it", src.location)),
		Code: "REPOSITORY_NOT_FOUND", Fix: []string{fmt.Sprintf("acrkit sync %s DST --include '%s**'", registry, below)},
	}
}

// partlySynced says why images were not copied: each cause once, with the images
// that it befell.
func partlySynced(spec artifact.TransferSpec, partial *artifact.PartialError) error {
	if partial == nil {
		return nil
	}
	why, fix, again := causes(partial.Errs)
	if again {
		fix = append(fix, "acrkit transfers resume "+spec.ID()+"  # or the same command again")
	} else {
		fix = append(fix, "acrkit transfers resume "+spec.ID()+"  # when that is mended")
	}
	return &failure.Explained{
		Err:  failure.Coded(failure.ExitPartly, fmt.Errorf("%s: %d of %d images were not copied", told(spec), partial.Failed, partial.Total)),
		Code: "PARTLY_DONE", Why: why, Fix: fix,
	}
}

// told is what a transfer of many images is called in its errors.
func told(spec artifact.TransferSpec) string {
	from := spec.Source
	if more := len(spec.Sources); more > 0 {
		from += fmt.Sprintf(" and %d more", more)
	}
	return spec.Verb + " " + from + " to " + spec.Destination
}

// mostCauses is how many causes are told in full, and mostNamed how many images
// of each are named: the rest is found by doing it again.
const mostCauses, mostNamed = 3, 5

// causes groups failures by what is wrong. again says that doing the same again
// may help with one of them.
func causes(errs []error) (why, fix []string, again bool) {
	type cause struct {
		report failure.Report
		images []string
	}
	var all []*cause
	byCode := map[string]*cause{}
	for _, err := range errs {
		report := failure.Of(err)
		image, _, _ := strings.Cut(failure.FirstLine(err), ": ")
		again = again || report.Again
		key := report.Object.Code + report.Title
		if byCode[key] == nil {
			byCode[key] = &cause{report: report}
			all = append(all, byCode[key])
		}
		byCode[key].images = append(byCode[key].images, image)
	}
	order.By(all, func(a, b *cause) int { return cmp.Compare(len(b.images), len(a.images)) })
	for i, c := range all {
		if i == mostCauses {
			why = append(why, fmt.Sprintf("and %d other causes", len(all)-mostCauses))
			break
		}
		named := strings.Join(c.images[:min(mostNamed, len(c.images))], ", ")
		if more := len(c.images) - mostNamed; more > 0 {
			named += fmt.Sprintf(" and %d more", more)
		}
		why = append(why, c.report.Object.Code+": "+c.report.Title, "  not copied: "+failure.Clean(named))
		if len(c.report.Object.Fix) > 0 {
			fix = append(fix, c.report.Object.Fix[0])
		}
	}
	return why, fix, again
}

func (m *Mover) interruptedSync(ctx context.Context, entry *artifact.JournalEntry, spec artifact.TransferSpec, result artifact.SyncResult, err error) error {
	if !failure.Stopped(ctx) || entry == nil || !entry.Kept() {
		return err
	}
	return &failure.Explained{
		Err:  failure.Coded(failure.ExitResumable, fmt.Errorf("%s: %w", told(spec), context.Cause(ctx))),
		Code: "INTERRUPTED",
		Why:  []string{fmt.Sprintf("%d images are copied, %d were there", result.Copied, result.Skipped)},
		Fix:  []string{"acrkit transfers resume " + spec.ID() + "  # or the same command again"},
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
