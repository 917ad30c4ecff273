package neutral

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// tokenLifetime is long enough for any run, since renewal isn't what is
// compared.
const tokenLifetime = 4500 * time.Second

// auth knows which scopes each access token has. Who calls is never asked:
// every credential may do everything it asks for.
type auth struct {
	serial atomic.Int64
	scopes sync.Map // access token → []string
}

// token makes a JWT with nothing but the claims clients read. The serial
// number is padded so that the payload needs no base64url-only characters,
// which the official library cannot decode.
func (a *auth) token(kind string) string {
	encode := base64.RawStdEncoding.EncodeToString
	claims := fmt.Sprintf(`{"iss":"neutral","grant_type":"%s","jti":"%09d","exp":%d}`,
		kind, a.serial.Add(1), time.Now().Add(tokenLifetime).Unix())
	return encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(claims)) + ".c2lnbmF0dXJl"
}

func (st *stage) serveOAuth(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		writeError(w, http.StatusBadRequest, "UNSUPPORTED", err.Error())
		return
	}
	switch r.URL.Path {
	case "/oauth2/exchange":
		st.exchanges.Add(1)
		if r.Form.Get("access_token") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		writeJSON(w, http.StatusOK, fmt.Appendf(nil, `{"refresh_token":%q}`, st.auth.token("refresh_token")))
	case "/oauth2/token":
		st.tokens.Add(1)
		var scopes []string
		for _, field := range r.Form["scope"] {
			scopes = append(scopes, strings.Fields(field)...)
		}
		token := st.auth.token("access_token")
		st.auth.scopes.Store(token, scopes)
		writeJSON(w, http.StatusOK, fmt.Appendf(nil, `{"access_token":%q}`, token))
	default:
		http.NotFound(w, r)
	}
}

// admit answers 401 itself when the request's token lacks one of the scopes,
// each "type:name:action[,action]", separated by spaces.
func (st *stage) admit(w http.ResponseWriter, r *http.Request, scope string) bool {
	failure, ok := st.authorize(r, scope)
	if ok {
		return true
	}
	st.unauthorized.Add(1)
	challenge := fmt.Sprintf(`Bearer realm="%s://%s/oauth2/token",service="%s"`, st.scheme(), st.registry, st.registry)
	if scope != "" {
		challenge += fmt.Sprintf(`,scope="%s"`, scope)
	}
	w.Header().Set("WWW-Authenticate", challenge+failure)
	writeError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	return false
}

func (st *stage) authorize(r *http.Request, scope string) (failure string, ok bool) {
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return "", false
	}
	granted, known := st.auth.scopes.Load(bearer)
	if !known {
		return `,error="invalid_token"`, false
	}
	if !covers(granted.([]string), strings.Fields(scope)) {
		return `,error="insufficient_scope"`, false
	}
	return "", true
}

func covers(granted, needed []string) bool {
	for _, need := range needed {
		name, actions, ok := cutLast(need, ":")
		if !ok {
			return false
		}
		for action := range strings.SplitSeq(actions, ",") {
			if !slices.ContainsFunc(granted, func(have string) bool {
				haveName, haveActions, ok := cutLast(have, ":")
				return ok && haveName == name && slices.Contains(strings.Split(haveActions, ","), action)
			}) {
				return false
			}
		}
	}
	return true
}
