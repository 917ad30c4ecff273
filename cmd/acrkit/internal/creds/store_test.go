package creds

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// storeOf writes a configuration file and gives the store over it.
func storeOf(t *testing.T, text string) Stores {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Stores{Docker: path, Files: []string{path}}
}

func encoded(pair string) string { return base64.StdEncoding.EncodeToString([]byte(pair)) }

func utf16le(text string) string {
	b := []byte{0xFF, 0xFE}
	for _, unit := range utf16.Encode([]rune(text)) {
		b = append(b, byte(unit), byte(unit>>8))
	}
	return string(b)
}

func TestEntriesAreFoundHoweverTheyAreSpelled(t *testing.T) {
	entry := `{"auth":"` + encoded("me:hush") + `"}`
	for key, want := range map[string]bool{
		"reg.azurecr.io":              true,
		"REG.azurecr.io":              true,
		"https://reg.azurecr.io":      true,
		"https://Reg.azurecr.io/v2/":  true,
		"http://reg.azurecr.io/v1/":   true,
		"reg.azurecr.io:443":          true,
		" reg.azurecr.io ":            true,
		"reg.azurecr.io/team":         false,
		"reg.azurecr.io.example.com":  false,
		"xreg.azurecr.io":             false,
		"https://other.azurecr.io/v2": false,
		"":                            false,
	} {
		name, err := json.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		s := storeOf(t, `{"auths":{`+string(name)+`:`+entry+`}}`)
		got, _, err := s.Link().Find(t.Context(), Place{Host: "reg.azurecr.io"})
		if found := err == nil && got.Username == "me" && got.Password == "hush"; found != want {
			t.Errorf("key %q: found %v (%v), want %v", key, found, err, want)
		}
	}
}

func TestTheLongestPathOfARepositoryWins(t *testing.T) {
	s := storeOf(t, `{"auths":{
		"reg.azurecr.io":           {"auth":"`+encoded("all:x")+`"},
		"reg.azurecr.io/team":      {"auth":"`+encoded("team:x")+`"},
		"https://reg.azurecr.io/team/app/": {"auth":"`+encoded("app:x")+`"}
	}}`)
	for repository, want := range map[string]string{
		"": "all", "other": "all", "teams/app": "all", "team": "team", "team/x": "team", "team/app": "app", "team/app/y": "app", "team/app2": "team",
	} {
		for range 20 {
			got, _, err := s.Link().Find(t.Context(), Place{"reg.azurecr.io", repository})
			if err != nil || got.Username != want {
				t.Fatalf("%q: %s, %v; want %s", repository, got.Username, err, want)
			}
		}
	}
	if a, b := s.Scope(Place{"reg.azurecr.io", "team/x"}), s.Scope(Place{"reg.azurecr.io", "team/app"}); a != "team" || b != "team/app" {
		t.Errorf("scopes %q and %q", a, b)
	}
}

