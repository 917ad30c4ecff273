package diagnose_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/diagnose"
)

// TestReportsSchemaIsStable holds the names that programs read by: those of the
// members, and those of the checks. They are only ever added to.
func TestReportsSchemaIsStable(t *testing.T) {
	report := diagnose.Run(t.Context(), diagnose.Target{Endpoint: "https://nosuchregistry.azurecr.io"}, &diagnose.Options{Resolver: resolver{}, Versions: []diagnose.Version{{Name: "acrkit", Value: "1.0.0"}}})
	data, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Schema           string
		Checks, Findings []map[string]any
	}
	var whole map[string]any
	if err := json.Unmarshal(data, &whole); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	members := func(objects ...map[string]any) string {
		names := map[string]bool{}
		for _, o := range objects {
			for name := range o {
				names[name] = true
			}
		}
		return strings.Join(slices.Sorted(maps.Keys(names)), " ")
	}
	var checks []string
	for _, c := range got.Checks {
		checks = append(checks, c["name"].(string))
	}
	want := map[string]string{
		"schema":   "acrkit.doctor/1",
		"report":   "checks findings registry schema started",
		"checks":   "because codes name seconds seen status summary",
		"findings": "azCode causes check code fix kind link retry seen severity title",
		"names": "name, dns, proxy, tcp, clock, tls, challenge, credential, exchange, token, scopes, abac, admin user, " +
			"metadata, pull, push, throttling, docker, versions",
	}
	if diff := cmp.Diff(want, map[string]string{
		"schema": got.Schema, "report": members(whole), "checks": members(got.Checks...), "findings": members(got.Findings...),
		"names": strings.Join(checks, ", "),
	}); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestAzsCodesAreKept holds the names under which az acr check-health reports
// the same failures.
func TestAzsCodesAreKept(t *testing.T) {
	for az, code := range map[string]string{
		"LOGIN_SERVER_ERROR":                  "NOT_A_REGISTRY",
		"CONNECTIVITY_DNS_ERROR":              "DNS_NOT_FOUND",
		"CONNECTIVITY_SSL_ERROR":              "TLS_UNKNOWN_AUTHORITY",
		"CONNECTIVITY_CHALLENGE_ERROR":        "CHALLENGE_MISSING",
		"CONNECTIVITY_FORBIDDEN_ERROR":        "FIREWALL_DENIED",
		"CONNECTIVITY_WWW_AUTHENTICATE_ERROR": "CHALLENGE_UNUSABLE",
		"CONNECTIVITY_AAD_LOGIN_ERROR":        "ENTRA_LOGIN_UNSUPPORTED",
		"CONNECTIVITY_TOOMANYREQUESTS_ERROR":  "LOGIN_THROTTLED",
		"CONNECTIVITY_REFRESH_TOKEN_ERROR":    "NO_ROLE",
		"CONNECTIVITY_ACCESS_TOKEN_ERROR":     "REFRESH_TOKEN_REJECTED",
	} {
		if row, _ := diagnose.Lookup(diagnose.Code(code)); row.AzCode != az {
			t.Errorf("%s is %s of az, want %s", code, row.AzCode, az)
		}
	}
}
