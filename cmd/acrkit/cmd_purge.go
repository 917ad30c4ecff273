package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/manifestcache"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/pace"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/purge"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// purgeFlags say what goes.
type purgeFlags struct {
	rule      purge.Rule
	repos     []string
	protect   []string
	rulesFile string
	registry  string
	// acr-cli's own.
	filters []string
	ago     string

	across  bool
	noCache bool
	whole   bool // the whole registry was read, so that it is known what goes free
}

func newPurgeCommand(a *app) *cobra.Command {
	var f plan.Flags
	var p purgeFlags
	command := &cobra.Command{
		Use: "purge [REGISTRY]", Short: "Delete old tags and manifests, but nothing still needed",
		Long: `Delete old tags and manifests, but nothing still needed.

A rule names repositories (--repo) and says which of their tags are deleted: by age,
by a pattern, all but the newest of them. A manifest is deleted when it has no
tag left, no index that is kept lists it, and nothing that is kept
refers to it; signatures and SBOMs are deleted with what they refer to. --untagged
deletes manifests without a tag as well. What is locked, and what has no time, is kept and named.

Ages are numbers with the units w, d, h, m and s: 30d, 2w, 1d12h. Patterns have
* for any run of characters but "/", and ** for any run.

How much a purge frees is printed before and after it. What repositories that no
rule names share isn't known, so it is "at most" that much, unless --across
reads the whole registry; acrkit du shows who shares what.

The plan is made from the whole of each repository, and each step is checked again
right before it is done: what was pushed, tagged, signed or locked meanwhile
is kept. The exit code is 9 when something of the plan was not done.

acr-cli's flags are understood, too: --filter 'REPOSITORY:TAG', two regular
expressions, with --ago. Like acr-cli, purge then doesn't ask.`,
		Example: `  acrkit purge local --repo 'team/**' --older 30d --keep 3 --dry-run
  acrkit purge local --repo team/app --tag 'ci-*' --older 2w --untagged --yes
  acrkit purge local --rules purge.json --plan plan.json
  acrkit purge local --filter 'team/app:.*' --ago 30d --untagged --keep 3 --dry-run`,
		GroupID: groupRegistry,
		Args:    f.Args(rangeArgs(0, "REGISTRY")),
		RunE: func(command *cobra.Command, args []string) error {
			w := a.writer()
			cache := manifestcache.New("")
			each := plan.Each{
				Guard: func(ctx context.Context, r *session.Registry, repository string, steps []plan.Step) (plan.StepGuard, error) {
					return purge.NewGuard(ctx, r.Client, repository, cache, steps)
				},
				Pace: pace.After,
				Before: func(steps []plan.Step) {
					if len(steps) > 0 {
						most := ""
						if !p.whole && freed(steps) > 0 {
							most = "at most "
						}
						a.Note("%s to go, %s%s would be free", purgeCount(steps), most, output.Size(freed(steps)))
					} else {
						a.Note("nothing is to go")
					}
				},
				After: func(all []plan.Outcome) {
					var done []plan.Step
					for _, o := range all {
						if o.Outcome == plan.OutcomeDone {
							done = append(done, o.Step)
						}
					}
					a.Note("%s gone, %s free", purgeCount(done), output.Size(freed(done)))
				},
			}
			var failures error
			if f.Apply == "" && len(p.filters) > 0 {
				f.Yes()
			}
			err := w.RunEach(command, f, each, func(ctx context.Context) ([]plan.Step, error) {
				steps, skipped, err := p.plan(ctx, a, args, &cache)
				failures = skipped
				return steps, err
			})
			return errors.Join(err, failures)
		},
	}
	f.Add(command, true)
	flags := command.Flags()
	flags.StringArrayVar(&p.repos, "repo", nil, "purge in the repositories that match the `PATTERN`; may be repeated")
	flags.StringVar(&p.rule.Tag, "tag", "", "only tags that match the `PATTERN`")
	flags.StringVar(&p.rule.TagRegex, "tag-regex", "", "only tags in which the regular expression `REGEX` is found")
	flags.StringVar(&p.rule.Older, "older", "", "only what was last updated longer ago than the `AGE`, such as 30d")
	flags.IntVar(&p.rule.Keep, "keep", 0, "keep the newest `N` of the tags that would be deleted")
	flags.StringVar(&p.rule.KeepBy, "keep-by", "", "what newest means: time (the default) or version")
	flags.BoolVar(&p.rule.Untagged, "untagged", false, "delete manifests without a tag, too")
	flags.BoolVar(&p.rule.UntaggedOnly, "untagged-only", false, "delete manifests without a tag, and no tag")
	flags.StringSliceVar(&p.rule.ArtifactType, "artifact-type", nil, "only artifacts of a type that matches the `PATTERN`")
	flags.StringSliceVar(&p.rule.Platform, "platform", nil, "only images for a `PLATFORM`, such as linux/arm64")
	flags.StringArrayVar(&p.protect, "protect", nil, "keep what matches the `PATTERN`, repository or repository:tag, whatever the rules say")
	flags.StringVar(&p.rulesFile, "rules", "", "read the rules from a JSON `FILE` (schema acrkit/1, kind PurgeRules)")
	flags.BoolVar(&p.across, "across", false, "read the whole registry, to know exactly how much is freed")
	flags.BoolVar(&p.noCache, "no-cache", false, "read every manifest again")
	flags.StringArrayVar(&p.filters, "filter", nil, "acr-cli's `REPOSITORY:TAG`, both regular expressions")
	flags.StringVar(&p.ago, "ago", "", "acr-cli's name for --older")
	flags.StringVarP(&p.registry, "registry", "r", "", "acr-cli's flag for the REGISTRY")
	return command
}

