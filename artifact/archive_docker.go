package artifact

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

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
var configName = regexp.MustCompile(`^([0-9a-f]{64})\.json$`)

// openDocker makes an OCI index of docker-save's manifest.json. The layers are
// not compressed in such an archive, so they keep their diff ids as digests;
// whoever stores them verifies them.
func (a *Archive) openDocker(ctx context.Context) error {
	data, err := a.tar.read(dockerManifestFile, maxDockerFile)
	if err != nil {
		return err
	}
	var images []dockerImage
	if err := json.Unmarshal(data, &images); err != nil {
		return a.tar.invalid(dockerManifestFile, "it is not docker's list of images", err)
	}
	if len(images) == 0 {
		return a.tar.invalid(dockerManifestFile, "it names no image", nil)
	}
	a.index = &ocispec.Index{}
	for _, image := range images {
		root, err := a.addDockerImage(ctx, image)
		if err != nil {
			return err
		}
		setRoot(a.index, root, "")
		for _, tag := range image.RepoTags {
			if err := checkName(tag); err != nil {
				return a.tar.invalid(dockerManifestFile, "a name in it is wrong", err)
			}
			setRoot(a.index, root, tag)
		}
	}
	return nil
}

func (a *Archive) addDockerImage(ctx context.Context, image dockerImage) (ocispec.Descriptor, error) {
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
	mediaType, err := a.layerType(name, entry)
	if err != nil {
		return none, err
	}
	if mediaType == ocispec.MediaTypeImageLayer {
		return a.section(mediaType, diffID, entry), nil
	}
	packed, unpacked, err := a.hashLayer(ctx, name, entry)
	if err != nil {
		return none, err
	}
	if unpacked != diffID {
		return none, a.tar.invalid(name, fmt.Sprintf("unpacked it has the digest %s, the config's diff id is %s", unpacked, diffID), nil)
	}
	return a.section(mediaType, packed, entry), nil
}

// section makes a file of the archive known under its digest.
func (a *Archive) section(mediaType string, d digest.Digest, entry tarEntry) ocispec.Descriptor {
	a.sections[d] = entry
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: entry.size}
}

// layerType looks at the first bytes of a layer.
func (a *Archive) layerType(name string, entry tarEntry) (string, error) {
	head := make([]byte, 6)
	n, err := a.tar.section(entry).ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read %s of %s: %w", name, a.name, err)
	}
	head = head[:n]
	for magic, what := range map[string]string{"\x28\xb5\x2f\xfd": "zstd", "BZh": "bzip2", "\xfd7zXZ\x00": "xz"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return "", a.tar.invalid(name, "layers compressed by "+what+" are not supported in a docker archive", nil)
		}
	}
	if bytes.HasPrefix(head, gzipMagic) {
		return ocispec.MediaTypeImageLayerGzip, nil
	}
	return ocispec.MediaTypeImageLayer, nil
}

