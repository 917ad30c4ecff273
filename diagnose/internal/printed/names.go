package printed

import (
	"net/netip"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// kind says what a host is to a registry's clients.
type kind int

const (
	other    kind = iota // a registry of somebody else's, known as one
	azure                // a registry of Azure's clouds
	masked               // one whose name was masked, as pipelines do
	public               // Microsoft's own public registry
	local                // this machine, such as an emulator
	data                 // serves blobs' bytes for a registry of Azure's
	identity             // gives Entra tokens
	machine              // gives a machine in Azure its managed identity's tokens
	unknown              // may be a registry
	service              // no registry
)

// place is a host in a text, with the image's name that follows it.
type place struct {
	kind       kind
	host       string // as a registry is called: without the port in Azure
	repository string
	tag        string // or digest
	url        bool
	at         int // offset
}

// hostPattern finds hosts, with the path, tag and digest that follow. A host
// cut out of an address, or masked by asterisks, is one too.
var hostPattern = pattern.New(`(?i)(https?:/{0,2}|oci://|docker://)?` +
	`((?:[a-z0-9*](?:[a-z0-9_*-]*[a-z0-9*])?\.)+(?:[a-z]{2,24}|\d{1,3})|\*{3}|localhost|\[::1\])(:\d{2,5})?` +
	`((?:/{1,2}[a-z0-9_.*~<>{}$%-]+)*/?)(:[a-z0-9_][a-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{6,64})?`)

// places lists the hosts of a text that may matter.
func places(text string) []place {
	var list []place
	for from := 0; len(list) < maxPlaces; {
		m := hostPattern.FindStringSubmatchIndex(text[from:])
		if m == nil {
			break
		}
		for n := range m {
			if m[n] >= 0 {
				m[n] += from
			}
		}
		from = m[1]
		group := func(n int) string {
			if m[2*n] < 0 {
				return ""
			}
			return text[m[2*n]:m[2*n+1]]
		}
		p := place{host: lower(group(2)), at: m[4], url: strings.HasPrefix(lower(group(1)), "http")}
		path, tag, digest := group(4), strings.TrimPrefix(group(5), ":"), strings.TrimPrefix(group(6), "@")
		if before := m[0] - 1; before >= 0 && (isWordByte(text[before]) || text[before] == '/' && group(1) == "" || text[before] == '@') {
			if !strings.Contains(p.host, "azurecr.") || text[before] == '@' {
				from = m[5]
				continue
			}
		}
		p.kind = kindOf(p.host, group(3))
		switch p.kind {
		case azure, identity, machine, data:
		default:
			p.host += group(3)
		}
		if p.url || strings.HasPrefix(path, "/v2/") {
			p.url = true
			p.repository, p.tag = splitPath(path)
			if p.tag != "" && digest != "" {
				p.tag = digest
			}
		} else if path = strings.Trim(path, "/"); path != "" {
			p.repository, p.tag = path, tag
			if digest != "" {
				p.tag = digest
			}
		}
		p.repository, p.tag = strings.TrimRight(p.repository, ".-_"), strings.TrimRight(p.tag, ".-_")
		switch p.kind {
		case unknown:
			if !registryContext(text, m[0], p) {
				continue
			}
		case service:
			// A daemon's socket, in whose address an image's name may follow.
			from = m[5]
			continue
		}
		if _, daemon := strings.CutSuffix(p.repository, "/push"); daemon && strings.HasPrefix(text[m[1]:], "?") {
			p.repository, p.tag = strings.TrimSuffix(p.repository, "/push"), pushedTag(text[m[1]:])
		}
		list = append(list, p)
	}
	return list
}

// maxPlaces bounds the places of one message.
const maxPlaces = 128

// pushedTag takes the tag out of the query of a daemon's request.
func pushedTag(query string) string {
	_, tag, _ := strings.Cut(query, "tag=")
	end := strings.IndexFunc(tag, func(r rune) bool { return !isWordByte(byte(r)) && r != '.' && r != '-' })
	if end < 0 {
		return tag
	}
	return tag[:end]
}

func isWordByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_'
}

// contexts stand before the name of an image or of a registry.
var contexts = []string{
	"image", "repository", "reference", "manifest", "pull", "push", "docker://", "oci://", "registry", "source ",
	"login", "from ", "metadata for", "copying", "copy",
}

