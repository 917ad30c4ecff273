package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ociImage is an image manifest in the archive, reached from index.json.
type ociImage struct {
	desc   ocispec.Descriptor
	parsed *manifest
	root   int // the index of the root that refers to it
}

// dockerHalf adds what docker's manifest.json says to what index.json says.
type dockerHalf struct {
	archive *Archive
	reducer *reducer
	images  []ociImage
	// roots is how many of the index's manifests are index.json's own.
	roots int
	// replaced are roots of index.json that manifest.json knows better.
	replaced map[int]bool
}

// addDockerHalf reads manifest.json, and adds the images and names that
// index.json lacks to the index.
func (a *Archive) addDockerHalf(ctx context.Context) error {
	data, err := a.tar.read(dockerManifestFile, maxDockerFile)
	if err != nil {
		return err
	}
	var images []dockerImage
	if err := json.Unmarshal(data, &images); err != nil {
		return a.tar.invalid(dockerManifestFile, "it is not docker's list of images", err)
	}
	if len(images) == 0 && len(a.index.Manifests) == 0 {
		return a.tar.invalid(dockerManifestFile, "it names no image", nil)
	}
	h := &dockerHalf{archive: a, reducer: &reducer{archive: a, done: map[digest.Digest]*reduced{}}, roots: len(a.index.Manifests), replaced: map[int]bool{}}
	for i, root := range a.index.Manifests {
		h.images = append(h.images, a.imagesUnder(i, root)...)
	}
	for _, image := range images {
		if err := h.add(ctx, image); err != nil {
			return err
		}
	}
	kept := a.index.Manifests[:0:0]
	for i, root := range a.index.Manifests {
		if !h.replaced[i] {
			kept = append(kept, root)
		}
	}
	a.index.Manifests = kept
	return nil
}

// imagesUnder finds the image manifests that the archive holds under a root.
func (a *Archive) imagesUnder(at int, root ocispec.Descriptor) []ociImage {
	var images []ociImage
	seen := map[digest.Digest]bool{}
	level := []ocispec.Descriptor{root}
	for range maxDepth {
		var below []ocispec.Descriptor
		for _, desc := range level {
			if seen[desc.Digest] || len(seen) > maxNodes {
				continue
			}
			seen[desc.Digest] = true
			m, err := a.manifest(desc)
			if err != nil {
				continue // absent or damaged: a copy of it reports that
			}
			if m.Config != nil {
				images = append(images, ociImage{desc: desc, parsed: m, root: at})
			}
			below = append(below, m.children()...)
		}
		level = below
	}
	return images
}

// manifest reads a manifest of the archive.
func (a *Archive) manifest(desc ocispec.Descriptor) (*manifest, error) {
	data, err := fetchSmall(context.Background(), a, desc)
	if err != nil {
		return nil, err
	}
	_, m, err := readManifest(desc, data)
	return m, err
}

// add brings one entry of manifest.json into the index.
func (h *dockerHalf) add(ctx context.Context, image dockerImage) error {
	a := h.archive
	config, diffIDs, err := a.dockerConfig(image)
	var missing error
	switch {
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	case err != nil:
		missing = err
		config = pathDigest(image.Config)
	}
	var lacking []ociImage // manifests of the image that are not the image
	for _, candidate := range h.images {
		if candidate.parsed.Config.Digest != config {
			continue
		}
		if missing == nil && !h.whole(candidate, diffIDs) {
			lacking = append(lacking, candidate)
			continue
		}
		if missing == nil {
			if err := h.compareLayers(ctx, image, candidate, diffIDs); err != nil {
				return err
			}
		}
		return h.name(image, a.index.Manifests[candidate.root], candidate.root, config)
	}
	if missing != nil {
		return missing
	}
	made, err := a.makeDockerImage(ctx, image)
	if err != nil {
		return err
	}
	for _, candidate := range lacking {
		if !isIndex(a.index.Manifests[candidate.root].MediaType) {
			h.replaced[candidate.root] = true
		}
		if n := len(candidate.parsed.Layers); n < len(diffIDs) {
			a.absent[made.Digest] = append(a.absent[made.Digest], LeftOut{
				Descriptor: bare(candidate.desc),
				Reason:     fmt.Sprintf("it lists %d layers and its config %d, so that the image was made of %s", n, len(diffIDs), dockerManifestFile),
			})
		}
	}
	return h.name(image, made, -1, config)
}

// dockerConfig is the digest and the diff ids of an image's config.
func (a *Archive) dockerConfig(image dockerImage) (digest.Digest, []digest.Digest, error) {
	data, err := a.tar.read(image.Config, maxDockerFile)
	if err != nil {
		return "", nil, err
	}
	var parsed ocispec.Image
	if err := json.Unmarshal(data, &parsed); err != nil {
		return "", nil, a.tar.invalid(image.Config, "it is not an image config", err)
	}
	return digest.FromBytes(data), parsed.RootFS.DiffIDs, nil
}

// whole reports whether the archive holds all of an image, and its layers are
// as many as its config says.
func (h *dockerHalf) whole(image ociImage, diffIDs []digest.Digest) bool {
	if len(image.parsed.Layers) < len(diffIDs) {
		return false
	}
	return h.archive.holdsBlobs(image.parsed)
}

// holdsBlobs reports whether every blob of a manifest is there, foreign layers
// aside.
func (a *Archive) holdsBlobs(m *manifest) bool {
	for _, blob := range m.blobs() {
		if !isForeign(blob) && len(blob.Data) == 0 && !a.holds(blob) {
			return false
		}
	}
	return true
}

