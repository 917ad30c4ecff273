package diagnose

import (
	"strings"

	azcontainerregistry "github.com/acrkit/azcontainerregistry"
)

// entra is the evidence of a credential that gave no token: azidentity's errors
// are known by their text, since this package does not link it.
type entra struct {
	kind   string // one of the entra… constants, empty when no credential failed
	code   string // AADSTS…, or empty
	words  string // what the identity service said beside the code
	app    string
	tenant string
	links  []string // what each credential of a chain answered
}

// The kinds of failures of a credential.
const (
	entraCode        = "code"        // the identity service answered with an AADSTS code
	entraUnavailable = "unavailable" // no credential of the chain could try
	entraIdentity    = "identity"    // the managed identity endpoint refused
	entraNoEndpoint  = "no endpoint" // no managed identity endpoint answered
	entraWorkload    = "workload"    // what a workload identity needs is not there
	entraCLI         = "cli"         // the Azure CLI or a program like it failed
	entraNoCLI       = "no cli"      // there is no such program
	entraInteraction = "interaction" // a person would have to sign in
	entraUnreachable = "unreachable" // the identity service could not be reached
	entraOther       = "other"
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
func (x *exchange) gatherEntra() {
	if x.status != 0 && x.phase != phaseEntra {
		return
	}
	text, name := "", ""
	if x.phase == phaseEntra {
		text = string(x.body[:min(len(x.body), maxParsed)])
	}
	if x.status == 0 {
		text = x.credentialText()
		name = credentialName(text)
	}
	e := &x.entra
	e.code = aadsts(text)
	switch {
	case e.code != "":
		e.words = aadWords(text, e.code)
		e.app = quotedAfter(e.words, "pplication with identifier ", "pplication ", "app ")
		e.tenant = quotedAfter(e.words, "irectory ", "enant ")
	case x.library.kind != "", x.transport.kind != "" && !strings.Contains(text, attempted):
		return // the transport's own error says more
	case name == "" && x.phase != phaseEntra:
		return
	}
	e.links = chainLinks(text)
	e.kind = x.entraKindOf(text, name)
}

// credentialText is what the credential said, without the call it was asked for.
func (x *exchange) credentialText() string {
	text := ""
	if e, ok := find[*azcontainerregistry.CredentialError](x); ok && e.Err != nil {
		text = e.Err.Error()
	} else {
		text = x.err.Error()
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

// attempted is the line above what each credential of a chain answered.
const attempted = "Attempted credentials"

// credentialTexts tell the kinds apart, in the words of azidentity. The first
// that fits counts.
var credentialTexts = []struct {
	kind  string
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

func (x *exchange) entraKindOf(text, name string) string {
	if x.entra.code != "" {
		return entraCode
	}
	if len(x.entra.links) > 1 && !strings.Contains(text, attempted) {
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

// aad matches the identity service's answer by its codes, without the prefix.
func aad(codes ...string) func(*exchange) bool {
	return func(x *exchange) bool {
		for _, c := range codes {
			if x.entra.kind == entraCode && x.entra.code == "AADSTS"+c {
				return true
			}
		}
		return false
	}
}

func entraKind(kind string) func(*exchange) bool {
	return func(x *exchange) bool { return x.entra.kind == kind }
}

// sawUnreachable shows why no answer came from the identity service: once,
// by what is known of the connection, or by the credential's own words.
var sawUnreachable sight = func(x *exchange, see func(Origin, string, ...any)) {
	t := &x.transport
	if located := t.dns != nil || t.addr != "" || t.host != ""; located && len(x.entra.links) == 0 {
		sawFailure(x, see)
	} else {
		sawEntra(x, see)
	}
}

// sawEntra shows what the identity service, or each link of a chain, said.
var sawEntra sight = func(x *exchange, see func(Origin, string, ...any)) {
	e := &x.entra
	if e.code != "" {
		see(FromEntra, "%s: %s", e.code, e.words)
	}
	for _, link := range e.links {
		see(FromEntra, "%s", link)
	}
	if e.code != "" || x.status != 0 {
		return
	}
	text := x.credentialText()
	if len(e.links) == 0 {
		see(FromEntra, "%s", firstLine(text))
	}
	if status, body, ok := quotedAnswer(text); ok {
		see(FromEntra, "the answer to it: %s %s", status, body)
	}
}

// quotedAnswer takes the HTTP answer out of a text of azidentity, where it
// stands between lines of dashes.
func quotedAnswer(text string) (status, body string, ok bool) {
	_, rest, ok := strings.Cut(text, "\nRESPONSE ")
	if !ok {
		return "", "", false
	}
	status, rest, _ = strings.Cut(rest, "\n")
	body, _, _ = strings.Cut(strings.TrimLeft(rest, "-\n"), "\n---")
	return status, strings.Join(strings.Fields(body), " "), true
}
