package creds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func failing(err error) Link {
	return Link{Name: "failing", Find: func(context.Context, Place) (Credential, string, error) {
		return Credential{}, "", err
	}}
}

func TestChainUsesTheFirstThatAnswers(t *testing.T) {
	chain := Chain{failing(nothing("not set")), found(Password), found(Anonymous)}
	credential, outcomes, err := chain.Resolve(t.Context(), Place{Host: "reg.azurecr.io"})
	if err != nil || credential.Kind != Password {
		t.Fatalf("%v, %v", credential, err)
	}
	want := []Outcome{{"failing", Nothing, "not set"}, {"password", Used, "here"}, {"anonymous", Unasked, ""}}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Error(diff)
	}
}

func TestBrokenCredentialDoesNotBecomeAnotherIdentity(t *testing.T) {
	cause := errors.New("broken")
	_, outcomes, err := Chain{failing(cause), found(Anonymous)}.Resolve(t.Context(), Place{Host: "reg.azurecr.io"})
	var link *LinkError
	if !errors.As(err, &link) || !errors.Is(err, cause) || link.Link != "failing" {
		t.Errorf("error %v", err)
	}
	if outcomes[0].State != Failed || outcomes[1].State != Unasked {
		t.Errorf("outcomes %v", outcomes)
	}
}

func TestChainStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("interrupted")
	cancel(cause)
	if _, _, err := (Chain{failing(ErrNothing), found(Anonymous)}).Resolve(ctx, Place{Host: "reg"}); !errors.Is(err, cause) {
		t.Errorf("error %v", err)
	}
}

func TestCredentialsAreNeverPrinted(t *testing.T) {
	c := Credential{Kind: Password, Username: "me", Password: "hush", RefreshToken: "hush"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, c); strings.Contains(text, "hush") || !strings.Contains(text, "me") {
			t.Errorf("%s prints %s", format, text)
		}
	}
}

func TestFlagsReadTheSecretOnce(t *testing.T) {
	for _, c := range []struct {
		flags Flags
		want  Credential
	}{
		{Flags{Username: "me", PasswordStdin: true, Stdin: strings.NewReader("hush\r\n")}, Credential{Kind: Password, Username: "me", Password: "hush"}},
		{Flags{TokenStdin: true, Stdin: strings.NewReader("a.b.c\n")}, Credential{Kind: RefreshToken, RefreshToken: "a.b.c"}},
		{Flags{Username: NullUser, PasswordStdin: true, Stdin: strings.NewReader("a.b.c")}, Credential{Kind: RefreshToken, RefreshToken: "a.b.c"}},
	} {
		link := c.flags.Link()
		for range 2 {
			if got, _, err := link.Find(t.Context(), Place{Host: "reg"}); err != nil || got != c.want {
				t.Errorf("%v, %v; want %v", got, err, c.want)
			}
		}
	}
	if _, _, err := (Flags{TokenStdin: true, Stdin: strings.NewReader(strings.Repeat("x", maxSecret+1))}).Link().Find(t.Context(), Place{Host: "reg"}); err == nil {
		t.Error("a secret of over 1 MiB was taken")
	}
}

func TestEntraTokensGoToAzureAlone(t *testing.T) {
	getenv := func(name string) string { return "set" }
	var names []string
	for _, link := range EntraLinks(getenv) {
		names = append(names, link.Name)
	}
	if want := []string{"service principal", "workload identity", "managed identity", "azure cli"}; !slices.Equal(names, want) {
		t.Errorf("Entra is asked by %q, want %q", names, want)
	}
	for _, host := range []string{"127.0.0.1:5000", "evil.example.com", "azurecr.io.example.com", "registry", "azurecr.io", "evilazurecr.io"} {
		if AzureHost(host) {
			t.Errorf("%s counts as Azure's", host)
		}
		for _, link := range EntraLinks(getenv) {
			if _, _, err := link.Find(t.Context(), Place{Host: host}); !errors.Is(err, ErrNothing) {
				t.Errorf("%s for %s: %v", link.Name, host, err)
			}
		}
	}
	for _, host := range []string{"myreg.azurecr.io", "MyReg.azurecr.cn", "myreg.westeurope.geo.azurecr.io", "myreg.azurecr.us:443"} {
		if !AzureHost(host) {
			t.Errorf("%s doesn't count as Azure's", host)
		}
	}
}

