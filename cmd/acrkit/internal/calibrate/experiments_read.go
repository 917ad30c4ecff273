package calibrate

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// emptyExperiments want a repository that nothing is in.
var emptyExperiments = []experiment{
	{
		quirk: "manifest-of-unknown-repository", rights: "pull", empty: true, requests: 1,
		run: func(b *bench) string {
			r := b.get(b.v2("/manifests/"+b.tag("v1")), "Accept", "*/*")
			return code(r, map[string]string{"MANIFEST_UNKNOWN": "manifest", "NAME_UNKNOWN": "name"})
		},
	},
	{
		quirk: "tags-list-of-unknown-repository", rights: "metadata_read", empty: true, requests: 1,
		run: func(b *bench) string {
			r := b.get(b.v2("/tags/list"))
			switch {
			case r.status != http.StatusNotFound:
				return ""
			case strings.Contains(r.body, `is not found"`):
				return "is-not-found"
			case strings.Contains(r.body, "repository name not known to registry"):
				return "not-known"
			}
			return ""
		},
	},
	{
		quirk: "repository-of-blobs", rights: "push metadata_read", empty: true, requests: 3,
		run: func(b *bench) string {
			b.blob("blob")
			return status(b.get(b.v1("")), map[int]string{http.StatusNotFound: "unlisted", http.StatusOK: "listed"})
		},
	},
	{
		quirk: "empty-repository", rights: "push metadata_read", empty: true, requests: 8,
		run: func(b *bench) string {
			b.need(b.delete(b.v2("/manifests/"+b.push(b.tag("v1"), "image"))), http.StatusAccepted)
			return status(b.get(b.v1("")), map[int]string{http.StatusNotFound: "remove", http.StatusOK: "keep"})
		},
	},
	{
		quirk: "empty-manifest-list", rights: "push metadata_read", empty: true, requests: 8,
		note: "only where an emptied repository stays",
		run: func(b *bench) string {
			b.need(b.delete(b.v2("/manifests/"+b.push(b.tag("v1"), "image"))), http.StatusAccepted)
			r := b.get(b.v1("/_manifests"))
			if r.status == http.StatusNotFound {
				b.skip("the service removes a repository with its last manifest")
			}
			return contains(r, `"manifests":null`, "null", `"manifests":[]`, "array")
		},
	},
	{
		quirk: "empty-catalog", rights: "catalog", requests: 1,
		run: func(b *bench) string {
			// Nothing comes after the greatest name.
			r := b.get("/acr/v1/_catalog?last=" + strings.Repeat("z", 250))
			return contains(r, `"repositories":null`, "null", `"repositories":[]`, "array")
		},
	},
}

// code chooses a value by the response's error code.
func code(r response, values map[string]string) string {
	for _, c := range r.codes() {
		if value, ok := values[c]; ok {
			return value
		}
	}
	return ""
}

// contains chooses a value by a text in the body; pairs are texts and values.
func contains(r response, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		if strings.Contains(r.body, pairs[i]) {
			return pairs[i+1]
		}
	}
	return ""
}

// routeExperiments need no content.
var routeExperiments = []experiment{
	{
		quirk: "server-header", requests: 1,
		run: func(b *bench) string { return b.plain(http.MethodGet, "/v2/").header.Get("Server") },
	},
	{
		quirk: "correlation-id", requests: 1,
		run: func(b *bench) string {
			const mine = "0f8fad5b-d9cb-469f-a165-70867728950e"
			r := b.plain(http.MethodGet, "/v2/", "X-Ms-Correlation-Request-Id", mine)
			got := r.header.Get("X-Ms-Correlation-Request-Id")
			return either(got == mine, "echo", either(got != "", "own", ""))
		},
	},
	{
		quirk: "base-without-slash", requests: 1,
		run: func(b *bench) string {
			return status(b.plain(http.MethodGet, "/v2"), map[int]string{401: "same", 200: "same", 301: "redirect", 307: "redirect", 308: "redirect"})
		},
	},
	{
		quirk: "method-not-allowed", requests: 1,
		run: func(b *bench) string {
			return status(b.plain(http.MethodPost, "/acr/v1/_catalog"), map[int]string{401: "405", 404: "404"})
		},
	},
	{
		quirk: "api-version", requests: 1,
		run: func(b *bench) string {
			return status(b.plain(http.MethodGet, "/acr/v1/_catalog?api-version=1999-01-01"), map[int]string{401: "ignore", 400: "refuse"})
		},
	},
	{
		quirk: "invalid-name", requests: 1,
		run: func(b *bench) string {
			return status(b.plain(http.MethodGet, b.v2("/Upper/manifests/v1")), map[int]string{404: "not-found", 400: "refuse"})
		},
	},
	{
		quirk: "repository-length", requests: 1,
		run: func(b *bench) string {
			name := b.service.Repository + "/"
			r := b.plain(http.MethodGet, "/acr/v1/"+name+strings.Repeat("a", max(0, 256-len(name))))
			return status(r, map[int]string{404: "255", 400: "255", 401: "256"})
		},
	},
	{
		quirk: "invalid-last", rights: "catalog", requests: 1,
		run: func(b *bench) string {
			return status(b.get("/acr/v1/_catalog?last=A%20B"), map[int]string{200: "ignore", 400: "refuse"})
		},
	},
	{
		quirk: "referrers-scope", requests: 1,
		run: func(b *bench) string {
			r := b.plain(http.MethodGet, b.v2("/referrers/"+b.absent()))
			_, action, _ := strings.Cut(challengeScope(r.header.Get("Www-Authenticate")), "repository:"+b.service.Repository+":")
			return either(action == "pull" || action == "metadata_read", action, "")
		},
	},
	{
		quirk: "upload-status-scope", requests: 1,
		run: func(b *bench) string {
			r := b.plain(http.MethodGet, b.v2("/blobs/uploads/00000000-0000-4000-8000-000000000000"))
			switch strings.Count(r.body, `"Action"`) {
			case 1:
				return "pull"
			case 2:
				return "pull,push"
			}
			return ""
		},
	},
	{
		quirk: "unknown-manifest-detail", rights: "pull push", requests: 8,
		run: func(b *bench) string {
			// In a repository that exists.
			b.push(b.tag("v1"), "image")
			r := b.get(b.v2("/manifests/"+b.absent()), "Accept", "*/*")
			if code(r, map[string]string{"MANIFEST_UNKNOWN": "x"}) == "" {
				return ""
			}
			return either(strings.Contains(r.body, `"Revision"`), "revision", "absent")
		},
	},
	{
		quirk: "unknown-blob-detail", rights: "pull", requests: 1,
		run: func(b *bench) string {
			r := b.get(b.v2("/blobs/" + b.absent()))
			if code(r, map[string]string{"BLOB_UNKNOWN": "x"}) == "" {
				return ""
			}
			return either(strings.Contains(r.body, `"detail":"sha256:`), "digest", "absent")
		},
	},
}

