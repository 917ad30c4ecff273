package emulator

import (
	"fmt"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// blobQuirks are about blobs and uploads.
var blobQuirks = map[string]quirkCase{
	quirk.OCIStrict: {
		observe: func(r *testRegistry) string {
			return status(r.do("PUT", r.startUpload("app")+"&digest="+wire.DigestOf("sha512", []byte("x")), strings.NewReader("x")))
		},
		want: map[string]string{"off": "400", "on": "201"},
	},
	quirk.UnknownBlobDetail: {
		observe: func(r *testRegistry) string { return seen(r.do("GET", "/v2/app/blobs/"+absentDigest, nil)) },
		want: map[string]string{
			"absent": `404 {"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}`,
			"digest": `404 {"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry","detail":"` + absentDigest + `"}]}`,
		},
	},
	quirk.MonolithicPost: {
		observe: func(r *testRegistry) string {
			return status(r.do("POST", quirkUpload+"?digest="+sha256Of([]byte("x")), strings.NewReader("x")))
		},
		want: map[string]string{"ignore": "202", "accept": "201"},
	},
	quirk.PartialChunk: {
		observe: func(r *testRegistry) string {
			location := r.startUpload("app")
			r.cutChunk(location, "half")
			return status(r.do("PATCH", location, strings.NewReader("whole")))
		},
		want: map[string]string{"keep": "404", "discard": "202"},
	},
	quirk.UploadLock: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			r.want(200, "PATCH", "/acr/v1/app", strings.NewReader(`{"writeEnabled":false}`))
			return status(r.do("POST", quirkUpload, nil))
		},
		want: map[string]string{"start": "405", "manifest": "202"},
	},
	quirk.BlobDigestHeader: {
		observe: func(r *testRegistry) string {
			digest := r.pushBlob("app", []byte("x"))
			return fmt.Sprint(r.want(202, "DELETE", "/v2/app/blobs/"+digest, nil).Header.Get(protocol.HeaderContentDigest) == digest)
		},
		want: map[string]string{"off": "false", "on": "true"},
	},
	quirk.StorageRange: {
		observe: func(r *testRegistry) string {
			return seen(r.do("GET", r.signedPath("app", r.pushBlob("app", []byte("0123456789"))), nil, "Range", "bytes=-3"))
		},
		want: map[string]string{"start": "200 0123456789", "specification": "206 789"},
	},
	quirk.StorageDigest: {
		observe: func(r *testRegistry) string {
			digest := r.pushBlob("app", []byte("x"))
			return fmt.Sprint(r.want(200, "GET", r.signedPath("app", digest), nil).Header.Get(protocol.HeaderContentDigest) == digest)
		},
		want: map[string]string{"off": "false", "on": "true"},
	},
	quirk.MalformedMount: {
		observe: func(r *testRegistry) string {
			return seen(answer{r.do("POST", quirkUpload+"?from=../etc&mount="+absentDigest, nil).Response, ""})
		},
		want: map[string]string{"refuse": "400", "start": "202"},
	},
	quirk.MismatchDetail: {
		observe: func(r *testRegistry) string {
			return seen(r.do("PUT", r.startUpload("app")+"&digest="+absentDigest, strings.NewReader("x")))
		},
		want: map[string]string{
			"digest": `400 {"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content","detail":"content has digest ` + sha256Of([]byte("x")) + `"}]}`,
			"absent": `400 {"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content"}]}`,
		},
	},
	quirk.UploadDetail: {
		observe: func(r *testRegistry) string {
			location := r.startUpload("app")
			r.want(204, "DELETE", location, nil)
			id, _, _ := strings.Cut(strings.TrimPrefix(location, quirkUpload), "?")
			return strings.ReplaceAll(seen(r.do("PATCH", location, strings.NewReader("x"))), id, "ID")
		},
		want: map[string]string{
			"uuid":  `404 {"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"blob upload unknown to registry","detail":{"UUID":"ID"}}]}`,
			"empty": `404 {"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"blob upload unknown to registry","detail":{}}]}`,
		},
	},
	quirk.UploadLifetime: {
		observe: func(r *testRegistry) string {
			r.startUpload("app")
			r.e.Clock().Advance(time.Hour)
			garbage, err := r.e.CollectGarbage(r.t.Context(), time.Hour)
			return fmt.Sprint(garbage.Uploads, err)
		},
		want: map[string]string{"24h": "0 <nil>", "30m": "1 <nil>"},
	},
	quirk.BlobRepository: {
		observe: func(r *testRegistry) string {
			r.want(201, "POST", "/v2/mounted/blobs/uploads/?from=app&mount="+r.pushBlob("app", []byte("x")), nil)
			return seen(r.do("GET", "/acr/v1/_catalog", nil))
		},
		want: map[string]string{"unlisted": `200 {"repositories":null}`, "listed": `200 {"repositories":["app","mounted"]}`},
	},
	quirk.ExpiredURL: {
		observe: func(r *testRegistry) string {
			path := r.signedPath("app", r.pushBlob("app", []byte("x")))
			r.e.Clock().Advance(21 * time.Minute)
			return status(r.do("GET", path, nil))
		},
		want: map[string]string{"403": "403", "401": "401"},
	},
	quirk.ChunkOrder: {
		observe: func(r *testRegistry) string {
			return status(r.do("PATCH", r.startUpload("app"), strings.NewReader("x"), "Content-Range", "5-5"))
		},
		want: map[string]string{"416": "416", "404": "404"},
	},
	quirk.StaleUpload: {
		observe: func(r *testRegistry) string {
			old := r.startUpload("app")
			r.want(202, "PATCH", old, strings.NewReader("x"))
			return status(r.do("GET", old, nil)) + " " + status(r.do("PATCH", old, strings.NewReader("x"), "Content-Range", "0-0"))
		},
		want: map[string]string{"resume": "204 416", "invalid": "404 404"},
	},
	quirk.StaleChunk: {
		observe: func(r *testRegistry) string {
			old := r.startUpload("app")
			r.want(202, "PATCH", old, strings.NewReader("x"))
			return status(r.do("PATCH", old, strings.NewReader("x")))
		},
		want: map[string]string{"404": "404", "416": "416"},
	},
	quirk.BeyondEnd: {
		observe: func(r *testRegistry) string {
			a := r.do("GET", r.signedPath("app", r.pushBlob("app", []byte("xyz"))), nil, "Range", "bytes=3-")
			return status(a) + " " + fmt.Sprint(strings.Contains(a.body, "<Code>InvalidRange</Code>")) + " " + a.Header.Get("Content-Range")
		},
		want: map[string]string{"416": "416 true bytes */3", "whole": "200 false "},
	},
}