// rules checks what the flags and the file say.
func (p *purgeFlags) rules() (*purge.Rules, error) {
	rule := p.rule
	switch {
	case p.ago != "" && rule.Older != "":
		return nil, failure.Usagef("--ago and --older are the same: give one")
	case p.ago != "":
		rule.Older = p.ago
	}
	var all []purge.Rule
	protect := slices.Clone(p.protect)
	if p.rulesFile != "" {
		if len(p.repos) > 0 || len(p.filters) > 0 {
			return nil, failure.Usagef("--rules has its own repositories: leave out --repo and --filter")
		}
		rules, protected, err := purge.Load(p.rulesFile)
		if err != nil {
			return nil, err
		}
		all, protect = rules, append(protect, protected...)
	}
	for _, text := range p.repos {
		one := rule
		one.Repository = text
		all = append(all, one)
	}
	for _, text := range p.filters {
		filter, err := purge.ParseFilter(text)
		if err != nil {
			return nil, &failure.UsageError{Err: err}
		}
		one := rule
		one.RepositoryRegex, one.TagRegex = filter.RepositoryRegex, filter.TagRegex
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, failure.Usagef("nothing is named: give --repo PATTERN, --filter or --rules FILE")
	}
	return purge.Compile(all, protect)
}

// plan reads the repositories that the rules are about and makes the steps. A
// repository that can't be read is a failure that doesn't keep the others back.
func (p *purgeFlags) plan(ctx context.Context, a *app, args []string, cache **manifestcache.Cache) (steps []plan.Step, skipped, err error) {
	rules, err := p.rules()
	if err != nil {
		return nil, nil, err
	}
	if p.registry != "" {
		if len(args) > 0 {
			return nil, nil, failure.Usagef("the registry is named twice: %s and --registry %s", args[0], p.registry)
		}
		args = []string{p.registry}
	}
	h, err := a.RegistryArgument(args)
	if err != nil {
		return nil, nil, err
	}
	r, err := a.Open(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	names, named := rules.Names()
	if !named || p.across {
		all, err := repositoryNames(ctx, r, nil)
		if err != nil {
			return nil, nil, err
		}
		names = slices.DeleteFunc(all, func(name string) bool { return !p.across && len(rules.About(name)) == 0 })
		p.whole = len(names) == len(all)
	}
	*cache = a.manifestCache(h, p.noCache)
	graphs, skipped, err := readGraphs(ctx, r, names, *cache)
	if err != nil {
		return nil, nil, err
	}
	sizes := purge.NewSizes(graphs)
	now := a.Now()
	for _, g := range graphs {
		choice := rules.Choose(g, now)
		a.noteKept(h.String()+"/"+g.Repository, choice)
		steps = append(steps, choice.Steps(h.String(), sizes)...)
	}
	return steps, skipped, nil
}

// noteKept says what a rule chose and what keeps it.
func (a *app) noteKept(repository string, c *purge.Choice) {
	for _, locked := range c.Locked {
		a.Note("%s: locked, it stays: %s", repository, locked)
	}
	for _, timeless := range c.Timeless {
		a.Note("%s: the registry tells no time of it, it stays: %s", repository, timeless)
	}
	if c.Nameless > 0 {
		a.Note("%s: manifests without a tag that stay: %d (--untagged takes them)", repository, c.Nameless)
	}
	for _, d := range c.Unread {
		a.Note("%s: %s can't be read, so no manifest is deleted here", repository, d)
	}
}

func purgeCount(steps []plan.Step) string {
	tags, manifests := 0, 0
	for _, s := range steps {
		if s.Action == plan.ActionUntag {
			tags++
		} else {
			manifests++
			tags += len(s.Tags)
		}
	}
	return fmt.Sprintf("tags: %d, manifests: %d", tags, manifests)
}

func freed(steps []plan.Step) int64 {
	var sum int64
	for _, s := range steps {
		sum += s.Frees
	}
	return sum
}
