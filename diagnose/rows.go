package diagnose

import (
	"slices"
	"strings"
)

// Row is one cause of failure in the catalogue: what it is called, how it is
// recognised, what is shown of the evidence and what is to be done. Title and
// Fix are templates: a word in braces, such as {registry}, is taken from the
// evidence.
type Row struct {
	Code     Code     `json:"code"`
	Kind     Kind     `json:"kind"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`
	// Meaning explains the failure to somebody who meets it for the first time.
	Meaning string  `json:"meaning"`
	Causes  []Cause `json:"causes"`
	// Fix holds commands to paste and short instructions, one a line.
	Fix    []string `json:"fix"`
	Retry  Advice   `json:"retry"`
	Link   string   `json:"link,omitempty"`
	AzCode string   `json:"azCode,omitempty"`
	// Entra are the identity service's own codes for it, such as AADSTS50076.
	Entra []string `json:"entra,omitempty"`

	// match recognises the row's failure; nil means by the Entra codes, and
	// without those that only a live check or the command finds it. Rows of one
	// rank exclude each other.
	match func(*evidence) bool
	rank  rank
	// observe takes from the evidence what is shown, the most telling first.
	observe []observer
}

// rank orders rows that match the same evidence: the most specific rank with a
// match wins, and within a rank no two rows match the same evidence.
type rank int

const (
	rankSpecific rank = iota // the failure is recognised by what was said
	rankGeneral              // only its class is recognised, by status or type
	rankUnknown
	ranks
)

// rows is the whole catalogue, in the order that Codes lists.
var rows = slices.Concat(
	rowsUnauthorized,
	rowsLogin,
	rowsForbidden,
	rowsNotFound,
	rowsRequest,
	rowsDisallowed,
	rowsService,
	rowsStorage,
	rowsMiddlebox,
	rowsNetwork,
	rowsTLS,
	rowsEntra,
	rowsLibrary,
	rowsLocal,
	rowsDoctor,
	rowsHealth,
	rowsCommand,
	rowsPrinted,
	rowsARM,
	[]Row{rowUnknown},
)

var rowUnknown = Row{
	Code:     "UNKNOWN_FAILURE",
	Kind:     KindUnknown,
	Severity: SeverityError,
	Title:    "a failure that the catalogue does not know",
	Meaning: "None of the known causes fits what was seen. What was seen is shown as it is; " +
		"nothing is inferred from it.",
	Fix: []string{
		"acrkit doctor {host}",
		"run the same command with --debug, and look at the last request",
	},
	Retry:   RetryNo,
	match:   func(*evidence) bool { return true },
	rank:    rankUnknown,
	observe: []observer{observeResponse, observeMessage, observeBody, observeText},
}

// Lookup returns the catalogue's row for a code, however its letters are cased.
func Lookup(code Code) (Row, bool) {
	for _, r := range rows {
		if strings.EqualFold(string(r.Code), string(code)) {
			return r.clone(), true
		}
	}
	return Row{}, false
}

// Codes lists every code of the catalogue, in the catalogue's order.
func Codes() []Code {
	codes := make([]Code, len(rows))
	for i, r := range rows {
		codes[i] = r.Code
	}
	return codes
}

func (r Row) clone() Row {
	r.Causes, r.Fix, r.Entra = slices.Clone(r.Causes), slices.Clone(r.Fix), slices.Clone(r.Entra)
	return r
}

// choose returns the row that fits the evidence best.
func choose(ev *evidence) *Row {
	for level := range ranks {
		for i := range rows {
			if r := &rows[i]; r.rank == level && r.matches(ev) {
				return r
			}
		}
	}
	return &rows[len(rows)-1]
}

// matches reports whether the row fits. A matcher that panics on a foreign
// error value does not match.
func (r *Row) matches(ev *evidence) (ok bool) {
	if r.match == nil {
		return ev.entra.code != "" && slices.Contains(r.Entra, ev.entra.code)
	}
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return r.match(ev)
}

// diagnosis fills the row's templates from the evidence.
func (r *Row) diagnosis(ev *evidence) Diagnosis {
	d := Diagnosis{
		Code:          r.Code,
		Kind:          r.Kind,
		Severity:      r.Severity,
		Title:         shortDigests(expand(r.Title, ev)),
		Seen:          []Observation{},
		Causes:        make([]Cause, len(r.Causes)),
		Fix:           r.fixes(ev),
		Retry:         Retry{Advice: r.Retry},
		Link:          r.Link,
		AzCode:        r.AzCode,
		CorrelationID: ev.correlationID(),
	}
	for _, look := range r.observe {
		d.Seen = look.add(d.Seen, ev)
	}
	d.Seen = observeEnd.add(d.Seen, ev)
	for i, c := range r.Causes {
		d.Causes[i] = Cause{c.Certainty, expand(c.Text, ev), expand(c.Tell, ev)}
	}
	if r.Retry != RetryNo {
		d.Retry.After, _ = ev.retryAfter()
	}
	return d
}

// certain and inferred build causes; the catalogue reads better with them.

func certain(text, proof string) Cause { return Cause{Certain, text, proof} }

func inferred(text, tell string) Cause { return Cause{Inferred, text, tell} }
