package emulator

import (
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

func TestImageIsPushedListedAndPulledBack(t *testing.T) {
	r := startRegistry(t, nil)
	raw := r.imageManifest("team/app", "one", nil)
	digest := r.pushManifest("team/app", "v1", wire.TypeOCIManifest, raw)
	if digest != sha256Of(raw) {
		t.Fatalf("digest %s", digest)
	}
	if got := r.want(200, "GET", "/acr/v1/_catalog", nil).body; got != `{"repositories":["team/app"]}`+"\n" {
		t.Errorf("catalog %q", got)
	}
	if got := r.want(200, "GET", "/v2/team/app/tags/list", nil).body; got != `{"name":"team/app","tags":["v1"]}`+"\n" {
		t.Errorf("tags %q", got)
	}
	for _, reference := range []string{"v1", digest, strings.Replace(digest, ":", "%3A", 1)} {
		a := r.want(200, "GET", "/v2/team%2Fapp/manifests/"+reference, nil, "Accept", "application/json", "Accept", wire.TypeOCIManifest)
		if a.body != string(raw) || a.Header.Get("Content-Type") != wire.TypeOCIManifest || a.Header.Get("ETag") != `"`+digest+`"` {
			t.Errorf("manifest %s: %q %v", reference, a.body, a.Header)
		}
	}
	layer := sha256Of([]byte("layer one"))
	head := r.want(200, "HEAD", "/v2/team/app/blobs/"+layer, nil, "Range", "bytes=0-1")
	if head.ContentLength != 9 || head.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("head %v", head.Header)
	}
	path := r.signedPath("team/app", layer)
	if got := r.want(200, "GET", path, nil).body; got != "layer one" {
		t.Errorf("blob %q", got)
	}
	part := r.want(206, "GET", path, nil, "Range", "bytes=6-100")
	if part.body != "one" || part.Header.Get("Content-Range") != "bytes 6-8/9" {
		t.Errorf("range %q %v", part.body, part.Header)
	}
}
