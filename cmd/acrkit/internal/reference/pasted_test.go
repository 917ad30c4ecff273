package reference

import (
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

func TestWhatPeoplePasteIsUnderstood(t *testing.T) {
	const digest = "sha256:0000000000000000000000000000000000000000000000000000000000000001"
	for text, want := range map[string]string{
		"oci://myreg.azurecr.io/charts/app":                             "myreg.azurecr.io/charts/app",
		"oci://myreg.azurecr.io/charts/app:1.2":                         "myreg.azurecr.io/charts/app:1.2",
		"docker://myreg.azurecr.io/app:1":                               "myreg.azurecr.io/app:1",
		"docker://ghcr.io/org/app:1":                                    "ghcr.io/org/app:1",
		"docker://local/app:1":                                          "local/app:1",
		"oci://127.0.0.1:5000/app":                                      "127.0.0.1:5000/app",
		"https://myreg.azurecr.io/app:1":                                "myreg.azurecr.io/app:1",
		"https://myreg.azurecr.io/v2/team/app/manifests/1.0":            "myreg.azurecr.io/team/app:1.0",
		"https://myreg.azurecr.io/v2/team/app/manifests/" + digest:      "myreg.azurecr.io/team/app@" + digest,
		"https://myreg.azurecr.io/v2/team%2Fapp/tags/list?n=10":         "myreg.azurecr.io/team/app",
		"https://myreg.azurecr.io/acr/v1/team/app/_tags":                "myreg.azurecr.io/team/app",
		"https://myreg.azurecr.io/acr/v1/team/app/_manifests/" + digest: "myreg.azurecr.io/team/app@" + digest,
		"docker pull myreg.azurecr.io/app:1":                            "myreg.azurecr.io/app:1",
		"$ docker pull myreg.azurecr.io/app@" + digest:                  "myreg.azurecr.io/app@" + digest,
		"helm pull oci://myreg.azurecr.io/charts/app":                   "myreg.azurecr.io/charts/app",
		"docker run --rm myreg.azurecr.io/app:1":                        "myreg.azurecr.io/app:1",
		" 'myreg.azurecr.io/app:1' ":                                    "myreg.azurecr.io/app:1",
		"myreg.azurecr.io/app@" + digest:                                "myreg.azurecr.io/app@" + digest,
	} {
		got, err := Parse(text, "")
		if err != nil || got.String() != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]string{"https://myreg.azurecr.io/v2/": "myreg.azurecr.io", "https://myreg.azurecr.io/": "myreg.azurecr.io", "oci://myreg.azurecr.io": "myreg.azurecr.io"} {
		if got, err := ParseRegistry(text); err != nil || got.String() != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestWhatCouldMeanTwoThingsIsRefusedWithBoth(t *testing.T) {
	for text, rule := range map[string]string{
		"oci://backups/app":                  "write backups/app for the registry, or oci:/backups/app for the path",
		"docker://reg.example/app:1":         "write reg.example/app:1 for the registry, or docker:/reg.example/app:1",
		"ftp://myreg.azurecr.io/app":         "ftp:// is not known",
		"docker push myreg.azurecr.io/app:1": "white space",
		"https://portal.azure.com/#@x/y/z":   "portal",
	} {
		if _, err := Parse(text, ""); err == nil || !strings.Contains(err.Error(), rule) || failure.ExitCode(err) != failure.ExitUsage {
			t.Errorf("%s: %v, want a usage error about %q", text, err, rule)
		}
	}
}

func TestAPasswordInAnAddressIsNotShown(t *testing.T) {
	for _, text := range []string{
		"https://me:S3cret@myreg.azurecr.io/app:1", "me:S3cret@myreg.azurecr.io/app", "http://me:S3cret@example.com/app",
		"oci://me:S3cret@host/app", "docker://me:S3c/S3cret@myreg.azurecr.io/app", "docker pull https://me:S3cret@host/app x",
	} {
		_, err := Parse(text, "")
		_, err2 := ParseRegistry(text)
		for _, e := range []error{err, err2} {
			if e == nil || strings.Contains(e.Error(), "S3c") {
				t.Errorf("%s: %v", text, e)
			}
		}
	}
}

func FuzzPasted(f *testing.F) {
	for _, seed := range []string{"oci://a/b", "docker pull a.b/c", "https://h/v2/a/manifests/1", "://", "https://", " x "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseAny(text, "myreg")
		if err != nil {
			return
		}
		if again, err := ParseAny(r.String(), "myreg"); err != nil || again != r {
			t.Errorf("%q is %s, and that is %s (%v)", text, r, again, err)
		}
	})
}
