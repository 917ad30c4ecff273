package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry"
	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/manifestcache"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/usage"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/userfile"
)

// duFlags say what is measured, and how it is shown.
type duFlags struct {
	repos   []string
	across  bool
	tree    bool
	growth  bool
	sort    string
	top     int
	html    string
	noCache bool
}

func newDuCommand(a *app) *cobra.Command {
	var f duFlags
	command := &cobra.Command{
		Use:   "du [REGISTRY|REPOSITORY|REF]",
		Short: "Show the storage used by a registry, repository or tag",
		Long: `Show the storage used by a registry, repository or tag.

A registry keeps each layer once, however many images have it. So there are
several sizes, all in bytes and with manifests included:
  stored      each content counted once
  unique      of it: what nothing else has; deleting it frees that much
  shared      of it: what something else has, too
  logical     counted every time, as if nothing were shared
  attributed  of stored: what was here first; these add up to the whole
A tag has the children of an index, and the signatures and SBOMs of its image.

Of one repository it isn't known what others share with it, unless --across
reads the whole registry. What could not be read is not counted: exit code 9.
Manifests are read 32 at a time and kept by digest in the cache folder, up to
256 MiB; text shows rounded sizes, -o json and -o tsv bytes.`,
		Example: `  acrkit du myreg.azurecr.io
  acrkit du myreg.azurecr.io --repo 'team/**' --sort unique --top 10
  acrkit du local/team/app --across
  acrkit du local/team/app:1 --tree
  acrkit du local --growth
  acrkit du local --html usage.html`,
		GroupID: groupRegistry,
		Args:    rangeArgs(0, "REGISTRY|REPOSITORY|REF"),
		RunE: func(command *cobra.Command, args []string) error {
			return du(command.Context(), a, args, f)
		},
	}
	flags := command.Flags()
	flags.StringArrayVar(&f.repos, "repo", nil, "of a registry, only repositories that match the `PATTERN`; may be repeated")
	flags.BoolVar(&f.across, "across", false, "of a repository, read the whole registry, to know what others share with it")
	flags.BoolVar(&f.tree, "tree", false, "show everything down to the layers")
	flags.BoolVar(&f.growth, "growth", false, "show what each week added, by the times of creation")
	flags.StringVar(&f.sort, "sort", "stored", "order: stored, unique, shared, logical, name")
	flags.IntVar(&f.top, "top", 0, "show the first `N` only (0: all)")
	flags.StringVar(&f.html, "html", "", "write a treemap to `FILE`, too; it needs no network to be shown")
	flags.BoolVar(&f.noCache, "no-cache", false, "read every manifest again")
	return command
}

// duTarget reads the argument.
func (a *app) duTarget(args []string) (reference.Reference, error) {
	if len(args) == 0 {
		h, err := a.RegistryArgument(nil)
		return reference.Reference{Registry: h}, err
	}
	return reference.ParseAny(args[0], a.Getenv("ACR_REGISTRY"))
}

func (f *duFlags) check(ref reference.Reference) error {
	switch {
	case f.top < 0:
		return failure.Usagef("--top %d: must not be negative", f.top)
	case f.growth && f.tree:
		return failure.Usagef("--growth and --tree exclude each other")
	case f.growth && ref.Version() != "":
		return failure.Usagef("--growth is of a registry or a repository, not of one tag")
	case f.across && ref.Repository == "":
		return failure.Usagef("--across is for a repository; of a registry everything is read")
	case len(f.repos) > 0 && ref.Repository != "":
		return failure.Usagef("--repo is for a registry; %s is named already", ref.Repository)
	}
	return usage.Sort(&usage.Row{}, f.sort)
}

