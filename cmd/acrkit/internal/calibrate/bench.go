package calibrate

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

// bench is what an experiment works with. Its methods do nothing once err is
// set, so that an experiment reads as a list of steps.
type bench struct {
	service      Service
	host, scheme string
	o            *Options
	progress     *Progress
	rights       map[string]bool
	empty        bool // the repository had no content

	tokens  map[string]string // access tokens by login and scope, empty where none is given
	scopes  map[string]string // what a kind of request was found to need
	refresh map[Role]string   // refresh tokens

	ctx       context.Context
	quirk     string
	names     map[string]string // what stands for a digest in the evidence
	exchanges []Exchange
	err       error
}

// skipError ends an experiment whose precondition turned out not to hold.
type skipError struct{ why string }

func (e *skipError) Error() string { return e.why }

func newRunID() string {
	id := make([]byte, 8)
	// It never fails (crypto/rand).
	_, _ = rand.Read(id)
	return hex.EncodeToString(id)
}

func (b *bench) begin(ctx context.Context, e experiment) {
	b.ctx, b.quirk, b.exchanges, b.err = ctx, e.quirk, nil, nil
}

// skip ends the experiment.
func (b *bench) skip(format string, args ...any) {
	if b.err == nil {
		b.err = &skipError{fmt.Sprintf(format, args...)}
	}
}

// wait waits, for the service to do something by itself.
func (b *bench) wait(d time.Duration) {
	if b.err == nil {
		b.err = b.o.Sleep(b.ctx, d)
	}
}

// request is a request of an experiment.
type request struct {
	method, path string
	body         []byte
	cut          int // send so many bytes of body and break off
	header       []string
	as           Role   // another identity than the main one
	scope        string // sign in for this alone, and not again
	plain        bool   // without signing in
	quiet        bool   // not part of the evidence
}

// response is a response that was read whole.
type response struct {
	status int
	header http.Header
	body   string
}

// codes are the error codes of the body.
func (r response) codes() []string {
	var envelope struct {
		Errors []struct{ Code string }
	}
	if json.Unmarshal([]byte(r.body), &envelope) != nil {
		return nil
	}
	var codes []string
	for _, e := range envelope.Errors {
		codes = append(codes, e.Code)
	}
	return codes
}

// maxBody bounds what is read of a response.
const maxBody = 8 << 20

// tries of a request that is throttled or that the service fails at, and the
// longest wait between two.
const (
	maxTries   = 5
	longestTry = time.Minute
)

// do sends a request, signed in unless it says otherwise. It paces itself by the
// rate headers, and tries again what is throttled.
func (b *bench) do(r request) response {
	if b.err != nil {
		return response{}
	}
	var got response
	for try := 1; ; try++ {
		got = b.signedIn(r)
		if b.err != nil {
			return got
		}
		if got.status != http.StatusTooManyRequests && got.status != http.StatusServiceUnavailable || try == maxTries {
			break
		}
		pause := min(time.Duration(max(1, number(got.header.Get("Retry-After"))))*time.Second, longestTry)
		b.o.Note("%s: %d, continuing in %s", b.quirk, got.status, pause)
		b.wait(pause)
	}
	if !r.quiet {
		b.record(r, got)
	}
	b.pace(got)
	return got
}

// pace waits when the service says that its rate is used up.
func (b *bench) pace(r response) {
	left := r.header.Get("X-Ms-Ratelimit-Remaining-Calls-Per-Second")
	if rate, err := strconv.ParseFloat(left, 64); err == nil && rate < 2 {
		b.wait(time.Second)
	}
}

func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// signedIn sends a request with a token, and with another one when that is
// refused.
func (b *bench) signedIn(r request) response {
	login, known := b.login(r.as)
	if r.plain || !known {
		return b.send(r, "")
	}
	kind := string(r.as) + " " + r.method + " " + kindOf(r.path)
	scope := b.scopes[kind]
	if scope == "" {
		scope = b.wideScope()
	}
	if r.scope != "" {
		return b.send(r, b.token(r.as, login, r.scope))
	}
	token := b.token(r.as, login, scope)
	got := b.send(r, token)
	if b.err != nil || got.status != http.StatusUnauthorized {
		return got
	}
	challenge := got.header.Get("Www-Authenticate")
	asked := challengeScope(challenge)
	if !strings.Contains(challenge, "insufficient_scope") {
		// What is cached has expired.
		delete(b.tokens, tokenKey(r.as, scope))
		delete(b.tokens, tokenKey(r.as, asked))
		delete(b.refresh, r.as)
	}
	if token = b.token(r.as, login, asked); token == "" {
		return got
	}
	b.scopes[kind] = asked
	return b.send(r, token)
}

// kindOf is what a path is about, which decides the scope that it needs.
func kindOf(path string) string {
	for _, kind := range []string{"/_deleted/", "/_catalog", "/_tags", "/_manifests", "/blobs/uploads", "/blobs/", "/manifests/", "/tags/list", "/referrers/"} {
		if strings.Contains(path, kind) {
			return kind
		}
	}
	return ""
}

