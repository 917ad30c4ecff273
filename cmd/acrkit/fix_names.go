package main

import (
	"cmp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/location"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/reference"
	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// shellComment is what stands behind a command line to say what it does.
var shellComment = pattern.New(`\s+# .*$`)

// fillIn puts what the command line names into the fixes of a failure whose
// evidence did not tell it: a content that has another digest is known without
// its registry, the command knows both. A fix that is the command itself, or
// whose place is no registry, is left out while there are others.
func (a *app) fillIn(f *failure.Report) {
	names, registry := a.names()
	var fixes []string
	for _, fix := range f.Object.Fix {
		fix = names.Replace(fix)
		command := strings.TrimSpace(shellComment.ReplaceAllString(fix, ""))
		if command == a.typed || !registry && strings.Contains(fix, "acrkit ") && strings.Contains(fix, "<registry>") {
			continue
		}
		fixes = append(fixes, fix)
	}
	if len(fixes) > 0 {
		f.Object.Fix = fixes
	}
	f.EachCause(names.Replace)
}

// names are what the arguments say of the placeholders of the catalogue: the
// first reference, and the first layout or archive. registry reports whether
// there was a registry among them.
func (a *app) names() (names *strings.Replacer, registry bool) {
	var place string
	var ref reference.Reference
	for _, argument := range a.given {
		switch found, err := reference.ParseAny(argument, a.Getenv("ACR_REGISTRY")); {
		case location.IsPlace(argument):
			place = cmp.Or(place, argument)
		case err == nil && !registry:
			ref, registry = found, found.Registry.Name != ""
		}
	}
	host := ref.Registry.String()
	var pairs []string
	if place != "" {
		pairs = append(pairs, "docker:<file>", place)
		if len(a.given) > 0 && a.given[0] == place {
			for _, reading := range []string{"acrkit show ", "acrkit files ls "} {
				pairs = append(pairs, reading+"<registry>/<image>", reading+place)
			}
		}
	}
	if registry && ref.Repository != "" {
		repository := reference.Reference{Registry: ref.Registry, Repository: ref.Repository}.String()
		pairs = append(pairs, "<registry>/<image>", ref.String(), "<registry>/<repository>", repository, host+"/<repository>", repository, "<reference>", ref.String())
	}
	for _, command := range []string{"doctor", "whoami", "login"} {
		if registry {
			of := "acrkit " + command + " "
			pairs = append(pairs, of+"<registry>/<repository>", of+reference.Reference{Registry: ref.Registry, Repository: ref.Repository}.String(), of+"<registry>", of+host)
		}
	}
	return strings.NewReplacer(pairs...), registry
}

// typedLine is the command line as a fix would say it; "" where flags of the
// command's own make it another one.
func typedLine(command *cobra.Command, args []string) string {
	own := false
	command.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { own = own || f.Changed })
	if own {
		return ""
	}
	return strings.Join(append([]string{command.CommandPath()}, args...), " ")
}
