package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	dockerManifestFile     = "manifest.json"
	dockerRepositoriesFile = "repositories"
	// maxDockerFile bounds manifest.json, repositories and image configs.
	maxDockerFile = 16 << 20
)

// dockerImage is one entry of docker-save's manifest.json.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// dockerRepositories is docker-save's file of the same name: tag to the id of
// the top layer, by repository.
type dockerRepositories map[string]map[string]string

// configName is how docker before version 25 names an image's config.
var configName = pattern.New(`^([0-9a-f]{64})\.json$`)

// makeDockerImage makes an image of an entry of manifest.json. Layers that are
// not compressed keep their diff ids as digests; whoever stores them verifies
// them.
func (a *Archive) makeDockerImage(ctx context.Context, image dockerImage) (ocispec.Descriptor, error) {
	none := ocispec.Descriptor{}
	config, err := a.tar.read(image.Config, maxDockerFile)
	if err != nil {
		return none, err
	}
	var parsed ocispec.Image
	if err := json.Unmarshal(config, &parsed); err != nil {
		return none, a.tar.invalid(image.Config, "it is not an image config", err)
	}
	configDigest := digest.FromBytes(config)
	if m := configName.FindStringSubmatch(path.Base(image.Config)); m != nil && m[1] != configDigest.Encoded() {
		return none, a.tar.invalid(image.Config, "its content has another digest than its name, "+configDigest.String(), nil)
	}
	diffIDs := parsed.RootFS.DiffIDs
	if len(diffIDs) != len(image.Layers) {
		return none, a.tar.invalid(image.Config, fmt.Sprintf("it has %d diff ids, %s lists %d layers", len(diffIDs), dockerManifestFile, len(image.Layers)), nil)
	}
	var layers []ocispec.Descriptor
	for i, name := range image.Layers {
		if err := checkDescriptor(ocispec.Descriptor{Digest: diffIDs[i]}); err != nil {
			return none, a.tar.invalid(image.Config, "a diff id in it is wrong", err)
		}
		layer, err := a.dockerLayer(ctx, name, diffIDs[i])
		if err != nil {
			return none, err
		}
		layers = append(layers, layer)
	}
	return a.makeImage(config, layers)
}

// dockerLayer describes one layer file.
func (a *Archive) dockerLayer(ctx context.Context, name string, diffID digest.Digest) (ocispec.Descriptor, error) {
	none := ocispec.Descriptor{}
	entry, err := a.tar.lookup(name)
	if err != nil {
		return none, err
	}
	packed, err := a.layerCompression(name, entry)
	if err != nil {
		return none, err
	}
	if packed == nil {
		return a.layer(packed, diffID, entry), nil
	}
	layer, unpacked, err := a.hashLayer(ctx, name, entry)
	if err != nil {
		return none, err
	}
	if unpacked != diffID {
		return none, a.tar.invalid(name, fmt.Sprintf("unpacked it has the digest %s, the config's diff id is %s", unpacked, diffID), nil)
	}
	return layer, nil
}

// layer makes a file of the archive known under its digest.
func (a *Archive) layer(packed *compression, d digest.Digest, entry tarEntry) ocispec.Descriptor {
	mediaType := ocispec.MediaTypeImageLayer
	if packed != nil && packed.mediaType != "" {
		mediaType = packed.mediaType
	}
	a.sections[d] = entry
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: entry.size}
}

// layerCompression looks at the first bytes of a layer.
func (a *Archive) layerCompression(name string, entry tarEntry) (*compression, error) {
	head := make([]byte, magicLength)
	n, err := a.tar.section(entry).ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s of %s: %w", name, a.name, err)
	}
	return compressionOf(head[:n]), nil
}

// hashLayer reads a layer once, and makes it known: as it is, or unpacked where
// no media type says how it is compressed. It also gives the diff id.
func (a *Archive) hashLayer(ctx context.Context, name string, entry tarEntry) (layer ocispec.Descriptor, unpacked digest.Digest, err error) {
	outer, inner := digest.SHA256.Digester(), digest.SHA256.Digester()
	r := io.TeeReader(contextReader{ctx, a.tar.section(entry)}, outer.Hash())
	packed, err := a.layerCompression(name, entry)
	if err != nil {
		return layer, "", err
	}
	var size int64
	if packed == nil {
		size, err = io.Copy(inner.Hash(), r)
	} else {
		var plain io.ReadCloser
		if plain, err = packed.decompress(r); err == nil {
			size, err = io.Copy(inner.Hash(), plain)
			plain.Close()
		}
		if err == nil {
			_, err = io.Copy(io.Discard, r) // padding behind the compressed stream
		}
	}
	if stopped := context.Cause(ctx); stopped != nil {
		return layer, "", stopped
	}
	if err != nil {
		return layer, "", a.tar.invalid(name, "the layer cannot be read", cutOff(err))
	}
	if packed != nil && packed.mediaType == "" {
		entry.packed, entry.stored, entry.size = packed, entry.size, size
		return a.layer(packed, inner.Digest(), entry), inner.Digest(), nil
	}
	return a.layer(packed, outer.Digest(), entry), inner.Digest(), nil
}

// makeImage makes the manifest that docker-save doesn't write.
func (a *Archive) makeImage(config []byte, layers []ocispec.Descriptor) (ocispec.Descriptor, error) {
	configDesc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromBytes(config), Size: int64(len(config))}
	a.made[configDesc.Digest] = config
	if layers == nil {
		layers = []ocispec.Descriptor{}
	}
	manifest, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    configDesc,
		Layers:    layers,
	})
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	root := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(manifest), Size: int64(len(manifest))}
	a.made[root.Digest] = manifest
	return root, nil
}
