package calibrate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/internal/order"
)

// manifestExperiments are about manifests, tags and referrers.
var manifestExperiments = []experiment{
	{
		quirk: "invalid-page-size", rights: "push metadata_read", requests: 8,
		run: func(b *bench) string {
			b.push(b.tag("v1"), "image")
			r := b.get(b.v2("/tags/list?n=0"))
			switch {
			case r.status == http.StatusBadRequest:
				return "refuse"
			case strings.Contains(r.body, `"tags":["`):
				return "default"
			case r.status == http.StatusOK:
				return "specification"
			}
			return ""
		},
	},
	{
		quirk: "empty-tags-list", rights: "push metadata_read", empty: true, requests: 8,
		run: func(b *bench) string {
			b.push("", "image")
			return contains(b.get(b.v2("/tags/list")), `"tags":null`, "null", `"tags":[]`, "array")
		},
	},
	{
		quirk: "tags-list-page", rights: "push metadata_read", requests: 1020,
		note: "pushes tags until a page is full: 2, 101 and at last 1001",
		run:  tagsListPage,
	},
	{
		quirk: "missing-accept", rights: "push", requests: 8,
		run: func(b *bench) string {
			b.push(b.tag("v1"), "image")
			return status(b.get(b.v2("/manifests/"+b.tag("v1"))), map[int]string{404: "refuse-oci", 200: "accept"})
		},
	},
	{
		quirk: "manifest-list-fallback", rights: "push", requests: 9,
		run: func(b *bench) string {
			m := b.image("image")
			b.need(b.put("", "image", m), http.StatusCreated)
			list := manifest{SchemaVersion: 2, MediaType: dockerList, Manifests: []descriptor{{
				MediaType: typeImage, Digest: b.digest("image", m), Size: len(m.raw()), Platform: &platform{"amd64", "linux"},
			}}}
			b.need(b.put(b.tag("list"), "list", list), http.StatusCreated)
			r := b.get(b.v2("/manifests/"+b.tag("list")), "Accept", dockerImage)
			return mediaType(r, map[string]string{dockerList: "serve", typeImage: "linux-amd64"})
		},
	},
	{
		quirk: "docker-image-fallback", rights: "push", requests: 8,
		run: func(b *bench) string {
			b.need(b.put(b.tag("v1"), "image", b.imageOf("image", dockerImage, dockerConfig, dockerLayer)), http.StatusCreated)
			r := b.get(b.v2("/manifests/"+b.tag("v1")), "Accept", "application/json")
			return mediaType(r, map[string]string{
				dockerImage: "serve", dockerSchema: "schema1", strings.Replace(dockerSchema, "+json", "+prettyjws", 1): "schema1",
			})
		},
	},
	{
		quirk: "referrer-artifact-type", rights: "push", requests: 8,
		run: func(b *bench) string {
			m := b.image("referrer")
			m.Subject = &descriptor{MediaType: typeImage, Digest: b.absent(), Size: 1}
			b.need(b.put("", "referrer", m), http.StatusCreated)
			r := b.get(b.v2("/referrers/" + b.absent()))
			if !strings.Contains(r.body, b.digest("referrer", m)) {
				return ""
			}
			return either(strings.Contains(r.body, `"artifactType":"`+typeConfig+`"`), "config", either(strings.Contains(r.body, `"artifactType":"`), "", "own"))
		},
	},
	{
		quirk: "referrers-order", rights: "push", requests: 23,
		run: referrersOrder,
	},
	{
		quirk: "manifest-tag-param", rights: "push", requests: 8,
		run: func(b *bench) string {
			m := b.image("image")
			b.need(b.put(b.digest("image", m)+"?tag="+b.tag("v1"), "image", m), http.StatusCreated)
			return status(b.get(b.v2("/manifests/"+b.tag("v1")), "Accept", "*/*"), map[int]string{404: "ignore", 200: "accept"})
		},
	},
	{
		quirk: "sparse-manifests", rights: "push", requests: 1,
		run: func(b *bench) string {
			m := manifest{SchemaVersion: 2, MediaType: typeImage, Config: &descriptor{MediaType: typeConfig, Digest: b.absent(), Size: 1}, Layers: &[]descriptor{}}
			return status(b.put(b.tag("v1"), "image", m), map[int]string{400: "refuse", 201: "accept"})
		},
	},
	{
		quirk: "malformed-digest", rights: "push", requests: 6,
		run: func(b *bench) string {
			m := b.image("image")
			return status(b.putRaw("sha256:short", typeImage, m.raw()), map[int]string{404: "not-found", 400: "refuse"})
		},
	},
	{
		quirk: "manifest-too-large", rights: "push", requests: 1, note: "sends 4 MiB",
		run: func(b *bench) string {
			raw := []byte(`{"schemaVersion":2` + strings.Repeat(" ", 4<<20) + `}`)
			return status(b.putRaw(b.tag("v1"), typeImage, raw), map[int]string{400: "400", 413: "413"})
		},
	},
	{
		quirk: "schema1-checks", rights: "push", requests: 6, note: "only where schema 1 is still taken",
		run: func(b *bench) string {
			layer, _ := b.blob("layer")
			b.need(b.putRaw(b.tag("v1"), dockerSchema, b.schema1(b.tag("v1"), layer)), http.StatusCreated)
			return status(b.putRaw(b.tag("v2"), dockerSchema, b.schema1(b.tag("v1"), layer)), map[int]string{400: "on", 201: "off"})
		},
	},
	{
		quirk: "image-size-without-blobs", rights: "push metadata_read", requests: 4,
		run: func(b *bench) string {
			config, size := b.configBlob("config")
			m := manifest{SchemaVersion: 2, MediaType: typeImage, Config: &descriptor{MediaType: typeConfig, Digest: config, Size: size}, Layers: &[]descriptor{}}
			b.need(b.put(b.tag("v1"), "image", m), http.StatusCreated)
			r := b.get(b.v1("/_manifests/" + b.digest("image", m)))
			var properties struct{ Manifest struct{ ImageSize *int } }
			if json.Unmarshal([]byte(r.body), &properties) != nil || properties.Manifest.ImageSize == nil {
				return ""
			}
			return map[int]string{0: "zero", len(m.raw()) + size: "sum"}[*properties.Manifest.ImageSize]
		},
	},
	{
		quirk: "moved-tag-created", rights: "push metadata_read", requests: 14,
		run: func(b *bench) string {
			b.push(b.tag("v1"), "first")
			b.wait(time.Second)
			b.push(b.tag("v1"), "second")
			r := b.get(b.v1("/_tags/" + b.tag("v1")))
			var properties struct {
				Tag struct{ CreatedTime, LastUpdateTime string }
			}
			if json.Unmarshal([]byte(r.body), &properties) != nil || properties.Tag.CreatedTime == "" {
				return ""
			}
			return either(properties.Tag.CreatedTime == properties.Tag.LastUpdateTime, "renew", "keep")
		},
	},
	{
		quirk: "patch-unknown-member", rights: "push metadata_write", empty: true, requests: 8,
		run: func(b *bench) string {
			b.push(b.tag("v1"), "image")
			return status(b.patch(b.v1(""), `{"unheard":true}`), map[int]string{200: "ignore", 400: "refuse"})
		},
	},
	{
		quirk: "read-disabled", rights: "push metadata_write", requests: 9,
		run: func(b *bench) string {
			digest := b.push(b.tag("v1"), "image")
			b.lock(b.v1("/_manifests/"+digest), `{"readEnabled":false}`)
			return status(b.get(b.v2("/manifests/"+b.tag("v1")), "Accept", "*/*"), map[int]string{405: "disallowed", 404: "unknown"})
		},
	},
	{
		quirk: "manifest-lock-and-tagging", rights: "push metadata_write", requests: 9,
		run: func(b *bench) string {
			m := b.image("image")
			b.need(b.put(b.tag("v1"), "image", m), http.StatusCreated)
			b.lock(b.v1("/_manifests/"+b.digest("image", m)), `{"writeEnabled":false}`)
			return status(b.put(b.tag("v2"), "image", m), map[int]string{201: "allow", 405: "refuse"})
		},
	},
	{
		quirk: "disallowed-message", rights: "push metadata_write", requests: 9,
		run: func(b *bench) string {
			digest := b.push(b.tag("v1"), "image")
			b.lock(b.v1("/_manifests/"+digest), `{"deleteEnabled":false}`)
			r := b.delete(b.v2("/manifests/" + digest))
			if r.status != http.StatusMethodNotAllowed {
				return ""
			}
			return contains(r, `-operation-"`, "hyphen", `-operation"`, "plain")
		},
	},
}

