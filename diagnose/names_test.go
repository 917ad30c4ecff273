package diagnose_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/internal/diagnosetest"
)

func codesOf(found []diagnose.Row) []string {
	var codes []string
	for _, r := range found {
		codes = append(codes, string(r.Code))
	}
	return codes
}

// TestFindKnowsEveryNameUnderWhichAFailureIsMet holds that the code in the
// answer of each recorded exchange, Entra's codes and those of the Azure CLI
// lead to the row of that failure.
func TestFindKnowsEveryNameUnderWhichAFailureIsMet(t *testing.T) {
	for _, r := range diagnosetest.Recordings(t, "testdata/explain") {
		_, body := diagnosetest.OnTheWire(r.Section("response"))
		var envelope struct {
			Errors []struct{ Code string }
		}
		if json.Unmarshal([]byte(body), &envelope) != nil || len(envelope.Errors) == 0 || envelope.Errors[0].Code == "" {
			continue
		}
		if slices.Contains([]string{"BAD_REQUEST", "NOT_FOUND", "PRECONDITION_FAILED"}, r.Code) {
			continue // known by its status, whatever its code
		}
		if found := codesOf(diagnose.Find(envelope.Errors[0].Code)); !slices.Contains(found, r.Code) {
			t.Errorf("%s: Find(%q) is %v, without %s", r.Path, envelope.Errors[0].Code, found, r.Code)
		}
	}
	for _, code := range diagnose.Codes() {
		row, _ := diagnose.Lookup(code)
		if found := codesOf(diagnose.Find(strings.ToLower(string(code)))); len(found) == 0 || found[0] != string(code) {
			t.Errorf("Find(%q) is %v", code, found)
		}
		for _, name := range append(row.Entra, row.AzCode) {
			if name != "" && !slices.Contains(codesOf(diagnose.Find(name)), string(code)) {
				t.Errorf("Find(%q) is without %s", name, code)
			}
		}
	}
	for name, want := range map[string]string{
		"AADSTS50076": "ENTRA_INTERACTION_REQUIRED", "aadsts7000222": "ENTRA_SECRET_EXPIRED", "7000215": "ENTRA_SECRET_INVALID",
		"AADSTS999999": "ENTRA_REFUSED", "LOGIN_SERVER_ERROR": "NOT_A_REGISTRY", "invalidauthenticationinfo": "CREDENTIALS_TO_STORAGE",
	} {
		if found := codesOf(diagnose.Find(name)); len(found) == 0 || found[0] != want {
			t.Errorf("Find(%q) is %v, want %s first", name, found, want)
		}
	}
	for _, name := range []string{"", "NO_SUCH_CODE", "AADSTS", "AADSTSx", "12"} {
		if found := diagnose.Find(name); len(found) != 0 {
			t.Errorf("Find(%q) is %v", name, codesOf(found))
		}
	}
}

// TestEveryEntraCodeBelongsToOneRow keeps a code from two explanations.
func TestEveryEntraCodeBelongsToOneRow(t *testing.T) {
	owner := map[string]string{}
	for _, code := range diagnose.Codes() {
		row, _ := diagnose.Lookup(code)
		for _, entra := range row.Entra {
			if owner[entra] != "" {
				t.Errorf("%s belongs to %s and %s", entra, owner[entra], code)
			}
			owner[entra] = string(code)
		}
	}
	if len(owner) < 50 {
		t.Errorf("%d codes of Entra only", len(owner))
	}
}

// TestNamesOfTheRegistryDialToRows checks the table of names by itself.
func TestNamesOfTheRegistryDialToRows(t *testing.T) {
	for name, codes := range diagnose.RegistryCalls() {
		for _, code := range codes {
			if _, ok := diagnose.Lookup(diagnose.Code(code)); !ok {
				t.Errorf("%s: there is no row %s", name, code)
			}
		}
	}
}

func TestSimilarFindsWhatWasMistyped(t *testing.T) {
	for name, want := range map[string]string{
		"FIREWAL_DENIED": "FIREWALL_DENIED", "TAG_NOTFOUND": "TAG_NOT_FOUND", "THROTLED": "THROTTLED", "FIREWALL": "FIREWALL_DENIED",
		"AADSTS50077": "AADSTS50076", "CONECTIVITY_DNS_ERROR": "CONNECTIVITY_DNS_ERROR", "UNAUTHORISED": "UNAUTHORIZED",
	} {
		if similar := diagnose.Similar(name); len(similar) == 0 || similar[0] != want {
			t.Errorf("Similar(%q) is %v, want %s first", name, similar, want)
		}
	}
	for _, name := range []string{"", "x", strings.Repeat("€", 100)} {
		if similar := diagnose.Similar(name); len(similar) != 0 {
			t.Errorf("Similar(%q) is %v", name, similar)
		}
	}
}

// TestEveryCodeOfCheckHealthIsKnown holds what the help of explain promises.
func TestEveryCodeOfCheckHealthIsKnown(t *testing.T) {
	for _, name := range []string{
		"DOCKER_COMMAND_ERROR", "DOCKER_DAEMON_ERROR", "DOCKER_VERSION_ERROR", "DOCKER_PULL_ERROR",
		"HELM_COMMAND_ERROR", "HELM_VERSION_ERROR", "NOTARY_COMMAND_ERROR", "NOTARY_VERSION_ERROR",
		"CONNECTIVITY_DNS_ERROR", "CONNECTIVITY_FORBIDDEN_ERROR", "CONNECTIVITY_CHALLENGE_ERROR",
		"CONNECTIVITY_AAD_LOGIN_ERROR", "CONNECTIVITY_REFRESH_TOKEN_ERROR", "CONNECTIVITY_ACCESS_TOKEN_ERROR",
		"CONNECTIVITY_SSL_ERROR", "CONNECTIVITY_WWW_AUTHENTICATE_ERROR", "CONNECTIVITY_TOOMANYREQUESTS_ERROR",
		"LOGIN_SERVER_ERROR", "CMK_ERROR", "UNEXPECTED_ERROR",
	} {
		if len(diagnose.Find(name)) == 0 {
			t.Errorf("Find(%q) is empty", name)
		}
	}
}
