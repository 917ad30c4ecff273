package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/explained"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/diagnose"
)

func newExplainCommand(a *app) *cobra.Command {
	o := explainOptions{}
	command := &cobra.Command{
		Use:   "explain [CODE|FILE|TEXT|-]",
		Short: "Explain an error's code, or what any tool printed",
		Long: `Explain an error's code, or what another tool printed.

A code is the word in capitals that every error of acrkit carries. The codes of
others are known too: those in a registry's responses (DENIED), in az acr
check-health (CONNECTIVITY_DNS_ERROR) and of Entra (AADSTS50076). One of them may
stand for several causes, which are listed then. Words in braces, such as
{registry}, stand for what the error itself names. Without a code, list them all.

A text may be the output of docker, podman, skopeo, crane, oras, helm, kubectl
describe, az, a pipeline's log or an exception of one of Azure's libraries: as a
file, on standard input with -, or as the argument. The failures in it are found
and explained with the names in it, the cause before its consequences.
What the text does not prove is called probable or possible, and the command that
decides is named. Secrets in the text are not shown again.

The exit code is 0 when something was explained, and 3 when nothing in the text
was recognised. -o github prints annotations and a job summary, -o azure logging
commands, -o markdown a text for a ticket.`,
		Example: `  acrkit explain FIREWALL_DENIED
  acrkit explain AADSTS7000222
  acrkit explain -o json ABAC_CONDITION --jq '.item.fix[]'
  kubectl describe pod web-0 | acrkit explain -
  docker push myreg.azurecr.io/app:1 2>&1 | acrkit explain - --tee
  acrkit explain build.log -o github
  acrkit explain 'denied: requested access to the resource is denied'`,
		GroupID:           groupAccess,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeCodes,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if explained.IsForm(a.outputForm) {
				o.form = explained.Form(a.outputForm)
				a.outputForm = string(output.Text)
			}
			return a.prepare()
		},
		RunE: func(command *cobra.Command, args []string) error {
			var found []diagnose.Row
			if len(args) == 1 {
				found = diagnose.Find(args[0])
			}
			switch {
			case len(args) > 0 && len(found) == 0:
			case o.form != "":
				return failure.Usagef("-o %s is for texts, not for codes", o.form)
			case len(args) == 0:
				return listRows(a, allRows())
			default:
				return explainCode(a, args[0], found)
			}
			source, closing, err := openText(a, args)
			if err != nil {
				return err
			}
			defer closing()
			return explainText(command.Context(), a, o, source)
		},
	}
	command.Flags().BoolVar(&o.tee, "tee", false, "also print the text, without its secrets; to standard error where the result is JSON, a table or Markdown")
	return command
}

// explainOptions are the flags of explain.
type explainOptions struct {
	form explained.Form // empty: one of the general ones
	tee  bool
}

func allRows() []diagnose.Row {
	var all []diagnose.Row
	for _, code := range diagnose.Codes() {
		row, _ := diagnose.Lookup(code)
		all = append(all, row)
	}
	return all
}

func explainCode(a *app, name string, found []diagnose.Row) error {
	if len(found) > 1 {
		return explainSeveral(a, name, found)
	}
	view := rowView()
	view.Text = writeRow
	return output.One(a.printer, view, found[0])
}

func listRows(a *app, list []diagnose.Row) error {
	return output.List(a.printer, rowView(), func(yield func(diagnose.Row, error) bool) {
		for _, row := range list {
			if !yield(row, nil) {
				return
			}
		}
	})
}

// explainSeveral is for a name that stands for several rows. A person gets the
// row of that very name whole, and the others as a list to choose from.
func explainSeveral(a *app, name string, found []diagnose.Row) error {
	if a.printer.Format() != output.Text {
		return listRows(a, found)
	}
	own := strings.EqualFold(string(found[0].Code), name)
	view := rowView()
	if own {
		view.Text = writeRow
		if err := output.One(a.printer, view, found[0]); err != nil {
			return err
		}
		found = found[1:]
	}
	a.Note("%s stands for %d causes%s; an error of acrkit, or acrkit doctor, tells which it is:", strings.ToUpper(name), len(found), map[bool]string{true: " more"}[own])
	return listRows(a, found)
}

func completeCodes(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return texts(diagnose.Codes()), cobra.ShellCompDirectiveNoFileComp
}

// texts returns codes as they are printed.
func texts(codes []diagnose.Code) []string {
	list := make([]string, len(codes))
	for i, code := range codes {
		list[i] = string(code)
	}
	return list
}

// unknownCode names the codes that may have been meant.
func unknownCode(code string) error {
	hint := "acrkit explain lists them"
	if similar := diagnose.Similar(code); len(similar) > 0 {
		hint = "did you mean " + strings.Join(similar, " or ") + "?"
	}
	return failure.Usagef("there is no code %q: %s", code, hint)
}

func rowView() output.View[diagnose.Row] {
	return output.View[diagnose.Row]{
		Kind: "Explanation",
		Columns: []output.Column[diagnose.Row]{
			{Name: "code", Value: func(r diagnose.Row) string { return string(r.Code) }},
			{Name: "kind", Value: func(r diagnose.Row) string { return string(r.Kind) }},
			{Name: "severity", Value: func(r diagnose.Row) string { return r.Severity.String() }},
			{Name: "title", Value: func(r diagnose.Row) string { return r.Title }},
		},
		Text: func(w io.Writer, r diagnose.Row) error {
			_, err := fmt.Fprintf(w, "%-28s %s\n", r.Code, r.Title)
			return err
		},
	}
}

// writeRow writes one row for a person, in the form that errors have.
func writeRow(w io.Writer, r diagnose.Row) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  %s\n\n%s\n\n", r.Code, r.Title, wrapped(r.Meaning, 78))
	for _, c := range r.Causes {
		fmt.Fprintf(&b, "  cause  %s\n", c.Text)
		fmt.Fprintf(&b, "         %s: %s\n", map[diagnose.Certainty]string{diagnose.Certain: "proved by", diagnose.Inferred: "to tell"}[c.Certainty], c.Tell)
	}
	for _, f := range r.Fix {
		fmt.Fprintf(&b, "  fix    %s\n", f)
	}
	fmt.Fprintf(&b, "  retry  %s\n", map[diagnose.Advice]string{
		diagnose.RetryNo:      "does not help until something changes",
		diagnose.RetryLater:   "may help after a wait",
		diagnose.RetryRestart: "may help when the work starts again from its beginning",
	}[r.Retry])
	if r.AzCode != "" {
		fmt.Fprintf(&b, "  az     %s in az acr check-health\n", r.AzCode)
	}
	if len(r.Entra) > 0 {
		fmt.Fprintf(&b, "  entra  %s\n", strings.Join(r.Entra, " "))
	}
	if r.Link != "" {
		fmt.Fprintf(&b, "  more   %s\n", r.Link)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrapped breaks a text at spaces.
func wrapped(text string, width int) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case column == 0:
		case column+1+len(word) > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