// mediaType chooses a value by the Content-Type of a 200.
func mediaType(r response, values map[string]string) string {
	if r.status != http.StatusOK {
		return ""
	}
	media, _, _ := strings.Cut(r.header.Get("Content-Type"), ";")
	return values[media]
}

// schema1 is a manifest of schema 1 that nobody has signed.
func (b *bench) schema1(tag, layer string) []byte {
	raw := fmt.Appendf(nil, `{
   "schemaVersion": 1,
   "name": %q,
   "tag": %q,
   "architecture": "amd64",
   "fsLayers": [
      {
         "blobSum": %q
      }
   ],
   "history": [
      {
         "v1Compatibility": "{\"id\":\"1\"}"
      }
   ]
}`, b.service.Repository, tag, layer)
	b.named("schema 1", raw)
	return raw
}

// referrersOrder pushes referrers in an order in which neither their digests
// nor these backwards are sorted.
func referrersOrder(b *bench) string {
	type made struct {
		digest string
		manifest
	}
	var all []made
	for i := range 4 {
		m := b.image("referrer " + strconv.Itoa(i))
		m.Subject = &descriptor{MediaType: typeImage, Digest: b.absent(), Size: 1}
		all = append(all, made{b.digest("referrer "+strconv.Itoa(i), m), m})
	}
	if b.err != nil {
		return ""
	}
	order.By(all, func(a, b made) int { return strings.Compare(a.digest, b.digest) })
	all[0], all[2] = all[2], all[0]
	var newest []string
	for _, m := range all {
		b.need(b.putRaw(m.digest, typeImage, m.raw()), http.StatusCreated)
		newest = append([]string{m.digest}, newest...)
		b.wait(50 * time.Millisecond)
	}
	r := b.get(b.v2("/referrers/" + b.absent()))
	var index struct{ Manifests []struct{ Digest string } }
	if json.Unmarshal([]byte(r.body), &index) != nil {
		return ""
	}
	var listed []string
	for _, m := range index.Manifests {
		listed = append(listed, m.Digest)
	}
	switch {
	case slices.Equal(listed, newest):
		return "newest-first"
	case slices.IsSorted(listed) && len(listed) == len(newest):
		return "digest"
	}
	return ""
}