func (b *bench) login(as Role) (Login, bool) {
	if as == "" {
		return b.service.Login, !b.service.Login.none()
	}
	login, ok := b.service.Others[as]
	return login, ok
}

// wideScope is everything that the script does.
func (b *bench) wideScope() string {
	return "repository:" + b.service.Repository + ":pull,push,delete,metadata_read,metadata_write,deleted_read,deleted_restore registry:catalog:* registry:deleted_catalog:*"
}

var scopeAttribute = pattern.New(`scope="([^"]*)"`)

func challengeScope(challenge string) string {
	if m := scopeAttribute.FindStringSubmatch(challenge); m != nil {
		return m[1]
	}
	return ""
}

func tokenKey(as Role, scope string) string { return string(as) + "\x00" + scope }

// token is an access token, or empty where none is given.
func (b *bench) token(as Role, login Login, scope string) string {
	key := tokenKey(as, scope)
	if token, asked := b.tokens[key]; asked || b.err != nil {
		return token
	}
	got := b.tokenResponse(as, login, scope)
	b.tokens[key] = member(got.body, "access_token")
	return b.tokens[key]
}

// tokenResponse asks the token endpoint.
func (b *bench) tokenResponse(as Role, login Login, scope string) response {
	if login.Username != "" {
		query := url.Values{"service": {b.host}}
		for s := range strings.FieldsSeq(scope) {
			query.Add("scope", s)
		}
		return b.send(request{method: http.MethodGet, path: "/oauth2/token?" + query.Encode(), header: []string{"Authorization", basic(login.Username, login.Password)}}, "")
	}
	refresh := b.refreshToken(as, login)
	if refresh == "" {
		return response{}
	}
	return b.send(form("/oauth2/token", "grant_type", "refresh_token", "service", b.host, "scope", scope, "refresh_token", refresh), "")
}

// refreshToken is the refresh token of a login that has one.
func (b *bench) refreshToken(as Role, login Login) string {
	if login.RefreshToken != "" || b.err != nil {
		return login.RefreshToken
	}
	if token := b.refresh[as]; token != "" || login.Entra == nil {
		return token
	}
	got := b.exchange(login)
	if b.refresh == nil {
		b.refresh = map[Role]string{}
	}
	b.refresh[as] = member(got.body, "refresh_token")
	return b.refresh[as]
}

// exchange turns an Entra token into a refresh token.
func (b *bench) exchange(login Login) response {
	entra, err := login.Entra(b.ctx)
	if err != nil {
		b.err = fmt.Errorf("get an Entra token: %w", err)
		return response{}
	}
	return b.send(form("/oauth2/exchange", "grant_type", "access_token", "service", b.host, "access_token", entra), "")
}

func basic(username, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
}

func member(body, name string) string {
	var members map[string]any
	if json.Unmarshal([]byte(body), &members) != nil {
		return ""
	}
	text, _ := members[name].(string)
	return text
}

// form is a POST of a form.
func form(path string, pairs ...string) request {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return request{method: http.MethodPost, path: path, body: []byte(values.Encode()), plain: true, header: []string{"Content-Type", "application/x-www-form-urlencoded"}}
}

var errCut = errors.New("broken off on purpose")

// send sends one request.
func (b *bench) send(r request, token string) response {
	if b.err != nil {
		return response{}
	}
	target := r.path
	if !strings.Contains(target, "://") {
		target = b.scheme + "://" + b.host + target
	}
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Minute)
	defer cancel()
	var body io.Reader = bytes.NewReader(r.body)
	if r.cut > 0 {
		body = io.MultiReader(bytes.NewReader(r.body[:r.cut]), failing{})
	}
	q, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		b.err = err
		return response{}
	}
	q.ContentLength = int64(len(r.body))
	q.Header.Set("User-Agent", "acrkit calibrate")
	for i := 0; i < len(r.header); i += 2 {
		q.Header.Set(r.header[i], r.header[i+1])
	}
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	got, err := b.service.Transport.RoundTrip(q)
	if r.cut > 0 {
		// That it fails is what is asked for.
		if err == nil {
			_ = got.Body.Close()
		}
		return response{}
	}
	if err != nil {
		b.err = b.broken(err)
		return response{}
	}
	defer got.Body.Close()
	content, err := io.ReadAll(io.LimitReader(got.Body, maxBody))
	if err != nil {
		b.err = b.broken(fmt.Errorf("read the response: %w", err))
		return response{}
	}
	return response{got.StatusCode, got.Header, string(content)}
}

// broken prefers the reason for which the run was stopped.
func (b *bench) broken(err error) error {
	if b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	return err
}

// failing breaks a request off.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errCut }

func digestOf(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

// absent is the digest of a content that nobody pushes.
func (b *bench) absent() string { return b.named("absent", []byte("absent "+b.progress.Run)) }

// named is the digest of a content, with a name for it in the evidence.
func (b *bench) named(name string, content []byte) string {
	digest := digestOf(content)
	b.names[digest] = "<digest of " + name + ">"
	return digest
}

// v2 and v1 are paths of the repository in either API.
func (b *bench) v2(path string) string { return "/v2/" + b.service.Repository + path }

func (b *bench) v1(path string) string { return "/acr/v1/" + b.service.Repository + path }
