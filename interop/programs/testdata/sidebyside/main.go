// Command sidebyside does everything that a program can do with v0.2.3 of the
// official library, to fakes of its own, and prints what came of it: results,
// dynamic types and texts of errors, captured responses, spans, log events and
// the requests that were sent. Its test builds it a second time with the import
// changed, and compares the two line by line.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

const endpoint = "https://contoso.azurecr.io"

// section prints the lines of one part: "F3/listing requests = …".
type section struct{ name string }

func (s section) say(what string, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s/%s = %s\n", s.name, what, text)
}

// try runs f and says what its error is; a panic is said, too.
func (s section) try(what string, f func() (any, error)) {
	defer func() {
		if p := recover(); p != nil {
			s.say(what, "panic")
		}
	}()
	value, err := f()
	if err != nil {
		s.say(what, fmt.Sprintf("%T: %v", err, err))
		return
	}
	s.say(what, value)
}

// fake is a transport that responds as a function says and keeps what it saw.
type fake struct {
	mu       sync.Mutex
	seen     []string
	response func(*http.Request) *http.Response
}

func (f *fake) Do(req *http.Request) (*http.Response, error) {
	body := ""
	if req.Body != nil {
		data, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		body = string(data)
	}
	line := req.Method + " " + req.URL.String()
	if a := req.Header.Get("Authorization"); a != "" {
		line += " authorization " + strings.SplitN(a, ".", 2)[0]
	}
	for _, name := range []string{"Content-Range", "Content-Type", "Range"} {
		if v := req.Header.Get(name); v != "" {
			line += " " + strings.ToLower(name) + " " + v
		}
	}
	if body != "" && !strings.HasPrefix(req.URL.Path, "/oauth2/") {
		line += " body " + body
	}
	f.mu.Lock()
	f.seen = append(f.seen, line)
	f.mu.Unlock()
	resp := f.response(req)
	resp.Request = req
	return resp, nil
}

func (f *fake) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := f.seen
	f.seen = nil
	return seen
}

func respond(status int, body string, header ...string) *http.Response {
	resp := &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
	for i := 0; i+1 < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}

// always is a fake with one response.
func always(status int, body string, header ...string) *fake {
	return &fake{response: func(*http.Request) *http.Response { return respond(status, body, header...) }}
}

const challenge = `Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io",scope="repository:app:metadata_read"`

const refused = `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required, visit https://aka.ms/acr/authorization for more information."}]}`

// token is a JWT that lives for an hour.
func token() string { return signin.Token(time.Now().Add(time.Hour)) }

// guarded is a fake that wants a token, whose challenge is header.
func guarded(header string, next func(*http.Request) *http.Response) *fake {
	return &fake{response: func(req *http.Request) *http.Response {
		switch {
		case strings.HasSuffix(req.URL.Path, "/oauth2/exchange"):
			return respond(http.StatusOK, `{"refresh_token":"`+token()+`"}`)
		case strings.HasSuffix(req.URL.Path, "/oauth2/token"):
			return respond(http.StatusOK, `{"access_token":"`+token()+`"}`)
		case req.Header.Get("Authorization") == "":
			return respond(http.StatusUnauthorized, refused, "WWW-Authenticate", header)
		}
		return next(req)
	}}
}

// inTurn responds one after the other, the last one for ever.
func inTurn(all ...func() *http.Response) *fake {
	n := 0
	return &fake{response: func(*http.Request) *http.Response {
		i := min(n, len(all)-1)
		n++
		return all[i]()
	}}
}

func with(f policy.Transporter) azcore.ClientOptions {
	return azcore.ClientOptions{Transport: f, Retry: policy.RetryOptions{MaxRetries: -1}}
}

type policyFunc func(*policy.Request) (*http.Response, error)

func (f policyFunc) Do(req *policy.Request) (*http.Response, error) { return f(req) }

func main() {
	for _, s := range sections {
		if len(os.Args) > 1 && os.Args[1] != s.name {
			continue
		}
		s.run(section{s.name})
	}
}
