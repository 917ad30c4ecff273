package diagnose

import (
	"net"
	"net/netip"
	"strings"
)

// fixes are the row's fixes that can help where the evidence comes from: Entra
// signs in to no registry outside Azure, and assigns no roles to what isn't an
// identity of its own. Where nothing would be left, all are given.
func (r *Row) fixes(ev *evidence) []string {
	list := make([]string, 0, len(r.Fix))
	for _, template := range r.Fix {
		if ev.canHelp(template) {
			list = append(list, expand(template, ev))
		}
	}
	if len(list) == 0 {
		for _, template := range r.Fix {
			list = append(list, expand(template, ev))
		}
	}
	return list
}

func (ev *evidence) canHelp(fix string) bool {
	local := outsideAzure(ev.loginServer())
	switch {
	case strings.HasPrefix(fix, "az login"), strings.HasPrefix(fix, "az acr login"):
		return !local
	case strings.HasPrefix(fix, "printenv PASSWORD"):
		return local
	case strings.Contains(fix, "{data}"), strings.Contains(fix, "{dataname}"), strings.Contains(fix, "data-endpoint"):
		return !outsideAzure(ev.dataHost()) // no firewall keeps this machine from itself
	case strings.Contains(fix, "{image}") && pathHas("/blobs/")(ev):
		return false // what the path names is no image
	case strings.Contains(fix, "{tagged}") && (ev.reference == "" || strings.Contains(ev.reference, ":")):
		return false
	case strings.Contains(fix, "--for read") && ev.code == "IMAGE_QUARANTINED":
		return false // no lock keeps it
	case strings.Contains(fix, "acrkit transfers") && ev.path != "" && ev.phase != phaseStorage:
		return pathHas("/blobs/")(ev) // nothing else continues
	case strings.Contains(fix, "--assignee {subject}"):
		subject := ev.value("subject")
		return strings.HasPrefix(subject, "<") || guid.MatchString(subject)
	}
	return true
}

// outsideAzure reports a host that is no registry in Azure for certain: an
// address, localhost, or the command's embedded registry.
func outsideAzure(host string) bool {
	name := hostnameOf(host)
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return true
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "local"
}

// withPort is a host with its port, that of https where it has none.
func withPort(host string) string {
	if host == "" {
		return ""
	}
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), "443")
}
