package inspection

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/acrkit/azcontainerregistry/emulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAFailedRequestIsExplained(t *testing.T) {
	lines := Diagnose(
		emulator.Request{Method: "GET", Host: "myreg.azurecr.io", Path: "/v2/team/app/manifests/none", Status: 404},
		emulator.Exchange{ResponseBody: `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest tagged by \"none\" is not found"}]}`},
	)
	if text := strings.Join(lines, "\n"); !strings.Contains(text, "NOT_FOUND") || !strings.Contains(text, "seen: ") {
		t.Errorf("explained as %q", lines)
	}
	if lines := Diagnose(emulator.Request{Method: "GET"}, emulator.Exchange{}); len(lines) != 1 {
		t.Errorf("a broken connection: %q", lines)
	}
}
