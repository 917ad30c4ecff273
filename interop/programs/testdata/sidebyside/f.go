package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/tracing"
	acr "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

const onePage = `{"registry":"contoso.azurecr.io","imageName":"app","tags":[{"name":"v1"}]}`

func listTags(c clients) func() (any, error) {
	return func() (any, error) {
		page, err := c.NewListTagsPager("app", nil).NextPage(context.Background())
		return len(page.Tags), err
	}
}

type counting struct {
	azcore.TokenCredential
	calls int
	err   error
}

func (c *counting) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.calls++
	if c.err != nil {
		return azcore.AccessToken{}, c.err
	}
	return signin.Credential().GetToken(ctx, o)
}

func tokens(s section) {
	plain := always(200, onePage)
	credential := &counting{}
	s.try("plain fake", listTags(connect(nil, with(plain))))
	s.try("plain fake with a credential", listTags(connect(credential, with(plain))))
	s.say("requests", plain.requests())
	s.say("credential asked", credential.calls)

	script := inTurn(
		func() *http.Response { return respond(401, refused, "WWW-Authenticate", challenge) },
		func() *http.Response { return respond(200, `{"refresh_token":"`+token()+`"}`) },
		func() *http.Response { return respond(200, `{"access_token":"`+token()+`"}`) },
		func() *http.Response { return respond(200, onePage) },
	)
	s.try("script", listTags(connect(credential, with(script))))
	s.say("script requests", script.requests())

	for _, header := range []string{
		challenge,
		strings.Replace(challenge, "https://contoso.azurecr.io/", "https://elsewhere.example/", 1),
		strings.Replace(challenge, `service="contoso.azurecr.io"`, `service="other.azurecr.io"`, 1),
		`Bearer realm="https://contoso.azurecr.io/oauth2/token"`, "Basic realm=x", "",
	} {
		f := guarded(header, func(*http.Request) *http.Response { return respond(200, onePage) })
		s.try("challenge "+header, listTags(connect(signin.Credential(), with(f))))
		s.say("challenge "+header+" requests", f.requests())
		s.try("anonymous, challenge "+header, listTags(connect(nil, with(f))))
		s.say("anonymous, challenge "+header+" requests", f.requests())
	}
	for status, body := range map[int]string{401: refused, 403: `{"errors":[{"code":"DENIED","message":"no"}]}`, 200: `{}`} {
		f := guarded(challenge, func(*http.Request) *http.Response { return respond(200, onePage) })
		inner := f.response
		f.response = func(r *http.Request) *http.Response {
			if r.Method == http.MethodPost {
				return respond(status, body)
			}
			return inner(r)
		}
		s.try(fmt.Sprint("token endpoint ", status), listTags(connect(signin.Credential(), with(f))))
	}
	o := with(always(500, ""))
	o.PerRetryPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
		resp := respond(200, onePage)
		resp.Request = req.Raw()
		return resp, nil
	})}
	s.try("policy that responds", listTags(connect(credential, o)))
	s.say("credential asked at the end", credential.calls)
}

