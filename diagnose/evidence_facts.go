package diagnose

import (
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// expand replaces the words in braces by the facts of the evidence. A fact that the
// evidence does not tell becomes a placeholder in angle brackets, which a
// person sees is to be filled in.
func expand(template string, ev *evidence) string {
	if !strings.Contains(template, "{") {
		return template
	}
	var b strings.Builder
	b.Grow(len(template) + 32)
	for {
		before, rest, ok := strings.Cut(template, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			b.WriteString("{" + rest)
			return b.String()
		}
		b.WriteString(ev.value(name))
		template = after
	}
}

// fact is a word that a template may hold in braces, and where its value comes
// from.
type fact struct {
	// of returns the fact's value, empty when the evidence does not tell it.
	of func(*evidence) string
	// placeholder is what to fill in where the fact's own name would not say it.
	placeholder string
}

// facts are the words that a template may hold.
var facts = map[string]fact{
	"aadsts":     {of: func(ev *evidence) string { return ev.entra.code }},
	"action":     {of: func(ev *evidence) string { return actionText(ev.missingOrAsked()) }},
	"address":    {of: func(ev *evidence) string { return ev.transport.addr }},
	"app":        {of: func(ev *evidence) string { return ev.entra.app }, placeholder: "app-id"},
	"argument":   {of: (*evidence).argumentName},
	"audience":   {of: func(ev *evidence) string { return ev.auth.claims.audience() }},
	"data":       {of: (*evidence).dataHost},
	"dataname":   {of: func(ev *evidence) string { return hostnameOf(ev.dataHost()) }, placeholder: "data"},
	"file":       {of: (*evidence).fileName},
	"host":       {of: (*evidence).loginServer, placeholder: "registry"},
	"hostname":   {of: func(ev *evidence) string { return hostnameOf(ev.loginServer()) }, placeholder: "registry"},
	"image":      {of: func(ev *evidence) string { return imageName(ev.repository, ev.reference) }},
	"ip":         {of: (*evidence).refusedAddress},
	"method":     {of: func(ev *evidence) string { return ev.method }},
	"reference":  {of: func(ev *evidence) string { return ev.reference }},
	"registry":   {of: (*evidence).azureName},
	"repository": {of: func(ev *evidence) string { return ev.repository }},
	"rights":     {of: func(ev *evidence) string { return scopeMapRights(ev.missingOrAsked()) }, placeholder: "actions"},
	"scope":      {of: (*evidence).askedScope},
	"server":     {of: func(ev *evidence) string { return withPort(ev.loginServer()) }, placeholder: "registry:443"},
	"status":     {of: (*evidence).statusText},
	"subject":    {of: func(ev *evidence) string { return or(ev.auth.claims.ObjectID, ev.auth.claims.Subject) }},
	"tagged":     {of: taggedName, placeholder: "repository>:<tag"},
	"thing":      {of: func(ev *evidence) string { return or(imageName(ev.repository, ev.reference), ev.path) }},
	"user":       {of: func(ev *evidence) string { return ev.auth.user }},
	"wait":       {of: (*evidence).waitText},
}

// value returns a fact by its name, or a placeholder in angle brackets.
func (ev *evidence) value(name string) string {
	f, known := facts[name]
	if known {
		if value := clean(f.of(ev), 255); value != "" {
			return value
		}
	}
	return "<" + or(f.placeholder, name) + ">"
}

// taggedName is the image by its tag, which is to be filled in where the failure
// is about a digest or the repository.
func taggedName(ev *evidence) string {
	switch {
	case ev.repository == "":
		return ""
	case ev.reference == "" || strings.Contains(ev.reference, ":"):
		return ev.repository + ":<tag>"
	}
	return imageName(ev.repository, ev.reference)
}

func (ev *evidence) argumentName() string {
	if ev.library.argument == nil {
		return ""
	}
	return ev.library.argument.Argument
}

// fileName returns the file or folder that the operating system's error is
// about.
func (ev *evidence) fileName() string {
	if e, ok := find[*fs.PathError](ev); ok {
		return e.Path
	}
	if e, ok := find[*os.LinkError](ev); ok {
		return e.New
	}
	return ""
}

func (ev *evidence) refusedAddress() string {
	if ip, ok := ev.clientIP(); ok {
		return ip.String()
	}
	return ""
}

// azureName returns the registry's name in the Azure CLI.
func (ev *evidence) azureName() string {
	if name, azure := registryName(ev.loginServer()); azure {
		return name
	}
	return ""
}

func (ev *evidence) askedScope() string {
	if len(ev.asked) == 0 {
		return ""
	}
	return scopeText(ev.asked)
}

func (ev *evidence) statusText() string {
	if ev.status == 0 {
		return ""
	}
	return strconv.Itoa(ev.status)
}

func (ev *evidence) waitText() string {
	if wait, ok := ev.retryAfter(); ok {
		return wait.String()
	}
	return "a minute"
}

// wholeDigest finds the digests that make a line too long to read. What was
// seen and the commands to paste have them whole.
var wholeDigest = pattern.New(`(sha256:[0-9a-f]{12})[0-9a-f]{52}`)

func shortDigests(title string) string {
	if !strings.Contains(title, "sha256:") {
		return title
	}
	return wholeDigest.ReplaceAllString(title, "$1…")
}
