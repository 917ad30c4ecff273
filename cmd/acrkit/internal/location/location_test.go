package location

import (
	"testing"
)

func FuzzLocation(f *testing.F) {
	for _, seed := range []string{"oci:dir:1", "oci:x.tar", "docker:y.tar:app:1", "-", "oci:-", "./x", `oci:C:\dir`, "local/app", "docker:", ":"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := Parse(text, "")
		if err == nil && l.Kind != InRegistry && l.Kind != InStream && l.Path == "" {
			t.Errorf("%q names no path", text)
		}
	})
}

func TestNamesBehindPaths(t *testing.T) {
	for text, want := range map[string][2]string{
		"docker:out/app.tar:app:1":               {"out/app.tar", "app:1"},
		"docker:app.tar:team/app:1":              {"app.tar", "team/app:1"},
		"docker:app.tar.gz:reg.example:5000/a/b": {"app.tar.gz", "reg.example:5000/a/b"},
		"oci:App.TAR:v1":                         {"App.TAR", "v1"},
		"oci:app.tar":                            {"app.tar", ""},
		"oci:some/dir:v1":                        {"some/dir", "v1"},
		`oci:C:\some\dir`:                        {`C:\some\dir`, ""},
		`docker:C:\app.tar:app:1`:                {`C:\app.tar`, "app:1"},
		"oci:a.tar.d/layout:1":                   {"a.tar.d/layout", "1"},
		"docker:no-suffix:app":                   {"no-suffix", "app"},
	} {
		l, err := Parse(text, "")
		if got := [2]string{l.Path, l.Name}; err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
}
