package calibrate

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// identify says which server responds, without changing anything.
func (b *bench) identify(ctx context.Context) (ServiceInfo, error) {
	b.begin(ctx, experiment{quirk: "identifying"})
	base := b.do(request{method: http.MethodGet, path: "/v2/", plain: true, quiet: true})
	exchange := b.do(quiet(form("/oauth2/exchange", "grant_type", "access_token", "service", b.host)))
	catalog := b.do(request{method: http.MethodGet, path: "/acr/v1/_catalog", plain: true, quiet: true})
	root := b.do(request{method: http.MethodGet, path: "/", plain: true, quiet: true})
	info := ServiceInfo{Server: base.header.Get("Server")}
	switch {
	case b.err != nil:
		return info, fmt.Errorf("calibrate: %s does not respond: %w", b.service.Endpoint, b.err)
	case exchange.status != http.StatusNotFound && catalog.status != http.StatusNotFound:
		info.ACR, info.What = true, "Azure Container Registry"
	case base.header.Get("Docker-Distribution-Api-Version") == "" && base.status != http.StatusOK && base.status != http.StatusUnauthorized:
		info.What = "no registry: GET /v2/ got " + http.StatusText(base.status)
	case strings.EqualFold(info.Server, "harbor"):
		info.What = "Harbor"
	case base.header.Get("Docker-Distribution-Api-Version") == "registry/2.0" && root.status == http.StatusOK && root.body == "":
		// The open-source registry responds so at its root, for load balancers.
		info.What = "the CNCF Distribution registry (docker-registry)"
	case base.header.Get("Docker-Distribution-Api-Version") == "registry/2.0" && (base.status == http.StatusOK || strings.Contains(base.body, `"message":"authentication required"`)):
		info.What = "a registry built on CNCF Distribution"
	default:
		info.What = "a registry of another kind"
	}
	return info, nil
}

func quiet(r request) request {
	r.quiet = true
	return r
}

// prepare finds out what is allowed, and refuses a repository with content.
func (b *bench) prepare(ctx context.Context) error {
	b.begin(ctx, experiment{quirk: "preparing"})
	b.rights = map[string]bool{}
	if b.service.Login.none() {
		return fmt.Errorf("calibrate: %w: nobody is signed in", ErrNothingAllowed)
	}
	ask := func(right string, r request) response {
		r.quiet = true
		got := b.do(r)
		b.rights[right] = got.status != http.StatusUnauthorized && got.status != http.StatusForbidden && got.status != 0
		return got
	}
	signedIn := ask("signin", request{method: http.MethodGet, path: "/v2/"})
	if b.err == nil && !b.rights["signin"] {
		return fmt.Errorf("calibrate: %w: the sign-in is refused with %d %s", ErrNothingAllowed, signedIn.status, strings.Join(signedIn.codes(), " "))
	}
	ask("pull", request{method: http.MethodGet, path: b.v2("/manifests/" + b.absent()), header: []string{"Accept", "*/*"}})
	ask("delete", request{method: http.MethodDelete, path: b.v2("/manifests/" + b.absent())})
	ask("catalog", request{method: http.MethodGet, path: "/acr/v1/_catalog?n=1"})
	ask("metadata_write", request{method: http.MethodPatch, path: b.v1("/_tags/acrkit-absent"), body: []byte("{}")})
	properties := ask("metadata_read", request{method: http.MethodGet, path: b.v1("")})
	if b.err != nil {
		return fmt.Errorf("calibrate: the registry does not respond any more: %w", b.err)
	}
	var content struct{ ManifestCount, TagCount int }
	known := properties.status == http.StatusOK && json.Unmarshal([]byte(properties.body), &content) == nil
	b.empty = properties.status == http.StatusNotFound || known && content.ManifestCount == 0 && content.TagCount == 0
	if !b.empty && !b.service.Despite {
		if !b.rights["metadata_read"] {
			return fmt.Errorf("calibrate %s: %w: it can't be seen whether it is empty (%d)", b.service.Repository, ErrNothingAllowed, properties.status)
		}
		return fmt.Errorf("calibrate %s: %w: manifests: %d, tags: %d", b.service.Repository, ErrHasContent, content.ManifestCount, content.TagCount)
	}
	if b.rights["delete"] {
		got := ask("push", request{method: http.MethodPost, path: b.v2("/blobs/uploads/")})
		b.uploadOf(got)
		if b.err == nil && got.status == http.StatusAccepted {
			b.making("upload", got.header.Get("Location"))
		}
	}
	if !b.rights["pull"] && !b.rights["push"] && !b.rights["metadata_read"] {
		return fmt.Errorf("calibrate %s: %w: neither pull nor push nor metadata_read", b.service.Repository, ErrNothingAllowed)
	}
	return b.cleanUp(ctx)
}

// unmet is the precondition of an experiment that isn't met, or empty.
func (b *bench) unmet(e experiment) string {
	for right := range strings.FieldsSeq(e.rights) {
		switch {
		case right == "push" && !b.rights["delete"]:
			return "what it makes could not be deleted again: the right to delete is missing"
		case !b.rights[right]:
			return "the right is missing: " + right
		}
	}
	switch {
	case e.abac && !b.service.ABAC:
		return "the registry must be in ABAC mode (--abac says so)"
	case e.classic && b.service.ABAC:
		return "the registry must not be in ABAC mode"
	case e.entra && b.service.Login.Entra == nil && b.service.Login.RefreshToken == "":
		return "it needs a sign-in by Entra or by a refresh token"
	case e.role != "" && b.service.Others[e.role].none():
		return "it needs a further identity: --identity " + string(e.role) + "=FILE"
	case e.empty && !b.empty:
		return "the repository must be empty"
	case e.softDelete && !b.progress.SoftDelete:
		return "the policy for soft delete must be on"
	case e.wait > 0 && b.service.MaxWait < e.wait:
		return fmt.Sprintf("it waits for up to %s: --wait allows it", shortDuration(e.wait))
	}
	return ""
}
