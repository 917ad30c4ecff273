package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	acr "github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/acrkit/azcontainerregistry/interop/programs/internal/signin"
)

// whole writes all of a request but what changes with each run.
func whole(r *http.Request) string {
	lines := []string{r.Method + " " + r.URL.String(), "host " + r.Host, fmt.Sprint("length ", r.ContentLength), fmt.Sprint("body ", r.Body != nil, r.GetBody != nil)}
	for name, values := range r.Header {
		if name == "User-Agent" {
			before, _, _ := strings.Cut(values[0], "/v")
			values = []string{before}
		}
		lines = append(lines, name+": "+strings.Join(values, "|"))
	}
	if r.Body != nil {
		data, err := io.ReadAll(r.Body)
		if form, e := url.ParseQuery(string(data)); e == nil && strings.HasPrefix(r.URL.Path, "/oauth2/") {
			data = []byte(form.Encode())
		}
		lines = append(lines, fmt.Sprintf("content %q %v", data, err))
	}
	slices.Sort(lines[2:])
	return strings.Join(lines, "\n")
}

// options is each call again, with its options.
var options = []call{
	{"ListRepositories", func(ctx context.Context, c clients) (any, error) {
		return c.NewListRepositoriesPager(&acr.ClientListRepositoriesOptions{Last: to.Ptr("a b"), MaxNum: to.Ptr[int32](3)}).NextPage(ctx)
	}},
	{"ListTags", func(ctx context.Context, c clients) (any, error) {
		return c.NewListTagsPager("app", &acr.ClientListTagsOptions{Last: to.Ptr("a&b"), MaxNum: to.Ptr[int32](3), OrderBy: to.Ptr(acr.ArtifactTagOrderByLastUpdatedOnDescending), Digest: to.Ptr(sum)}).NextPage(ctx)
	}},
	{"ListManifests", func(ctx context.Context, c clients) (any, error) {
		return c.NewListManifestsPager("app", &acr.ClientListManifestsOptions{Last: to.Ptr("a=b"), MaxNum: to.Ptr[int32](3), OrderBy: to.Ptr(acr.ArtifactManifestOrderByNone)}).NextPage(ctx)
	}},
	{"UpdateRepositoryProperties", func(ctx context.Context, c clients) (any, error) {
		return c.UpdateRepositoryProperties(ctx, "app", &acr.ClientUpdateRepositoryPropertiesOptions{Value: &acr.RepositoryWriteableProperties{CanDelete: to.Ptr(true), CanWrite: azcore.NullValue[*bool]()}})
	}},
	{"UpdateManifestProperties", func(ctx context.Context, c clients) (any, error) {
		return c.UpdateManifestProperties(ctx, "app", sum, &acr.ClientUpdateManifestPropertiesOptions{Value: &acr.ManifestWriteableProperties{}})
	}},
	{"UpdateTagProperties nil", func(ctx context.Context, c clients) (any, error) {
		return c.UpdateTagProperties(ctx, "app", "v1", &acr.ClientUpdateTagPropertiesOptions{})
	}},
	{"GetManifest", func(ctx context.Context, c clients) (any, error) {
		r, err := c.GetManifest(ctx, "app", "v1", &acr.ClientGetManifestOptions{Accept: to.Ptr("application/vnd.oci.image.index.v1+json")})
		return read(r.ManifestData, err)
	}},
	{"GetManifest empty", func(ctx context.Context, c clients) (any, error) {
		r, err := c.GetManifest(ctx, "app", "v1", &acr.ClientGetManifestOptions{Accept: to.Ptr("")})
		return read(r.ManifestData, err)
	}},
	{"UploadChunk", func(ctx context.Context, c clients) (any, error) {
		return c.blobs.UploadChunk(ctx, "/v2/app/blobs/uploads/1?_state=a%2Bb&x=1", strings.NewReader("test"), acr.NewBlobDigestCalculator(), &acr.BlobClientUploadChunkOptions{RangeStart: to.Ptr[int32](4), RangeEnd: to.Ptr[int32](7)})
	}},
	{"UploadChunk empty", func(ctx context.Context, c clients) (any, error) {
		return c.blobs.UploadChunk(ctx, "/v2/app/blobs/uploads/1", strings.NewReader(""), acr.NewBlobDigestCalculator(), nil)
	}},
	{"CompleteUpload", func(ctx context.Context, c clients) (any, error) {
		return c.blobs.CompleteUpload(ctx, "/v2/app/blobs/uploads/1?z=1&_state=a%2Bb&a=", acr.NewBlobDigestCalculator(), nil)
	}},
	{"CompleteUpload twice", func(ctx context.Context, c clients) (any, error) {
		return c.blobs.CompleteUpload(ctx, "/v2/app/blobs/uploads/1?digest=x", acr.NewBlobDigestCalculator(), nil)
	}},
	{"ExchangeEntra", func(ctx context.Context, c clients) (any, error) {
		return c.auth.ExchangeAADAccessTokenForACRRefreshToken(ctx, acr.PostContentSchemaGrantTypeAccessTokenRefreshToken, "a&b", &acr.AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions{AccessToken: to.Ptr("a+b"), RefreshToken: to.Ptr(""), Tenant: to.Ptr("t")})
	}},
	{"ExchangeRefresh", func(ctx context.Context, c clients) (any, error) {
		return c.auth.ExchangeACRRefreshTokenForACRAccessToken(ctx, "", "", "", &acr.AuthenticationClientExchangeACRRefreshTokenForACRAccessTokenOptions{GrantType: to.Ptr(acr.TokenGrantTypePassword)})
	}},
}

