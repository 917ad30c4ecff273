package transfers

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/arm"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/plan"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

// ServerFlags have ACR import instead of moving the bytes through this machine.
type ServerFlags struct {
	On         bool
	ResourceID string
}

func (f *ServerFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.BoolVar(&f.On, "server", false, "let ACR import the images, by Azure Resource Manager: no blob passes this machine")
	flags.StringVar(&f.ResourceID, "resource-id", "", "with --server: the resource `ID` of DST's registry (found, when left out)")
}

// notOnServer are the flags that a copy by ACR can't heed.
var notOnServer = []string{"all", "platform", "os-version", "referrers", "foreign-layers", "mount-from", "limit-rate", "concurrency", "stall-timeout"}

// CheckServer refuses flags that mean nothing together.
func (f *Flags) CheckServer(command *cobra.Command) error {
	if !f.Server.On {
		if f.Server.ResourceID != "" {
			return failure.Usagef("--resource-id: it is for --server")
		}
		return nil
	}
	var wrong []string
	command.Flags().Visit(func(flag *pflag.Flag) {
		if slices.Contains(notOnServer, flag.Name) {
			wrong = append(wrong, "--"+flag.Name)
		}
	})
	if len(wrong) > 0 {
		return failure.Usagef("--server: ACR imports whole images, at its own pace and without referrers; leave out %s", strings.Join(wrong, ", "))
	}
	if f.Server.ResourceID != "" && !arm.IsRegistryID(f.Server.ResourceID) {
		return failure.Usagef("--resource-id %q: must be /subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.ContainerRegistry/registries/NAME", f.Server.ResourceID)
	}
	return nil
}

// arriving is an image that ACR is to import.
type arriving struct {
	from   reference.Reference // its repository
	digest string
	to     reference.Reference
}