func failures(s section) {
	boom := errors.New("boom")
	for _, c := range every {
		f := always(404, `{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]}`)
		s.try(c.name+" 404", func() (any, error) {
			v, err := c.do(context.Background(), connect(signin.Credential(), with(f)))
			e, ok := err.(*azcore.ResponseError)
			if ok {
				s.say(c.name+" 404 code", []any{e.StatusCode, e.ErrorCode})
				body, _ := io.ReadAll(e.RawResponse.Body)
				s.say(c.name+" 404 body", string(body))
			}
			return v, err
		})
		s.say(c.name+" 404 requests", f.requests())
		failing := transport(func(*http.Request) (*http.Response, error) { return nil, boom })
		_, err := c.do(context.Background(), connect(nil, with(failing)))
		s.say(c.name+" transport's error", err == boom)
		_, err = c.do(context.Background(), connect(&counting{err: boom}, with(guarded(challenge, nil))))
		s.say(c.name+" credential's error", err == boom)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err = c.do(ctx, connect(nil, with(transport(func(r *http.Request) (*http.Response, error) { return nil, r.Context().Err() }))))
		s.say(c.name+" canceled", err == context.Canceled)
		_, err = c.do(context.Background(), connect(nil, with(always(500, "oh"))))
		s.say(c.name+" 500", fmt.Sprintf("%T: %v", err, err))
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) Do(r *http.Request) (*http.Response, error) { return f(r) }

func names(s section) {
	ctx := context.Background()
	for _, name := range []string{"team/app", "a/b/c", "app name", "Team/App", "-v1", "v+1", "ä", ""} {
		f := always(404, "{}")
		c := connect(nil, with(f))
		for what, call := range map[string]func() (any, error){
			"properties": func() (any, error) { return c.GetRepositoryProperties(ctx, name, nil) },
			"tags":       func() (any, error) { return c.NewListTagsPager(name, nil).NextPage(ctx) },
			"manifests":  func() (any, error) { return c.NewListManifestsPager(name, nil).NextPage(ctx) },
			"tag":        func() (any, error) { return c.GetTagProperties(ctx, name, name, nil) },
			"manifest": func() (any, error) {
				_, err := c.GetManifest(ctx, name, name, nil)
				return nil, err
			},
			"manifest properties": func() (any, error) { return c.GetManifestProperties(ctx, name, name, nil) },
			"blob": func() (any, error) {
				_, err := c.blobs.GetBlob(ctx, name, sum, nil)
				return nil, err
			},
			"upload": func() (any, error) { return c.blobs.StartUpload(ctx, name, nil) },
			"mount":  func() (any, error) { return c.blobs.MountBlob(ctx, name, name, sum, nil) },
		} {
			s.try(name+" "+what, call)
			s.say(name+" "+what+" requests", f.requests())
		}
	}
}

func ownAuthorization(s section) {
	for _, value := range []string{"Basic " + base64.StdEncoding.EncodeToString([]byte("user:password")), "Bearer abc"} {
		f := guarded(challenge, func(*http.Request) *http.Response { return respond(200, onePage) })
		o := with(f)
		o.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
			req.Raw().Header.Set("Authorization", value)
			return req.Next()
		})}
		s.try("policy "+value, listTags(connect(nil, o)))
		s.try("policy with a credential "+value, listTags(connect(signin.Credential(), o)))
		s.say("policy requests "+value, f.requests())
		c := connect(signin.Credential(), with(f))
		ctx := policy.WithHTTPHeader(context.Background(), http.Header{"Authorization": {value}})
		for _, call := range every {
			_, err := call.do(ctx, c)
			if call.name == "ListTags" {
				s.say("header "+value, fmt.Sprint(err))
			}
			if !strings.HasPrefix(call.name, "Exchange") {
				s.say("header requests of "+call.name+" "+value, f.requests())
			}
			f.requests()
		}
	}
}

