package conformance

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/acrkit/azcontainerregistry/emulator"
)

const (
	adminUser     = "acrkit"
	adminPassword = "conformance+ACRpassword"
)

// command is the suite, built once for all tests.
var command string

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "acrkit-conformance-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	command = filepath.Join(dir, "conformance")
	build := exec.Command("go", "build", "-o", command, "github.com/opencontainers/distribution-spec/conformance")
	if output, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the suite: %w\n%s", err, output)
	}
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			return 0, fmt.Errorf("goroutines left behind: %w", err)
		}
	}
	return code, nil
}

// outcome is what the suite said of a run. Nothing in it is left to a default:
// a test that the suite stops running is as much of a difference as one that
// fails.
type outcome struct {
	// Passed is the number of tests that passed.
	Passed int
	// Others are the tests that did not, by status and name, and how often each
	// was tried with other content.
	Others map[string]int
	// Categories are the categories of calls and of content that did not pass,
	// and how they ended. Passing says how many did.
	Categories map[string]string
	Passing    int
}

// run starts an emulator on a loopback port and the suite against it.
func run(t *testing.T, quirks map[string]string, settings ...string) outcome {
	t.Helper()
	address := startEmulator(t, quirks)
	results := t.TempDir()
	if kept := os.Getenv("CONFORMANCE_RESULTS"); kept != "" {
		results = filepath.Join(kept, strings.ReplaceAll(t.Name(), "/", "_"))
	}
	cmd := exec.CommandContext(t.Context(), command)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(),
		"OCI_REGISTRY="+address, "OCI_TLS=disabled",
		"OCI_USERNAME="+adminUser, "OCI_PASSWORD="+adminPassword,
		"OCI_REPO1=conformance/repo1", "OCI_REPO2=conformance/repo2",
		"OCI_RESULTS_DIR="+results,
	)
	cmd.Env = append(cmd.Env, settings...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	// The exit code says the same as the report, which says where.
	runErr := cmd.Run()
	o, err := readOutcome(t, results)
	if err != nil {
		t.Fatalf("%v\n%v\n%s", err, runErr, output.String())
	}
	return o
}

func startEmulator(t *testing.T, quirks map[string]string) (address string) {
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
	return listener.Addr().String()
}

// readOutcome reads the two reports that the suite leaves, and logs what the
// suite says of each test that failed.
func readOutcome(t *testing.T, dir string) (outcome, error) {
	t.Helper()
	var report struct {
		Suites []struct {
			Tests []struct {
				Name   string `xml:"name,attr"`
				Status string `xml:"status,attr"` // passed, skipped, failure or error
				Output string `xml:"system-out"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	var results struct{ APIs, Data map[string]string }
	for name, read := range map[string]func([]byte) error{
		"junit.xml":    func(content []byte) error { return xml.Unmarshal(content, &report) },
		"results.yaml": func(content []byte) error { return yaml.Unmarshal(content, &results) },
	} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return outcome{}, err
		}
		if err := read(content); err != nil {
			return outcome{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	o := outcome{Others: map[string]int{}, Categories: map[string]string{}}
	for _, s := range report.Suites {
		for _, c := range s.Tests {
			if c.Status == "passed" {
				o.Passed++
				continue
			}
			o.Others[c.Status+" "+path.Base(c.Name)]++
			if c.Status != "skipped" {
				t.Logf("%s: %s\n%s", c.Name, c.Status, c.Output)
			}
		}
	}
	for _, categories := range []map[string]string{results.APIs, results.Data} {
		for name, result := range categories {
			if result == "Pass" {
				o.Passing++
			} else {
				o.Categories[name] = result
			}
		}
	}
	return o, nil
}

// versions are the specification's: the newest released and the one in the
// making. The suite takes another set of defaults for each.
var versions = []string{"1.1", "dev"}

// everything turns on whatever the suite leaves out by default in one of them.
var everything = []string{
	"OCI_DATA_SPARSE=true", "OCI_API_MANIFESTS_TAG_PARAM=true", "OCI_API_BLOBS_UPLOAD_CANCEL=true",
	"OCI_API_BLOBS_DIGEST_HEADER=true", "OCI_API_MANIFESTS_DIGEST_HEADER=true",
}

func check(t *testing.T, want, got outcome) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the suite says something else (-want +got):\n%s", diff)
	}
}

// TestStrictEmulatorConforms has no failure, no skip and nothing disabled: the
// quirk oci-strict turns whatever ACR does in its own way to the
// specification's.
func TestStrictEmulatorConforms(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			got := run(t, map[string]string{"oci-strict": "on"}, append(everything, "OCI_VERSION="+version)...)
			check(t, outcome{Passed: 830, Others: map[string]int{}, Categories: map[string]string{}, Passing: 52}, got)
		})
	}
}

// TestACRConformsWhereTheSpecificationAllows runs the suite against ACR's own
// behaviour. What ACR does not offer at all is turned off in the suite; what
// the specification leaves to a registry is skipped by the suite itself. One
// answer is left that the specification does not allow.
func TestACRConformsWhereTheSpecificationAllows(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			got := run(t, nil, "OCI_VERSION="+version, "OCI_API_BLOBS_UPLOAD_CANCEL=true",
				"OCI_API_MANIFESTS_DIGEST_HEADER=true",
				"OCI_DATA_SHA512=false",             // quirk sha512
				"OCI_DATA_SPARSE=false",             // quirk sparse-manifests
				"OCI_API_MANIFESTS_TAG_PARAM=false", // quirk manifest-tag-param
				"OCI_API_BLOBS_DIGEST_HEADER=false", // quirk storage-digest-header
			)
			check(t, outcome{
				Passed: 561,
				Others: map[string]int{
					"failure manifest-put":         1,  // quirk malformed-digest: a plain 404, not 400
					"skipped blob-mount-anonymous": 1,  // quirk anonymous-mount: a plain start
					"skipped range -500":           1,  // quirk storage-range: the whole blob
					"skipped range 500-0":          1,  // the same
					"skipped tag-delete":           19, // quirk delete-manifest-by-tag: 405, tags go by /acr/v1
				},
				Categories: map[string]string{
					"Invalid Manifest Digest":      "FAIL",
					"Manifest put by digest":       "FAIL",
					"Blob anonymous mount":         "Skip",
					"Tag delete":                   "Skip",
					"Tag delete atomic":            "Skip",
					"Manifest put with tag params": "Disabled",
					"Blobs sha512":                 "Disabled",
					"Digest Algorithm sha512":      "Disabled",
					"Sparse Manifests":             "Disabled",
					"Tag Param":                    "Disabled",
					"Tag Param sha512":             "Disabled",
				},
				Passing: 41,
			}, got)
		})
	}
}
