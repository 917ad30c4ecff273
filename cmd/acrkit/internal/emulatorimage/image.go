package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/acrkit/azcontainerregistry/artifact"
	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

const (
	// imageName is the repository part of the image's name.
	imageName = "acrkit/emulator"
	// filePrefix begins the names of what is written.
	filePrefix = "acrkit-emulator"
	// userID is a user without rights, as in other images without a shell.
	userID = 65532
	// program is the command's path in the image.
	program = "/usr/bin/acrkit"
	// volume is where the data is.
	volume = "/data"
	// sourceURL is where the source is.
	sourceURL = "https://github.com/acrkit/azcontainerregistry"
)

// versionForm is what can be a tag.
var versionForm = pattern.New(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// platform is one that the image is made for.
type platform struct{ ocispec.Platform }

func (p platform) name() string { return p.OS + "/" + p.Architecture }

// image is the image in the making.
type image struct {
	version, revision string
	platforms         []platform
	store             *artifact.Memory
	manifests         []ocispec.Descriptor // one a platform
	docker            []ocispec.Descriptor // the same in Docker's types
}

func newImage(version, revision string, platforms []string) (*image, error) {
	if !versionForm.MatchString(version) {
		return nil, fmt.Errorf("version %q: a tag has letters, digits, and _ . - after the first character", version)
	}
	i := &image{version: version, revision: revision, store: artifact.NewMemory()}
	for _, name := range platforms {
		switch name {
		case "linux/amd64", "linux/arm64":
		default:
			return nil, fmt.Errorf("platform %q: want linux/amd64 or linux/arm64", name)
		}
		parsed, err := artifact.ParsePlatform(name)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(i.platforms, func(p platform) bool { return p.name() == name }) {
			return nil, fmt.Errorf("platform %s is named twice", name)
		}
		i.platforms = append(i.platforms, platform{parsed})
	}
	return i, nil
}

// containerConfig is the config of an image with the member that Docker's own
// has beyond OCI's. Docker and podman read it from either.
type containerConfig struct {
	ocispec.ImageConfig
	Healthcheck healthcheck `json:"Healthcheck"`
}

// healthcheck is Docker's description of a health check; times are in
// nanoseconds.
type healthcheck struct {
	Test        []string      `json:"Test"`
	Interval    time.Duration `json:"Interval"`
	Timeout     time.Duration `json:"Timeout"`
	StartPeriod time.Duration `json:"StartPeriod"`
	Retries     int           `json:"Retries"`
}

// imageConfig is ocispec.Image with that config.
type imageConfig struct {
	Created *time.Time `json:"created"`
	ocispec.Platform
	Config  containerConfig   `json:"config"`
	RootFS  ocispec.RootFS    `json:"rootfs"`
	History []ocispec.History `json:"history"`
}

// epoch is the time of everything: the time of the build would differ.
func epoch() *time.Time {
	t := time.Unix(0, 0).UTC()
	return &t
}

func (i *image) labels() map[string]string {
	labels := map[string]string{
		ocispec.AnnotationTitle:         "acrkit emulator",
		ocispec.AnnotationDescription:   "A registry that behaves as Azure Container Registry does, for development and tests",
		ocispec.AnnotationVersion:       i.version,
		ocispec.AnnotationSource:        sourceURL,
		ocispec.AnnotationDocumentation: sourceURL + "/blob/main/docs/emulator-anywhere.md",
		ocispec.AnnotationLicenses:      "MIT",
	}
	if i.revision != "" {
		labels[ocispec.AnnotationRevision] = i.revision
	}
	return labels
}

// config is how the image runs. Nothing in it makes the emulator listen beyond
// the container's loopback: whoever starts it asks for that.
func (i *image) config(p platform, diffID digest.Digest) imageConfig {
	user := fmt.Sprintf("%d:%d", userID, userID)
	return imageConfig{
		Created: epoch(), Platform: p.Platform,
		Config: containerConfig{
			ImageConfig: ocispec.ImageConfig{
				User:         user,
				ExposedPorts: map[string]struct{}{"5000/tcp": {}, "5001/tcp": {}},
				Env: []string{
					"PATH=/usr/bin",
					"ACRKIT_DATA=" + volume,
					"ACRKIT_EMULATOR_IDP_PORT=5001",
					"ACRKIT_EMULATOR_VOLUME=" + volume,
				},
				Entrypoint: []string{program, "emulator"},
				Volumes:    map[string]struct{}{volume: {}},
				WorkingDir: "/",
				Labels:     i.labels(),
			},
			Healthcheck: healthcheck{
				Test:     []string{"CMD", program, "emulator", "health"},
				Interval: 3 * time.Second, Timeout: 3 * time.Second, StartPeriod: 10 * time.Second, Retries: 3,
			},
		},
		RootFS:  ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{diffID}},
		History: []ocispec.History{{Created: epoch(), CreatedBy: "make image"}},
	}
}

