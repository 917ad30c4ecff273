package diagnose

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/acrkit/azcontainerregistry/diagnose/internal/printed"
	"github.com/acrkit/azcontainerregistry/internal/pattern"
	"github.com/acrkit/azcontainerregistry/internal/redact"
)

// ErrNotText is returned by [ExplainText] for what is no text: a picture, an
// archive, a program.
var ErrNotText = printed.ErrBinary

// FromText is the origin of what is taken from a text that another tool
// printed.
const FromText Origin = "text"

// TextFailure is one failure that a text tells of. Its JSON form is that of
// [Diagnosis], with further members; members are only ever added.
type TextFailure struct {
	Diagnosis
	// Tool is whose phrasing it was recognised by; several are divided by
	// commas, and "all" are those that pass on a registry's own words.
	Tool string `json:"tool"`
	// Registry is the login server, or the host of another vendor's registry, as
	// far as the text names it.
	Registry   string `json:"registry"`
	Repository string `json:"repository"`
	// Reference is the image, whole: registry/repository:tag or
	// registry/repository@digest, without the parts that the text does not name.
	Reference string `json:"reference"`
	// Address is the caller's, as the registry saw it.
	Address string `json:"address,omitempty"`
	// Scope is what was asked for, such as repository:web:pull.
	Scope string `json:"scope,omitempty"`
	// Lines are the numbers of the lines that tell of it, from 1, in order.
	Lines []int `json:"lines"`
}

// TextLine is a line of a text, without secrets and cut to a few hundred bytes.
type TextLine struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
}

// TextReport is what [ExplainText] found in a text.
type TextReport struct {
	// Failures are in order: the cause before its consequences.
	Failures []TextFailure
	// NotUnderstood are lines, ten at most, that say that something failed and
	// that nothing here explains.
	NotUnderstood []TextLine
	// Lines and Bytes are how much was read.
	Lines int
	Bytes int64
	// LeftOut is how many lines that may tell of a failure were not looked at,
	// because they repeat others or because there were too many.
	LeftOut int
	// Cut reports that the text is longer than what was read: 512 MiB are.
	Cut bool
}

// ExplainText finds the failures in what another tool printed: docker, kubelet,
// helm, the Azure command line, pipelines, Azure's libraries and others. It
// explains each by the catalogue, with the names that the text tells. A text of
// which nothing is recognised gives a report without failures, and no error.
//
// A cause is certain only where the text proves it. Failures of other
// registries get no cause of Azure's: NOT_AZURE_REGISTRY, or a general one such
// as DNS_NOT_FOUND.
//
// The text may be UTF-8 or UTF-16, coloured, wrapped, escaped as JSON, and of
// any length: reading stops after 512 MiB, and takes time in proportion and a
// few megabytes of memory. It does nothing but read r, and may be called
// concurrently. The error is [ErrNotText] or r's own; the report then tells
// what was found before.
func ExplainText(r io.Reader) (*TextReport, error) {
	log, err := printed.Read(r)
	report := &TextReport{
		Failures: []TextFailure{}, Lines: log.Total, Bytes: log.Bytes, LeftOut: log.LeftOut, Cut: log.Endless,
	}
	found := printed.Find(log.Lines)
	for _, f := range found.List {
		if row, known := rowOf(f.Code); known {
			report.Failures = append(report.Failures, explainFinding(&row, f))
		}
	}
	for _, n := range found.Unknown {
		report.NotUnderstood = append(report.NotUnderstood, TextLine{n, lineText(log, n)})
	}
	return report, err
}

// rowOf finds the row of a phrasing's code, which may be the identity service's.
func rowOf(code string) (Row, bool) {
	if strings.HasPrefix(code, "AADSTS") {
		found := Find(code)
		if len(found) == 0 {
			return Row{}, false
		}
		return found[0], true
	}
	if row, known := Lookup(Code(code)); known {
		return row, true
	}
	// One of az acr check-health's own.
	if found := Find(code); len(found) > 0 {
		return found[0], true
	}
	return Row{}, false
}

// explainFinding fills a row with what a text tells.
func explainFinding(row *Row, f printed.Finding) TextFailure {
	ev := evidenceOf(f)
	fill(row, f)
	d := row.diagnosis(ev)
	d.Seen = seenIn(f)
	d.CorrelationID = f.CorrelationID
	t := TextFailure{
		Diagnosis: d, Tool: f.Tool, Registry: f.Registry, Repository: f.Repository,
		Reference: referenceOf(f), Address: f.Address, Scope: f.Scope, Lines: f.Lines,
	}
	if f.Registry == "" && f.Peer != "" {
		t.Fix = withoutRegistry(d.Fix, f.Peer)
		return t
	}
	if decide := "acrkit doctor " + doctorTarget(f); !provesCause(d) && aboutRegistry(d.Kind) && row.Code != "NOT_AZURE_REGISTRY" &&
		!slices.ContainsFunc(d.Fix, func(line string) bool { return strings.HasPrefix(line, "acrkit doctor") }) {
		t.Fix = append([]string{decide}, d.Fix...)
	}
	return t
}

// withoutRegistry drops the commands for a registry where the text is about
// another host.
func withoutRegistry(fix []string, host string) []string {
	kept := slices.DeleteFunc(slices.Clone(fix), func(line string) bool {
		return strings.Contains(line, "acrkit") || strings.Contains(line, "az acr")
	})
	if len(kept) == 0 {
		kept = append(kept, "curl -v https://"+clean(host, 255))
	}
	return kept
}

