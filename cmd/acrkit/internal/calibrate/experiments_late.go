package calibrate

import (
	"crypto/sha512"
	"fmt"
	"net/http"
	"strings"
	"time"
)

func (b *bench) sha512(name string, content []byte) string {
	digest := fmt.Sprintf("sha512:%x", sha512.Sum512(content))
	b.names[digest] = "<sha512 of " + name + ">"
	return digest
}

// identityExperiments need a further identity.
var identityExperiments = []experiment{
	{
		quirk: "no-role", role: RoleNone, requests: 1,
		run: func(b *bench) string {
			login := b.service.Others[RoleNone]
			if login.Entra == nil {
				b.skip("the identity without a role must have an Entra token")
				return ""
			}
			r := b.exchange(login)
			b.record(request{method: http.MethodPost, path: "/oauth2/exchange"}, r)
			switch {
			case r.status == http.StatusUnauthorized && strings.TrimSpace(r.body) == "":
				return "401-empty"
			case r.status == http.StatusUnauthorized:
				return "401"
			case r.status == http.StatusForbidden:
				return "403"
			}
			return ""
		},
	},
	{
		quirk: "denied-scope", role: RoleReader, requests: 2,
		run: func(b *bench) string {
			ask := func(actions string) response {
				r := b.tokenResponse(RoleReader, b.service.Others[RoleReader], "repository:"+b.service.Repository+":"+actions)
				b.record(request{method: http.MethodPost, path: "/oauth2/token"}, r)
				return r
			}
			if allowed := ask("pull"); b.err == nil && allowed.status != http.StatusOK {
				// It says something of the identity, and nothing of the service.
				b.exchanges = nil
				b.skip("the reader may not even pull (%d)", allowed.status)
			}
			return status(ask("pull,push"), map[int]string{200: "reduce", 401: "refuse"})
		},
	},
	{
		quirk: "abac-denial", role: RoleReader, abac: true, requests: 1,
		run: func(b *bench) string {
			r := b.do(request{method: http.MethodDelete, path: b.v2("/manifests/" + b.absent()), as: RoleReader, scope: "repository:" + b.service.Repository + ":pull"})
			return status(r, map[int]string{401: "401", 403: "403"})
		},
	},
	{
		quirk: "metadata-write-right", role: RoleWriter, classic: true, rights: "push", requests: 8,
		run: func(b *bench) string {
			b.push(b.tag("v1"), "image")
			r := b.do(request{method: http.MethodPatch, path: b.v1("/_tags/" + b.tag("v1")), body: []byte("{}"), as: RoleWriter, header: []string{"Content-Type", "application/json"}})
			return status(r, map[int]string{200: "write", 401: "delete", 403: "delete"})
		},
	},
	{
		quirk: "deleted-rights", role: RoleReader, classic: true, softDelete: true, rights: "push", requests: 9,
		run: func(b *bench) string {
			b.need(b.delete(b.v2("/manifests/"+b.push(b.tag("v1"), "image"))), http.StatusAccepted)
			r := b.do(request{method: http.MethodGet, path: "/acr/v1/_deleted/" + b.service.Repository + "/_manifests", as: RoleReader})
			return status(r, map[int]string{200: "content", 401: "own", 403: "own"})
		},
	},
	{
		quirk: "token-name-length", role: RoleShortToken, requests: 1,
		note: "the name of a token of 4 characters; where none can be created, the name tried, with any password",
		run: func(b *bench) string {
			login := b.service.Others[RoleShortToken]
			if n := len(login.Username); n >= 5 && n <= 50 {
				b.skip("the token's name has %d characters, which is no short and no long one", n)
				return ""
			}
			r := b.tokenResponse(RoleShortToken, login, "")
			b.record(request{method: http.MethodGet, path: "/oauth2/token"}, r)
			return status(r, map[int]string{200: "any", 401: "5-50"})
		},
	},
}

// lifetimes are the times after which it is looked whether an upload is there.
var lifetimes = []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour}

// shortDuration leaves out the zeros that time.Duration writes: 24h, 30m.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// lateExperiments wait, or see what has happened by itself.
var lateExperiments = []experiment{
	{
		quirk: "internal-error-body", requests: 1, note: "only when the service fails by itself",
		rights: "push", alone: true,
		run: func(b *bench) string {
			r := b.do(request{method: http.MethodPost, path: b.v2("/blobs/uploads/")})
			b.uploadOf(r)
			if r.status != http.StatusInternalServerError {
				b.skip("the service has not failed by itself")
				return ""
			}
			switch {
			case len(r.codes()) > 0:
				return "json"
			case strings.Contains(strings.ToLower(r.body), "<html"):
				return "html"
			case r.body == "":
				return "empty"
			}
			return ""
		},
	},
	{
		quirk: "upload-lifetime", rights: "push", alone: true, wait: lifetimes[len(lifetimes)-1], requests: 2 * len(lifetimes),
		note: "the least time of 30m, 1h, 2h, 6h, 12h, 24h and 48h after which an upload is gone",
		run: func(b *bench) string {
			// One upload for each time, since asking may renew it.
			var locations []string
			for range lifetimes {
				locations = append(locations, b.start())
			}
			waited := time.Duration(0)
			for i, lifetime := range lifetimes {
				// A little longer, for what is exact to the second.
				b.wait(lifetime + time.Minute - waited)
				waited = lifetime + time.Minute
				if r := b.get(locations[i]); r.status == http.StatusNotFound {
					return shortDuration(lifetime)
				}
			}
			return ""
		},
	},
}
