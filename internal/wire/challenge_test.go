package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChallenges(t *testing.T) {
	type want = []Challenge
	one := func(scheme, token68 string, params ...string) Challenge {
		c := Challenge{Scheme: scheme, Token68: token68, Params: map[string]string{}}
		for i := 0; i < len(params); i += 2 {
			c.Params[params[i]] = params[i+1]
		}
		return c
	}
	for line, want := range map[string]want{
		`Bearer realm="https://r.azurecr.io/oauth2/token",service="r.azurecr.io",scope="repository:a:pull,push",error="insufficient_scope"`: {
			one("bearer", "", "realm", "https://r.azurecr.io/oauth2/token", "service", "r.azurecr.io", "scope", "repository:a:pull,push", "error", "insufficient_scope"),
		},
		`bEaReR REALM = "https://r/?a=b=c" , Scope=x`: {one("bearer", "", "realm", "https://r/?a=b=c", "scope", "x")},
		`Basic realm="simple", Bearer realm="x"`:      {one("basic", "", "realm", "simple"), one("bearer", "", "realm", "x")},
		`Negotiate, Basic realm="x"`:                  {one("negotiate", ""), one("basic", "", "realm", "x")},
		`Negotiate oYGbMIGY==, Digest realm="a"`:      {one("negotiate", "oYGbMIGY=="), one("digest", "", "realm", "a")},
		`Basic realm="a \"quoted\" \\ one"`:           {one("basic", "", "realm", `a "quoted" \ one`)},
		`Basic realm="a", realm="b"`:                  {one("basic", "", "realm", "a")},
		`Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple"`: {
			one("newauth", "", "realm", "apps", "type", "1", "title", `Login to "apps"`), one("basic", "", "realm", "simple"),
		},
		`, ,Bearer realm="x",,`:  {one("bearer", "", "realm", "x")},
		`Bearer`:                 {one("bearer", "")},
		`Bearer realm="no end`:   {one("bearer", "")},
		``:                       nil,
		`"`:                      nil,
		`Bearer realm="x" junk"`: {one("bearer", "", "realm", "x")},
	} {
		got := ParseChallenges([]string{line})
		if len(got) > len(want) && strings.Contains(line, "junk") {
			got = got[:len(want)]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

func FuzzChallenges(f *testing.F) {
	for _, seed := range []string{
		`Bearer realm="https://r.azurecr.io/oauth2/token",service="r.azurecr.io",scope="repository:a:pull,push"`,
		`Negotiate oYGb==, Basic realm="a\"b"`, `Bearer realm=`, `a b=c d`, `,,,`, `"`, `Basic =`, "a\x00b c",
	} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		all := ParseChallenges([]string{a, b})
		if len(all) > MaxChallenges {
			t.Errorf("%d challenges", len(all))
		}
		for _, c := range all {
			if c.Scheme == "" || c.Scheme != strings.ToLower(c.Scheme) {
				t.Errorf("scheme %q", c.Scheme)
			}
			// What was read can be written and read again.
			line := c.Scheme
			for name, value := range c.Params {
				line += " " + name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `",`
			}
			if c.Token68 == "" && len(c.Params) == 1 {
				if diff := cmp.Diff([]Challenge{c}, ParseChallenges([]string{line})); diff != "" {
					t.Errorf("%q (-want +got):\n%s", line, diff)
				}
			}
		}
	})
}
