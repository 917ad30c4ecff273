package emulator

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// listQuirks are about listings.
var listQuirks = map[string]quirkCase{
	quirk.EmptyCatalog: {
		observe: func(r *testRegistry) string { return seen(r.do("GET", "/acr/v1/_catalog", nil)) },
		want:    map[string]string{"array": `200 {"repositories":[]}`, "null": `200 {"repositories":null}`},
	},
	quirk.InvalidPageSize: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			return seen(r.do("GET", "/v2/app/tags/list?n=0", nil))
		},
		want: map[string]string{
			"default":       `200 {"name":"app","tags":["v1"]}`,
			"refuse":        `400 {"errors":[{"code":"PAGINATION_NUMBER_INVALID","message":"invalid number of results requested","detail":{"n":"0"}}]}`,
			"specification": `200 {"name":"app","tags":null}`,
		},
	},
	quirk.ReferrerType: {
		observe: func(r *testRegistry) string {
			r.pushManifest("app", "v1", wire.TypeOCIManifest, r.imageManifest("app", "one", map[string]any{
				"subject": map[string]any{"mediaType": wire.TypeOCIManifest, "digest": absentDigest, "size": 1},
			}))
			body := r.want(200, "GET", "/v2/app/referrers/"+absentDigest, nil).body
			return fmt.Sprint(strings.Contains(body, `"artifactType":"`+wire.TypeOCIConfig+`"`))
		},
		want: map[string]string{"config": "true", "own": "false"},
	},
	quirk.InvalidLast: {
		observe: func(r *testRegistry) string { return status(r.do("GET", "/acr/v1/_catalog?last=A%20B", nil)) },
		want:    map[string]string{"ignore": "200", "refuse": "400"},
	},
	quirk.ReferrersOrder: {
		observe: func(r *testRegistry) string {
			r.e.Clock().Freeze(time.Date(2026, 1, 13, 17, 34, 21, 0, time.UTC))
			var pushed []string
			for i := range 4 {
				r.e.Clock().Advance(time.Second)
				pushed = append(pushed, r.pushManifest("app", fmt.Sprint("r", i), wire.TypeOCIManifest, r.imageManifest("app", fmt.Sprint(i), map[string]any{
					"subject": map[string]any{"mediaType": wire.TypeOCIManifest, "digest": absentDigest, "size": 1},
				})))
			}
			var listed []string
			for path := "/v2/app/referrers/" + absentDigest + "?n=3"; path != ""; {
				a := r.want(200, "GET", path, nil)
				for _, m := range decode[struct{ Manifests []struct{ Digest string } }](r.t, a.body).Manifests {
					listed = append(listed, m.Digest)
				}
				path, _, _ = strings.Cut(strings.TrimPrefix(a.Header.Get("Link"), "<"), ">")
			}
			newest := slices.Clone(pushed)
			slices.Reverse(newest)
			return fmt.Sprint(slices.Equal(listed, newest), slices.Equal(listed, slices.Sorted(slices.Values(pushed))))
		},
		want: map[string]string{"newest-first": "true false", "digest": "false true"},
	},
	quirk.TagsListUnknown: {
		observe: func(r *testRegistry) string { return seen(r.do("GET", "/v2/app/tags/list", nil)) },
		want: map[string]string{
			"not-known":    `404 {"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry","detail":{"name":"app"}}]}`,
			"is-not-found": `404 {"errors":[{"code":"NAME_UNKNOWN","message":"repository \"app\" is not found"}]}`,
		},
	},
	quirk.TagsListEmpty: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "", "one")
			return seen(r.do("GET", "/v2/app/tags/list", nil))
		},
		want: map[string]string{"null": `200 {"name":"app","tags":null}`, "array": `200 {"name":"app","tags":[]}`},
	},
	quirk.TagsListPage: {
		observe: func(r *testRegistry) string {
			r.pushImage("app", "v1", "one")
			r.pushImage("app", "v2", "one")
			return r.want(200, "GET", "/v2/app/tags/list", nil).Header.Get("Link")
		},
		want: map[string]string{"100": "", "1": `</v2/app/tags/list?last=v1&n=1&orderby=>; rel="next"`},
	},
	quirk.EmptyManifests: {
		options: func() Options { return Options{Quirks: map[string]string{quirk.EmptyRepository: "keep"}} },
		observe: func(r *testRegistry) string {
			r.want(202, "DELETE", "/v2/app/manifests/"+r.pushImage("app", "v1", "one"), nil)
			return seen(r.do("GET", "/acr/v1/app/_manifests", nil))
		},
		want: map[string]string{
			"null":  `200 {"registry":"acrkit.azurecr.io","imageName":"app","manifests":null}`,
			"array": `200 {"registry":"acrkit.azurecr.io","imageName":"app","manifests":[]}`,
		},
	},
}
