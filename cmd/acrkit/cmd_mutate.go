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
		Use: "mutate REF", Short: "Change an image's configuration: labels, entry point, environment, user",
		Long: `Change an image's configuration: labels, entry point, command, environment, user,
working directory, ports, volumes. What isn't named stays, and an empty value
removes: --entrypoint "" leaves none. Of an index every image is changed; its
attestations, which are about the images of before, are left out and named. ` + changeHelp,
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
	flags.StringArrayVar(&labels, "label", nil, "set a label, `KEY=VALUE`; may be given again")
	flags.StringArrayVar(&o.RemoveLabels, "remove-label", nil, "take away the label `KEY`; may be given again")
	flags.StringArrayVar(&o.Env, "env", nil, "set a variable, `NAME=VALUE`; may be given again")
	flags.StringArrayVar(&o.RemoveEnv, "remove-env", nil, "take away the variable `NAME`; may be given again")
	flags.StringArrayVar(&entrypoint, "entrypoint", nil, "the entry point, a `WORD` at a time; the command stays")
	flags.StringArrayVar(&cmd, "cmd", nil, "the command, a `WORD` at a time")
	flags.StringVar(&user, "user", "", "the `user[:group]` to run as")
	flags.StringVar(&workdir, "workdir", "", "the working `directory`")
	flags.StringVar(&signal, "stop-signal", "", "the `signal` to stop it by")
	flags.StringVar(&author, "author", "", "the `name` of the author")
	flags.StringArrayVar(&o.ExposedPorts, "expose", nil, "add a `port[/protocol]`; may be given again")
	flags.StringArrayVar(&o.Volumes, "volume", nil, "add the `path` of a volume; may be given again")
	flags.StringVar(&created, "created", "", "the `time` that the image was made at (RFC 3339), or now; left as it is otherwise")
	return command
}
