package artifact

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/order"
	"github.com/acrkit/azcontainerregistry/internal/pattern"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

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
var legacyID = pattern.New(`^[0-9a-f]{64}$`)

// maxLegacyLayers is docker's own limit on layers, 127, with some to spare.
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
	order.By(a.index.Manifests, func(x, y ocispec.Descriptor) int {
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
		described, unpacked, err := a.hashLayer(ctx, name, entry)
		if err != nil {
			return none, err
		}
		layers = append(layers, described)
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
