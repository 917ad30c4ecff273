package calibrate

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Made is something that a run made and takes away again.
type Made struct {
	// Kind is "manifest", "blob", "upload" or "lock".
	Kind string `json:"kind"`
	// Path is its path in the API.
	Path string `json:"path"`
}

// making notes what is about to be made.
func (b *bench) making(kind, path string) {
	if b.err != nil {
		return
	}
	made := Made{kind, path}
	if slices.Contains(b.progress.Left, made) {
		return
	}
	b.progress.Left = append(b.progress.Left, made)
	b.err = b.o.Save(b.progress)
}

const unlocked = `{"deleteEnabled":true,"writeEnabled":true,"readEnabled":true,"listEnabled":true}`

// cleanUp takes away what is there, the newest first. What stays is kept in
// mind, and is no error.
func (b *bench) cleanUp(ctx context.Context) error {
	left := b.progress.Left
	if len(left) == 0 {
		return nil
	}
	b.begin(ctx, experiment{quirk: "cleaning up"})
	var stays []Made
	for _, made := range slices.Backward(left) {
		b.err = nil
		r := request{method: http.MethodDelete, path: made.Path, quiet: true}
		if made.Kind == "lock" {
			r.method, r.body = http.MethodPatch, []byte(unlocked)
		}
		got := b.do(r)
		if b.err != nil || got.status/100 != 2 && got.status != http.StatusNotFound {
			stays = append(stays, made)
		}
	}
	slices.Reverse(stays)
	b.progress.Left = stays
	return b.o.Save(b.progress)
}

// need ends the experiment unless the response has one of the statuses.
func (b *bench) need(r response, statuses ...int) {
	if b.err == nil && !slices.Contains(statuses, r.status) {
		b.skip("it could not be set up: request %d got %d %s", len(b.exchanges), r.status, strings.Join(r.codes(), " "))
	}
}

func (b *bench) get(path string, header ...string) response {
	return b.do(request{method: http.MethodGet, path: path, header: header})
}

// plain sends a request without signing in.
func (b *bench) plain(method, path string, header ...string) response {
	return b.do(request{method: method, path: path, header: header, plain: true})
}

func (b *bench) delete(path string) response {
	return b.do(request{method: http.MethodDelete, path: path})
}

func (b *bench) patch(path, body string) response {
	return b.do(request{method: http.MethodPatch, path: path, body: []byte(body), header: []string{"Content-Type", "application/json"}})
}

// start starts an upload and returns its Location.
func (b *bench) start() string {
	got := b.do(request{method: http.MethodPost, path: b.v2("/blobs/uploads/")})
	b.need(got, http.StatusAccepted)
	return b.uploadOf(got)
}

// uploadOf is the upload that a response has started.
func (b *bench) uploadOf(r response) string {
	location := r.header.Get("Location")
	if r.status == http.StatusAccepted && location != "" {
		b.making("upload", location)
	}
	return location
}

// chunk sends a chunk.
func (b *bench) chunk(location, content string, header ...string) response {
	return b.do(request{method: http.MethodPatch, path: location, body: []byte(content), header: append([]string{"Content-Type", "application/octet-stream"}, header...)})
}

// finish ends an upload with the whole content.
func (b *bench) finish(location, digest string, content []byte) response {
	b.making("blob", b.v2("/blobs/"+digest))
	return b.do(request{method: http.MethodPut, path: location + "&digest=" + digest, body: content, header: []string{"Content-Type", "application/octet-stream"}})
}

// blob pushes a blob.
func (b *bench) blob(name string) (digest string, size int) {
	content := b.content(name)
	digest = b.named(name, content)
	b.need(b.finish(b.start(), digest, content), http.StatusCreated)
	return digest, len(content)
}

// tag is a tag of this run, which nobody else has.
func (b *bench) tag(name string) string { return "acrkit-" + b.progress.Run + "-" + name }

// content is a content of this run.
func (b *bench) content(name string) []byte {
	return []byte(name + " of run " + b.progress.Run + " for " + b.quirk)
}