// answering is a transport that outcomes every request alike.
type answering struct {
	status int
	body   string
}

func (a answering) Do(request *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Status: fmt.Sprint(a.status), Header: http.Header{}, Request: request,
		Body: io.NopCloser(strings.NewReader(a.body)),
	}, nil
}

func TestProxyAtTheIdentitysAddressIsNoIdentity(t *testing.T) {
	for _, c := range []struct {
		name    string
		probed  bool
		outcome answering
		passes  bool
	}{
		{"a proxy", true, answering{403, "denied destination"}, true},
		{"a proxy where an identity was promised", false, answering{403, "denied destination"}, false},
		{"an identity service that refuses", true, answering{403, `{"error":"forbidden"}`}, false},
	} {
		s := source{
			name: "managed identity", limit: entraLimit, probed: c.probed,
			present: func() (bool, string) { return true, "" },
			make: func(o policy.ClientOptions) (azcore.TokenCredential, error) {
				o.Transport = c.outcome
				o.Retry.MaxRetries = -1
				return azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: o})
			},
		}
		_, _, err := s.link(RegistryScope).Find(t.Context(), Place{Host: "reg.azurecr.io"})
		if err == nil || errors.Is(err, ErrNothing) != c.passes {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestDockerStoreRoundTrip(t *testing.T) {
	config := filepath.Join(t.TempDir(), "docker", "config.json")
	stores := Stores{Docker: config, Files: []string{config}}
	link := stores.Link()
	if _, _, err := link.Find(t.Context(), Place{Host: "reg.azurecr.io"}); !errors.Is(err, ErrNothing) {
		t.Errorf("without a file: %v", err)
	}
	if _, err := stores.Put(t.Context(), "reg.azurecr.io", NullUser, "a.b.c"); err != nil {
		t.Fatal(err)
	}
	got, _, err := link.Find(t.Context(), Place{Host: "reg.azurecr.io"})
	if err != nil || got != (Credential{Kind: RefreshToken, RefreshToken: "a.b.c"}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, _, err := link.Find(t.Context(), Place{Host: "other.azurecr.io"}); !errors.Is(err, ErrNothing) {
		t.Errorf("for another registry: %v", err)
	}
	for _, want := range []bool{true, false} {
		if changed, err := stores.Forget(t.Context(), "reg.azurecr.io"); err != nil || len(changed) > 0 != want {
			t.Errorf("forget: %v, %v; want %v", changed, err, want)
		}
	}
}

// FuzzDockerConfig holds that no configuration of docker makes a credential out
// of nothing, or a panic.
func FuzzDockerConfig(f *testing.F) {
	f.Add([]byte(`{"auths":{"reg.azurecr.io":{"auth":"bWU6aHVzaA=="}}}`))
	f.Add([]byte(`{"auths":{"reg.azurecr.io":{"identitytoken":"a.b.c"}}}`))
	f.Add([]byte(`{"auths":`))
	f.Add([]byte(`{"auths":{"reg.azurecr.io":{"auth":"!!"}}}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), "cred") {
			return // a helper would be run
		}
		config := filepath.Join(dir, "config.json")
		if err := os.WriteFile(config, data, 0o600); err != nil {
			t.Fatal(err)
		}
		got, _, err := Stores{Docker: config, Files: []string{config}}.Link().Find(t.Context(), Place{Host: "reg.azurecr.io"})
		if err == nil && got.RefreshToken == "" && (got.Username == "" || got.Password == "") {
			t.Errorf("%q became an empty credential", data)
		}
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add("eyJhbGciOiJub25lIn0.eyJ1cG4iOiJtZUBleGFtcGxlLmNvbSJ9.x")
	f.Add("...")
	f.Fuzz(func(t *testing.T, token string) {
		if identityOf(token) == "" {
			t.Error("an identity without words")
		}
		_ = checkRefreshToken(token)
	})
}