func arguments(s section) {
	ctx := context.Background()
	ok := func(req *http.Request) *http.Response {
		switch req.Method {
		case http.MethodPut:
			return respond(201, "", "Docker-Content-Digest", "sha256:other", "Location", "/v2/x")
		case http.MethodPatch:
			return respond(202, "", "Range", "0-3")
		case http.MethodPost:
			return respond(202, "")
		case http.MethodDelete:
			return respond(202, "{}")
		}
		return respond(200, "{}", "Docker-Content-Digest", "sha256:aaa", "Content-Length", "2")
	}
	f := &fake{response: ok}
	c := connect(nil, with(f))
	for _, digest := range []string{"sha256:aaa", "digest", strings.ToUpper(sum), "sha256:" + strings.Repeat("a", 64), ""} {
		for what, call := range map[string]func() (any, error){
			"GetManifestProperties": func() (any, error) { return c.GetManifestProperties(ctx, "app", digest, nil) },
			"DeleteManifest":        func() (any, error) { return c.DeleteManifest(ctx, "app", digest, nil) },
			"GetManifest": func() (any, error) {
				r, err := c.GetManifest(ctx, "app", digest, nil)
				return read(r.ManifestData, err)
			},
			"CheckBlobExists": func() (any, error) { return c.blobs.CheckBlobExists(ctx, "app", digest, nil) },
			"GetBlob": func() (any, error) {
				r, err := c.blobs.GetBlob(ctx, "app", digest, nil)
				return read(r.BlobData, err)
			},
			"MountBlob": func() (any, error) { return c.blobs.MountBlob(ctx, "app", "base", digest, nil) },
			"filter": func() (any, error) {
				return c.NewListTagsPager("app", &acr.ClientListTagsOptions{Digest: &digest}).NextPage(ctx)
			},
			"UploadManifest": func() (any, error) {
				return c.UploadManifest(ctx, "app", digest, "application/json", upload("{}"), nil)
			},
		} {
			s.try(what+" "+digest, call)
			s.say(what+" "+digest+" requests", f.requests())
		}
	}
	for _, r := range []string{"bytes=0-", "bytes=-5", "0-3", "bytes=0-1,3-4", ""} {
		s.try("GetChunk "+r, func() (any, error) {
			resp, err := c.blobs.GetChunk(ctx, "app", sum, r, nil)
			return read(resp.ChunkData, err)
		})
		s.try("CheckChunkExists "+r, func() (any, error) { return c.blobs.CheckChunkExists(ctx, "app", sum, r, nil) })
		s.say("ranges "+r+" requests", f.requests())
	}
	for _, contentType := range []acr.ContentType{"x", "", "application/json"} {
		for _, data := range []string{"", "{}"} {
			s.try(fmt.Sprint("UploadManifest ", contentType, " ", data), func() (any, error) {
				return c.UploadManifest(ctx, "app", "v1", contentType, upload(data), nil)
			})
			s.say(fmt.Sprint("UploadManifest ", contentType, " ", data, " requests"), f.requests())
		}
	}
	s.try("UploadManifest nil", func() (any, error) { return c.UploadManifest(ctx, "app", "v1", "application/json", nil, nil) })
	s.say("UploadManifest nil requests", f.requests())
	for _, r := range [][2]*int32{{to.Ptr[int32](0), to.Ptr[int32](4)}, {nil, to.Ptr[int32](3)}, {to.Ptr[int32](0), nil}, {to.Ptr[int32](-1), to.Ptr[int32](-1)}, {to.Ptr[int32](0), to.Ptr[int32](3)}} {
		what := "UploadChunk"
		for _, p := range r {
			if p == nil {
				what += " nil"
			} else {
				what += fmt.Sprint(" ", *p)
			}
		}
		s.try(what, func() (any, error) {
			return c.blobs.UploadChunk(ctx, "/v2/app/blobs/uploads/1?_state=a", strings.NewReader("test"), acr.NewBlobDigestCalculator(), &acr.BlobClientUploadChunkOptions{RangeStart: r[0], RangeEnd: r[1]})
		})
		s.say(what+" requests", f.requests())
	}
	for _, location := range []string{"", "x", "v2/app/blobs/uploads/1", "/v2/app/blobs/uploads/1"} {
		s.try("GetUploadStatus "+location, func() (any, error) { return c.blobs.GetUploadStatus(ctx, location, nil) })
		s.try("CompleteUpload "+location, func() (any, error) {
			return c.blobs.CompleteUpload(ctx, location, acr.NewBlobDigestCalculator(), nil)
		})
		s.say("location "+location+" requests", f.requests())
	}
	s.try("UploadChunk nil chunk", func() (any, error) {
		return c.blobs.UploadChunk(ctx, "/v2/app/blobs/uploads/1", nil, acr.NewBlobDigestCalculator(), nil)
	})
	s.try("UploadChunk nil calculator", func() (any, error) {
		return c.blobs.UploadChunk(ctx, "/v2/app/blobs/uploads/1", strings.NewReader("x"), nil, nil)
	})
	s.try("CompleteUpload nil calculator", func() (any, error) { return c.blobs.CompleteUpload(ctx, "/v2/app/blobs/uploads/1", nil, nil) })
	for _, digest := range []string{"sha256:wrong", strings.ToUpper(sum), "sha256", "sha256:", "md5:aa", ""} {
		s.try("NewDigestValidationReader "+digest, func() (any, error) {
			r, err := acr.NewDigestValidationReader(digest, strings.NewReader("x"))
			if err != nil {
				return nil, err
			}
			_, err = io.ReadAll(r)
			return nil, err
		})
	}
	f.requests()
	for _, n := range []int32{0, -1, 5} {
		_, err := c.NewListRepositoriesPager(&acr.ClientListRepositoriesOptions{MaxNum: &n, Last: to.Ptr("")}).NextPage(ctx)
		s.say(fmt.Sprint("MaxNum ", n), []any{fmt.Sprint(err), f.requests()})
	}
}

