package conformance

import (
	"bytes"
	"encoding/xml"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator"
)

const (
	adminUser     = "acrkit"
	adminPassword = "conformance+ACRpassword"
)

// suite is the command, built once for all tests.
func suite(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "conformance")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/opencontainers/distribution-spec/conformance")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the conformance suite: %v\n%s", err, output)
	}
	return path
}

// report is what the suite's JUnit file says.
type report struct {
	Suites []struct {
		Tests []struct {
			Name   string `xml:"name,attr"`
			Status string `xml:"status,attr"` // passed, skipped, failure or error
			Output string `xml:"system-out"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

// run starts an emulator on a loopback port and runs the suite against it.
func run(t *testing.T, command string, quirks map[string]string, settings ...string) report {
	t.Helper()
	e, err := emulator.New(&emulator.Options{
		Quirks: quirks,
		Registries: []emulator.RegistryOptions{{
			Name:     adminUser,
			Policies: emulator.Policies{Admin: &emulator.AdminUser{Passwords: []string{adminPassword}}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: e}
	go server.Serve(listener)
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	results := os.Getenv("CONFORMANCE_RESULTS")
	if results == "" {
		results = t.TempDir()
	} else {
		results = filepath.Join(results, strings.ReplaceAll(t.Name(), "/", "_"))
	}
	cmd := exec.CommandContext(t.Context(), command)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(),
		"OCI_REGISTRY="+listener.Addr().String(), "OCI_TLS=disabled",
		"OCI_USERNAME="+adminUser, "OCI_PASSWORD="+adminPassword,
		"OCI_REPO1=conformance/repo1", "OCI_REPO2=conformance/repo2",
		"OCI_RESULTS_DIR="+results, "OCI_API_BLOBS_UPLOAD_CANCEL=true",
	)
	cmd.Env = append(cmd.Env, settings...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	// The exit code says the same as the report, which says where.
	runErr := cmd.Run()
	content, err := os.ReadFile(filepath.Join(results, "junit.xml"))
	if err != nil {
		t.Fatalf("%v\n%v\n%s", err, runErr, output.String())
	}
	var r report
	if err := xml.Unmarshal(content, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// check fails the test for every failure, and for every skip and every
// disabled test but those named.
func check(t *testing.T, r report, allowed ...string) {
	t.Helper()
	passed := 0
	for _, s := range r.Suites {
		for _, c := range s.Tests {
			switch c.Status {
			case "passed":
				passed++
			case "skipped":
				if !slices.ContainsFunc(allowed, func(part string) bool { return strings.Contains(c.Name, part) }) {
					t.Errorf("%s was skipped\n%s", c.Name, c.Output)
				}
			default:
				t.Errorf("%s: %s\n%s", c.Name, c.Status, c.Output)
			}
		}
	}
	t.Logf("%d checks passed", passed)
	if passed < 100 {
		t.Errorf("only %d checks ran", passed)
	}
}

// everything turns on what the suite leaves out by default.
var everything = []string{
	"OCI_DATA_SPARSE=true", "OCI_API_MANIFESTS_TAG_PARAM=true",
	"OCI_API_BLOBS_DIGEST_HEADER=true", "OCI_API_MANIFESTS_DIGEST_HEADER=true",
}

// TestStrictEmulatorConforms has no failure and no skip: the quirk oci-strict
// turns whatever ACR does in its own way to the specification's.
func TestStrictEmulatorConforms(t *testing.T) {
	command := suite(t)
	quirks := map[string]string{"oci-strict": "on"}
	for _, version := range []string{"1.1", "dev"} {
		t.Run(version, func(t *testing.T) {
			check(t, run(t, command, quirks, append(everything, "OCI_VERSION="+version)...))
		})
	}
}

// TestACRConformsWhereTheSpecificationAllows runs the suite against ACR's own
// behaviour. What ACR does not offer at all is turned off in the suite; what
// the specification leaves to a registry is skipped by the suite itself.
func TestACRConformsWhereTheSpecificationAllows(t *testing.T) {
	command := suite(t)
	for _, version := range []string{"1.1", "dev"} {
		t.Run(version, func(t *testing.T) {
			// The one answer that the specification does not allow.
			quirks := map[string]string{"malformed-digest": "refuse"}
			r := run(t, command, quirks, "OCI_VERSION="+version,
				"OCI_DATA_SHA512=false",             // quirk sha512
				"OCI_API_MANIFESTS_TAG_PARAM=false", // quirk manifest-tag-param
				"OCI_API_BLOBS_DIGEST_HEADER=false", // storage answers carry none
			)
			check(t, r,
				"tag-delete",                // 405: tags go by /acr/v1
				"mount anonymous",           // a plain start
				"range requests/range -500", // a range without a start is ignored
				"range requests/range 500-0",
				"blob-post-only", // POST with digest is a plain start
			)
		})
	}
}