func du(ctx context.Context, a *app, args []string, f duFlags) error {
	ref, err := a.duTarget(args)
	if err != nil {
		return err
	}
	if err := f.check(ref); err != nil {
		return err
	}
	patterns, err := parsePatterns("repo", f.repos)
	if err != nil {
		return err
	}
	r, err := a.OpenFor(ctx, ref)
	if err != nil {
		return err
	}
	names := []string{ref.Repository}
	if ref.Repository == "" || f.across {
		if names, err = repositoryNames(ctx, r, patterns); err != nil {
			return err
		}
	}
	u, skipped, err := measure(ctx, a, r, names, f.noCache)
	if err != nil {
		return err
	}
	if u, err = narrow(u, ref); err != nil {
		return err
	}
	root := usage.Tree(ref.Registry.String(), u, f.tree || f.html != "" || ref.Version() != "")
	if ref.Repository != "" {
		root.Name = ref.String()
	}
	if f.html != "" {
		if err := saveHTML(f.html, root, u, a); err != nil {
			return err
		}
	}
	if err := showUsage(a, ref, root, u, f); err != nil {
		return err
	}
	if u.Unsized > 0 {
		a.Note("blobs whose size nobody tells, which are not counted: %d", u.Unsized)
	}
	if root.Unread > 0 && skipped == nil {
		skipped = failure.Coded(failure.ExitPartly, fmt.Errorf("manifests that could not be read, and are not counted: %d", root.Unread))
	}
	return skipped
}

// parsePatterns reads the patterns of a flag.
func parsePatterns(flag string, texts []string) ([]*artifact.Pattern, error) {
	var patterns []*artifact.Pattern
	for _, text := range texts {
		p, err := artifact.ParsePattern(text)
		if err != nil {
			return nil, failure.Usagef("--%s: %w", flag, err)
		}
		patterns = append(patterns, p)
	}
	return patterns, nil
}

// repositoryNames lists the repositories that match one of the patterns; without
// patterns, all.
func repositoryNames(ctx context.Context, r *session.Registry, patterns []*artifact.Pattern) ([]string, error) {
	var names []string
	for name, err := range r.Client.Repositories(ctx, &azcontainerregistry.ClientListRepositoriesOptions{}) {
		if err != nil {
			return nil, err
		}
		matches := len(patterns) == 0
		for _, p := range patterns {
			matches = matches || p.Match(name, "")
		}
		if matches {
			names = append(names, name)
		}
	}
	return names, nil
}

// manifestCache is where manifests of a registry are kept for later commands;
// those of the embedded one are at hand.
func (a *app) manifestCache(h reference.Host, none bool) *manifestcache.Cache {
	folder := ""
	if dir := a.CacheDir(); dir != "" && !none && !h.Local() {
		folder = filepath.Join(dir, "manifests")
	}
	cache := manifestcache.New(folder)
	a.OnClose(cache.Close)
	return cache
}

