package main

import (
	"strings"
	"testing"
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
		got, err := parseReference(c.text, c.own)
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
		"ex ample.com/app":                  "not a host",
		"local/app?x=y":                     "repository",
		"user:pw@host.io/app":               "not a host",
		"local/" + strings.Repeat("a", 256): "repository",
	} {
		if got, err := parseReference(text, ""); err == nil || !strings.Contains(err.Error(), rule) || exitCode(err) != exitUsage {
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
		r, err := parseAny(text, own)
		if err != nil {
			return
		}
		if strings.ContainsAny(r.String(), " \t\r\n?#%\x00") || strings.Contains(r.Repository, "..") {
			t.Errorf("%q became %q", text, r)
		}
		if again, err := parseAny(r.String(), ""); err != nil || again != r {
			t.Errorf("%q became %q, which is read as %q, %v", text, r, again, err)
		}
	})
}

func FuzzLocation(f *testing.F) {
	for _, seed := range []string{"oci:dir:1", "oci:x.tar", "docker:y.tar:app:1", "-", "oci:-", "./x", `oci:C:\dir`, "local/app", "docker:", ":"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parseLocation(text, "")
		if err == nil && l.kind != inRegistry && l.kind != inStream && l.path == "" {
			t.Errorf("%q names no path", text)
		}
	})
}

func FuzzPlan(f *testing.F) {
	f.Add([]byte(`{"schema":"acrkit/1","kind":"Plan","command":"acrkit tag untag","items":[{"action":"tag.untag","registry":"local","repository":"app","tag":"1","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000001"}]}`))
	f.Add([]byte(`{"schema":"acrkit/1","kind":"Plan","items":[{"action":"tag.lock","registry":"http://evil","repository":"app"}]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parsePlan(data)
		if err != nil {
			return
		}
		all := actions()
		for _, s := range p.Items {
			if all[s.Action].do == nil || s.Repository == "" {
				t.Errorf("a plan with a step that cannot be done: %+v", s)
			}
			_ = sentence(s)
		}
	})
}

func FuzzTransferPlan(f *testing.F) {
	f.Add([]byte(`{"schema":"acrkit/1","kind":"TransferPlan","command":"acrkit push","source":"oci:x","destination":"local/a:1","plan":{"schema":"acrkit.plan/1","root":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000001","size":2}}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := parseTransferPlan(data); err == nil && p.Plan == nil {
			t.Error("a transfer's plan without a plan")
		}
	})
}

func FuzzKeptSync(f *testing.F) {
	f.Add([]byte(`{"schema":"acrkit/1","kind":"SyncPlan","command":"acrkit sync","source":"local","destination":"oci:x","plan":{"schema":"acrkit.syncplan/1","items":[]}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if kept, err := parseKeptSync(data); err == nil && (kept.plan == nil || kept.Kind != keptSyncKind) {
			t.Error("a sync's plan without a plan")
		}
	})
}

func TestRates(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "1": 1, "500K": 500 << 10, "10m": 10 << 20, "1.5G/s": 3 << 29, "2MiB": 2 << 20, "3MB/s": 3 << 20} {
		if got, err := parseRate(text); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"fast", "-1", "0", "K", "NaN", "Inf", "1e300", "10X", " 1"} {
		if got, err := parseRate(text); err == nil {
			t.Errorf("%q: %d; want an error", text, got)
		}
	}
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
		l, err := parseLocation(text, "")
		if got := [2]string{l.path, l.name}; err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
}
