package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const trustPolicy = `{"version":"1.0","trustPolicies":[{"name":"all","registryScopes":["*"],
"signatureVerification":{"level":"strict"},"trustStores":["ca:acrkit.test"],"trustedIdentities":["*"]}]}`

// TestNotationDoesNotSignOrVerify signs an image with notation, lists the
// signature and verifies it; it goes with its subject.
func TestNotationDoesNotSignOrVerify(t *testing.T) {
	dir, err := clients()
	if err != nil {
		t.Fatal(err)
	}
	s := startEmulator(t)
	image := s.repository("notation/app@" + push(t, s, "notation/app:v1", fixedImage(t, 1)))
	home := t.TempDir()
	policy := filepath.Join(home, "policy.json")
	if err := os.WriteFile(policy, []byte(trustPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	notation := func(password string, args ...string) (string, error) {
		c := exec.CommandContext(t.Context(), filepath.Join(dir, "notation"), args...)
		c.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "DOCKER_CONFIG="+home, "NOTATION_USERNAME="+s.username, "NOTATION_PASSWORD="+password)
		output, err := c.CombinedOutput()
		return string(output), err
	}
	for _, step := range []struct{ line, want string }{
		{"cert generate-test --default acrkit.test", "default signing key"},
		{"policy import --force " + policy, "imported"},
		{"sign --insecure-registry " + image, "Successfully signed"},
		{"list --insecure-registry " + image, "application/vnd.cncf.notary.signature"},
		{"verify --insecure-registry " + image, "Successfully verified"},
	} {
		if output, err := notation(s.password, strings.Fields(step.line)...); err != nil || !strings.Contains(output, step.want) {
			t.Fatalf("notation %s: %v\n%s", step.line, err, output)
		}
	}
	if output, err := notation("wrong", "verify", "--insecure-registry", image); err == nil {
		t.Errorf("with a wrong password:\n%s", output)
	}
}