func capturing(s section) {
	for _, status := range []int{200, 404} {
		for _, c := range every {
			var raw *http.Response
			f := always(status, onePage, "Location", "/v2/x", "Docker-Content-Digest", sum)
			_, err := c.do(policy.WithCaptureResponse(context.Background(), &raw), connect(nil, with(f)))
			what := fmt.Sprint(c.name, " ", status)
			s.say(what+" failed", err != nil)
			if raw == nil {
				s.say(what, "nothing")
				continue
			}
			if body, err := io.ReadAll(raw.Body); status != 200 || c.name != "GetManifest" && c.name != "GetBlob" {
				s.say(what, []any{raw.StatusCode, string(body), fmt.Sprint(err)})
			}
		}
	}
}

func constructors(s section) {
	for _, address := range []string{
		"https://contoso.azurecr.io", "https://contoso.azurecr.io/", "contoso.azurecr.io", "test", "", "https://gateway/acr", "http://registry:5000",
		"http://10.0.0.5:5000", "http://host.docker.internal:5000", "http://127.0.0.1:5000", "http://contoso.azurecr.io", "https://user:pw@contoso.azurecr.io", "https://contoso.azurecr.io?x=y", "://", "https://[::1",
	} {
		f := guarded(challenge, func(*http.Request) *http.Response { return respond(200, onePage) })
		s.try("NewClient "+address, func() (any, error) {
			c, err := acr.NewClient(address, signin.Credential(), &acr.ClientOptions{ClientOptions: with(f)})
			if err != nil {
				return nil, fmt.Errorf("constructor: %w", err)
			}
			page, err := c.NewListTagsPager("app", nil).NextPage(context.Background())
			return len(page.Tags), err
		})
		s.say("NewClient "+address+" requests", f.requests())
		s.try("NewAuthenticationClient "+address, func() (any, error) {
			c, err := acr.NewAuthenticationClient(address, &acr.AuthenticationClientOptions{ClientOptions: with(f)})
			if err != nil {
				return nil, fmt.Errorf("constructor: %w", err)
			}
			_, err = c.ExchangeACRRefreshTokenForACRAccessToken(context.Background(), "contoso.azurecr.io", "x", "r", nil)
			return nil, err
		})
		s.say("NewAuthenticationClient "+address+" requests", f.requests())
	}
	for name, configuration := range map[string]cloud.Configuration{
		"no services": {ActiveDirectoryAuthorityHost: "https://login.example"},
		"no audience": {Services: map[cloud.ServiceName]cloud.ServiceConfiguration{acr.ServiceName: {}}},
		"public":      cloud.AzurePublic, "china": cloud.AzureChina, "government": cloud.AzureGovernment,
	} {
		o := azcore.ClientOptions{Cloud: configuration}
		_, err := acr.NewClient(endpoint, signin.Credential(), &acr.ClientOptions{ClientOptions: o})
		_, err2 := acr.NewBlobClient(endpoint, signin.Credential(), &acr.BlobClientOptions{ClientOptions: o})
		_, err3 := acr.NewAuthenticationClient(endpoint, &acr.AuthenticationClientOptions{ClientOptions: o})
		_, err4 := acr.NewClient(endpoint, nil, &acr.ClientOptions{ClientOptions: o})
		s.say("cloud "+name, []string{fmt.Sprint(err), fmt.Sprint(err2), fmt.Sprint(err3), fmt.Sprint(err4)})
	}
}

