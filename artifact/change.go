package artifact

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Retag gives a manifest of a store another tag: one read and one write, and
// nothing moves. It returns the manifest.
func Retag(ctx context.Context, store interface {
	Source
	Target
}, reference, tag string,
) (ocispec.Descriptor, error) {
	desc, _, data, err := resolveManifest(ctx, store, reference)
	if err != nil {
		return desc, err
	}
	if p, ok := store.(ManifestPusher); ok {
		return desc, p.PushManifest(ctx, desc, data, tag)
	}
	return desc, store.Tag(ctx, desc, tag)
}

// AnnotateOptions say what [Annotate] changes.
type AnnotateOptions struct {
	// Set and Remove are annotations by their keys.
	Set    map[string]string
	Remove []string
	// Platform chooses an image of an index, whose own annotations change; nil is
	// the manifest or index under the reference itself.
	Platform *ocispec.Platform
}

// Annotate changes the annotations of a manifest or index. Docker's types have
// none: such a manifest becomes one of OCI's types, over the same blobs, and the
// draft's notes say so. The draft is stored by [Copy].
func Annotate(ctx context.Context, src Source, reference string, o *AnnotateOptions) (*Draft, error) {
	if o == nil || len(o.Set)+len(o.Remove) == 0 {
		return nil, nothingToChange()
	}
	if o.Platform != nil {
		return editImages(ctx, src, reference, o.Platform, func(_ context.Context, e *imageEdit) error {
			return e.draft.annotate(e.manifest, o, func() error {
				err := toOCI(e.manifest)
				if err == nil {
					e.layers = nil
					err = e.manifest.get("layers", &e.layers)
				}
				return err
			})
		})
	}
	desc, _, data, err := resolveManifest(ctx, src, reference)
	if err != nil {
		return nil, err
	}
	if isSchema1(desc.MediaType) {
		return nil, &InvalidError{Code: codeUnsuitable, Store: nameOf(src), Thing: thingOf(desc), Rule: "docker's schema 1 has no annotations"}
	}
	m, err := parseObject(data)
	if err != nil {
		return nil, &InvalidError{Store: nameOf(src), Thing: thingOf(desc), Rule: "it cannot be changed", Err: err}
	}
	d := newDraft(nameOf(src), src)
	if err := d.annotate(m, o, func() error { return toOCI(m) }); err != nil {
		return nil, err
	}
	d.root, err = d.addObject(desc, m, data)
	return d, err
}

// annotate changes the annotations of a manifest, which convert makes OCI's
// where that is needed.
func (d *Draft) annotate(m *object, o *AnnotateOptions, convert func() error) error {
	var mediaType string
	if err := m.get("mediaType", &mediaType); err != nil {
		return err
	}
	if other, docker := ociTypes[mediaType]; docker {
		d.notes = append(d.notes, fmt.Sprintf("docker's manifests have no annotations: it is %s now, over the same blobs", other))
		if err := convert(); err != nil {
			return err
		}
	}
	return setMap(m, "annotations", o.Set, o.Remove)
}

// setMap changes a member that is a map of texts.
func setMap(o *object, name string, set map[string]string, remove []string) error {
	if len(set)+len(remove) == 0 {
		return nil
	}
	values := map[string]string{}
	if err := o.get(name, &values); err != nil {
		return err
	}
	if values == nil {
		values = map[string]string{}
	}
	for _, key := range remove {
		delete(values, key)
	}
	maps.Copy(values, set)
	return o.setOr(name, values, len(values) == 0)
}

func nothingToChange() error {
	return &InvalidError{Code: codeOptionInvalid, Thing: "options", Rule: "nothing is to be changed"}
}