// registryContext reports whether a host of no known kind is used as that of a
// registry: by the address of a registry's API, or by the words before it.
func registryContext(text string, at int, p place) bool {
	if p.url {
		return p.repository != "" || strings.Contains(text[at:min(len(text), at+len(p.host)+40)], "/v2/")
	}
	head := lower(text[max(0, at-32):at])
	for _, word := range contexts {
		if strings.Contains(head, word) {
			return p.repository != "" || strings.Contains(p.host, ":")
		}
	}
	return false
}

// splitPath takes repository and reference out of the path of a registry's API.
// Names may contain the markers themselves, so the last one counts.
func splitPath(path string) (repository, reference string) {
	rest := path
	for _, prefix := range []string{"/v2/", "/acr/v1/"} {
		if _, after, found := strings.Cut(path, prefix); found {
			rest = after
			break
		}
	}
	if rest == path {
		// A daemon's own API has the image's name in the path.
		return "", ""
	}
	at, marker := -1, ""
	for _, m := range []string{"/manifests/", "/blobs/", "/tags/", "/referrers/", "/_manifests", "/_tags", "/_layer"} {
		if i := strings.LastIndex(rest, m); i > at {
			at, marker = i, m
		}
	}
	switch {
	case strings.HasPrefix(rest, "_"):
		return "", ""
	case at < 0:
		return strings.Trim(rest, "/"), ""
	case marker == "/manifests/":
		return rest[:at], strings.Trim(rest[at+len(marker):], "/")
	}
	return rest[:at], ""
}

var azureSuffixes = []string{".azurecr.io", ".azurecr.cn", ".azurecr.us", ".azurecr.de"}

// others are registries of other vendors: a host of theirs ends so.
var others = []string{
	"docker.io", "ghcr.io", "gcr.io", "pkg.dev", "quay.io", "registry.k8s.io", "k8s.gcr.io", "public.ecr.aws", "nvcr.io", "cgr.dev",
	"registry.gitlab.com", "jfrog.io", "cloudsmith.io", "registry.redhat.io", "registry.access.redhat.com", "registry.fedoraproject.org",
	"container-registry.oracle.com", "ocir.io", "icr.io", "aliyuncs.com", "registry.digitalocean.com", "scw.cloud", "xpkg.upbound.io",
	"docker.elastic.co", "docker.pkg.github.com", "containers.pkg.github.com", "lscr.io", "harbor.io", "goharbor.io", "registry.npmjs.org",
}

// services are hosts in messages that are no registries.
var services = []string{
	"aka.ms", "microsoft.com", "github.com", "githubusercontent.com", "docs.docker.com", "docker.com", "golang.org", "go.dev", "kubernetes.io",
	"containerregistry.azure.net", "vault.azure.net", "database.windows.net", "azurewebsites.net", "w3.org", "python.org", "npmjs.org", "nuget.org",
	"azure.com", "stackoverflow.com", "helm.sh", "fluxcd.io", "kubernetes.default.svc", "svc.cluster.local", "debian.org", "ubuntu.com", "alpinelinux.org",
	"table.core.windows.net", "queue.core.windows.net", "file.core.windows.net", "documents.azure.com", "servicebus.windows.net", "azmk8s.io", "sigstore.dev",
}

// identities are the hosts of the identity service in Azure's clouds.
var identities = []string{
	"login.microsoftonline.com", "login.microsoftonline.us", "login.chinacloudapi.cn", "login.partner.microsoftonline.cn",
	"login.windows.net", "login.microsoft.com", "sts.windows.net", "graph.microsoft.com",
}

func kindOf(host, port string) kind {
	switch {
	case host == "***", strings.Contains(host, "*") && strings.Contains(host, "azurecr."):
		return masked
	case strings.Contains(host, "*"), strings.HasPrefix(host, "microsoft."):
		return service
	case host == "169.254.169.254":
		return machine
	case host == "localhost", host == "[::1]", host == "host.docker.internal":
		return local
	case host == "mcr.microsoft.com", strings.HasSuffix(host, ".data.mcr.microsoft.com"):
		return public
	case host == "index.docker.io", endsIn(host, identities):
		if host == "index.docker.io" {
			return other
		}
		return identity
	case strings.Contains(host, ".blob.core."), strings.Contains(host, ".blob.storage."), strings.Contains(host, ".data.azurecr."):
		return data
	case strings.Contains(host, ".dkr.ecr.") || endsIn(host, others):
		return other
	case endsIn("."+host, azureSuffixes), mistypedSuffix(host):
		return azure
	case endsIn(host, services):
		return service
	}
	if address, err := netip.ParseAddr(host); err == nil {
		switch {
		case address.IsLoopback():
			return local
		case port == "" || port == ":443" || port == ":53":
			return service // an address that was dialled, no name of a registry
		}
		return unknown
	}
	if file(host) {
		return service
	}
	return unknown
}