func retriedPages(s section) {
	for _, broken := range []func() *http.Response{
		func() *http.Response { return respond(503, "") },
		func() *http.Response { return respond(200, `{"tags":[`) },
	} {
		f := inTurn(
			func() *http.Response { return respond(200, onePage, "Link", `</acr/v1/app/_tags?last=v1>; rel="next"`) },
			broken,
			func() *http.Response { return respond(200, strings.Replace(onePage, "v1", "v2", 1)) },
		)
		var names []string
		pager := connect(nil, with(f)).NewListTagsPager("app", nil)
		for n := 0; pager.More() && n < 5; n++ {
			page, err := pager.NextPage(context.Background())
			if err != nil {
				continue
			}
			for _, tag := range page.Tags {
				names = append(names, *tag.Name)
			}
		}
		s.say("names", names)
		s.say("requests", f.requests())
	}
}

// cut is a body that breaks off.
type cut struct{ *strings.Reader }

func (c cut) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (cut) Close() error { return nil }

func pipelines(s section) {
	for _, retries := range []int32{-1, 1} {
		f := &fake{response: func(*http.Request) *http.Response {
			resp := respond(200, onePage)
			resp.Body = cut{strings.NewReader(`{"tags":[`)}
			return resp
		}}
		o := with(f)
		o.Retry = policy.RetryOptions{MaxRetries: retries, RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond}
		seen := 0
		o.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
			resp, err := req.Next()
			if err != nil {
				seen++
			}
			return resp, err
		})}
		s.try(fmt.Sprint("cut, retries ", retries), listTags(connect(nil, o)))
		s.say(fmt.Sprint("cut, retries ", retries, " requests"), f.requests())
		s.say("policy saw", seen)
	}
	o := with(always(200, onePage))
	o.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
		resp, err := req.Next()
		if err == nil {
			_, _ = io.ReadAll(resp.Body)
			_, err = resp.Body.(io.Seeker).Seek(0, io.SeekStart)
		}
		return resp, err
	})}
	s.try("policy that reads", listTags(connect(nil, o)))
	var events []string
	log.SetListener(func(event log.Event, text string) {
		has := ""
		for _, part := range []string{"ROUTE", `"name":"v1"`, "Authorization", "REDACTED"} {
			if strings.Contains(text, part) {
				has += " " + part
			}
		}
		events = append(events, string(event)+has)
	})
	o = with(guarded(challenge, func(*http.Request) *http.Response { return respond(200, onePage) }))
	o.Logging.IncludeBody = true
	s.try("logged bodies", listTags(connect(signin.Credential(), o)))
	log.SetListener(nil)
	s.say("log", events)
}

