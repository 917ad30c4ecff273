package main

import (
	"context"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/transfers"
)

// changeHelp is what all commands that change images have in common.
const changeHelp = `Nothing is pulled: only what changed is sent, and what another repository of the
registry has is mounted. The tag of REF moves to the result, unless --to names
another place; what has no tag is stored by its digest. Prints the result by
digest. Without a --created, the same change gives the same digest.`

// imageChange are the flags of a command that changes an image.
type imageChange struct {
	transfers.ChangeFlags
	to       string
	platform string
}

func (c *imageChange) add(command *cobra.Command, platformHelp string) {
	c.ChangeFlags.Add(command)
	command.Flags().StringVar(&c.to, "to", "", "store the result here: a `TAG` of the same repository, a reference or a location")
	if platformHelp != "" {
		command.Flags().StringVar(&c.platform, "platform", "", platformHelp)
	}
}

const changePlatformHelp = "change only the image of an index for this `PLATFORM`, os/arch[/variant]"

// parts are what a change is made of and where it goes.
func (a *app) changeEnds(ctx context.Context, text, destination string) (src artifact.Source, from, to location.Location, err error) {
	if from, err = a.imageLocation(text); err != nil {
		return nil, from, to, err
	}
	if to, err = a.changeTarget(from, destination); err != nil {
		return nil, from, to, err
	}
	src, err = location.OpenSource(ctx, a.Session, from)
	return src, from, to, err
}

// imageLocation is a location, whose tag is latest where none is named.
func (a *app) imageLocation(text string) (location.Location, error) {
	from, err := location.Parse(text, a.Getenv("ACR_REGISTRY"))
	if err == nil && from.Kind == location.InRegistry && from.Ref.Version() == "" {
		from.Ref.Tag = "latest"
	}
	return from, err
}

// changeTarget is where a result goes: to the tag of what it was made of, to
// another tag of the same repository, or to another place.
func (a *app) changeTarget(from location.Location, destination string) (location.Location, error) {
	to := from
	switch {
	case destination == "" && from.Kind != location.InRegistry && from.Kind != location.InLayout:
		return to, failure.Usagef("%s: an archive can't be changed where it is: say with --to where the result goes", from)
	case destination == "" && from.Kind == location.InRegistry:
		to.Ref.Digest = ""
	case destination == "":
		if strings.Contains(from.Name, ":") && !strings.Contains(from.Name, "/") {
			to.Name = "" // a digest
		}
	case from.Kind == location.InRegistry && !strings.ContainsAny(destination, "/:@"):
		to.Ref.Tag, to.Ref.Digest = destination, ""
		return a.imageLocation(to.Ref.String())
	default:
		return a.imageLocation(destination)
	}
	return to, nil
}

// runChange runs a command whose first argument is the image that it changes.
func (a *app) runChange(command *cobra.Command, c *imageChange, args []string, change func(ctx context.Context, src artifact.Source, reference string, rest []string, platform *ocispec.Platform, now time.Time) (*artifact.Draft, error)) error {
	return a.mover().RunChange(command, &c.ChangeFlags, args, func(ctx context.Context, args []string, with transfers.Making) ([]transfers.Made, error) {
		platform, err := onePlatform(c.platform)
		if err != nil {
			return nil, err
		}
		src, from, to, err := a.changeEnds(ctx, args[0], c.to)
		if err != nil {
			return nil, err
		}
		draft, err := change(ctx, src, from.Version(), args[1:], platform, with.Now)
		return a.madeOf(&c.ChangeFlags, draft, to, usageOfOption(err))
	})
}

// madeOf is a draft that is to be stored, with what a person should know of it.
func (a *app) madeOf(f *transfers.ChangeFlags, draft *artifact.Draft, to location.Location, err error) ([]transfers.Made, error) {
	if err != nil {
		return nil, err
	}
	for _, note := range draft.Notes() {
		a.Note("note: %s", note)
	}
	made := []transfers.Made{{Source: draft, To: to}}
	made[0].Options, err = f.Options(a.mover())
	return made, err
}

// createdFlag reads --created: now is the time that a plan was made at.
func createdFlag(text string, now time.Time) (*time.Time, error) {
	switch text {
	case "":
		return nil, nil
	case "now":
		return &now, nil
	}
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, failure.Usagef("--created %q: must be now, or a time such as 2024-01-02T03:04:05Z", text)
	}
	return &when, nil
}