// ImportSteps plans what ACR is to import: what the sources name is read now, and
// imported by its digest.
func (m *Mover) ImportSteps(ctx context.Context, f *Flags, args []string) ([]plan.Step, error) {
	own := m.Getenv("ACR_REGISTRY")
	last := len(args) - 1
	s, err := f.parseSeveral(args[:last], args[last], own)
	single := len(args) == 2 && !f.Tags.given()
	var images []arriving
	switch {
	case single:
		images, err = m.importOne(ctx, args[0], args[1], own)
	case err == nil:
		images, err = m.importMany(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	if len(images) == 0 {
		return nil, s.nothingChosen(f)
	}
	return m.importSteps(ctx, f, images)
}

func (m *Mover) importOne(ctx context.Context, from, to, own string) ([]arriving, error) {
	t := Transfer{Verb: "copy"}
	var err error
	if t.From, err = location.Parse(from, own); err != nil {
		return nil, err
	}
	if t.To, err = location.Parse(to, own); err != nil {
		return nil, err
	}
	if t.From.Kind != location.InRegistry || t.To.Kind != location.InRegistry {
		return nil, failure.Usagef("--server: ACR imports from a registry to a registry; files go through this machine")
	}
	if t.To.Ref.Digest != "" {
		return nil, failure.Usagef("%q: with --server the target is named by its tag", to)
	}
	if err := m.reachable(t.From.Ref.Registry, t.To.Ref.Registry); err != nil {
		return nil, err
	}
	t.settleSource()
	m.FlagsElsewhere = t.remote()
	source, err := location.OpenSource(ctx, m.Session, t.From)
	if err != nil {
		return nil, err
	}
	if err := t.settleTarget(ctx, source); err != nil {
		return nil, err
	}
	desc, err := source.Resolve(ctx, t.From.Version())
	if err != nil {
		return nil, err
	}
	repository := reference.Reference{Registry: t.From.Ref.Registry, Repository: t.From.Ref.Repository}
	return []arriving{{from: repository, digest: desc.Digest.String(), to: t.To.Ref}}, nil
}

// reachable refuses what ACR can't reach, or isn't.
func (m *Mover) reachable(from, to reference.Host) error {
	if from.Local() || to.Local() {
		return failure.Usagef("--server: ACR can't reach the registry inside this program, local")
	}
	return nil
}

func (m *Mover) importMany(ctx context.Context, s *several) ([]arriving, error) {
	if s.to.location.Kind != location.InRegistry {
		return nil, failure.Usagef("--server: ACR imports to a registry; files go through this machine")
	}
	for _, key := range s.order {
		if err := m.reachable(s.from[key].Ref.Registry, s.to.location.Ref.Registry); err != nil {
			return nil, err
		}
	}
	if err := s.open(ctx, m); err != nil {
		return nil, err
	}
	var images []arriving
	for _, key := range s.order {
		tags, err := s.tags(ctx, key)
		if err != nil {
			return nil, err
		}
		for _, tag := range tags {
			desc, err := s.opened[key].Resolve(ctx, tag)
			if err != nil {
				return nil, err
			}
			images = append(images, arriving{
				from: s.from[key].Ref, digest: desc.Digest.String(),
				to: reference.Reference{Registry: s.to.location.Ref.Registry, Repository: s.targets[key], Tag: tag},
			})
		}
	}
	return images, nil
}

// importSteps leaves out what is there, and finds the resources of the others.
func (m *Mover) importSteps(ctx context.Context, f *Flags, images []arriving) ([]plan.Step, error) {
	var steps []plan.Step
	var resources importResources
	for _, image := range images {
		r, err := m.OpenFor(ctx, image.to)
		if err != nil {
			return nil, err
		}
		there, err := plan.TagDigest(ctx, r, image.to.Repository, image.to.Tag)
		switch {
		case err != nil:
			return nil, err
		case there == image.digest:
			m.Note("%s is there already", image.to)
			continue
		case there != "" && f.noClobber:
			return nil, &artifact.ExistsError{Reference: image.to.String()}
		}
		target, source, err := resources.of(ctx, r, f.Server.ResourceID, image.from.Registry)
		if err != nil {
			return nil, err
		}
		steps = append(steps, plan.Step{
			Action: plan.ActionImport, Registry: image.to.Registry.String(), Repository: image.to.Repository, Tag: image.to.Tag,
			Digest: image.digest, From: image.from.String(), Replaces: there, Resource: target, FromResource: source,
		})
	}
	return steps, nil
}

// importResources are the resources of the registries of one command.
type importResources struct {
	target  string
	sources map[string]string // by login server
}

// of finds the resources of the target and of the source; that of a source which
// this identity doesn't see, or which is no registry of Azure, is "".
func (i *importResources) of(ctx context.Context, r *session.Registry, given string, from reference.Host) (target, source string, err error) {
	manager, err := r.Manager(ctx)
	if err != nil {
		return "", "", err
	}
	subscription := r.Environment("AZURE_SUBSCRIPTION_ID")
	if i.target == "" {
		found, err := findTarget(ctx, manager, r.Host, given, subscription)
		if err != nil {
			return "", "", err
		}
		i.target, i.sources = found, map[string]string{r.Host.Name: found}
	}
	source, known := i.sources[from.Name]
	if known {
		return i.target, source, nil
	}
	found, err := manager.Find(ctx, from.Name, "")
	switch {
	case ctx.Err() != nil:
		return "", "", context.Cause(ctx)
	case err == nil && arm.IsRegistryID(found.ID):
		source = found.ID
	case err != nil && !errors.Is(err, arm.ErrNoRegistry) && !errors.As(err, new(*azcore.ResponseError)):
		return "", "", err
	}
	i.sources[from.Name] = source
	return i.target, source, nil
}

// findTarget finds the target's resource, or looks whether the one that was given
// is of this registry.
func findTarget(ctx context.Context, manager *arm.Client, h reference.Host, given, subscription string) (string, error) {
	if given == "" {
		found, err := manager.Find(ctx, h.Name, subscription)
		if err == nil && !arm.IsRegistryID(found.ID) {
			return "", failure.Usagef("find %s: Azure Resource Manager calls it %.200q, which is no registry; give --resource-id", h, found.ID)
		}
		return found.ID, arm.Explain("find "+h.String(), "", err)
	}
	found, err := manager.Get(ctx, given)
	if err != nil {
		return "", arm.Explain("find "+h.String(), given, err)
	}
	if !strings.EqualFold(found.Properties.LoginServer, h.Name) {
		return "", failure.Usagef("--resource-id: it is the registry %.200q, and not %s", found.Properties.LoginServer, h)
	}
	return given, nil
}