func links(s section) {
	for _, link := range []string{
		`</acr/v1/app/_tags?last=v1>; rel="next"`, `</acr/v1/app/_tags?last=v1>; rel=next`, `</acr/v1/app/_tags?last=v1&n=1&orderby=>;rel="Next"`,
		`</acr/v1/app/_tags?last=v1>`, `</acr/v1/app/_tags?last=v1>; rel='next'`, `<https://contoso.azurecr.io/acr/v1/app/_tags?last=v1>; rel="next"`, "broken", "<broken", "<>",
	} {
		f := inTurn(
			func() *http.Response { return respond(200, onePage, "Link", link) },
			func() *http.Response { return respond(200, onePage) },
		)
		pager := connect(nil, with(f)).NewListTagsPager("app", nil)
		s.try("first "+link, func() (any, error) { return pager.NextPage(context.Background()) })
		s.say("more "+link, pager.More())
		s.try("second "+link, func() (any, error) { return pager.NextPage(context.Background()) })
		s.say("requests "+link, f.requests())
	}
	for _, body := range []string{"{}", "", "null", `{"tags":[null]}`, `{"tags":[{}]}`, `{"tags":null}`, "[]", "<html>", `{"tags":[{"name":"a","createdTime":"x"}]}`} {
		s.try("page "+body, listTags(connect(nil, with(always(200, body)))))
	}
}

// hosts hides the addresses of servers.
func hosts(text string, servers ...*httptest.Server) string {
	for i, server := range servers {
		text = strings.ReplaceAll(text, server.URL, fmt.Sprintf("http://server%d", i))
	}
	return text
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func httpClients(s section) {
	ctx := context.Background()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.say("other server's request", []string{r.Method, r.URL.Path, r.Header.Get("Authorization")})
		io.WriteString(w, onePage)
	}))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/oauth2/exchange":
			io.WriteString(w, `{"refresh_token":"`+token()+`"}`)
		case r.URL.Path == "/oauth2/token":
			io.WriteString(w, `{"access_token":"`+token()+`"}`)
		case r.Header.Get("Authorization") == "" && r.URL.Path != "/moved":
			w.Header().Set("WWW-Authenticate", challenge)
			w.WriteHeader(401)
		case strings.Contains(r.URL.Path, "away"):
			http.Redirect(w, r, other.URL+"/away", http.StatusTemporaryRedirect)
		case strings.Contains(r.URL.Path, "near"):
			http.Redirect(w, r, "/moved", http.StatusTemporaryRedirect)
		default:
			io.WriteString(w, onePage)
		}
	}))
	defer server.Close()
	checked := 0
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { checked++; return nil }}
	c, err := acr.NewClient(server.URL, signin.Credential(), &acr.ClientOptions{ClientOptions: with(client)})
	if err != nil {
		panic(err)
	}
	b, err := acr.NewBlobClient(server.URL, signin.Credential(), &acr.BlobClientOptions{ClientOptions: with(client)})
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"near", "away"} {
		s.try(name+" properties", func() (any, error) { return c.GetRepositoryProperties(ctx, name, nil) })
		s.try(name+" tags", func() (any, error) {
			page, err := c.NewListTagsPager(name, nil).NextPage(ctx)
			return len(page.Tags), err
		})
		s.try(name+" delete", func() (any, error) { return c.DeleteTag(ctx, name, "v1", nil) })
		s.try(name+" manifest", func() (any, error) {
			r, err := c.GetManifest(ctx, name, "v1", nil)
			return read(r.ManifestData, err)
		})
		s.try(name+" blob", func() (any, error) {
			r, err := b.GetBlob(ctx, name, sum, nil)
			return read(r.BlobData, err)
		})
		s.say(name+" CheckRedirect called", checked)
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("no redirects") }
	s.try("forbidden redirect", func() (any, error) {
		_, err := c.GetRepositoryProperties(ctx, "near", nil)
		return nil, errors.New(hosts(fmt.Sprintf("%T: %v", err, err), server, other))
	})
	client.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		resp := respond(200, onePage)
		resp.Request = r
		return resp, nil
	})
	s.try("transport set later", func() (any, error) {
		page, err := c.NewListTagsPager("app", nil).NextPage(ctx)
		return len(page.Tags), err
	})
}

func gateways(s section) {
	f := guarded(challenge, func(*http.Request) *http.Response { return respond(200, onePage) })
	o := with(f)
	o.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
		req.Raw().URL.Host = "gateway.internal"
		return req.Next()
	})}
	s.try("rewritten host", listTags(connect(signin.Credential(), o)))
	s.say("requests", f.requests())
}

