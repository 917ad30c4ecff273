package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/image"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/items"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
)

func shownView() output.View[shownImage] {
	return output.View[shownImage]{
		Kind: "Image",
		Columns: []output.Column[shownImage]{
			{Name: "reference", Value: func(i shownImage) string { return i.Reference }},
			{Name: "type", Value: func(i shownImage) string { return items.ShortType(i.MediaType) }},
			{Name: "platform", Value: func(i shownImage) string { return i.Platform }},
			{Name: "content", Value: func(i shownImage) string { return fmt.Sprint(i.Content) }},
		},
		Text: writeShown,
	}
}

// facts are lines of a name and a value.
type facts [][2]string

func (f *facts) add(name string, values ...string) {
	for _, value := range values {
		*f = append(*f, [2]string{name, value})
	}
}

func writeShown(w io.Writer, i shownImage) error {
	var lines facts
	lines.add("reference", i.Reference)
	lines.add("type", i.MediaType)
	lines.add("artifact", i.body.ArtifactType)
	if c := i.Chart; c != nil {
		lines.add("chart", c.Name)
		lines.add("version", c.Version)
		lines.add("app", c.AppVersion)
		lines.add("describes", c.Description)
	}
	lines.add("platform", i.Platform)
	if i.Content > 0 {
		lines.add("content", output.Size(i.Content))
	}
	lines.addStates(i)
	if i.Config != nil {
		lines.addConfig(i.Config)
	}
	if i.body.Subject != nil {
		lines.add("subject", i.body.Subject.Digest.String())
	}
	lines.add("annotation", pairs(i.body.Annotations)...)
	for _, child := range i.body.Manifests {
		missing := ""
		if slices.Contains(i.Missing, child.Digest.String()) {
			missing = "  MISSING"
		}
		lines.add("manifest", child.Digest.String()+"  "+items.OrDash(artifact.FormatPlatform(child.Platform))+missing)
	}
	if i.body.Config != nil {
		lines.add("config", blobLine(*i.body.Config))
	}
	for _, layer := range append(i.body.Layers, i.body.Blobs...) {
		lines.add("layer", blobLine(layer))
	}
	if i.Config != nil {
		lines.addHistory(i.Config.History)
	}
	return items.Facts(w, lines)
}

// addStates adds what a registry keeps about the tag and the manifest.
func (f *facts) addStates(i shownImage) {
	if s := i.Stored; s != nil {
		f.add("tags", strings.Join(s.Tags, ", "))
		f.add("stored", items.When(s.CreatedOn))
	}
	if t := i.Tag; t != nil {
		f.add("updated", items.When(t.LastUpdatedOn)+"  the tag "+t.Name)
	}
	for _, state := range []struct {
		what string
		of   *shownState
	}{{"the manifest", i.Stored}, {"the tag", i.Tag}} {
		if state.of != nil && state.of.Locks != nil && state.of.Locks.Word() != "" {
			f.add("locks", state.what+": "+state.of.Locks.Word())
		}
	}
	if i.Stored != nil && !slices.ContainsFunc(*f, func(line [2]string) bool { return line[0] == "locks" }) {
		f.add("locks", "-")
	}
}

// addConfig adds what the image's configuration says of its container.
func (f *facts) addConfig(c *ocispec.Image) {
	f.add("created", items.When(c.Created))
	f.add("author", c.Author)
	f.add("entrypoint", strings.Join(c.Config.Entrypoint, " "))
	f.add("command", strings.Join(c.Config.Cmd, " "))
	f.add("user", c.Config.User)
	f.add("folder", c.Config.WorkingDir)
	f.add("env", c.Config.Env...)
	f.add("port", slices.Sorted(maps.Keys(c.Config.ExposedPorts))...)
	f.add("volume", slices.Sorted(maps.Keys(c.Config.Volumes))...)
	f.add("stop by", c.Config.StopSignal)
	f.add("label", pairs(c.Config.Labels)...)
}

// addHistory adds the steps that made the image, the first one first.
func (f *facts) addHistory(steps []ocispec.History) {
	for _, step := range steps {
		what := step.CreatedBy
		if step.Comment != "" {
			what = strings.TrimSpace(what + "  # " + step.Comment)
		}
		made := "layer"
		if step.EmptyLayer {
			made = "-    "
		}
		f.add("history", items.When(step.Created)+"  "+made+"  "+strings.Join(strings.Fields(what), " "))
	}
}

// pairs are the pairs of a map as name=value, in lexical order.
func pairs(values map[string]string) []string {
	list := make([]string, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		list = append(list, name+"="+values[name])
	}
	return list
}

func blobLine(desc ocispec.Descriptor) string {
	line := fmt.Sprintf("%s  %9s  %s", desc.Digest, output.Size(desc.Size), desc.MediaType)
	if title := image.Title(desc); title != "" {
		line += "  " + title
	}
	return line
}
