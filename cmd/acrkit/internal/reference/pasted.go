package reference

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// pullCommand is what the portal and documentation show for an image.
var pullCommand = pattern.New(`^(?:\$ )?(?:sudo )?(?:docker|podman|nerdctl|buildah|crictl|helm|oras|crane)(?: image| chart)? (?:pull|run) (?:-\S+ )*(\S+)$`)

// The registries that people name by habit. An address of one, or of a login
// server of Azure, can mean nothing else.
var wellKnown = []string{
	"docker.io", "index.docker.io", "registry-1.docker.io", "ghcr.io", "quay.io", "mcr.microsoft.com",
	"public.ecr.aws", "registry.k8s.io", "gcr.io", "registry.gitlab.com",
}

// Pasted takes a reference out of what people paste: the pull command that the
// portal shows, oci://REGISTRY/… of Helm and Flux, docker://REGISTRY/… of
// skopeo, https://REGISTRY/v2/… out of a log. Text that is none of these is
// returned as it is. What could mean a registry or a path is an error that says
// how each is written.
func Pasted(text string) (string, error) {
	trimmed := strings.Trim(text, " \t\r\n\"'`")
	if match := pullCommand.FindStringSubmatch(trimmed); match != nil {
		return Pasted(match[1])
	}
	if strings.ContainsAny(trimmed, " \t\r\n") {
		return "", Bad(text, "it holds white space; the form is registry/repository[:tag][@digest]")
	}
	scheme, rest, found := strings.Cut(trimmed, "://")
	if !found {
		return trimmed, nil
	}
	host, path, _ := strings.Cut(rest, "/")
	switch scheme {
	case "http", "https":
		return pastedURL(text, trimmed, host, path)
	case "oci", "docker":
		if strings.HasPrefix(rest, "/") {
			return trimmed, nil // oci:///absolute/path
		}
		if !meansRegistry(host) {
			return "", Bad(text, fmt.Sprintf("%s:// could mean a registry or a path; write %s for the registry, or %s:/%s for the path", scheme, rest, scheme, rest))
		}
		return rest, nil
	}
	return "", Bad(text, fmt.Sprintf("%s:// is not known; the form is registry/repository[:tag][@digest]", scheme))
}

// pastedURL reads an address of a registry's own API as what it names.
func pastedURL(text, trimmed, host, path string) (string, error) {
	if name := strings.ToLower(host); strings.HasPrefix(name, "portal.azure.") || strings.HasSuffix(name, ".portal.azure.com") {
		return "", Bad(text, "it is an address of the portal; write the login server that the portal shows, such as myreg.azurecr.io/app:1.0")
	}
	path, _, _ = strings.Cut(path, "?")
	path = strings.TrimSuffix(path, "/")
	base := strings.TrimSuffix(trimmed[:strings.Index(trimmed, "://")+3]+host, "/")
	if decoded, err := url.PathUnescape(path); err == nil {
		path = decoded
	}
	for _, prefix := range []string{"v2", "acr/v1"} {
		rest, found := strings.CutPrefix(path+"/", prefix+"/")
		if !found {
			continue
		}
		rest = strings.TrimSuffix(rest, "/")
		for _, marker := range []string{"/manifests/", "/blobs/", "/referrers/", "/_manifests/", "/_tags/"} {
			name, reference, found := strings.Cut(rest, marker)
			switch {
			case found && strings.Contains(reference, ":"):
				return base + "/" + name + "@" + reference, nil
			case found:
				return base + "/" + name + ":" + reference, nil
			}
		}
		for _, list := range []string{"/tags/list", "/_tags", "/_manifests"} {
			rest = strings.TrimSuffix(rest, list)
		}
		if rest == "" || rest == "_catalog" {
			return base, nil
		}
		return base + "/" + rest, nil
	}
	if path == "" {
		return base, nil
	}
	return base + "/" + path, nil
}

// meansRegistry reports whether a host can be nothing but a registry's.
func meansRegistry(host string) bool {
	name := strings.ToLower(host)
	if name == Local || isLoopback(name) || slices.Contains(wellKnown, name) {
		return true
	}
	bare, _, hasPort := strings.Cut(name, ":")
	for _, suffix := range []string{".azurecr.io", ".azurecr.cn", ".azurecr.us", ".pkg.dev"} {
		if strings.HasSuffix(bare, suffix) {
			return true
		}
	}
	return hasPort && strings.Contains(bare, ".")
}

// withoutUserInfo hides the user and password of an address.
func withoutUserInfo(text string) string {
	return userInfo.ReplaceAllString(text, "${1}REDACTED@")
}

// userInfo is what stands before a host: no slash in it, and behind it no
// digest's algorithm.
var userInfo = pattern.New(`((?:^|[\s"'])(?:[a-z]+:/{1,2})?)[^\s"'/@]+:[^\s"'@]*@`)
