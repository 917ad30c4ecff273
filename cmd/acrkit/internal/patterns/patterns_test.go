package patterns

import (
	"strings"
	"testing"
)

func TestWhatIsNoPatternOfTagsIsRefusedWithThePosition(t *testing.T) {
	for text, want := range map[string]string{"a:b": "character 2", "team/x": "character 5", "[ab]": "'['", "": "empty"} {
		if _, err := ParseTags(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for text, want := range map[string]string{"a(b": "character 1", `1\.(`: "character 1", "x[": "character 2"} {
		if _, err := ParseTagExpression(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestTagsAreChosen(t *testing.T) {
	for _, c := range []struct {
		pattern, tag string
		want         bool
	}{
		{"1.*", "1.0", true}, {"1.*", "11", false}, {"?.0", "2.0", true}, {"ci-**", "ci-a.b_c", true}, {"v1", "v10", false},
	} {
		tags, err := ParseTags(c.pattern)
		if err != nil || tags.Match(c.tag) != c.want {
			t.Errorf("%s and %s: %v, %v", c.pattern, c.tag, !c.want, err)
		}
	}
	tags, err := ParseTagExpression("^v[0-9]+$")
	if err != nil || !tags.Match("v12") || tags.Match("v1a") {
		t.Errorf("an expression chooses something else: %v", err)
	}
	if none := (*Tags)(nil); !none.Match("x") {
		t.Error("no pattern doesn't choose every tag")
	}
}

func FuzzTags(f *testing.F) {
	for _, text := range []string{"1.*", "a:b", "[", "(?i)x", "**", `\`} {
		f.Add(text, "1.0")
	}
	f.Fuzz(func(_ *testing.T, text, tag string) {
		if tags, err := ParseTags(text); err == nil {
			tags.Match(tag)
		}
		if tags, err := ParseTagExpression(text); err == nil {
			tags.Match(tag)
		}
	})
}