// compareLayers refuses an image whose two descriptions name different layers.
func (h *dockerHalf) compareLayers(ctx context.Context, image dockerImage, found ociImage, diffIDs []digest.Digest) error {
	layers := found.parsed.Layers
	if len(image.Layers) != len(layers) || len(diffIDs) != len(layers) {
		// What manifest.json lacks, the whole manifest tells; what it has more
		// cannot be of this image, since the config doesn't know it.
		if len(image.Layers) > len(layers) {
			return h.contradiction(fmt.Sprintf("image %s has %d layers in %s and %d in manifest %s", path.Base(image.Config), len(image.Layers), dockerManifestFile, len(layers), found.desc.Digest))
		}
		return nil
	}
	for i, name := range image.Layers {
		named := pathDigest(name)
		if named == layers[i].Digest || isForeign(layers[i]) {
			continue
		}
		described, err := h.archive.dockerLayer(ctx, name, diffIDs[i])
		if errors.Is(err, ErrNotFound) {
			continue // the whole manifest has it
		}
		if err != nil {
			return err
		}
		// A layer that isn't compressed is its diff id.
		if described.Digest == diffIDs[i] && named != "" && named != diffIDs[i] {
			return h.contradiction(fmt.Sprintf("layer %d of image %s is %s in %s and %s in manifest %s", i+1, path.Base(image.Config), named, dockerManifestFile, layers[i].Digest, found.desc.Digest))
		}
	}
	return nil
}

func (h *dockerHalf) contradiction(rule string) error {
	return h.archive.tar.invalid(ocispec.ImageIndexFile+" and "+dockerManifestFile, "they contradict one another: "+rule, nil)
}

// pathDigest is the digest that a path in an archive names, "" for none.
func pathDigest(name string) digest.Digest {
	encoded, algorithm := path.Base(name), string(digest.SHA256)
	if dir := path.Base(path.Dir(name)); dir == string(digest.SHA512) {
		algorithm = dir
	}
	for _, suffix := range []string{".json", ".tar"} {
		encoded = strings.TrimSuffix(encoded, suffix)
	}
	d, err := digest.Parse(algorithm + ":" + encoded)
	if err != nil {
		return ""
	}
	return d
}

// name gives an image the names that manifest.json has for it. root is what the
// index has, or is to have, for the image; at is where, -1 for not yet.
func (h *dockerHalf) name(image dockerImage, root ocispec.Descriptor, at int, config digest.Digest) error {
	a := h.archive
	add := func(name string) {
		added := bare(root)
		if name != "" {
			added.Annotations = map[string]string{ocispec.AnnotationRefName: name}
		}
		if !slices.ContainsFunc(a.index.Manifests, func(other ocispec.Descriptor) bool {
			return other.Digest == added.Digest && (name == "" || fullName(other) == dockerFullReference(name))
		}) {
			a.index.Manifests = append(a.index.Manifests, added)
		}
	}
	if len(image.RepoTags) == 0 && at < 0 {
		add("")
	}
	for _, name := range image.RepoTags {
		if err := checkName(name); err != nil {
			return a.tar.invalid(dockerManifestFile, "a name in it is wrong", err)
		}
		if name, _, byDigest := strings.Cut(name, "@"); byDigest || name == "" {
			add("") // podman's names by digest, which nothing can be tagged with
			continue
		}
		if repository, tag := dockerName(name); tagPart(name) == "" {
			name = repository + ":" + tag
		}
		if err := h.checkName(name, root, config); err != nil {
			return err
		}
		if at >= 0 && shortNameOf(a.index.Manifests[at], name) {
			// index.json has the tag alone.
			a.index.Manifests[at].Annotations[annotationContainerdName] = dockerFullReference(name)
			continue
		}
		add(name)
	}
	return nil
}

// checkName refuses a name that index.json gives to another image, unless that
// one isn't whole: then manifest.json knows better.
func (h *dockerHalf) checkName(name string, root ocispec.Descriptor, config digest.Digest) error {
	a := h.archive
	for i, other := range a.index.Manifests[:h.roots] {
		if h.replaced[i] || other.Digest == root.Digest || fullName(other) != dockerFullReference(name) {
			continue
		}
		if h.reducer.reduce(other).whole {
			return h.contradiction(fmt.Sprintf("the name %s is manifest %s in one, and the image with the config %s in the other", name, other.Digest, config))
		}
		h.replaced[i] = true
		a.absent[root.Digest] = append(a.absent[root.Digest], LeftOut{
			Descriptor: bare(other),
			Reason:     "the archive holds no whole image of it, so that the one of " + dockerManifestFile + " was taken",
		})
	}
	return nil
}

// fullName is the whole name of a root, "" for one that has none or a tag alone.
func fullName(root ocispec.Descriptor) string {
	if name := root.Annotations[annotationContainerdName]; name != "" {
		return dockerFullReference(name)
	}
	if name := root.Annotations[ocispec.AnnotationRefName]; tagPart(name) != "" {
		return dockerFullReference(name)
	}
	return ""
}

// shortNameOf reports whether a root has nothing but the tag of a name.
func shortNameOf(root ocispec.Descriptor, name string) bool {
	_, tag := dockerName(name)
	return root.Annotations[annotationContainerdName] == "" && root.Annotations[ocispec.AnnotationRefName] == tag
}