func TestFilesOfOtherEditorsAreRead(t *testing.T) {
	text := `{"auths":{"reg.azurecr.io":{"auth":"` + encoded("me:hush") + `"}}}`
	for name, file := range map[string]string{
		"a byte order mark": "\xEF\xBB\xBF" + text, "UTF-16": utf16le(text), "UTF-16 without a mark": utf16le(text)[2:],
		"base64 without padding": strings.ReplaceAll(text, "=", ""),
		"a line break":           `{"auths":{"reg.azurecr.io":{"auth":"` + encoded("me:hush\r\n") + `"}}}`,
		"plain members":          `{"auths":{"reg.azurecr.io":{"username":"me","password":"hush"}}}`,
	} {
		got, _, err := storeOf(t, file).Link().Find(t.Context(), Place{Host: "reg.azurecr.io"})
		if err != nil || got.Username != "me" || got.Password != "hush" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for name, file := range map[string]string{"an empty file": "", "white space": " \n", "a mark alone": "\xEF\xBB\xBF", "no entries": "{}", "null": "null"} {
		if _, _, err := storeOf(t, file).Link().Find(t.Context(), Place{Host: "reg.azurecr.io"}); !errors.Is(err, ErrNothing) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoErrorShowsWhatAFileHolds(t *testing.T) {
	for _, file := range []string{
		`{"auths":{"reg.azurecr.io":{"auth":"` + encoded("S3cret") + `"}}}`,
		`{"auths":{"reg.azurecr.io":{"auth":"S3cret!"}}}`,
		`{"auths":{"reg.azurecr.io":{"auth":"` + encoded(":S3cret") + `"}}}`,
		`{"auths":{"reg.azurecr.io":{"password":"S3cret"}}}`,
		`{"auths":{"reg.azurecr.io":"S3cret"}}`,
		`{"auths":"S3cret"}`, `S3cret`, `{"auths":{"reg.azurecr.io":{"auth":"S3cret`, `["S3cret"]`, `{"credHelpers":"S3cret"}`,
	} {
		s := storeOf(t, file)
		_, detail, err := s.Link().Find(t.Context(), Place{Host: "reg.azurecr.io"})
		_, put := s.Put(t.Context(), "other.azurecr.io", "me", "hush")
		_, forget := s.Forget(t.Context(), "reg.azurecr.io")
		for _, e := range []error{err, put, forget} {
			if e != nil && strings.Contains(e.Error(), "S3cret") || strings.Contains(detail, "S3cret") {
				t.Errorf("%s: %v, %s", file, e, detail)
			}
		}
		if err == nil {
			t.Errorf("%s: no error", file)
		}
	}
}

func TestNothingIsLeftAfterLogout(t *testing.T) {
	for _, key := range []string{"reg.azurecr.io", "https://reg.azurecr.io", "https://REG.azurecr.io/v2/", "reg.azurecr.io/team"} {
		s := storeOf(t, `{"HttpHeaders":{"X":"y"},"auths":{"`+key+`":{"auth":"`+encoded("me:hush")+`"},"other.azurecr.io":{"auth":"`+encoded("me:kept")+`"}}}`)
		changed, err := s.Forget(t.Context(), "reg.azurecr.io")
		if err != nil || len(changed) != 1 {
			t.Fatalf("%s: %v, %v", key, changed, err)
		}
		for _, repository := range []string{"", "team/app"} {
			if _, _, err := s.Link().Find(t.Context(), Place{"reg.azurecr.io", repository}); !errors.Is(err, ErrNothing) {
				t.Errorf("%s: still found for %q: %v", key, repository, err)
			}
		}
		data, err := os.ReadFile(s.Docker)
		if err != nil || !strings.Contains(string(data), `"X"`) || !strings.Contains(string(data), encoded("me:kept")) {
			t.Errorf("%s: something else went: %s, %v", key, data, err)
		}
	}
}

func TestLoginReplacesOtherSpellings(t *testing.T) {
	s := storeOf(t, `{"auths":{"https://REG.azurecr.io/":{"auth":"`+encoded("old:x")+`"},"reg.azurecr.io/team":{"auth":"`+encoded("team:x")+`"}}}`)
	if _, err := s.Put(t.Context(), "reg.azurecr.io", "new", "y"); err != nil {
		t.Fatal(err)
	}
	for repository, want := range map[string]string{"": "new", "team/app": "team"} {
		if got, _, err := s.Link().Find(t.Context(), Place{"reg.azurecr.io", repository}); err != nil || got.Username != want {
			t.Errorf("%q: %v, %v; want %s", repository, got, err, want)
		}
	}
}

func TestLoginKeepsASymbolicLink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "dotfiles.json"), filepath.Join(dir, "config.json")
	if err := os.WriteFile(target, []byte(`{"auths":{}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("dotfiles.json", link); err != nil {
		t.Skip("no symbolic links here")
	}
	s := Stores{Docker: link, Files: []string{link}}
	if _, err := s.Put(t.Context(), "reg.azurecr.io", "me", "hush"); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != "dotfiles.json" {
		t.Errorf("the link is now %q, %v", to, err)
	}
	if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
}

func TestAFileThatCantBeReplacedIsWrittenInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(strings.Repeat(" ", 5000)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeInPlace(path, []byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	info, _ := os.Stat(path)
	if err != nil || string(data) != "{}\n" || info.Mode().Perm() != 0o600 {
		t.Errorf("%q, %v, %v", data, info.Mode(), err)
	}
}

func TestABrokenHelperIsPassedOver(t *testing.T) {
	const missing = `"credsStore":"acrkit-test-no-such-helper"`
	_, _, err := storeOf(t, `{`+missing+`}`).Link().Find(t.Context(), Place{Host: "reg.azurecr.io"})
	var skipped *SkippedError
	var broken *HelperError
	if !errors.As(err, &skipped) || !errors.As(err, &broken) || !strings.Contains(err.Error(), "is not installed") {
		t.Fatalf("error %v", err)
	}
	// The file's own entry and the links behind are asked.
	with := storeOf(t, `{`+missing+`,"auths":{"reg.azurecr.io":{"auth":"`+encoded("me:hush")+`"}}}`)
	if got, detail, err := with.Link().Find(t.Context(), Place{Host: "reg.azurecr.io"}); err != nil || got.Username != "me" || !strings.Contains(detail, "is not installed") {
		t.Errorf("%v, %q, %v", got, detail, err)
	}
	got, answers, err := Chain{storeOf(t, `{`+missing+`}`).Link(), found(Anonymous)}.Resolve(t.Context(), Place{Host: "reg.azurecr.io"})
	if err != nil || got.Kind != Anonymous || answers[0].State != Skipped {
		t.Errorf("%v, %v, %v", got, answers, err)
	}
}

func TestPodmansFilesAreAsked(t *testing.T) {
	env := map[string]string{"HOME": "/home/me", "REGISTRY_AUTH_FILE": "/run/auth.json", "XDG_RUNTIME_DIR": "/run/user/1"}
	want := Stores{
		Docker: "/home/me/.docker/config.json",
		Files:  []string{"/run/auth.json", "/home/me/.docker/config.json", "/run/user/1/containers/auth.json", "/home/me/.config/containers/auth.json"},
	}
	if diff := cmp.Diff(want, FindStores(func(name string) string { return env[name] })); diff != "" {
		t.Error(diff)
	}
}

func TestARegionalEndpointIsTheRegistry(t *testing.T) {
	s := storeOf(t, `{"auths":{"reg.azurecr.io":{"auth":"`+encoded("me:hush")+`"}}}`)
	if got, _, err := s.Link().Find(t.Context(), Place{Host: "reg.westeurope.geo.azurecr.io"}); err != nil || got.Username != "me" {
		t.Errorf("%v, %v", got, err)
	}
	env := map[string]string{"ACR_USERNAME": "me", "ACR_PASSWORD": "hush\n"}
	link := Environment(func(name string) string { return env[name] }, "reg.azurecr.io")
	if got, _, err := link.Find(t.Context(), Place{Host: "reg.westeurope.geo.azurecr.io"}); err != nil || got.Password != "hush" {
		t.Errorf("%v, %v", got, err)
	}
	if _, _, err := link.Find(t.Context(), Place{Host: "reg2.westeurope.geo.azurecr.io"}); !errors.Is(err, ErrNothing) {
		t.Errorf("another registry: %v", err)
	}
}