func manifests(s section) {
	ctx := context.Background()
	for _, digest := range []string{"", "sha256:aaaa", sum} {
		c := connect(nil, with(always(200, `{"schemaVersion":2}`, "Docker-Content-Digest", digest, "Content-Type", "application/json")))
		for _, reference := range []string{"v1", sum} {
			s.try(digest+" GetManifest "+reference, func() (any, error) {
				r, err := c.GetManifest(ctx, "app", reference, nil)
				s.say(digest+" "+reference+" stated", r.DockerContentDigest)
				return read(r.ManifestData, err)
			})
		}
		s.try(digest+" GetBlob", func() (any, error) {
			r, err := c.blobs.GetBlob(ctx, "app", sum, nil)
			return read(r.BlobData, err)
		})
	}
}

func lengths(s section) {
	for _, length := range []string{"4", "", "x"} {
		resp := func() *http.Response {
			r := respond(200, "test")
			r.ContentLength = 0
			if length != "" {
				r.Header.Set("Content-Length", length)
			}
			return r
		}
		c := connect(nil, with(&fake{response: func(*http.Request) *http.Response { return resp() }}))
		s.try("GetBlob "+length, func() (any, error) {
			r, err := c.blobs.GetBlob(context.Background(), "app", sum, nil)
			return r.ContentLength, err
		})
		s.try("CheckBlobExists "+length, func() (any, error) {
			r, err := c.blobs.CheckBlobExists(context.Background(), "app", sum, nil)
			return r.ContentLength, err
		})
		s.try("GetChunk "+length, func() (any, error) {
			r, err := c.blobs.GetChunk(context.Background(), "app", sum, "bytes=0-3", nil)
			return []any{r.ContentLength, r.ContentRange}, err
		})
	}
}

func sentinels(s section) {
	r, err := acr.NewDigestValidationReader(sum, strings.NewReader("x"))
	s.say("constructor", fmt.Sprint(err))
	_, err = io.ReadAll(r)
	s.say("mismatch", []any{err == acr.ErrMismatchedHash, fmt.Sprint(err)})
	_, err = acr.NewDigestValidationReader("sha1:aa", strings.NewReader("x"))
	s.say("algorithm", []any{err == acr.ErrDigestAlgNotSupported, fmt.Sprint(err)})
	s.say("texts", []string{acr.ErrMismatchedHash.Error(), acr.ErrDigestAlgNotSupported.Error()})
}

func literals(s section) {
	_ = acr.ClientOptions{azcore.ClientOptions{}}
	_ = acr.BlobClientOptions{azcore.ClientOptions{}}
	o := acr.ClientOptions{}
	_ = acr.AuthenticationClientOptions(o)
	s.say("content types", len(acr.PossibleContentTypeValues()))
	for name, t := range map[string]any{
		"ClientOptions": acr.ClientOptions{}, "BlobClientOptions": acr.BlobClientOptions{}, "AuthenticationClientOptions": acr.AuthenticationClientOptions{},
		"UploadChunkOptions": acr.BlobClientUploadChunkOptions{}, "GetManifestResponse": acr.ClientGetManifestResponse{}, "GetUploadStatusResponse": acr.BlobClientGetUploadStatusResponse{},
		"DeleteManifestOptions": acr.ClientDeleteManifestOptions{}, "ListTagsOptions": acr.ClientListTagsOptions{},
	} {
		var fields []string
		for i := range reflect.TypeOf(t).NumField() {
			fields = append(fields, reflect.TypeOf(t).Field(i).Name)
		}
		s.say("fields of "+name, fields)
	}
}

func emptyResponses(s section) {
	for _, body := range []string{"", "{}", "null", "{"} {
		for _, call := range every {
			s.try(call.name+" 200 "+body, func() (any, error) {
				return call.do(context.Background(), connect(nil, with(always(200, body))))
			})
		}
	}
}