// Media types.
const (
	typeImage    = "application/vnd.oci.image.manifest.v1+json"
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
	dockerImage  = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList   = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerConfig = "application/vnd.docker.container.image.v1+json"
	dockerLayer  = "application/vnd.docker.image.rootfs.diff.tar.gzip"
	dockerSchema = "application/vnd.docker.distribution.manifest.v1+json"
)

type descriptor struct {
	MediaType string    `json:"mediaType"`
	Digest    string    `json:"digest"`
	Size      int       `json:"size"`
	Platform  *platform `json:"platform,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

type manifest struct {
	SchemaVersion int           `json:"schemaVersion"`
	MediaType     string        `json:"mediaType"`
	Config        *descriptor   `json:"config,omitempty"`
	Layers        *[]descriptor `json:"layers,omitempty"`
	Manifests     []descriptor  `json:"manifests,omitempty"`
	Subject       *descriptor   `json:"subject,omitempty"`
}

// image makes an image of one layer, whose blobs it pushes.
func (b *bench) image(name string) manifest { return b.imageOf(name, typeImage, typeConfig, typeLayer) }

func (b *bench) imageOf(name, media, configType, layerType string) manifest {
	config, configSize := b.configBlob("config of " + name)
	layer, layerSize := b.blob("layer of " + name)
	return manifest{
		SchemaVersion: 2, MediaType: media,
		Config: &descriptor{MediaType: configType, Digest: config, Size: configSize},
		Layers: &[]descriptor{{MediaType: layerType, Digest: layer, Size: layerSize}},
	}
}

// configBlob pushes a config, which is JSON.
func (b *bench) configBlob(name string) (digest string, size int) {
	content := fmt.Appendf(nil, `{"architecture":"amd64","os":"linux","author":%q,"rootfs":{"type":"layers","diff_ids":[]},"config":{}}`, b.content(name))
	digest = b.named(name, content)
	b.need(b.finish(b.start(), digest, content), http.StatusCreated)
	return digest, len(content)
}

func (m manifest) raw() []byte {
	// It holds nothing that can't be encoded.
	raw, _ := json.Marshal(m)
	return raw
}

// digest is a manifest's digest, with a name for the evidence.
func (b *bench) digest(name string, m manifest) string { return b.named(name, m.raw()) }

// put pushes a manifest by a reference; an empty one stands for its digest.
func (b *bench) put(reference, name string, m manifest) response {
	digest := b.digest(name, m)
	if reference == "" {
		reference = digest
	}
	return b.putRaw(reference, m.MediaType, m.raw())
}

func (b *bench) putRaw(reference, media string, raw []byte) response {
	b.making("manifest", b.v2("/manifests/"+digestOf(raw)))
	return b.do(request{method: http.MethodPut, path: b.v2("/manifests/" + reference), body: raw, header: []string{"Content-Type", media}})
}

// push pushes an image by a reference, or its digest, and returns the digest.
func (b *bench) push(reference, name string) string {
	m := b.image(name)
	b.need(b.put(reference, name, m), http.StatusCreated)
	return b.digest(name, m)
}

// lock changes attributes, which are changed back when all is cleaned up.
func (b *bench) lock(path, attributes string) {
	b.making("lock", path)
	b.need(b.patch(path, attributes), http.StatusOK)
}

// signedURL is where a GET of a blob is redirected to.
func (b *bench) signedURL(digest string) string {
	got := b.get(b.v2("/blobs/" + digest))
	location := got.header.Get("Location")
	if b.err == nil && location == "" {
		b.skip("it has no storage host: a blob's GET got %d", got.status)
	}
	return location
}

// storage asks the storage host, which gets no credential.
func (b *bench) storage(location string, header ...string) response {
	return b.plain(http.MethodGet, location, header...)
}

// status chooses a value by a response's status; pairs are statuses and values.
func status(r response, values map[int]string) string { return values[r.status] }

// either chooses by a condition.
func either(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}