// hashLayer reads a layer once, for the digests of what it is and of what it
// unpacks to.
func (a *Archive) hashLayer(ctx context.Context, name string, entry tarEntry) (packed, unpacked digest.Digest, err error) {
	outer, inner := digest.SHA256.Digester(), digest.SHA256.Digester()
	r := io.TeeReader(contextReader{ctx, a.tar.section(entry)}, outer.Hash())
	mediaType, err := a.layerType(name, entry)
	if err != nil {
		return "", "", err
	}
	if mediaType == ocispec.MediaTypeImageLayer {
		_, err = io.Copy(inner.Hash(), r)
	} else {
		var unzipped *gzip.Reader
		if unzipped, err = gzip.NewReader(r); err == nil {
			_, err = io.Copy(inner.Hash(), unzipped)
		}
		if err == nil {
			_, err = io.Copy(io.Discard, r) // padding behind the gzip stream
		}
	}
	if stopped := context.Cause(ctx); stopped != nil {
		return "", "", stopped
	}
	if err != nil {
		return "", "", a.tar.invalid(name, "the layer cannot be read", cutOff(err))
	}
	return outer.Digest(), inner.Digest(), nil
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

// legacyLayer is the file "json" that docker before 1.10 wrote for each layer.
type legacyLayer struct {
	ID              string          `json:"id"`
	Parent          string          `json:"parent"`
	Created         json.RawMessage `json:"created"`
	Author          string          `json:"author"`
	Comment         string          `json:"comment"`
	Architecture    string          `json:"architecture"`
	OS              string          `json:"os"`
	Config          json.RawMessage `json:"config"`
	ContainerConfig struct {
		Cmd []string
	} `json:"container_config"`
}

// legacyID is the grammar of layer ids, which are names of folders.
var legacyID = regexp.MustCompile(`^[0-9a-f]{64}$`)

// maxLegacyLayers is docker's own limit on layers, 127, with room to spare.
const maxLegacyLayers = 512

// openLegacyDocker makes images of an archive without manifest.json: each
// layer names its parent, and the config has to be put together.
func (a *Archive) openLegacyDocker(ctx context.Context) error {
	data, err := a.tar.read(dockerRepositoriesFile, maxDockerFile)
	if err != nil {
		return err
	}
	var repositories dockerRepositories
	if err := json.Unmarshal(data, &repositories); err != nil {
		return a.tar.invalid(dockerRepositoriesFile, "it is not docker's list of tags", err)
	}
	a.index = &ocispec.Index{}
	for repository, tags := range repositories {
		for tag, id := range tags {
			if err := checkName(repository + ":" + tag); err != nil {
				return a.tar.invalid(dockerRepositoriesFile, "a name in it is wrong", err)
			}
			root, err := a.legacyImage(ctx, id)
			if err != nil {
				return err
			}
			setRoot(a.index, root, repository+":"+tag)
		}
	}
	if len(a.index.Manifests) == 0 {
		return a.tar.invalid(dockerRepositoriesFile, "it names no image", nil)
	}
	// Maps have no order, an index should have one.
	slices.SortFunc(a.index.Manifests, func(x, y ocispec.Descriptor) int {
		return strings.Compare(x.Annotations[ocispec.AnnotationRefName], y.Annotations[ocispec.AnnotationRefName])
	})
	return nil
}

func (a *Archive) legacyImage(ctx context.Context, top string) (ocispec.Descriptor, error) {
	none := ocispec.Descriptor{}
	var chain []legacyLayer
	for id := top; id != ""; {
		if !legacyID.MatchString(id) {
			return none, a.tar.invalid(fmt.Sprintf("layer id %.80q", id), "it is not 64 hexadecimal digits", nil)
		}
		if len(chain) == maxLegacyLayers {
			return none, a.tar.invalid("layer "+top, fmt.Sprintf("it has more than %d parents", maxLegacyLayers), nil)
		}
		data, err := a.tar.read(id+"/json", maxDockerFile)
		if err != nil {
			return none, err
		}
		var layer legacyLayer
		if err := json.Unmarshal(data, &layer); err != nil {
			return none, a.tar.invalid(id+"/json", "it is not a layer's description", err)
		}
		layer.ID = id // the folder's name is what counts
		chain = append(chain, layer)
		id = layer.Parent
	}
	slices.Reverse(chain)
	var (
		layers  []ocispec.Descriptor
		diffIDs []digest.Digest
		history []legacyHistory
	)
	for _, layer := range chain {
		name := layer.ID + "/layer.tar"
		entry, err := a.tar.lookup(name)
		if err != nil {
			return none, err
		}
		mediaType, err := a.layerType(name, entry)
		if err != nil {
			return none, err
		}
		packed, unpacked, err := a.hashLayer(ctx, name, entry)
		if err != nil {
			return none, err
		}
		layers = append(layers, a.section(mediaType, packed, entry))
		diffIDs = append(diffIDs, unpacked)
		history = append(history, legacyHistory{
			Created: layer.Created, Author: layer.Author, Comment: layer.Comment,
			CreatedBy: strings.Join(layer.ContainerConfig.Cmd, " "),
		})
	}
	last := chain[len(chain)-1]
	config, err := json.Marshal(legacyConfig{
		Created: last.Created, Author: last.Author,
		Architecture: orDefault(last.Architecture, "amd64"), OS: orDefault(last.OS, "linux"),
		Config: last.Config, RootFS: ocispec.RootFS{Type: "layers", DiffIDs: diffIDs}, History: history,
	})
	if err != nil {
		return none, a.tar.invalid(top+"/json", "no config can be made of it", err)
	}
	return a.makeImage(config, layers)
}

// legacyConfig is an OCI image config whose parts are passed on as they were.
type legacyConfig struct {
	Created      json.RawMessage `json:"created,omitempty"`
	Author       string          `json:"author,omitempty"`
	Architecture string          `json:"architecture"`
	OS           string          `json:"os"`
	Config       json.RawMessage `json:"config,omitempty"`
	RootFS       ocispec.RootFS  `json:"rootfs"`
	History      []legacyHistory `json:"history,omitempty"`
}

type legacyHistory struct {
	Created   json.RawMessage `json:"created,omitempty"`
	Author    string          `json:"author,omitempty"`
	CreatedBy string          `json:"created_by,omitempty"`
	Comment   string          `json:"comment,omitempty"`
}

// orDefault is for what docker of old left out when it was the usual.
func orDefault(s, usual string) string {
	if s == "" {
		return usual
	}
	return s
}
