package names

import (
	"net/url"
	"strings"
	"testing"
)

var hash = strings.Repeat("0a", 32)

func TestNamesFollowTheGrammar(t *testing.T) {
	for _, test := range []struct {
		is        func(string) bool
		good, bad []string
	}{
		{
			IsRepository,
			[]string{"a", "team/app", "a.b_c__d-e---f", "1/2/3", strings.Repeat("a", MaxRepository)},
			[]string{"", "Team/app", "a b", "/a", "a/", "a//b", "-a", "a-", "a..b", "a___b", "a:b", "..", strings.Repeat("a", MaxRepository+1)},
		},
		{
			IsTag,
			[]string{"v1", "_", "A.b-c_d", strings.Repeat("a", MaxTag)},
			[]string{"", "-v1", ".v1", "v+1", "a:b", "a/b", strings.Repeat("a", MaxTag+1)},
		},
		{
			IsDigest,
			[]string{"sha256:" + hash, "sha512:" + hash, "a+b:Z_=-"},
			[]string{"", "sha256:", "sha256:aaa", "sha256:" + strings.ToUpper(hash), hash, "SHA512:00", "a:b:c", "sha512:" + strings.Repeat("0", maxDigest)},
		},
		{IsSHA256, []string{"sha256:" + hash}, []string{"sha512:" + hash, "sha256:" + hash + "0", hash}},
		{IsReference, []string{"latest", "sha256:" + hash}, []string{"", "sha256:aaa", "a/b"}},
	} {
		for _, s := range test.good {
			if !test.is(s) {
				t.Errorf("%q is refused", s)
			}
		}
		for _, s := range test.bad {
			if test.is(s) {
				t.Errorf("%q is accepted", s)
			}
		}
	}
}

// FuzzNames looks that a name that is taken can stand in a path as it is.
func FuzzNames(f *testing.F) {
	for _, seed := range []string{"app", "team/app", "v1", "a/../b", "sha256:" + hash, "sha512:00", "a%2Fb", "a?b", "a#b", "é", "", ".", "..", "a:b:c", "x\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !IsRepository(s) && !IsTag(s) && !IsDigest(s) && !IsReference(s) {
			return
		}
		path := "/v2/" + s + "/x"
		u, err := url.Parse("https://contoso.azurecr.io" + path)
		if err != nil || u.EscapedPath() != path || u.RawQuery != "" || u.Fragment != "" || u.JoinPath().EscapedPath() != path {
			t.Errorf("%q is %q in a path", s, u)
		}
	})
}
