package diagnose

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"time"
)

// ExplainableCodes lists the rows that Explain can choose; the others are for
// live checks alone.
func ExplainableCodes() []string {
	var codes []string
	for _, r := range rows {
		if r.match != nil || len(r.Entra) > 0 {
			codes = append(codes, string(r.Code))
		}
	}
	return codes
}

// Matching lists every row of the chosen rank that fits err.
func Matching(err error) []string {
	ev := gather(err)
	rank := choose(ev).rank
	var codes []string
	for _, r := range rows {
		if r.rank == rank && r.matches(ev) {
			codes = append(codes, string(r.Code))
		}
	}
	return codes
}

// FactNames lists the words that a template may hold.
func FactNames() []string { return slices.Sorted(maps.Keys(facts)) }

// LostUpload is what the push probe finds when bytes that were acknowledged are
// not there.
var LostUpload error = &uploadLostError{"0-0", "0-2047"}

// RegistryCalls is the table of the registry's own codes.
func RegistryCalls() map[string][]string {
	calls := map[string][]string{}
	for _, c := range registryCalls {
		for _, code := range c.rows {
			calls[c.code] = append(calls[c.code], string(code))
		}
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

// Reading is what the evidence of an error holds of its response.
type Reading struct {
	Code, Message, CorrelationID         string
	Scheme, Realm, Service, Scope, Error string
	Wait                                 time.Duration
	Expires                              time.Time
}

// Read gathers an error's evidence.
func Read(err error) Reading {
	ev := gather(err)
	wait, _ := ev.retryAfter()
	c := ev.challenge
	return Reading{
		Code: ev.code, Message: ev.message, CorrelationID: ev.correlationID(),
		Scheme: c.scheme, Realm: c.realm, Service: c.service, Scope: c.scope, Error: c.err,
		Wait: wait, Expires: ev.auth.claims.expiry(),
	}
}
