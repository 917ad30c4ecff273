package diagnose

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// phase is the step of the protocol that a request belongs to.
type phase int

const (
	phaseNone      phase = iota // no HTTP response, or nothing known of its request
	phaseChallenge              // GET /v2/
	phaseExchange               // POST /oauth2/exchange: Entra token → refresh token
	phaseToken                  // /oauth2/token: refresh token or password → access token
	phaseResource               // /v2/… and /acr/v1/…
	phaseStorage                // the host that a blob is redirected to
	phaseEntra                  // the identity service
)

// phaseOf places a request in the protocol by its address alone.
func phaseOf(u *url.URL, response http.Header) phase {
	if u == nil {
		return phaseNone
	}
	host := strings.ToLower(u.Hostname())
	switch path := u.Path; {
	case isEntraHost(host):
		return phaseEntra
	case isStorageHost(host):
		return phaseStorage
	case path == "/oauth2/exchange":
		return phaseExchange
	case path == "/oauth2/token":
		return phaseToken
	case path == "/v2/" || path == "/v2":
		return phaseChallenge
	case strings.HasPrefix(path, "/v2/"), strings.HasPrefix(path, "/acr/"):
		return phaseResource
	case u.Query().Has("sig"), response.Get("X-Ms-Error-Code") != "":
		// Storage behind a host name of its own, such as an emulator's.
		return phaseStorage
	}
	return phaseNone
}

// isStorageHost reports whether host serves blobs' bytes: Azure storage, or a
// registry's dedicated data endpoint (ACR protocol §1.1).
func isStorageHost(host string) bool {
	return strings.Contains(host, ".blob.core.") || strings.Contains(host, ".blob.storage.") ||
		strings.Contains(host, ".data.azurecr.")
}

// identityEndpoint gives a virtual machine in Azure the tokens of its managed
// identity.
const identityEndpoint = "169.254.169.254"

// isEntraHost reports whether host gives Entra tokens: the login hosts of the
// clouds and the managed identity endpoint of a virtual machine.
func isEntraHost(host string) bool {
	switch host {
	case "login.microsoftonline.com", "login.microsoftonline.us", "login.chinacloudapi.cn",
		"login.partner.microsoftonline.cn", "login.windows.net", "login.microsoft.com", "sts.windows.net",
		identityEndpoint:
		return true
	}
	return false
}

// splitPath takes repository and reference out of a path of /v2 or /acr/v1.
// Names may contain the markers themselves, so the last one counts (ACR
// protocol §10).
func splitPath(path string) (repository, reference string) {
	markers := []string{"/manifests/", "/blobs/uploads", "/blobs/", "/tags/list", "/referrers/"}
	rest, ok := strings.CutPrefix(path, "/v2/")
	if !ok {
		if rest, ok = strings.CutPrefix(path, "/acr/v1/"); !ok {
			return "", ""
		}
		rest = strings.TrimPrefix(rest, "_deleted/")
		markers = []string{"/_manifests", "/_tags", "/_metadata"}
	}
	at, marker := -1, ""
	for _, m := range markers {
		if i := strings.LastIndex(rest, m); i > at {
			at, marker = i, m
		}
	}
	if at < 0 {
		if strings.HasPrefix(rest, "_") {
			return "", ""
		}
		return strings.TrimSuffix(rest, "/"), ""
	}
	if marker == "/blobs/uploads" || marker == "/tags/list" {
		return rest[:at], ""
	}
	return rest[:at], strings.Trim(rest[at+len(marker):], "/")
}

// loginServer returns the registry's host, as far as the evidence tells it: the
// host that was asked, or that of the call when another one was asked for it.
func (ev *evidence) loginServer() string {
	switch {
	case ev.phase == phaseStorage || ev.phase == phaseEntra:
		return or(ev.library.host, loginServerOf(or(ev.host, ev.transport.host)))
	case ev.host != "":
		return ev.host
	case ev.transport.host == "" || ev.towardEntra() || ev.towardData():
		return or(ev.library.host, loginServerOf(ev.transport.host))
	}
	return ev.transport.host
}

// loginServerOf is the login server of the registry that a dedicated data
// endpoint belongs to, REGISTRY.REGION.data.azurecr.io (ACR protocol §1.1); "" for
// another host.
func loginServerOf(data string) string {
	name, _, _ := strings.Cut(hostnameOf(data), ".")
	_, domain, found := strings.Cut(hostnameOf(data), ".data.")
	if !found || !slices.Contains(azureSuffixes, "."+domain) {
		return ""
	}
	return name + "." + domain
}

// towardData reports a failure of the connection to the host that serves blobs' bytes.
func (ev *evidence) towardData() bool {
	return isStorageHost(ev.transport.hostname()) || ev.phase == phaseStorage
}

// towardEntra reports one of the connection to the identity service.
func (ev *evidence) towardEntra() bool { return isEntraHost(ev.transport.hostname()) }

// registryName returns the name that a registry has in the Azure CLI: the first
// label of its login server, without the suffix that one may carry after a
// hyphen (ACR protocol §1.1). It reports whether the host is one of Azure's.
func registryName(host string) (name string, azure bool) {
	name, domain, _ := strings.Cut(hostnameOf(host), ".")
	for _, suffix := range azureSuffixes {
		if strings.HasSuffix("."+domain, suffix) {
			name, _, _ = strings.Cut(name, "-")
			return name, true
		}
	}
	return name, false
}

// azureSuffixes end the login servers of Azure's clouds.
var azureSuffixes = []string{".azurecr.io", ".azurecr.cn", ".azurecr.us"}

// dataHost returns the host that serves blobs' bytes, if the failure was there.
func (ev *evidence) dataHost() string {
	if ev.phase == phaseStorage {
		return or(ev.host, ev.transport.host)
	}
	if isStorageHost(ev.transport.hostname()) {
		return ev.transport.host
	}
	return ""
}

// imageName writes repository:tag or repository@digest.
func imageName(repository, reference string) string {
	switch {
	case reference == "" || repository == "":
		return repository
	case strings.Contains(reference, ":"):
		return repository + "@" + reference
	}
	return repository + ":" + reference
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// isPrivate reports whether an address is of a private network, including the
// range that carriers share (RFC 6598).
func isPrivate(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsPrivate() || ip.IsLinkLocalUnicast() || netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10).Contains(ip)
}

func hostnameOf(hostPort string) string {
	if host, _, err := net.SplitHostPort(hostPort); err == nil {
		return strings.ToLower(host)
	}
	return strings.ToLower(hostPort)
}

// nullUser is the user name that stands for "the password is a token" (ACR
// protocol §2.6).
const nullUser = "00000000-0000-0000-0000-000000000000"
