package diagnose

import (
	"slices"
	"strings"
)

// codeUnknown is the code of the one row that is chosen when no other fits.
const codeUnknown = "UNKNOWN_FAILURE"

// Row is one cause of failure in the catalogue: what it is called, how it is
// recognised, what is shown of the exchange and what is to be done. Title and
// Fix are templates: a word in braces, such as {registry}, is taken from the
// exchange.
type Row struct {
	Code     string   `json:"code"`
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

	// match recognises the row's failure. Rows of one rank exclude each other;
	// nil is a row that only a live check finds.
	match func(*exchange) bool
	rank  rank
	// see takes from the exchange what is shown, the most telling first.
	see []sight
}

// rank orders rows that match the same exchange: the most specific rank with a
// match wins, and within a rank no two rows match the same exchange.
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
	rowsCommand,
	[]Row{rowUnknown},
)

var rowUnknown = Row{
	Code:     codeUnknown,
	Kind:     KindUnknown,
	Severity: SeverityError,
	Title:    "a failure that the catalogue does not know",
	Meaning: "None of the known causes fits what was seen. What was seen is shown as it is; " +
		"nothing is inferred from it.",
	Fix: []string{
		"acrkit doctor {host}",
		"run the same command with --debug, and look at the last request",
	},
	Retry: RetryNo,
	match: func(*exchange) bool { return true },
	rank:  rankUnknown,
	see:   []sight{sawAnswer, sawMessage, sawBody, sawText},
}

// Lookup returns the catalogue's row for a code, however its letters are cased.
func Lookup(code string) (Row, bool) {
	for _, r := range rows {
		if strings.EqualFold(r.Code, code) {
			return r.clone(), true
		}
	}
	return Row{}, false
}

// Codes lists every code of the catalogue, in the catalogue's order.
func Codes() []string {
	codes := make([]string, len(rows))
	for i, r := range rows {
		codes[i] = r.Code
	}
	return codes
}

func (r Row) clone() Row {
	r.Causes, r.Fix, r.Entra = slices.Clone(r.Causes), slices.Clone(r.Fix), slices.Clone(r.Entra)
	return r
}

// choose returns the row that fits x best.
func choose(x *exchange) *Row {
	for level := range ranks {
		for i := range rows {
			if r := &rows[i]; r.rank == level && r.matches(x) {
				return r
			}
		}
	}
	return &rows[len(rows)-1]
}

// matches reports whether the row fits. A matcher that panics on a foreign
// error value does not match.
func (r *Row) matches(x *exchange) (ok bool) {
	if r.match == nil {
		return false
	}
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return r.match(x)
}

// diagnosis fills the row's templates from the exchange.
func (r *Row) diagnosis(x *exchange) Diagnosis {
	d := Diagnosis{
		Code:          r.Code,
		Kind:          r.Kind,
		Severity:      r.Severity,
		Title:         shortDigests(expand(r.Title, x)),
		Seen:          []Observation{},
		Causes:        make([]Cause, len(r.Causes)),
		Fix:           make([]string, len(r.Fix)),
		Retry:         Retry{Advice: r.Retry},
		Link:          r.Link,
		AzCode:        r.AzCode,
		CorrelationID: x.correlationID(),
	}
	for _, look := range r.see {
		d.Seen = look.add(d.Seen, x)
	}
	d.Seen = sawEnd.add(d.Seen, x)
	for i, c := range r.Causes {
		d.Causes[i] = Cause{c.Certainty, expand(c.Text, x), expand(c.Tell, x)}
	}
	for i, f := range r.Fix {
		d.Fix[i] = expand(f, x)
	}
	if r.Retry != RetryNo {
		d.Retry.After, _ = x.retryAfter()
	}
	return d
}

// certain and inferred build causes; the catalogue reads better with them.

func certain(text, proof string) Cause { return Cause{Certain, text, proof} }

func inferred(text, tell string) Cause { return Cause{Inferred, text, tell} }

// phased matches an HTTP answer of a phase with a status.
func phased(p phase, status int) func(*exchange) bool {
	return func(x *exchange) bool { return x.phase == p && x.status == status }
}

// coded matches an error of the registry by status and code.
func coded(status int, code string) func(*exchange) bool {
	return func(x *exchange) bool { return x.status == status && x.code == code && x.phase != phaseStorage }
}

// saying narrows a match to a text in the registry's message.
func saying(match func(*exchange) bool, text string) func(*exchange) bool {
	return func(x *exchange) bool { return match(x) && strings.Contains(x.message, text) }
}

// all matches when every one of its matches does.
func all(matches ...func(*exchange) bool) func(*exchange) bool {
	return func(x *exchange) bool {
		for _, m := range matches {
			if !m(x) {
				return false
			}
		}
		return true
	}
}

// not inverts a match.
func not(match func(*exchange) bool) func(*exchange) bool {
	return func(x *exchange) bool { return !match(x) }
}

// either matches when one of its matches does.
func either(matches ...func(*exchange) bool) func(*exchange) bool {
	return func(x *exchange) bool {
		for _, m := range matches {
			if m(x) {
				return true
			}
		}
		return false
	}
}