// tagsListPage pushes tags until a listing without n has a next page.
func tagsListPage(b *bench) string {
	m := b.image("image")
	pushed := 0
	for _, enough := range []int{2, 101, 1001} {
		for ; pushed < enough && b.err == nil; pushed++ {
			r := b.do(quiet(request{method: http.MethodPut, path: b.v2("/manifests/" + b.tag(fmt.Sprintf("%04d", pushed))), body: m.raw(), header: []string{"Content-Type", typeImage}}))
			b.need(r, http.StatusCreated)
			if pushed == 0 {
				b.making("manifest", b.v2("/manifests/"+b.digest("image", m)))
			}
		}
		r := b.do(request{method: http.MethodGet, path: b.v2("/tags/list"), quiet: enough > 101})
		var page struct{ Tags []string }
		if json.Unmarshal([]byte(r.body), &page) != nil {
			return ""
		}
		if r.header.Get("Link") != "" {
			return strconv.Itoa(len(page.Tags))
		}
	}
	return ""
}

// uploadExperiments are about uploads.
var uploadExperiments = []experiment{
	{
		quirk: "monolithic-post", rights: "push", requests: 1,
		run: func(b *bench) string {
			content := b.content("blob")
			digest := b.named("blob", content)
			b.making("blob", b.v2("/blobs/"+digest))
			r := b.do(request{method: http.MethodPost, path: b.v2("/blobs/uploads/?digest=" + digest), body: content, header: []string{"Content-Type", "application/octet-stream"}})
			b.uploadOf(r)
			return status(r, map[int]string{201: "accept", 202: "ignore"})
		},
	},
	{
		quirk: "anonymous-mount", rights: "push", requests: 3,
		run: func(b *bench) string {
			digest, _ := b.blob("blob")
			r := b.do(request{method: http.MethodPost, path: b.v2("/blobs/uploads/?mount=" + digest)})
			b.uploadOf(r)
			return status(r, map[int]string{202: "off", 201: "on"})
		},
	},
	{
		quirk: "malformed-mount", rights: "push", requests: 1,
		run: func(b *bench) string {
			r := b.do(request{method: http.MethodPost, path: b.v2("/blobs/uploads/?from=../etc&mount=" + b.absent())})
			b.uploadOf(r)
			return status(r, map[int]string{400: "refuse", 202: "start"})
		},
	},
	{
		quirk: "sha512", rights: "push", requests: 2,
		run: func(b *bench) string {
			content := b.content("blob")
			digest := b.sha512("blob", content)
			return status(b.finish(b.start(), digest, content), map[int]string{400: "off", 201: "on"})
		},
	},
	{
		quirk: "digest-mismatch-detail", rights: "push", requests: 2,
		run: func(b *bench) string {
			content := b.content("blob")
			b.named("blob", content)
			r := b.finish(b.start(), b.absent(), content)
			if code(r, map[string]string{"DIGEST_INVALID": "x"}) == "" {
				return ""
			}
			return either(strings.Contains(r.body, `"detail":"`), "digest", "absent")
		},
	},
	{
		quirk: "unknown-upload-detail", rights: "push", requests: 3,
		run: func(b *bench) string {
			location := b.start()
			b.need(b.delete(location), http.StatusNoContent)
			r := b.chunk(location, "x")
			if code(r, map[string]string{"BLOB_UPLOAD_UNKNOWN": "x"}) == "" {
				return ""
			}
			return contains(r, `"UUID":`, "uuid", `"detail":{}`, "empty")
		},
	},
	{
		quirk: "out-of-order-chunk", rights: "push", requests: 2,
		run: func(b *bench) string {
			return status(b.chunk(b.start(), "x", "Content-Range", "5-5"), map[int]string{416: "416", 404: "404"})
		},
	},
	{
		quirk: "stale-upload", rights: "push", requests: 3,
		run: func(b *bench) string {
			old := b.start()
			b.uploadOf(b.chunk(old, "x"))
			return status(b.get(old), map[int]string{204: "resume", 404: "invalid"})
		},
	},
	{
		quirk: "stale-chunk", rights: "push", requests: 4,
		note: "only where the status can be asked at an earlier Location",
		run: func(b *bench) string {
			old := b.start()
			b.uploadOf(b.chunk(old, "x"))
			if b.get(old).status == http.StatusNotFound {
				b.skip("the service refuses every request at an earlier Location")
			}
			return status(b.chunk(old, "x"), map[int]string{404: "404", 416: "416"})
		},
	},
	{
		quirk: "partial-chunk", rights: "push", requests: 30, note: "breaks a request off and waits for a few seconds",
		run: partialChunk,
	},
	{
		quirk: "upload-lock", rights: "push metadata_write", empty: true, requests: 9,
		run: func(b *bench) string {
			b.push(b.tag("v1"), "image")
			b.lock(b.v1(""), `{"writeEnabled":false}`)
			r := b.do(request{method: http.MethodPost, path: b.v2("/blobs/uploads/")})
			b.uploadOf(r)
			return status(r, map[int]string{405: "start", 202: "manifest"})
		},
	},
}

