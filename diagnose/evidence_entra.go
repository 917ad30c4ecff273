package diagnose

import (
	"strings"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

// entra is the evidence of a credential that gave no token: azidentity's errors
// are known by their text, since this package does not link it.
type entra struct {
	kind   entraKind // empty when no credential failed
	code   string    // AADSTS…, or empty
	words  string    // what the identity service said beside the code
	app    string
	tenant string
	links  []string // what each credential of a chain returned
}

// entraKind is a kind of failure of a credential.
type entraKind string

const (
	entraCode        entraKind = "code"        // the identity service returned an AADSTS code
	entraUnavailable entraKind = "unavailable" // no credential of the chain could try
	entraIdentity    entraKind = "identity"    // the managed identity endpoint refused
	entraNoEndpoint  entraKind = "no endpoint" // no managed identity endpoint responded
	entraWorkload    entraKind = "workload"    // what a workload identity needs is not there
	entraCLI         entraKind = "cli"         // the Azure CLI or a program like it failed
	entraNoCLI       entraKind = "no cli"      // there is no such program
	entraInteraction entraKind = "interaction" // a person would have to sign in
	entraUnreachable entraKind = "unreachable" // the identity service could not be reached
	entraOther       entraKind = "other"
)

// credentialNames are those that azidentity puts before a message.
var credentialNames = []string{
	"DefaultAzureCredential", "ChainedTokenCredential", "EnvironmentCredential", "WorkloadIdentityCredential",
	"ManagedIdentityCredential", "AzureCLICredential", "AzureDeveloperCLICredential", "AzurePowerShellCredential",
	"AzurePipelinesCredential", "ClientSecretCredential", "ClientCertificateCredential", "ClientAssertionCredential",
	"DeviceCodeCredential", "InteractiveBrowserCredential", "OnBehalfOfCredential", "UsernamePasswordCredential",
	"VisualStudioCodeCredential",
}

// gatherEntra recognises an error of a credential by its text.
func (ev *evidence) gatherEntra() {
	if ev.status != 0 && ev.phase != phaseEntra {
		return
	}
	text, name := "", ""
	if ev.phase == phaseEntra {
		text = string(ev.body[:min(len(ev.body), maxParsed)])
	}
	if ev.status == 0 {
		text = ev.credentialText()
		name = credentialName(text)
	}
	e := &ev.entra
	e.code = aadsts(text)
	switch {
	case e.code != "":
		e.words = aadWords(text, e.code)
		e.app = quotedAfter(e.words, "pplication with identifier ", "pplication ", "app ")
		e.tenant = quotedAfter(e.words, "irectory ", "enant ")
	case ev.library.kind != "", ev.transport.kind != "" && !strings.Contains(text, attempted):
		return // the transport's own error says more
	case name == "" && ev.phase != phaseEntra:
		return
	}
	e.links = chainLinks(text)
	e.kind = ev.classifyEntra(text, name)
}

// credentialText is what the credential said, without the call it was asked for.
func (ev *evidence) credentialText() string {
	text := ""
	if e, ok := find[*azcontainerregistry.CredentialError](ev); ok && e.Err != nil {
		text = e.Err.Error()
	} else {
		text = ev.err.Error()
	}
	return text[:min(len(text), maxParsed)]
}

func credentialName(text string) string {
	for _, name := range credentialNames {
		if strings.Contains(text, name+":") || strings.Contains(text, name+" authentication failed") ||
			strings.Contains(text, name+" can't acquire") || strings.Contains(text, name+".GetToken()") {
			return name
		}
	}
	return ""
}

// attempted is the line above what each credential of a chain returned.
const attempted = "Attempted credentials"

// credentialTexts tell the kinds apart, in the words of azidentity. The first
// that fits counts.
var credentialTexts = []struct {
	kind  entraKind
	name  string // of the credential, empty for any
	texts []string
}{
	// This one ends a chain: the identity was asked for by its id.
	{entraIdentity, "", []string{"the requested identity isn't assigned to this resource"}},
	{entraUnavailable, "", []string{attempted}},
	{entraIdentity, "", []string{"Identity not found", "No User Assigned or Delegated Managed Identity found"}},
	{entraIdentity, "ManagedIdentityCredential", []string{"failed to authenticate a system assigned identity", "invalid_request"}},
	{entraNoEndpoint, "ManagedIdentityCredential", []string{
		"managed identity timed out", "169.254.169.254:80: ", "unexpected response", "context deadline exceeded",
	}},
	{entraInteraction, "", []string{"can't acquire a token without user interaction", "requires multifactor authentication"}},
	{entraNoCLI, "", []string{"executable not found on path", "CLI not found on path", "PowerShell not found on path"}},
	{entraCLI, "", []string{"az login", "azd auth login", "Connect-AzAccount"}},
	{entraWorkload, "WorkloadIdentityCredential", []string{"no client id specified", "no token file specified", "no tenant id specified", "no such file", "cannot find the file"}},
	{entraUnavailable, "", []string{"missing environment variable", "incomplete environment variable", "no default identity"}},
	// azidentity passes on a transport's failure by its text alone.
	{entraUnreachable, "", []string{"no such host", "connection refused", "i/o timeout", "connection reset", "tls: failed to verify certificate"}},
}

func (ev *evidence) classifyEntra(text, name string) entraKind {
	if ev.entra.code != "" {
		return entraCode
	}
	if len(ev.entra.links) > 1 && !strings.Contains(text, attempted) {
		return entraUnavailable
	}
	text = strings.ToLower(text)
	for _, row := range credentialTexts {
		if row.name != "" && row.name != name {
			continue
		}
		for _, words := range row.texts {
			if strings.Contains(text, strings.ToLower(words)) {
				return row.kind
			}
		}
	}
	return entraOther
}

// aadsts finds the first AADSTS code in a text.
func aadsts(text string) string {
	_, rest, ok := strings.Cut(text, "AADSTS")
	if !ok {
		return ""
	}
	end := 0
	for end < len(rest) && end < 10 && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	if end < 3 {
		return ""
	}
	return "AADSTS" + rest[:end]
}

// aadWords returns the sentence after the code, without the ids that follow it.
func aadWords(text, code string) string {
	words := strings.TrimLeft(after(text, code), ": ")
	for _, end := range []string{" Trace ID:", "\\r\\n", "\r\n", "\n", `"`} {
		words, _, _ = strings.Cut(words, end)
	}
	return strings.TrimSpace(words)
}

// quotedAfter returns what stands in single quotes after one of the words.
func quotedAfter(text string, words ...string) string {
	for _, w := range words {
		if v := between(text, w+"'", "'"); v != "" {
			return v
		}
	}
	return ""
}

// chainLinks returns one line for each credential of a chain, as
// DefaultAzureCredential lists them.
func chainLinks(text string) []string {
	var links []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		for _, n := range credentialNames[2:] {
			if strings.HasPrefix(line, n) {
				links = append(links, line)
				break
			}
		}
		if len(links) == maxLinks {
			break
		}
	}
	return links
}

// maxLinks is how many links of a chain are shown: DefaultAzureCredential has
// seven.
const maxLinks = 10

// ofCredential reports whether a credential failed, whatever its error.
func ofCredential(ev *evidence) bool {
	if _, ok := find[*azcontainerregistry.CredentialError](ev); ok {
		return true
	}
	_, ok := find[*credentialError](ev)
	return ok
}
