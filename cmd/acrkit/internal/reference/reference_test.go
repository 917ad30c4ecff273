package reference

import (
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

func TestReferences(t *testing.T) {
	const digest = "sha256:0000000000000000000000000000000000000000000000000000000000000001"
	for _, c := range []struct{ text, own, want, endpoint string }{
		{"local/app:1", "", "local/app:1", "https://local"},
		{"local/app", "myreg", "local/app", "https://local"},
		{"myreg.azurecr.io/team/app:1@" + digest, "", "myreg.azurecr.io/team/app:1@" + digest, "https://myreg.azurecr.io"},
		{"MyReg.azurecr.io/app", "", "myreg.azurecr.io/app", "https://myreg.azurecr.io"},
		{"app:1", "myreg", "myreg.azurecr.io/app:1", "https://myreg.azurecr.io"},
		{"team/app@" + digest, "myreg.azurecr.cn", "myreg.azurecr.cn/team/app@" + digest, "https://myreg.azurecr.cn"},
		{"localhost/app", "", "localhost/app", "http://localhost"},
		{"127.0.0.1:5000/app:1", "other", "127.0.0.1:5000/app:1", "http://127.0.0.1:5000"},
		{"[::1]:5000/app", "", "[::1]:5000/app", "http://[::1]:5000"},
		{"https://localhost:5000/app", "", "https://localhost:5000/app", "https://localhost:5000"},
		{"registry:5000/app", "", "registry:5000/app", "https://registry:5000"},
	} {
		got, err := Parse(c.text, c.own)
		if err != nil {
			t.Errorf("%s (ACR_REGISTRY=%s): %v", c.text, c.own, err)
			continue
		}
		if got.String() != c.want || got.Registry.Endpoint() != c.endpoint {
			t.Errorf("%s (ACR_REGISTRY=%s): %s at %s, want %s at %s", c.text, c.own, got, got.Registry.Endpoint(), c.want, c.endpoint)
		}
	}
}

func TestReferencesThatCannotBe(t *testing.T) {
	for text, rule := range map[string]string{
		"":                                      "empty",
		"app:1":                                 "ACR_REGISTRY is not set",
		"team/app":                              "ACR_REGISTRY is not set; write team.azurecr.io/app if team is the registry, or local/team/app",
		"local/":                                "names no repository",
		"local//app":                            "repository",
		"local/App":                             "lower-case",
		"local/app:":                            "tag",
		"local/app:" + strings.Repeat("x", 129): "tag",
		"local/app@sha256:xyz":                  "digest",
		"local/app@md5:" + strings.Repeat("0", 32): "digest",
		"local/../app":                      "repository",
		"http://example.com/app":            "plain http",
		"ex ample.com/app":                  "white space",
		"local/app?x=y":                     "repository",
		"user:pw@host.io/app":               "not a host",
		"local/" + strings.Repeat("a", 257): "repository",
	} {
		if got, err := Parse(text, ""); err == nil || !strings.Contains(err.Error(), rule) || failure.ExitCode(err) != failure.ExitUsage {
			t.Errorf("%q: %v, %v; want a usage error about %q", text, got, err, rule)
		}
	}
}

// FuzzReference holds that what was read can be written and read again, and
// that no path reaches a registry that its grammar doesn't have.
func FuzzReference(f *testing.F) {
	for _, seed := range []string{"local/app:1", "myreg.azurecr.io/a/b@sha256:00", "app", "https://[::1]:1/a", "localhost:5000", "a..b/c", "\x00", "x@y:z"} {
		f.Add(seed, "")
		f.Add(seed, "myreg")
	}
	f.Fuzz(func(t *testing.T, text, own string) {
		r, err := ParseAny(text, own)
		if err != nil {
			return
		}
		if strings.ContainsAny(r.String(), " \t\r\n?#%\x00") || strings.Contains(r.Repository, "..") {
			t.Errorf("%q became %q", text, r)
		}
		if again, err := ParseAny(r.String(), ""); err != nil || again != r {
			t.Errorf("%q became %q, which is read as %q, %v", text, r, again, err)
		}
	})
}
