package diagnose

import (
	"strings"
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
	entraCLI         = "cli"         // the Azure CLI or a program like it failed
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
	text := ""
	if x.phase == phaseEntra {
		text = string(x.body[:min(len(x.body), maxParsed)])
	}
	name := ""
	if x.status == 0 {
		text = x.err.Error()
		text = text[:min(len(text), maxParsed)]
		for _, n := range credentialNames {
			if strings.Contains(text, n+":") || strings.Contains(text, n+" authentication failed") ||
				strings.Contains(text, n+" can't acquire") {
				name = n
				break
			}
		}
	}
	e := &x.entra
	e.code = aadsts(text)
	switch {
	case e.code != "":
	case x.library.kind != "", x.transport.kind != "" && !strings.Contains(text, "Attempted credentials"):
		return // the transport's own error says more
	case name == "" && x.phase != phaseEntra:
		return
	}
	if e.code != "" {
		e.words = aadWords(text, e.code)
		e.app = quotedAfter(e.words, "pplication with identifier ", "pplication ", "app ")
		e.tenant = quotedAfter(e.words, "irectory ", "enant ")
	}
	e.links = chainLinks(text)
	lower := strings.ToLower(text)
	unavailable := false
	for _, err := range x.chain {
		// The marker method that azidentity's own unavailable errors have.
		if u, ok := err.(interface{ credentialUnavailable() }); ok && u != nil {
			unavailable = true
		}
	}
	switch {
	case e.code != "":
		e.kind = entraCode
	case strings.Contains(text, "Identity not found"), strings.Contains(text, "invalid_request") && strings.Contains(text, "ManagedIdentityCredential"):
		e.kind = entraIdentity
	case strings.Contains(text, "Attempted credentials") || len(e.links) > 1:
		e.kind = entraUnavailable
	case strings.Contains(text, "can't acquire a token without user interaction"):
		e.kind = entraInteraction
	case strings.Contains(lower, "az login"), strings.Contains(lower, "azd auth login"),
		strings.Contains(lower, "executable not found on path"), strings.Contains(lower, "connect-azaccount"):
		e.kind = entraCLI
	case unavailable, strings.Contains(lower, "missing environment variable"), strings.Contains(lower, "no default identity"),
		strings.Contains(lower, "incomplete environment variable"), strings.Contains(lower, "no managed identity endpoint"),
		strings.Contains(lower, "no client id specified"):
		e.kind = entraUnavailable
	case strings.Contains(text, "no such host"), strings.Contains(text, "connection refused"),
		strings.Contains(text, "i/o timeout"), strings.Contains(text, "connection reset"):
		// azidentity passes on a transport's failure by its text alone.
		e.kind = entraUnreachable
	default:
		e.kind = entraOther
	}
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

// sawEntra shows what the identity service, or each link of a chain, said.
var sawEntra sight = func(x *exchange, see func(Origin, string, ...any)) {
	e := &x.entra
	if e.code != "" {
		see(FromEntra, "%s: %s", e.code, e.words)
	}
	for _, link := range e.links {
		see(FromEntra, "%s", link)
	}
	if e.code == "" && len(e.links) == 0 && x.status == 0 {
		see(FromEntra, "%s", firstLine(x.err.Error()))
	}
}