// add makes the image of one platform.
func (i *image) add(ctx context.Context, p platform, binary []byte) error {
	packed, diffID, err := newLayer(binary)
	if err != nil {
		return err
	}
	layer, err := i.push(ctx, ocispec.MediaTypeImageLayerGzip, packed)
	if err != nil {
		return err
	}
	config, err := i.pushJSON(ctx, ocispec.MediaTypeImageConfig, i.config(p, diffID))
	if err != nil {
		return err
	}
	manifest, err := i.pushJSON(ctx, ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: config, Layers: []ocispec.Descriptor{layer}, Annotations: i.labels(),
	})
	if err != nil {
		return err
	}
	docker, err := i.dockerForm(ctx, config, layer)
	if err != nil {
		return err
	}
	manifest.Platform = &p.Platform
	i.manifests = append(i.manifests, manifest)
	i.docker = append(i.docker, docker)
	return nil
}

func (i *image) push(ctx context.Context, mediaType string, data []byte) (ocispec.Descriptor, error) {
	desc, content := artifact.NewContentBytes(mediaType, data)
	return desc, i.store.Push(ctx, desc, content)
}

func (i *image) pushJSON(ctx context.Context, mediaType string, v any) (ocispec.Descriptor, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return i.push(ctx, mediaType, data)
}

// write writes the layout and the archives, and prints what they are.
func (i *image) write(ctx context.Context, out string, stdout io.Writer) error {
	index, err := i.pushJSON(ctx, ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		Manifests: i.manifests, Annotations: i.labels(),
	})
	if err != nil {
		return err
	}
	if err := i.store.Tag(ctx, index, i.version); err != nil {
		return err
	}
	if err := i.writeLayout(ctx, filepath.Join(out, filePrefix)); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s  %s:%s  %s\n", index.Digest, imageName, i.version, filepath.Join(out, filePrefix))
	for k, manifest := range i.manifests {
		path := filepath.Join(out, filePrefix+"-"+strings.ReplaceAll(i.platforms[k].name(), "/", "-")+".tar")
		size, err := i.writeArchive(ctx, path, i.docker[k])
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s  %s  %s  %.1f MB\n", manifest.Digest, i.platforms[k].name(), path, float64(size)/1e6)
	}
	return nil
}

// writeLayout replaces the layout folder, if it is one.
func (i *image) writeLayout(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		if _, err := os.Stat(filepath.Join(dir, ocispec.ImageLayoutFile)); err != nil {
			return fmt.Errorf("%s is there, and no OCI layout: it is not replaced", dir)
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	layout, err := artifact.CreateLayout(dir)
	if err != nil {
		return err
	}
	_, err = artifact.Copy(ctx, layout, i.version, i.store, i.version, nil)
	return errors.Join(err, layout.Close())
}

// Docker's own media types, which the archives have: podman keeps a health
// check of an image of these types only.
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
	dockerLayer    = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

// dockerForm is the manifest of a platform in Docker's types, over the same
// config and layer.
func (i *image) dockerForm(ctx context.Context, config, layer ocispec.Descriptor) (ocispec.Descriptor, error) {
	config.MediaType, layer.MediaType = dockerConfig, dockerLayer
	return i.pushJSON(ctx, dockerManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: dockerManifest,
		Config: config, Layers: []ocispec.Descriptor{layer},
	})
}

// writeArchive writes the archive of one platform and returns its size.
func (i *image) writeArchive(ctx context.Context, path string, manifest ocispec.Descriptor) (int64, error) {
	archive, err := artifact.CreateArchive(path, artifact.ArchiveDocker)
	if err != nil {
		return 0, err
	}
	if _, err := artifact.Copy(ctx, archive, imageName+":"+i.version, i.store, manifest.Digest.String(), nil); err != nil {
		return 0, errors.Join(err, archive.Discard())
	}
	if err := archive.Close(); err != nil {
		return 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