func endsIn(host string, suffixes []string) bool {
	for _, s := range suffixes {
		if host == s || strings.HasSuffix(host, s) && (strings.HasPrefix(s, ".") || strings.HasSuffix(host, "."+s)) {
			return true
		}
	}
	return false
}

// mistypedSuffix reports whether a host was meant to be one of Azure's.
func mistypedSuffix(host string) bool {
	_, domain, _ := strings.Cut(host, ".")
	switch domain {
	case "azureacr.io", "azurecr.com", "azurecr.net", "azurecr.oi", "azurcr.io", "azurecr.i", "acr.io", "azurecr", "azure.io", "azurerc.io", "azurecrio":
		return true
	}
	return false
}

// file reports whether what looks like a host is the name of a file.
func file(host string) bool {
	switch host[strings.LastIndexByte(host, '.')+1:] {
	case "go", "js", "json", "py", "java", "cs", "yaml", "yml", "tar", "gz", "sock", "txt", "md", "sh", "ts", "pem", "crt", "log", "html", "exe", "rs", "toml", "xml", "dll", "lock":
		return true
	}
	return false
}

// Registry returns a registry's login server for its name or for itself.
func loginServer(name string) string {
	name = lower(strings.Trim(name, `'"`))
	switch {
	case name == "" || strings.ContainsAny(name, "*<>$[]{}"):
		return ""
	case strings.Contains(name, "."):
		return name
	}
	return name + ".azurecr.io"
}

var (
	azCommand  = pattern.New(`(?i)\baz acr (?:login|check-health|show|build|import|run|task|repository|helm|manifest|token|update|config|credential)\b[^|;]*?\s(?:-n|--name|-r|--registry)[ =]+'?"?([a-z0-9][\w.-]*)`)
	namedInARM = pattern.New(`(?i)(?:resource with name '([a-z0-9]{5,50})' and type 'microsoft\.containerregistry/registries'|(?:providers/|resource ')microsoft\.containerregistry/registries/([a-z0-9]{5,50}))`)
	inWords    = pattern.New(`(?i)\bregistry '([a-z0-9][\w.-]{3,})'|acr tasks requests for the registry ([a-z0-9]{5,50}) |sending context[^:]*to registry: ([a-z0-9]{5,50})`)
	scopes     = pattern.New(`(?i)scope="?=?"?repository:([a-z0-9][\w./-]*):([a-z,_*]+)`)
	required   = pattern.New(`(?i)"type":\s*"?repository"?[^}]*`)
	nameMember = pattern.New(`(?i)"?name"?\s*:\s*"([^"]+)"`)
	actions    = pattern.New(`(?i)"?action"?\s*:\s*"([a-z_*]+)"`)
	inMessage  = pattern.New(`(?i)\bpulling from ([a-z0-9][\w./-]*)|repository "?([a-z0-9][\w./-]*)"? is not found|map\[name:([a-z0-9][\w./-]*)\]|unpack image "?([a-z0-9][\w-]*(?:/[\w.-]+)+)|image does not exist locally with the tag: ([a-z0-9][\w./-]*)`)
	clientIP   = pattern.New(`(?i)client with ip '([0-9a-f.:]+)'`)
	dialled    = pattern.New(`(?:dial tcp|connect to|->|to)\s*\[?([0-9a-f:.]{3,45})\]?:(\d{2,5})`)
	correlated = pattern.New(`(?i)(?:correlation[ -]?(?:request-)?id|x-ms-correlation-request-id)["']?\s*[:=]?\s*["']?([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})`)
	looked     = pattern.New(`lookup ([a-z0-9*.-]+\.[a-z]{2,24})`)
)
