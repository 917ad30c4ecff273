package diagnose

import (
	"io"
	"net/http"
)

// ExplainableCodes lists the rows that Explain can choose; the others are for
// live checks alone.
func ExplainableCodes() []string {
	var codes []string
	for _, r := range rows {
		if r.match != nil {
			codes = append(codes, r.Code)
		}
	}
	return codes
}

// Matching lists every row of the chosen rank that fits err.
func Matching(err error) []string {
	x := gather(err)
	rank := choose(x).rank
	var codes []string
	for _, r := range rows {
		if r.rank == rank && r.matches(x) {
			codes = append(codes, r.Code)
		}
	}
	return codes
}

// FactNames lists the words that a template may hold.
var FactNames = factNames

// LostUpload is what the push probe finds when bytes that were acknowledged are
// not there.
var LostUpload error = &uploadLostError{"0-0", "0-2047"}

// RegistryCalls is the table of the registry's own codes.
func RegistryCalls() map[string][]string {
	calls := map[string][]string{}
	for _, c := range registryCalls {
		calls[c.code] = c.rows
	}
	return calls
}

// AsResponseError makes the error that a check makes of an answer.
func AsResponseError(response *http.Response) error {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return asResponseError(response, body)
}
