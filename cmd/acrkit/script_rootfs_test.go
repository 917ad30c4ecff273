package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func folderHeader(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}
}

func linkHeader(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}
}

// fileHeader has the content in the place of the user's name.
func fileHeader(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Uname: content}
}

// rootfs makes an image of layers that are plain, gzip and zstd in turn.
func (s *savedArchive) rootfs(platform ocispec.Platform, user string, layers ...[]tar.Header) ocispec.Descriptor {
	config := ocispec.Image{Platform: platform, RootFS: ocispec.RootFS{Type: "layers"}, Config: ocispec.ImageConfig{User: user}}
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
	for k, headers := range layers {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		for _, h := range headers {
			content := h.Uname
			h.Uname, h.Size, h.ModTime = "", int64(len(content)), time.Date(2024, 1, 2, 3, 4, 0, 0, time.UTC)
			s.ts.Check(w.WriteHeader(&h))
			_, err := w.Write([]byte(content))
			s.ts.Check(err)
		}
		s.ts.Check(w.Close())
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(buf.Bytes()))
		var packed bytes.Buffer
		mediaType := ocispec.MediaTypeImageLayer
		switch k % 3 {
		case 0:
			packed = buf
		case 1:
			mediaType = ocispec.MediaTypeImageLayerGzip
			z := gzip.NewWriter(&packed)
			_, err := z.Write(buf.Bytes())
			s.ts.Check(err)
			s.ts.Check(z.Close())
		case 2:
			mediaType = ocispec.MediaTypeImageLayerZstd
			z, err := zstd.NewWriter(&packed)
			s.ts.Check(err)
			_, err = z.Write(buf.Bytes())
			s.ts.Check(err)
			s.ts.Check(z.Close())
		}
		m.Layers = append(m.Layers, s.add(mediaType, packed.Bytes()))
	}
	m.Config = s.add(ocispec.MediaTypeImageConfig, config)
	desc := s.add(ocispec.MediaTypeImageManifest, m)
	desc.Platform = &platform
	return desc
}
