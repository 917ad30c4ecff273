package wire

import (
	"errors"
	"testing"
)

func TestNextLink(t *testing.T) {
	for line, want := range map[string]string{
		`</acr/v1/_catalog?last=alpine&n=1&orderby=>; rel="next"`: `/acr/v1/_catalog?last=alpine&n=1&orderby=`,
		`</a>; REL=NEXT`:                                             `/a`,
		`</a> ; rel = "prev next"`:                                   `/a`,
		`</p>; rel="prev", </n>; rel="next"`:                         `/n`,
		`</p>; title="a, <b>; rel=\"next\""; rel=prev,</n>;rel=next`: `/n`,
		`</p>; rel="prev"; rel="next"`:                               ``,
		`</a>`:                                                       `/a`,
		`</a>; title="x"`:                                            `/a`,
		`</s>; title="x", </n>; rel=next`:                            `/n`,
		`</a>; rel='next'`:                                           `/a`,
		`</a>; rel="preload"`:                                        ``,
		`</a>; rel="https://example.com/next"`:                       ``,
		`</a>; rel="next";`:                                          `/a`,
		`</a>; rel="next"; title*=UTF-8''x`:                          `/a`,
		``:                                                           ``,
		`</a?b=c,d;e>; rel="next"`:                                   `/a?b=c,d;e`,
	} {
		if got, err := NextLink([]string{line}); err != nil || got != want {
			t.Errorf("%s: %q, %v", line, got, err)
		}
	}
	if got, err := NextLink([]string{`</p>; rel="prev"`, `</n>; rel="next"`}); err != nil || got != "/n" {
		t.Errorf("two lines: %q, %v", got, err)
	}
	for _, line := range []string{
		`/a; rel="next"`, `</a; rel="next"`, `<>; rel="next"`, `</a> rel="next"`, `</a>; rel="next`, `<`, `>`, `</a>; ="next"`, `</a>; rel`, `</a>; rel='prev next'`, `</a>; rel=""`, `</a>; rel="n€xt"`, `</a>; rel=“next”`, "</a\nb>; rel=next", `<  >;rel=next`,
	} {
		if got, err := NextLink([]string{line}); !errors.Is(err, ErrMalformedLink) {
			t.Errorf("%s: %q, %v", line, got, err)
		}
	}
}

func FuzzNextLink(f *testing.F) {
	for _, seed := range []string{`</acr/v1/_catalog?last=alpine&n=1&orderby=>; rel="next"`, `</p>; title="a, <b>"; rel=prev,</n>;rel=next`, `<`, `;`, `<a>;`, `<a>;rel="`, `<a>;rel='next'`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		target, err := NextLink([]string{line})
		if err != nil && target != "" {
			t.Errorf("%q and %v", target, err)
		}
		if target == "" {
			return
		}
		if again, err := NextLink([]string{"<" + target + `>; rel="next"`}); err != nil || again != target {
			t.Errorf("%q, read again: %q, %v", target, again, err)
		}
	})
}