// tokenExperiments ask the token endpoints.
var tokenExperiments = []experiment{
	{
		quirk: "invalid-token", requests: 1,
		run: func(b *bench) string {
			r := b.plain(http.MethodGet, "/v2/", "Authorization", "Bearer x.y.z")
			challenge := r.header.Get("Www-Authenticate")
			switch {
			case strings.Contains(challenge, `error="invalid_token"`):
				return "invalid_token"
			case challenge != "" && !strings.Contains(challenge, "error="):
				return "none"
			}
			return ""
		},
	},
	{
		quirk: "foreign-service", requests: 1,
		run: func(b *bench) string {
			r := b.do(form("/oauth2/exchange", "grant_type", "access_token", "service", "other.azurecr.io", "access_token", "x.y.z"))
			return status(r, map[int]string{401: "401", 400: "400"})
		},
	},
	{
		quirk: "malformed-form", requests: 1,
		run: func(b *bench) string {
			return status(b.do(form("/oauth2/token", "service", b.host)), map[int]string{400: "400", 401: "401"})
		},
	},
	{
		quirk: "token-error-correlation-id", requests: 1,
		run: func(b *bench) string {
			r := b.plain(http.MethodGet, "/oauth2/token?service="+b.host+"&scope=repository:"+b.service.Repository+":pull",
				"Authorization", basic("acrkit-nobody", "wrong"))
			if code(r, map[string]string{"UNAUTHORIZED": "x"}) == "" {
				return ""
			}
			return either(strings.Contains(r.body, " CorrelationId: "), "on", "off")
		},
	},
	{
		quirk: "token-member", rights: "signin", requests: 1,
		run: func(b *bench) string {
			r := b.ownToken()
			return either(strings.Contains(r.body, `"token":"`), "on", "off")
		},
	},
	{
		quirk: "access-token-spelling", rights: "signin", requests: 1,
		run: func(b *bench) string {
			claims := b.claims(b.ownToken())
			return contains(claims, `"Actions":`, "capitalised", `"actions":`, "lower-case")
		},
	},
	{
		quirk: "access-token-registry-id", rights: "signin", requests: 1,
		run: func(b *bench) string {
			claims := b.claims(b.ownToken())
			return either(strings.Contains(claims.body, `"rid":`), "on", either(claims.body != "", "off", ""))
		},
	},
	{
		quirk: "offline-token", rights: "signin", entra: true, requests: 1,
		run: func(b *bench) string {
			refresh := b.refreshToken("", b.service.Login)
			r := b.plain(http.MethodGet, "/oauth2/token?service="+b.host+"&offline_token=true",
				"Authorization", basic("00000000-0000-0000-0000-000000000000", refresh))
			if member(r.body, "access_token") == "" {
				return ""
			}
			return either(member(r.body, "refresh_token") != "", "null-guid", "off")
		},
	},
}

// ownToken gets a token for the repository, and is evidence.
func (b *bench) ownToken() response {
	scope := "repository:" + b.service.Repository + ":pull"
	r := b.tokenResponse("", b.service.Login, scope)
	if b.err == nil {
		b.record(request{method: http.MethodPost, path: "/oauth2/token"}, r)
	}
	if b.err == nil && member(r.body, "access_token") == "" {
		b.skip("the token endpoint gave no token, but %d", r.status)
	}
	return r
}

// claims are the claims of an access token as they are written.
func (b *bench) claims(r response) response {
	parts := strings.Split(member(r.body, "access_token"), ".")
	if len(parts) != 3 {
		return response{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return response{}
	}
	return response{body: string(payload)}
}