// measure reads repositories and adds up what they hold. One that can't be read
// doesn't keep the others back, and is a failure in the end.
func measure(ctx context.Context, a *app, r *session.Registry, names []string, noCache bool) (u *artifact.Usage, skipped, err error) {
	cache := a.manifestCache(r.Host, noCache)
	graphs, skipped, err := readGraphs(ctx, r, names, cache)
	if err != nil {
		return nil, nil, err
	}
	for _, g := range graphs {
		repository, err := artifact.NewRepository(r.Client, r.Blobs, g.Repository)
		if err == nil {
			err = repository.FillSizes(ctx, g)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return artifact.MeasureUsage(graphs...), skipped, nil
}

// readGraphs reads what repositories hold. skipped is the failure of some of
// them; where all fail, that is the error.
func readGraphs(ctx context.Context, r *session.Registry, names []string, cache artifact.ManifestCache) (graphs []*artifact.RepositoryGraph, skipped, err error) {
	var repositories []*artifact.Repository
	for _, name := range names {
		repository, err := artifact.NewRepository(r.Client, r.Blobs, name)
		if err != nil {
			return nil, nil, err
		}
		repositories = append(repositories, repository)
	}
	results, err := artifact.ReadGraphs(ctx, repositories, &artifact.GraphOptions{Cache: cache})
	if err != nil {
		return nil, nil, err
	}
	var failed []error
	for i, result := range results {
		if result.Err != nil {
			failed = append(failed, fmt.Errorf("%s/%s: %w", r.Host, names[i], result.Err))
			continue
		}
		graphs = append(graphs, result.Graph)
	}
	if len(failed) == 0 {
		return graphs, nil, nil
	}
	if len(graphs) == 0 {
		return nil, nil, errors.Join(failed...)
	}
	return graphs, failure.Coded(failure.ExitPartly, fmt.Errorf("%d of %d repositories could not be read, the others were: %w", len(failed), len(names), errors.Join(failed...))), nil
}

// narrow keeps of what was measured the repository, or the tag, that was asked
// for.
func narrow(u *artifact.Usage, ref reference.Reference) (*artifact.Usage, error) {
	if ref.Repository == "" {
		return u, nil
	}
	one := &artifact.Usage{Contents: u.Contents, Unsized: u.Unsized}
	for _, r := range u.Repositories {
		if r.Name != ref.Repository {
			continue
		}
		one.Sizes = r.Sizes
		if ref.Version() == "" {
			one.Repositories = []artifact.RepositoryUsage{r}
			return one, nil
		}
		for _, e := range r.Entries {
			if (ref.Tag != "" && e.Tag == ref.Tag) || (ref.Tag == "" && e.Tag != "" && e.Digest.String() == ref.Digest) {
				r.Entries, r.Sizes, r.Tags = []artifact.EntryUsage{e}, e.Sizes, 1
				one.Sizes, one.Repositories = e.Sizes, []artifact.RepositoryUsage{r}
				return one, nil
			}
		}
	}
	return nil, failure.Coded(failure.ExitNotFound, fmt.Errorf("du %s: the repository has no such tag, or it belongs to another image", ref))
}

// showUsage prints what was asked for.
func showUsage(a *app, ref reference.Reference, root usage.Row, u *artifact.Usage, f duFlags) error {
	if f.growth {
		weeks, most := usage.Weeks(u)
		return output.List(a.printer, usage.WeekView(most), output.Sequence(weeks))
	}
	if err := usage.Sort(&root, f.sort); err != nil {
		return err
	}
	// A repository is the root of its tags, and a tag of its contents.
	for level := ref; level.Repository != "" && len(root.Children) == 1; level.Repository = "" {
		root.Children[0].Name = root.Name
		root = root.Children[0]
	}
	if ref.Version() != "" && len(root.Children) == 1 {
		root = root.Children[0]
		root.Name = ref.String()
	}
	if f.top > 0 && len(root.Children) > f.top {
		root.Children = root.Children[:f.top]
	}
	view := usage.View(root.Stored, f.tree)
	if a.printer.Format() == output.Text {
		if err := usage.Header(a.Stdout); err != nil {
			return err
		}
	}
	if f.tree {
		if a.printer.Flat() {
			return output.List(a.printer, view, output.Sequence(root.Flat(0, nil)))
		}
		return output.One(a.printer, view, root)
	}
	rows := root.Children
	for i := range rows {
		rows[i].Children = nil
	}
	root.Children = nil
	return output.List(a.printer, view, output.Sequence(append(rows, root)))
}

// saveHTML writes the treemap, in one step.
func saveHTML(path string, root usage.Row, u *artifact.Usage, a *app) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("write the treemap: %s is there, and not a regular file", path)
	}
	var page bytes.Buffer
	if err := usage.WriteHTML(&page, root, u, a.Now()); err != nil {
		return fmt.Errorf("write the treemap: %w", err)
	}
	if err := userfile.Write(path, page.Bytes()); err != nil {
		return fmt.Errorf("write the treemap: %w", err)
	}
	a.Note("wrote %s; open it with a browser", path)
	return nil
}
