package main

import (
	"context"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
)

func newMutateCommand(a *app) *cobra.Command {
	var c imageChange
	var labels, entrypoint, cmd []string
	var user, workdir, signal, author, created string
	var o artifact.MutateOptions
	command := &cobra.Command{
		Use: "mutate REF", Short: "Change an image's configuration: labels, command, user, …",
		Long: `Change an image's configuration: labels, entry point, command, environment, user,
working directory, ports, volumes. What isn't named stays, and an empty value
removes: --entrypoint "" leaves none. Of an index every image is changed; its
attestations, which describe the unchanged images, are left out and named. ` + changeHelp,
		Example: `  acrkit mutate local/team/app:1 --label team=red --env MODE=test --user 1000
  acrkit mutate local/team/app:1 --entrypoint /bin/app --entrypoint --verbose --to 1-verbose --dry-run`,
		GroupID: groupImages, Args: c.Args(exactArgs("REF")),
		RunE: func(command *cobra.Command, args []string) error {
			return a.runChange(command, &c, args, func(ctx context.Context, src artifact.Source, reference string, _ []string, platform *ocispec.Platform, now time.Time) (*artifact.Draft, error) {
				var err error
				options := o
				if options.Labels, err = keyValues("--label", labels); err != nil {
					return nil, err
				}
				if _, err = keyValues("--env", options.Env); err != nil {
					return nil, err
				}
				if options.Created, err = createdFlag(created, now); err != nil {
					return nil, err
				}
				for name, list := range map[string]struct {
					from []string
					to   **[]string
				}{"entrypoint": {entrypoint, &options.Entrypoint}, "cmd": {cmd, &options.Cmd}} {
					if !command.Flags().Changed(name) {
						continue
					}
					if len(list.from) == 1 && list.from[0] == "" {
						list.from = nil
					}
					*list.to = &list.from
				}
				for name, text := range map[string]struct {
					from *string
					to   **string
				}{"user": {&user, &options.User}, "workdir": {&workdir, &options.WorkingDir}, "stop-signal": {&signal, &options.StopSignal}, "author": {&author, &options.Author}} {
					if command.Flags().Changed(name) {
						*text.to = text.from
					}
				}
				options.Platform = platform
				return artifact.Mutate(ctx, src, reference, &options)
			})
		},
	}
	c.add(command, changePlatformHelp)
	flags := command.Flags()
	flags.StringArrayVar(&labels, "label", nil, "set a `KEY=VALUE` label; may be repeated")
	flags.StringArrayVar(&o.RemoveLabels, "remove-label", nil, "remove the label `KEY`; may be repeated")
	flags.StringArrayVar(&o.Env, "env", nil, "set an environment variable: `NAME=VALUE`; may be repeated")
	flags.StringArrayVar(&o.RemoveEnv, "remove-env", nil, "remove the environment variable `NAME`; may be repeated")
	flags.StringArrayVar(&entrypoint, "entrypoint", nil, "a `WORD` of the entry point; may be repeated; the command stays")
	flags.StringArrayVar(&cmd, "cmd", nil, "a `WORD` of the command; may be repeated")
	flags.StringVar(&user, "user", "", "the user to run as: `USER[:GROUP]`")
	flags.StringVar(&workdir, "workdir", "", "the working `DIRECTORY`")
	flags.StringVar(&signal, "stop-signal", "", "the `SIGNAL` that stops it")
	flags.StringVar(&author, "author", "", "the `NAME` of the author")
	flags.StringArrayVar(&o.ExposedPorts, "expose", nil, "add a port: `PORT[/PROTOCOL]`; may be repeated")
	flags.StringArrayVar(&o.Volumes, "volume", nil, "add the `PATH` of a volume; may be repeated")
	flags.StringVar(&created, "created", "", "the `TIME` of creation (RFC 3339), or now (default: unchanged)")
	return command
}