func nilContexts(s section) {
	for _, call := range every {
		f := always(200, onePage)
		s.try(call.name, func() (any, error) {
			_, err := call.do(nil, connect(nil, with(f))) //nolint:staticcheck // nil is what is tested
			return nil, err
		})
		s.say(call.name+" requests", f.requests())
	}
}

func reflection(s section) {
	f := always(200, "{}")
	client := &http.Client{}
	for _, t := range []policy.Transporter{f, client} {
		c, err := acr.NewAuthenticationClient(endpoint, &acr.AuthenticationClientOptions{ClientOptions: with(t)})
		s.say("constructor", fmt.Sprint(err))
		v := reflect.ValueOf(c).Elem()
		s.say("endpoint", v.FieldByName("endpoint").String())
		s.say("internal", v.FieldByName("internal").Type().String())
		policies := v.FieldByName("internal").Elem().FieldByName("pl").FieldByName("policies")
		last := policies.Index(policies.Len() - 1)
		s.say("transport", []any{last.Elem().Type().String(), last.Elem().FieldByName("trans").Elem().Type().String()})
	}
}

func small(s section) {
	for _, call := range every {
		var spans []string
		o := with(always(404, refused))
		o.TracingProvider = tracing.NewProvider(func(name, version string) tracing.Tracer {
			s.say("tracer of "+call.name, name)
			return tracing.NewTracer(func(ctx context.Context, span string, so *tracing.SpanOptions) (context.Context, tracing.Span) {
				spans = append(spans, span)
				return ctx, tracing.NewSpan(tracing.SpanImpl{
					End: func() {},
					SetAttributes: func(all ...tracing.Attribute) {
						for _, a := range all {
							spans = append(spans, fmt.Sprintf("%s %s=%v", span, a.Key, a.Value))
						}
					},
					AddEvent: func(string, ...tracing.Attribute) {},
					SetStatus: func(status tracing.SpanStatus, text string) {
						spans = append(spans, fmt.Sprintf("%s status %d %s", span, status, text))
					},
				})
			}, nil)
		}, nil)
		_, _ = call.do(context.Background(), connect(nil, o))
		s.say("spans of "+call.name, spans)
	}
	var agent string
	o := with(&fake{response: func(r *http.Request) *http.Response {
		agent = r.Header.Get("User-Agent")
		return respond(200, onePage)
	}})
	o.Telemetry.ApplicationID = "mine"
	_, _ = listTags(connect(nil, o))()
	before, _, _ := strings.Cut(agent, "/v")
	s.say("user agent", before)
	var form string
	f := &fake{response: func(r *http.Request) *http.Response { return respond(200, `{"access_token":"x"}`) }}
	t := transport(func(r *http.Request) (*http.Response, error) {
		data, _ := io.ReadAll(r.Body)
		form = string(data)
		r.Body = io.NopCloser(bytes.NewReader(data))
		return f.Do(r)
	})
	c := connect(nil, with(t))
	for _, grant := range []*acr.TokenGrantType{nil, to.Ptr(acr.TokenGrantTypePassword), to.Ptr(acr.TokenGrantTypeRefreshToken)} {
		_, err := c.auth.ExchangeACRRefreshTokenForACRAccessToken(context.Background(), "contoso.azurecr.io", "repository:app:pull", "r", &acr.AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenOptions{GrantType: grant})
		fields := strings.Split(form, "&")
		slices.Sort(fields)
		s.say("form", []any{fmt.Sprint(err), fields})
	}
	for _, body := range []string{`{"createdTime":"2024-01-02t03:04:05z"}`, `{"imageSize":1e3}`, `{"createdTime":"2024-01-02T03:04:05.123Z"}`} {
		var m acr.ManifestAttributes
		err := m.UnmarshalJSON([]byte(body))
		s.say("model "+body, []any{m, fmt.Sprint(err)})
	}
}