// fill adapts the row's causes: what the text does not prove is inferred.
func fill(row *Row, f printed.Finding) {
	if len(f.Causes) > 0 {
		row.Causes = nil
		for _, c := range f.Causes {
			row.Causes = append(row.Causes, inferred(c.Text, c.Tell))
		}
	}
	for i := range row.Causes {
		c := &row.Causes[i]
		switch {
		case c.Certainty != Certain:
		case f.Proven:
			c.Tell = fmt.Sprintf("the words in line %d", f.Lines[0])
		default:
			*c = inferred("probably "+c.Text, "the text alone does not prove it")
		}
	}
}

func provesCause(d Diagnosis) bool {
	return slices.ContainsFunc(d.Causes, func(c Cause) bool { return c.Certainty == Certain })
}

// aboutRegistry reports whether acrkit doctor can tell more of a failure.
func aboutRegistry(k Kind) bool { return k != KindLocal && k != KindRequest && k != KindContent }

func doctorTarget(f printed.Finding) string {
	host := or(clean(f.Registry, 255), "<registry>")
	if f.Repository == "" {
		return host
	}
	return host + "/" + clean(f.Repository, 255)
}

// evidenceOf puts what a text tells where the rows' templates look for it.
func evidenceOf(f printed.Finding) *evidence {
	ev := &evidence{
		host: or(f.Registry, f.Peer), repository: f.Repository, reference: f.Reference, status: f.Status,
		asked: parseScopes(f.Scope),
	}
	if f.Address != "" {
		ev.message = "client with IP '" + f.Address + "'"
	}
	for _, action := range f.Actions {
		ev.asked = addScope(ev.asked, scope{"repository", f.Repository, []string{action}})
	}
	ev.transport.addr = f.Dialled
	if f.Data != "" {
		ev.transport.host, ev.library.host = f.Data, f.Registry
		ev.host = ""
	}
	if strings.HasPrefix(f.Code, "AADSTS") {
		ev.entra.code = f.Code
	}
	return ev
}

// seenIn shows the lines that tell of a failure: the part of them around the
// words by which it is known.
func seenIn(f printed.Finding) []Observation {
	where := fmt.Sprintf("line %d", f.Lines[0])
	// Each part is cleaned before it is cut, since half a secret is not known
	// for one.
	head, tail := shown(f.Text[:f.At]), shown(f.Text[f.At:])
	if len(head) > maxHead {
		cut := len(head) - maxHead
		if space := strings.LastIndexByte(head[:cut], ' '); space >= cut-maxHead/2 {
			cut = space + 1
		}
		head = "…" + head[cut:]
	}
	seen := []Observation{{FromText, where + ": " + clean(strings.TrimSpace(head+tail), maxSeen)}}
	if more := f.Lines[1:]; len(more) > 0 {
		seen = append(seen, Observation{FromText, "told of in lines " + ranges(f.Lines)})
	}
	return seen
}

// maxHead is how much is shown before the words by which a failure is known.
const maxHead = 160

// ranges writes numbers with those that follow each other joined: 3-5, 9.
func ranges(numbers []int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		k := i
		for k+1 < len(numbers) && numbers[k+1] == numbers[k]+1 {
			k++
		}
		if k == i {
			parts = append(parts, strconv.Itoa(numbers[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", numbers[i], numbers[k]))
		}
		if i = k + 1; len(parts) == maxRanges && i < len(numbers) {
			return strings.Join(parts, ", ") + " and more"
		}
	}
	return strings.Join(parts, ", ")
}

const maxRanges = 8

var (
	// flags give a secret on a command line.
	flags = pattern.New(`(?i)(--?(?:[a-z]+-)*(?:password|passwd|pwd|secret|token|key)[ =]+|\blogin\b[^|;&]*? -p ?)("[^"]*"|'[^']*'|[^\s"']+)`)
	// storedLogin is a member of docker's config.json.
	storedLogin = pattern.New(`(?i)("(?:auth|identitytoken|registrytoken)"\s*:\s*)"[^"]*"?`)
	// lump is a run of letters and digits, such as a token's.
	lump = pattern.New(`[A-Za-z0-9+/_~-]{20,}={0,2}`)
)

// shown cleans a text for being shown. A pasted text holds secrets of any kind,
// and parts of them where lines were broken: what looks like a lump of random
// letters is taken out as well.
func shown(text string) string {
	text = clean(text, 1<<20)
	text = flags.ReplaceAllString(text, "${1}"+redact.Mark)
	text = storedLogin.ReplaceAllString(text, `${1}"`+redact.Mark+`"`)
	return lump.ReplaceAllStringFunc(text, func(s string) string {
		if random(s) {
			return redact.Mark
		}
		return s
	})
}

// random reports whether letters of both cases and digits are mixed as they are
// in tokens, and not in names, digests or ids.
func random(s string) bool {
	var lower, upper, digit, turns int
	last := 0
	for i := range len(s) {
		kind := 0
		switch c := s[i]; {
		case c >= 'a' && c <= 'z':
			lower++
			kind = 1
		case c >= 'A' && c <= 'Z':
			upper++
			kind = 2
		case c >= '0' && c <= '9':
			digit++
			kind = 3
		}
		if kind != last {
			turns++
		}
		last = kind
	}
	return lower > 2 && upper > 2 && digit > 0 && turns*3 > len(s)
}

// lineText returns a line as it may be shown.
func lineText(log *printed.Log, number int) string {
	i, found := slices.BinarySearchFunc(log.Lines, number, func(l printed.Line, n int) int { return l.Number - n })
	if !found {
		return ""
	}
	return clean(strings.TrimSpace(shown(printed.Shown(log.Lines[i].Text))), maxSeen)
}

func referenceOf(f printed.Finding) string {
	image := imageName(f.Repository, f.Reference)
	switch {
	case image == "":
		return f.Registry
	case f.Registry == "":
		return image
	}
	return f.Registry + "/" + image
}
