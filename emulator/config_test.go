package emulator_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/emulator"
)

// documentedConfig returns the example in the comment of ParseConfig.
func documentedConfig(t testing.TB) []byte {
	t.Helper()
	source, err := os.ReadFile("config.go")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(source), "An example with most of them:\n//\n")
	example, _, ok := strings.Cut(example, "\n//\n// The members")
	if !ok {
		t.Fatal("config.go has no example")
	}
	return []byte(regexp.MustCompile(`(?m)^//\t?`).ReplaceAllString(example, ""))
}

func TestDocumentedConfigurationWorks(t *testing.T) {
	options, err := emulator.ParseConfig(documentedConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(options.Registries) != 2 || options.Registries[0].SoftDelete != 7*24*time.Hour ||
		options.Registries[1].DataHost != "second.westeurope.data.azurecr.io" || !options.IdentityProvider.Strict {
		t.Errorf("got %+v", options)
	}
	first := options.Registries[0].Policies
	if diff := cmp.Diff(emulator.Roles(emulator.RolePull), first.OtherIdentities); diff != "" {
		t.Error(diff)
	}
	if first.AccessTokenLifetime != emulator.Duration(5*time.Minute) {
		t.Errorf("lifetime %v", first.AccessTokenLifetime)
	}
	e, err := emulator.New(options)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func TestConfigurationErrorsNameTheField(t *testing.T) {
	for text, want := range map[string]string{
		`{"registry":[]}`:                                                 `unknown field "registry"`,
		`{"registries":[{"anonymouspul":true}]}`:                          `unknown field "anonymouspul"`,
		`{"registries":[{"name":5}]}`:                                     `name`,
		"{\n\"registries\":[{\n\"name\":5}]}":                             "line 3",
		`{"registries":[{"loginServer":"a/b"}]}`:                          `registries[0]: loginServer "a/b"`,
		`{"registries":[{"softDelete":"-1h"}]}`:                           `registries[0]: softDelete`,
		`{"registries":[{"softDelete":"9000h"}]}`:                         `registries[0]: softDelete`,
		`{"registries":[{"untaggedRetention":"9000h"}]}`:                  `registries[0]: untaggedRetention`,
		`{"registries":[{"untaggedRetention":"1h","softDelete":"1h"}]}`:   `registries[0]: untaggedRetention and softDelete`,
		`{"registries":[{"sku":"x"}]}`:                                    `registries[0]: sku "x"`,
		`{"registries":[{"otherIdentities":["x"]}]}`:                      `otherIdentities`,
		`{"registries":[{"otherIdentities":[{"role":"AcrPull","x":1}]}]}`: `unknown field "x"`,
		`{"quirks":{"x":"y"}}`:                                            `quirk "x"`,
		`{"faults":[{"preset":"x"}]}`:                                     `faults[0]: preset "x"`,
		`{"gcInterval":"-1s"}`:                                            `gcInterval`,
		`{"identityProvider":{"tenantId":"x"}}`:                           `identityProvider.tenantId "x"`,
		`{"registries":[{"accessTokenLifetime":"x"}]}`:                    `duration "x"`,
		``: "EOF",
	} {
		if _, err := emulator.ParseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add(documentedConfig(f))
	f.Add([]byte(`{"registries":[{"name":"a","firewall":{"allow":["::/0","1.2.3.4"]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = emulator.ParseConfig(data)
	})
}

func TestDataEndpointKeepsLabelAndDomainOfTheLoginServer(t *testing.T) {
	for config, want := range map[string]string{
		`{"name":"myregone","dataEndpointRegion":"westeurope"}`:                                             "myregone.westeurope.data.azurecr.io",
		`{"name":"myregone","loginServer":"myregone-abc123.azurecr.io","dataEndpointRegion":"eastus"}`:      "myregone-abc123.eastus.data.azurecr.io",
		`{"name":"myregone","loginServer":"MyRegOne.azurecr.cn","dataEndpointRegion":"chinaeast2"}`:         "myregone.chinaeast2.data.azurecr.cn",
		`{"name":"myregone","loginServer":"myregone-h4sh.azurecr.us","dataEndpointRegion":"usgovvirginia"}`: "myregone-h4sh.usgovvirginia.data.azurecr.us",
	} {
		options, err := emulator.ParseConfig([]byte(`{"registries":[` + config + `]}`))
		if err != nil {
			t.Errorf("%s: %v", config, err)
			continue
		}
		if got := options.Registries[0].DataHost; got != want {
			t.Errorf("%s: %s, want %s", config, got, want)
		}
	}
	if _, err := emulator.ParseConfig([]byte(`{"registries":[{"loginServer":"localhost:5000","dataEndpointRegion":"eastus"}]}`)); err == nil {
		t.Error("a data endpoint of localhost was taken")
	}
}