// MutateOptions say what of an image's config [Mutate] changes. What is nil or
// empty stays; an empty list or text behind a pointer removes.
type MutateOptions struct {
	Labels       map[string]string
	RemoveLabels []string
	// Env are NAME=VALUE, each in the place of the same name, or behind the last.
	Env          []string
	RemoveEnv    []string
	Entrypoint   *[]string
	Cmd          *[]string
	User         *string
	WorkingDir   *string
	StopSignal   *string
	ExposedPorts []string // to add, such as "8080/tcp"
	Volumes      []string // to add
	Author       *string
	// Created is the time that the config says; nil leaves it, so that the same
	// change of the same image has the same digest.
	Created *time.Time
	// Platform chooses an image of an index; nil changes every one.
	Platform *ocispec.Platform
}

// Mutate changes fields of the config of an image, or of the images of an index,
// and leaves the layers where they are. The draft is stored by [Copy]: of it only
// the config, the manifest and the index are new.
func Mutate(ctx context.Context, src Source, reference string, o *MutateOptions) (*Draft, error) {
	if o == nil || o.empty() {
		return nil, nothingToChange()
	}
	for _, env := range o.Env {
		if envName(env) == "" || envName(env) == env {
			return nil, &InvalidError{Code: codeOptionInvalid, Thing: fmt.Sprintf("environment %q", env), Rule: "it must be NAME=VALUE"}
		}
	}
	return editImages(ctx, src, reference, o.Platform, func(_ context.Context, e *imageEdit) error { return o.apply(e) })
}

func (o *MutateOptions) empty() bool {
	return len(o.Labels)+len(o.RemoveLabels)+len(o.Env)+len(o.RemoveEnv)+len(o.ExposedPorts)+len(o.Volumes) == 0 &&
		o.Entrypoint == nil && o.Cmd == nil && o.User == nil && o.WorkingDir == nil && o.StopSignal == nil && o.Author == nil && o.Created == nil
}

func (o *MutateOptions) apply(e *imageEdit) error {
	config, err := e.config.object("config")
	if err != nil {
		return err
	}
	if err := setMap(config, "Labels", o.Labels, o.RemoveLabels); err != nil {
		return err
	}
	if err := o.applyEnv(config); err != nil {
		return err
	}
	for name, list := range map[string]*[]string{"Entrypoint": o.Entrypoint, "Cmd": o.Cmd} {
		if list != nil {
			if err := config.setOr(name, *list, len(*list) == 0); err != nil {
				return err
			}
		}
	}
	for _, text := range []struct {
		in    *object
		name  string
		value *string
	}{
		{config, "User", o.User}, {config, "WorkingDir", o.WorkingDir}, {config, "StopSignal", o.StopSignal}, {e.config, "author", o.Author},
	} {
		if text.value != nil {
			if err := text.in.setOr(text.name, *text.value, *text.value == ""); err != nil {
				return err
			}
		}
	}
	for name, add := range map[string][]string{"ExposedPorts": o.ExposedPorts, "Volumes": o.Volumes} {
		set := map[string]struct{}{}
		if err := config.get(name, &set); err != nil {
			return err
		}
		if set == nil {
			set = map[string]struct{}{}
		}
		for _, one := range add {
			set[one] = struct{}{}
		}
		if len(add) > 0 {
			if err := config.set(name, set); err != nil {
				return err
			}
		}
	}
	if o.Created != nil {
		if err := e.config.set("created", o.Created.UTC()); err != nil {
			return err
		}
	}
	return e.config.setOr("config", config, len(config.names) == 0 && e.config.values["config"] == nil)
}

func (o *MutateOptions) applyEnv(config *object) error {
	var env []string
	if err := config.get("Env", &env); err != nil {
		return err
	}
	was := slices.Clone(env)
	env = slices.DeleteFunc(env, func(s string) bool { return slices.Contains(o.RemoveEnv, envName(s)) })
	for _, one := range o.Env {
		if k := slices.IndexFunc(env, func(s string) bool { return envName(s) == envName(one) }); k >= 0 {
			env[k] = one
		} else {
			env = append(env, one)
		}
	}
	if slices.Equal(env, was) {
		return nil
	}
	return config.setOr("Env", env, len(env) == 0)
}
