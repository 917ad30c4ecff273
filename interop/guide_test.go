package interop

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// guideErrors are the errors that Azure's troubleshooting guide shows, as it
// shows them: without the line of the request above.
var guideErrors = map[string]string{
	"arm":         guideError("401 Unauthorized", "UNAUTHORIZED", "arm aad token disallowed"),
	"anonymous":   guideError("401 Unauthorized", "UNAUTHORIZED", "authentication required, visit https://aka.ms/acr/authorization for more information."),
	"permissions": guideError("403 Forbidden", "DENIED", "retrieving permissions failed"),
	"network":     guideError("403 Forbidden", "DENIED", "client with IP <> is not allowed access. Refer https://aka.ms/acr/firewall to grant access."),
	"upload":      guideError("404 Not Found Error", "BLOB_UPLOAD_INVALID", "blob upload invalid"),
}

func guideError(status, code, message string) string {
	const rule = "--------------------------------------------------------------------------------\n"
	return rule + "RESPONSE " + status[:3] + ": " + status + "\nERROR CODE UNAVAILABLE\n" + rule + `{
  "errors": [
    {
      "code": "` + code + `",
      "message": "` + message + `"
    }
  ]
}
` + rule
}

// TestTheTroubleshootingGuideHolds runs the snippets of Azure's guide with
// v0.2.3 and with ours: what they print is what the guide shows, and ours differs
// in the line of the code alone.
func TestTheTroubleshootingGuideHolds(t *testing.T) {
	dir := t.TempDir()
	theirs, ours := buildBoth(t, dir, "guide")
	t.Run("errors", func(t *testing.T) {
		for program, codeLine := range map[string]string{theirs: "ERROR CODE UNAVAILABLE", ours: "ERROR CODE: $1"} {
			seen := map[string]bool{}
			for block := range strings.SplitSeq(strings.TrimPrefix(runGuide(t, program, "errors"), "== "), "== ") {
				title, text, _ := strings.Cut(block, "\n")
				dynamic, text, _ := strings.Cut(text, "\n")
				request, text, _ := strings.Cut(text, "\n")
				want := guideErrors[title]
				code := regexp.MustCompile(`"code": "(\w+)"`).FindStringSubmatch(want)[1]
				want = strings.Replace(want, "ERROR CODE UNAVAILABLE", strings.Replace(codeLine, "$1", code, 1), 1)
				if diff := cmp.Diff(want, strings.TrimSuffix(text, "\n")); diff != "" || dynamic != "*exported.ResponseError" || !strings.Contains(request, " https://contoso.azurecr.io/") {
					t.Errorf("%s %s: %s, %s (-guide +printed):\n%s", filepath.Base(program), title, dynamic, request, diff)
				}
				seen[title] = true
			}
			if len(seen) != len(guideErrors) {
				t.Errorf("%s shows %v", filepath.Base(program), seen)
			}
		}
	})
	for snippet, lines := range map[string][]string{
		"handling": {"repository library/hello-world", "HTTP error 403 true", "HTTP error 401 true", "not an HTTP error"},
		"capture":  {`response 200 OK application/json {"imageName":"library/hello-world"} <nil>`, "failed with 403", "response 403 Forbidden"},
		"logging":  {"==> OUTGOING REQUEST (Try=1)", "==> REQUEST/RESPONSE (Try=1/", "   GET https://contoso.azurecr.io/acr/v1/library%2Fhello-world?api-version=2021-07-01", "   POST https://contoso.azurecr.io/oauth2/exchange", "   RESPONSE Status: 200 OK", "repository library/hello-world"},
		// The guide's line is AZURE_SDK_GO_LOGGING=all, which writes to stderr.
		"environment": {"==> OUTGOING REQUEST (Try=1)", "   RESPONSE Status: 200 OK"},
	} {
		t.Run(snippet, func(t *testing.T) {
			var logged []string
			for _, program := range []string{theirs, ours} {
				output := runGuide(t, program, snippet, "AZURE_SDK_GO_LOGGING="+map[bool]string{true: "all"}[snippet == "environment"])
				for _, want := range lines {
					if !strings.Contains(output, want) {
						t.Errorf("%s prints no %q:\n%s", filepath.Base(program), want, output)
					}
				}
				if strings.Contains(output, "eyJ") {
					t.Errorf("%s logs a token", filepath.Base(program))
				}
				logged = append(logged, anyTime.ReplaceAllString(errorCode.ReplaceAllString(output, `ERROR CODE\n`), "TIME"))
			}
			if diff := cmp.Diff(events(logged[0]), events(logged[1])); diff != "" {
				t.Errorf("the move changes what is printed (-v0.2.3 +ours):\n%s", diff)
			}
		})
	}
}

var anyTime = regexp.MustCompile(`\[[^\]]*\]|/\d[\w.µ]*, OpTime=[\w.µ]*\)|\d[\w.µ]*s\b`)

// events keeps the lines of a log that say what happened.
func events(log string) []string {
	var lines []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, "User-Agent") || strings.Contains(line, "Allowed") {
			continue
		}
		lines = append(lines, strings.TrimRight(line, "\n"))
	}
	return lines
}

func runGuide(t *testing.T, program, snippet string, env ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, snippet)
	c.Env = append(os.Environ(), env...)
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	if err := c.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), snippet, err, output.String())
	}
	return output.String()
}