// cutPauses are the times after which it is looked what became of a request
// that was broken off.
var cutPauses = []time.Duration{
	10 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, 1600 * time.Millisecond,
}

func partialChunk(b *bench) string {
	location := b.start()
	content := []byte(strings.Repeat("half", 1<<14))
	b.do(request{method: http.MethodPatch, path: location, body: content, cut: len(content) / 2, header: []string{"Content-Type", "application/octet-stream"}, quiet: true})
	for _, pause := range cutPauses {
		b.wait(pause)
		r := b.do(quiet(request{method: http.MethodGet, path: location}))
		if b.err != nil {
			return ""
		}
		b.uploadOf(response{status: http.StatusAccepted, header: r.header})
		if r.status == http.StatusNotFound || r.status == http.StatusNoContent && r.header.Get("Range") != "0-0" {
			return "keep"
		}
		if r.status != http.StatusNoContent {
			return ""
		}
	}
	return "discard"
}

// blobExperiments are about blobs and the storage host.
var blobExperiments = []experiment{
	{
		quirk: "storage-digest-header", rights: "push", requests: 4,
		run: func(b *bench) string {
			digest, _ := b.blob("blob")
			r := b.storage(b.signedURL(digest))
			return either(r.status != http.StatusOK, "", either(r.header.Get("Docker-Content-Digest") != "", "on", "off"))
		},
	},
	{
		quirk: "storage-range", rights: "push", requests: 4,
		run: func(b *bench) string {
			digest, _ := b.blob("blob")
			return status(b.storage(b.signedURL(digest), "Range", "bytes=-3"), map[int]string{200: "start", 206: "specification"})
		},
	},
	{
		quirk: "range-beyond-end", rights: "push", requests: 4,
		run: func(b *bench) string {
			digest, size := b.blob("blob")
			return status(b.storage(b.signedURL(digest), "Range", fmt.Sprintf("bytes=%d-", size)), map[int]string{416: "416", 200: "whole"})
		},
	},
	{
		quirk: "expired-url", rights: "push", requests: 4,
		run: func(b *bench) string {
			digest, _ := b.blob("blob")
			location := b.signedURL(digest)
			at := strings.Index(location, "sig=")
			if b.err == nil && at < 0 {
				b.skip("the storage host's URL has no signature")
			}
			if b.err != nil {
				return ""
			}
			// Another signature is as good as one that has expired.
			wrong := location[:at] + "sig=AAAA" + location[min(len(location), at+len("sig=AAAA")):]
			return status(b.storage(wrong), map[int]string{403: "403", 401: "401"})
		},
	},
	{
		quirk: "blob-digest-header", rights: "push", requests: 3,
		run: func(b *bench) string {
			digest, _ := b.blob("blob")
			r := b.delete(b.v2("/blobs/" + digest))
			return either(r.status != http.StatusAccepted, "", either(r.header.Get("Docker-Content-Digest") != "", "on", "off"))
		},
	},
}

