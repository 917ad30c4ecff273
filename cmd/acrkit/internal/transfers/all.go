package transfers

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
)

// RunAll copies every image of a folder, an archive or standard input to a
// registry, each under its own names: a sync whose source is one store.
func (m *Mover) RunAll(command *cobra.Command, f *Flags, from, to string) error {
	ctx := command.Context()
	own := m.Getenv("ACR_REGISTRY")
	src, err := location.Parse(from, own)
	if err != nil {
		return err
	}
	switch {
	case f.Write.Keep != "" || f.Write.Apply != "":
		return failure.Usagef("--all: there is no plan of it to keep; --dry-run shows what it would do")
	case src.Kind == location.InRegistry:
		return failure.Usagef("--all sends the images of a folder or an archive; those of a registry are acrkit sync %s %s", from, to)
	case src.Name != "":
		return failure.Usagef("--all: %s names one image already; leave either out", from)
	case src.Kind == location.InStream:
		if err := m.StdinIsFree(); err != nil {
			return err
		}
	}
	dst, err := parseSyncEnd(to, own)
	if err != nil {
		return err
	}
	if dst.location.Kind != location.InRegistry {
		return failure.Usagef("--all sends to a registry, or to registry/repository")
	}
	options, err := f.options(m.Session)
	if err != nil {
		return err
	}
	m.FlagsElsewhere = dst.remote()
	store, err := location.OpenSource(ctx, m.Session, src)
	if err != nil {
		return err
	}
	source, err := artifact.Images(store, dst.repository)
	if err != nil {
		return err
	}
	o := &artifact.SyncOptions{Copy: *options}
	if o.Rename, err = renameAll(ctx, source, dst.repository); err != nil {
		return err
	}
	target, err := openSyncStore(ctx, m.Session, dst)
	if err != nil {
		return err
	}
	if f.Write.DryRun {
		p, err := artifact.PlanSync(ctx, target, source, o)
		return m.showSyncPlan(ctx, command.Name(), f, dst, p, err)
	}
	spec := artifact.TransferSpec{Verb: command.Name(), Source: src.Absolute(), Destination: dst.location.Absolute(), Arguments: f.arguments()}
	if src.Kind != location.InStream {
		if o.Copy.Journal, err = beginEntry(m.Session, spec); err != nil {
			return err
		}
	}
	if err := m.moveMany(ctx, spec, target, source, o, artifact.Sync); !errors.Is(err, errNoImage) {
		return err
	}
	return nil
}

// moveMany does a transfer of many images with its progress, and prints what came
// of it. An image that fails doesn't stop the others.
func (m *Mover) moveMany(ctx context.Context, spec artifact.TransferSpec, dst artifact.SyncTarget, src artifact.SyncSource, o *artifact.SyncOptions,
	do func(context.Context, artifact.SyncTarget, artifact.SyncSource, *artifact.SyncOptions) (artifact.SyncResult, error),
) error {
	m.Busy = true
	progress := term.NewProgress(m.Mode, m.Stderr, m.Screen, m.Now)
	o.Copy.OnEvent = func(e artifact.Event) { progress.Show(syncUpdate(e)) }
	result, err := do(ctx, dst, src, o)
	progress.Close()
	var partial *artifact.PartialError
	if err != nil && !errors.As(err, &partial) {
		return m.interruptedSync(ctx, o.Copy.Journal, spec, result, err)
	}
	noteLeftOut(m.Session, result.LeftOut)
	if err := output.One(m.Printer, syncView(), result); err != nil {
		return err
	}
	if err := partlySynced(spec, partial); err != nil {
		return err
	}
	if result.Images == 0 {
		return errNoImage
	}
	return nil
}

// errNoImage is the end of a transfer of many images that had none.
var errNoImage = errors.New("there was no image to copy")

// renameAll is what a sync does: where the target names a repository, a single
// repository takes that name, and several go below it.
func renameAll(ctx context.Context, source artifact.SyncSource, under string) (func(string) string, error) {
	repositories, err := source.Repositories(ctx)
	if err != nil || under == "" {
		return nil, err
	}
	return func(name string) string {
		if len(repositories) == 1 || name == under {
			return under
		}
		return strings.TrimSuffix(under+"/"+name, "/")
	}, nil
}
