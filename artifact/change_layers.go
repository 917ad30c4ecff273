package artifact

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// AppendOptions say how [Append] adds layers.
type AppendOptions struct {
	// CreatedBy is what the history says of the layers; "" means "acrkit append".
	CreatedBy string
	// Created is the time that the history and the config say; nil says none and
	// leaves the config's.
	Created *time.Time
	// Platform chooses an image of an index; nil adds to every one.
	Platform *ocispec.Platform
}

// Append adds layers on top of an image, or of the images of an index: each a tar,
// plain or compressed by gzip or zstd, or a folder, which is packed by gzip without
// owners and times, so that the same content gives the same digest; its files are
// as old as [AppendOptions.Created] says. A plain tar is compressed by gzip. The draft is stored by [Copy].
func Append(ctx context.Context, src Source, reference string, paths []string, o *AppendOptions) (*Draft, error) {
	if len(paths) == 0 {
		return nil, nothingToChange()
	}
	var options AppendOptions
	if o != nil {
		options = *o
	}
	if options.CreatedBy == "" {
		options.CreatedBy = "acrkit append"
	}
	var made []madeLayer
	return editImages(ctx, src, reference, options.Platform, func(ctx context.Context, e *imageEdit) error {
		for k := len(made); k < len(paths); k++ {
			layer, err := e.draft.makeLayer(ctx, paths[k], options.Created)
			if err != nil {
				return err
			}
			made = append(made, layer)
		}
		ids, err := e.diffIDs()
		if err != nil {
			return err
		}
		history, whole, err := e.history()
		if err != nil {
			return err
		}
		layers := slices.Clone(e.layers)
		for _, layer := range made {
			entry, err := layer.entry(e.docker())
			if err != nil {
				return err
			}
			layers, ids = append(layers, entry), append(ids, layer.diffID)
			if whole {
				line, err := marshal(ocispec.History{Created: options.Created, CreatedBy: options.CreatedBy})
				if err != nil {
					return err
				}
				history = append(history, line)
			}
		}
		if options.Created != nil {
			if err := e.config.set("created", options.Created.UTC()); err != nil {
				return err
			}
		}
		return e.setLayers(layers, ids, history)
	})
}

// madeLayer is a new layer.
type madeLayer struct {
	desc        ocispec.Descriptor
	diffID      digest.Digest
	compression *compression
}

// entry is the layer in a manifest of either kind.
func (l madeLayer) entry(docker bool) (json.RawMessage, error) {
	mediaType, known := layerType(docker, l.compression)
	if !known {
		return nil, &InvalidError{Code: codeOptionInvalid, Thing: "layer", Rule: "no image has layers that are compressed by " + l.compression.name}
	}
	desc := l.desc
	desc.MediaType = mediaType
	return marshal(desc)
}

// makeLayer makes a layer of a tar or a folder.
func (d *Draft) makeLayer(ctx context.Context, from string, created *time.Time) (madeLayer, error) {
	info, err := os.Stat(from)
	if err != nil {
		return madeLayer{}, err
	}
	if info.IsDir() {
		when := time.Unix(0, 0)
		if created != nil {
			when = created.Truncate(time.Second)
		}
		return d.packLayer(func(w io.Writer) error { return tarFolder(ctx, w, from, "", &when) })
	}
	c, id, err := readLayer(ctx, from)
	if err != nil {
		return madeLayer{}, err
	}
	if c == nil {
		return d.packLayer(func(w io.Writer) error {
			file, err := os.Open(from)
			if err != nil {
				return err
			}
			defer file.Close()
			_, err = io.Copy(w, contextReader{ctx, file})
			return err
		})
	}
	desc, err := d.addFile(ctx, ocispec.MediaTypeImageLayer, from)
	return madeLayer{desc, id, c}, err
}

// packLayer compresses a layer that fill writes by gzip.
func (d *Draft) packLayer(fill func(w io.Writer) error) (madeLayer, error) {
	plain := digest.SHA256.Digester()
	desc, err := d.addMade(ocispec.MediaTypeImageLayerGzip, func(w io.Writer) error {
		packed := gzip.NewWriter(w)
		if err := fill(io.MultiWriter(packed, plain.Hash())); err != nil {
			return err
		}
		return packed.Close()
	})
	return madeLayer{desc, plain.Digest(), gzipCompression}, err
}

// readLayer reads a tar to its end, and tells how it is compressed and what its
// digest is without that.
func readLayer(ctx context.Context, from string) (*compression, digest.Digest, error) {
	file, err := os.Open(from)
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	invalid := func(rule string, err error) error {
		return &InvalidError{Code: codeOptionInvalid, Thing: from, Rule: rule, Err: err}
	}
	buffered := bufio.NewReaderSize(contextReader{ctx, file}, 256<<10)
	head, err := buffered.Peek(magicLength)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, "", err
	}
	c := compressionOf(head)
	plain := io.Reader(buffered)
	if c != nil {
		if c.mediaType == "" {
			return nil, "", invalid("no image has layers that are compressed by "+c.name, nil)
		}
		unpacked, err := c.decompress(buffered)
		if err != nil {
			return nil, "", invalid("it is no layer", err)
		}
		defer unpacked.Close()
		plain = unpacked
	}
	hash := digest.SHA256.Digester()
	tee := io.TeeReader(plain, hash.Hash())
	for archive := tar.NewReader(tee); ; {
		if _, err = archive.Next(); err != nil {
			break
		}
	}
	if errors.Is(err, io.EOF) {
		_, err = io.Copy(io.Discard, tee)
	}
	if cause := context.Cause(ctx); cause != nil {
		return nil, "", cause
	}
	if err != nil {
		return nil, "", invalid("it is no tar", errors.New(err.Error()))
	}
	return c, hash.Digest(), nil
}

// ReplaceLayers puts one layer in the place of all layers of an image, or of the
// images of an index: the tar that fill writes for each. The config keeps all but
// its history, which gets one entry. The draft is stored by [Copy]. See
// artifact/rootfs for what flattens an image by it.
func ReplaceLayers(ctx context.Context, src Source, reference string, platform *ocispec.Platform, createdBy string, fill func(ctx context.Context, image ocispec.Descriptor, w io.Writer) error) (*Draft, error) {
	return editImages(ctx, src, reference, platform, func(ctx context.Context, e *imageEdit) error {
		layer, err := e.draft.packLayer(func(w io.Writer) error { return fill(ctx, e.desc, w) })
		if err != nil {
			return err
		}
		entry, err := layer.entry(e.docker())
		if err != nil {
			return err
		}
		line, err := marshal(ocispec.History{CreatedBy: createdBy})
		if err != nil {
			return err
		}
		return e.setLayers([]json.RawMessage{entry}, []digest.Digest{layer.diffID}, []json.RawMessage{line})
	})
}
