package emulator

import (
	"fmt"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// manifestQuirks are about manifests and tags.
var manifestQuirks = map[string]quirkCase{
	quirk.ReadDisabled: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			r.want(200, "PATCH", "/acr/v1/app", strings.NewReader(`{"readEnabled":false}`))
			return status(r.do("GET", "/v2/app/manifests/v1", nil, "Accept", "*/*"))
		},
		want: map[string]string{"disallowed": "405", "unknown": "404"},
	},
	quirk.ManifestTooLarge: {
		observe: func(r *testRegistry) string {
			return status(r.do("PUT", "/v2/app/manifests/v1", strings.NewReader(strings.Repeat(" ", wire.MaxManifestSize+1)), "Content-Type", wire.TypeOCIManifest))
		},
		want: map[string]string{"400": "400", "413": "413"},
	},
	quirk.MissingAccept: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			return status(r.do("GET", "/v2/app/manifests/v1", nil))
		},
		want: map[string]string{"refuse-oci": "404", "accept": "200"},
	},
	quirk.ManifestListFall: {
		observe: func(r *testRegistry) string {
			child := r.pushImage("app", "", "one")
			list := fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":1,"platform":{"architecture":"amd64","os":"linux"}}]}`, wire.TypeOCIManifest, child)
			r.pushManifest("app", "list", wire.TypeDockerList, []byte(list))
			return r.want(200, "GET", "/v2/app/manifests/list", nil, "Accept", wire.TypeDockerManifest).Header.Get("Content-Type")
		},
		want: map[string]string{"serve": wire.TypeDockerList, "linux-amd64": wire.TypeOCIManifest},
	},
	quirk.ImageFallback: {
		observe: func(r *testRegistry) string {
			r.pushManifest("app", "v1", wire.TypeDockerManifest, r.dockerImage("app"))
			return r.want(200, "GET", "/v2/app/manifests/v1", nil, "Accept", "application/json").Header.Get("Content-Type")
		},
		want: map[string]string{"serve": wire.TypeDockerManifest, "schema1": wire.TypeDockerSigned},
	},
	quirk.ManifestTagParam: {
		observe: func(r *testRegistry) string {
			raw := r.imageManifest("app", "one", nil)
			a := r.want(201, "PUT", "/v2/app/manifests/"+sha256Of(raw)+"?tag=v1", strings.NewReader(string(raw)), "Content-Type", wire.TypeOCIManifest)
			return status(r.do("GET", "/v2/app/manifests/v1", nil, "Accept", "*/*")) + a.Header.Get(protocol.HeaderOCITag)
		},
		want: map[string]string{"ignore": "404", "accept": "200v1"},
	},
	quirk.DeleteByTag: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			return status(r.do("DELETE", "/v2/app/manifests/v1", nil))
		},
		want: map[string]string{"refuse": "405", "untag": "202"},
	},
	quirk.IndexChildDelete: {
		observe: func(r *testRegistry) string {
			child := r.pushImage("app", "", "one")
			r.pushManifest("app", "v1", wire.TypeOCIIndex, fmt.Appendf(nil, `{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":1}]}`, wire.TypeOCIManifest, child))
			return status(r.do("DELETE", "/v2/app/manifests/"+child, nil))
		},
		want: map[string]string{"allow": "202", "refuse": "405"},
	},
	quirk.ReferrersOnDelete: {
		observe: func(r *testRegistry) string {
			subject := r.pushImage("app", "v1", "one")
			signature := r.pushManifest("app", "sig", wire.TypeOCIManifest, r.imageManifest("app", "two", map[string]any{
				"subject": map[string]any{"mediaType": wire.TypeOCIManifest, "digest": subject, "size": 1},
			}))
			r.e.Clock().Freeze(time.Date(2026, 1, 13, 17, 34, 21, 0, time.UTC))
			r.want(202, "DELETE", "/v2/app/manifests/"+subject, nil)
			at := func() string { return status(r.do("GET", "/v2/app/manifests/"+signature, nil, "Accept", "*/*")) }
			first := at()
			r.e.Clock().Advance(2 * time.Second)
			return first + " " + at()
		},
		want: map[string]string{"later": "200 404", "delete": "404 404", "keep": "200 200"},
	},
	quirk.RestoreStatus: {
		options: withSoftDelete,
		observe: func(r *testRegistry) string {
			digest := r.pushImage("app", "v1", "one")
			r.want(202, "DELETE", "/v2/app/manifests/"+digest, nil)
			return status(r.do("POST", "/acr/v1/_deleted/app/_manifests/"+digest, strings.NewReader(`{"tag":"v1"}`)))
		},
		want: map[string]string{"202": "202", "200": "200"},
	},
	quirk.SoftDeletedPush: {
		options: withSoftDelete,
		observe: func(r *testRegistry) string {
			raw := r.imageManifest("app", "one", nil)
			r.want(202, "DELETE", "/v2/app/manifests/"+r.pushManifest("app", "v1", wire.TypeOCIManifest, raw), nil)
			return status(r.do("PUT", "/v2/app/manifests/v1", strings.NewReader(string(raw)), "Content-Type", wire.TypeOCIManifest))
		},
		want: map[string]string{"invalid": "400", "refuse": "405", "restore": "201"},
	},
	quirk.EmptyRepository: {
		observe: func(r *testRegistry) string {
			r.want(202, "DELETE", "/v2/app/manifests/"+r.pushImage("app", "v1", "one"), nil)
			return status(r.do("GET", "/acr/v1/app", nil))
		},
		want: map[string]string{"remove": "404", "keep": "200"},
	},
	quirk.ArtifactSizeZero: {
		observe: func(r *testRegistry) string {
			digest := r.pushManifest("app", "v1", wire.TypeOCIArtifact, []byte(`{"mediaType":"`+wire.TypeOCIArtifact+`"}`))
			body := r.want(200, "GET", "/acr/v1/app/_manifests/"+digest, nil).body
			return fmt.Sprint(decode[struct{ Manifest struct{ ImageSize int } }](r.t, body).Manifest.ImageSize)
		},
		want: map[string]string{"zero": "0", "sum": "61"},
	},
	quirk.ManifestLockTagged: {
		observe: func(r *testRegistry) string {
			raw := r.imageManifest("app", "one", nil)
			digest := r.pushManifest("app", "v1", wire.TypeOCIManifest, raw)
			r.want(200, "PATCH", "/acr/v1/app/_manifests/"+digest, strings.NewReader(`{"writeEnabled":false}`))
			return status(r.do("PUT", "/v2/app/manifests/v2", strings.NewReader(string(raw)), "Content-Type", wire.TypeOCIManifest))
		},
		want: map[string]string{"allow": "201", "refuse": "405"},
	},
	quirk.SparseManifests: {
		observe: func(r *testRegistry) string {
			raw := fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"x","size":1,"digest":%q},"layers":[]}`, absentDigest)
			return status(r.do("PUT", "/v2/app/manifests/v1", strings.NewReader(raw), "Content-Type", wire.TypeOCIManifest))
		},
		want: map[string]string{"refuse": "400", "accept": "201"},
	},
	quirk.MalformedDigest: {
		observe: func(r *testRegistry) string {
			return status(r.do("PUT", "/v2/app/manifests/sha256:short", strings.NewReader(string(r.imageManifest("app", "one", nil))), "Content-Type", wire.TypeOCIManifest))
		},
		want: map[string]string{"not-found": "404", "refuse": "400"},
	},
	quirk.PatchUnknown: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			return status(r.do("PATCH", "/acr/v1/app", strings.NewReader(`{"unheard":true}`)))
		},
		want: map[string]string{"ignore": "200", "refuse": "400"},
	},
	quirk.ManifestNoRepo: {
		observe: func(r *testRegistry) string { return seen(r.do("GET", "/v2/app/manifests/v1", nil)) },
		want: map[string]string{
			"manifest": `404 {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest tagged by \"v1\" is not found","detail":{"Tag":"v1"}}]}`,
			"name":     `404 {"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry","detail":{"name":"app"}}]}`,
		},
	},
	quirk.ManifestDetail: {
		observe: func(r *testRegistry) string { return seen(r.do("GET", "/v2/app/manifests/"+absentDigest, nil)) },
		want: map[string]string{
			"absent":   `404 {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest ` + absentDigest + ` is not found"}]}`,
			"revision": `404 {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest ` + absentDigest + ` is not found","detail":{"Name":"app","Revision":"` + absentDigest + `"}}]}`,
		},
	},
	quirk.MovedTag: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			r.e.Clock().Advance(time.Hour)
			r.pushImage("app", "v1", "two")
			tag := decode[struct {
				Tag struct{ CreatedTime, LastUpdateTime string }
			}](r.t, r.want(200, "GET", "/acr/v1/app/_tags/v1", nil).body).Tag
			return fmt.Sprint(tag.CreatedTime == tag.LastUpdateTime)
		},
		want: map[string]string{"keep": "false", "renew": "true"},
	},
}