// deletionExperiments delete.
var deletionExperiments = []experiment{
	{
		quirk: "delete-manifest-by-tag", rights: "push", requests: 8,
		run: func(b *bench) string {
			b.push(b.tag("v1"), "image")
			return status(b.delete(b.v2("/manifests/"+b.tag("v1"))), map[int]string{405: "refuse", 202: "untag"})
		},
	},
	{
		quirk: "delete-index-child", rights: "push", requests: 9,
		run: func(b *bench) string {
			m := b.image("image")
			b.need(b.put("", "image", m), http.StatusCreated)
			index := manifest{SchemaVersion: 2, MediaType: typeIndex, Manifests: []descriptor{{MediaType: typeImage, Digest: b.digest("image", m), Size: len(m.raw())}}}
			b.need(b.put(b.tag("v1"), "index", index), http.StatusCreated)
			return status(b.delete(b.v2("/manifests/"+b.digest("image", m))), map[int]string{202: "allow", 405: "refuse"})
		},
	},
	{
		quirk: "referrers-on-delete", rights: "push", requests: 21, note: "waits for up to a minute",
		run: referrersOnDelete,
	},
	{
		quirk: "rate-remaining", rights: "delete", requests: 6,
		run: func(b *bench) string {
			var seen []string
			for range 6 {
				r := b.delete(b.v2("/manifests/" + b.absent()))
				seen = append(seen, r.header.Get("X-Ms-Ratelimit-Remaining-Calls-Per-Second"))
			}
			seen = slices.Compact(seen)
			if len(seen) > 1 {
				return "count"
			}
			return either(seen[0] == "", "off", seen[0])
		},
	},
	{
		quirk: "restore-status", rights: "push", requests: 9, note: "only where soft delete is on",
		run: func(b *bench) string {
			digest := b.push(b.tag("v1"), "image")
			b.need(b.delete(b.v2("/manifests/"+digest)), http.StatusAccepted)
			r := b.do(request{method: http.MethodPost, path: "/acr/v1/_deleted/" + b.service.Repository + "/_manifests/" + digest, body: []byte(`{"tag":"` + b.tag("v1") + `"}`), header: []string{"Content-Type", "application/json"}})
			if b.err == nil && r.status/100 != 2 {
				b.skip("the policy for soft delete must be on: a restore got %d", r.status)
			}
			b.progress.SoftDelete = b.progress.SoftDelete || b.err == nil
			return status(r, map[int]string{202: "202", 200: "200"})
		},
	},
	{
		quirk: "soft-deleted-push", rights: "push", softDelete: true, requests: 9,
		run: func(b *bench) string {
			m := b.image("image")
			b.need(b.put(b.tag("v1"), "image", m), http.StatusCreated)
			b.need(b.delete(b.v2("/manifests/"+b.digest("image", m))), http.StatusAccepted)
			return status(b.put(b.tag("v1"), "image", m), map[int]string{400: "invalid", 405: "refuse", 201: "restore"})
		},
	},
}

// laterPauses are the times after which it is looked whether referrers have
// gone with their subject.
var laterPauses = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 30 * time.Second}

func referrersOnDelete(b *bench) string {
	subject := b.push(b.tag("v1"), "subject")
	m := b.image("referrer")
	m.Subject = &descriptor{MediaType: typeImage, Digest: subject, Size: 1}
	b.need(b.put("", "referrer", m), http.StatusCreated)
	b.need(b.delete(b.v2("/manifests/"+subject)), http.StatusAccepted)
	at := func() int {
		return b.do(quiet(request{method: http.MethodGet, path: b.v2("/manifests/" + b.digest("referrer", m)), header: []string{"Accept", "*/*"}})).status
	}
	switch at() {
	case http.StatusNotFound:
		return "delete"
	case http.StatusOK:
	default:
		return ""
	}
	for _, pause := range laterPauses {
		b.wait(pause)
		if at() == http.StatusNotFound {
			return "later"
		}
	}
	return "keep"
}