// statuses are responses that some call takes for success.
var statuses = []int{200, 201, 202, 204, 206, 301, 304, 400, 404, 409, 416}

// requests shows every request whole, and what is made of every status.
func requests(s section) {
	for _, all := range [][]call{every, options} {
		for _, c := range all {
			for kind, credential := range map[string]azcore.TokenCredential{"anonymous": nil, "credential": signin.Credential()} {
				var seen []string
				f := guarded(challenge, func(*http.Request) *http.Response { return respond(404, refused) })
				if kind == "anonymous" {
					f = always(404, refused)
				}
				t := transport(func(r *http.Request) (*http.Response, error) {
					seen = append(seen, whole(r))
					resp := f.response(r)
					resp.Request = r
					return resp, nil
				})
				_, _ = c.do(context.Background(), connect(credential, with(t)))
				what := fmt.Sprint("whole ", c.name, " ", kind, " ", len(all))
				for i, text := range seen {
					for line := range strings.Lines(text) {
						s.say(fmt.Sprint(what, " ", i), strings.TrimSpace(line))
					}
				}
			}
			for _, status := range statuses {
				for _, body := range []string{onePage, ""} {
					f := always(status, body, "Docker-Content-Digest", "sha256:aa", "Docker-Upload-Uuid", "u", "Range", "0-3", "Content-Range", "bytes 0-3/9", "Location", "/v2/app/x?_state=b", "Content-Length", "9", "Link", "")
					s.try(fmt.Sprint(c.name, " ", status, " ", len(body)), func() (any, error) { return c.do(context.Background(), connect(nil, with(f))) })
				}
			}
		}
	}
}

// servers shows what arrives at a server.
func servers(s section) {
	ctx := context.Background()
	for _, keep := range []bool{true, false} {
		for _, c := range every {
			var seen []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				data, _ := io.ReadAll(r.Body)
				line := fmt.Sprintf("%s %s %d %v %q", r.Method, r.RequestURI, r.ContentLength, r.TransferEncoding, data)
				if strings.HasPrefix(r.URL.Path, "/oauth2/") {
					line = r.Method + " " + r.RequestURI
				}
				for _, name := range []string{"Expect", "Accept", "Accept-Encoding", "Content-Type", "Connection", "Cookie", "X-Mine"} {
					if v := r.Header.Values(name); len(v) > 0 {
						line += fmt.Sprint(" ", name, "=", v)
					}
				}
				seen = append(seen, line)
				http.SetCookie(w, &http.Cookie{Name: "c", Value: "1"})
				switch {
				case r.URL.Path == "/oauth2/exchange":
					io.WriteString(w, `{"refresh_token":"`+token()+`"}`)
				case r.URL.Path == "/oauth2/token":
					io.WriteString(w, `{"access_token":"`+token()+`"}`)
				case r.Header.Get("Authorization") == "":
					w.Header().Set("WWW-Authenticate", challenge)
					w.WriteHeader(401)
				default:
					w.WriteHeader(404)
					io.WriteString(w, refused)
				}
			}))
			o := azcore.ClientOptions{Retry: policy.RetryOptions{MaxRetries: -1}, Transport: server.Client()}
			if !keep {
				o.Transport = nil
			}
			o.PerCallPolicies = []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
				req.Raw().Header.Set("X-Mine", "1")
				return req.Next()
			})}
			client, _ := acr.NewClient(server.URL, signin.Credential(), &acr.ClientOptions{ClientOptions: o})
			blobs, _ := acr.NewBlobClient(server.URL, signin.Credential(), &acr.BlobClientOptions{ClientOptions: o})
			auth, _ := acr.NewAuthenticationClient(server.URL, &acr.AuthenticationClientOptions{ClientOptions: o})
			_, err := c.do(ctx, clients{client, blobs, auth})
			s.say(c.name, fmt.Sprintf("%T: %v", err, err))
			for i, line := range seen {
				s.say(fmt.Sprint(c.name, " ", keep, " request ", i), line)
			}
			server.Close()
		}
	}
}
