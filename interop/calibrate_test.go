package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCalibrateMistakesAStrangerForACR runs it against registries that are no
// ACR: it ends well, says what they are, and writes nothing to them.
func TestCalibrateMistakesAStrangerForACR(t *testing.T) {
	strangers := map[string]func(*testing.T) server{
		"distribution, htpasswd": func(t *testing.T) server { return startDistribution(t, "htpasswd") },
		"distribution, tokens":   func(t *testing.T) server { return startDistribution(t, "token") },
		"docker-registry":        startDockerRegistry,
	}
	for name, start := range strangers {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			out := filepath.Join(t.TempDir(), "out")
			text := command(t, registryPassword, acrkit, "calibrate", s.host+"/scratch", "--yes", "--out", out, "--username", registryUser, "--password-stdin")
			if !strings.Contains(text, "CNCF Distribution") || !strings.Contains(text, "no Azure Container Registry") {
				t.Errorf("it says\n%s", text)
			}
			if _, err := os.Stat(filepath.Join(out, "quirks.json")); err == nil {
				t.Error("it wrote quirks")
			}
		})
	}
}

// TestCalibratingARunningEmulatorFindsADifference runs the command against an
// emulator in another process.
func TestCalibratingARunningEmulatorFindsADifference(t *testing.T) {
	s := startEmulator(t, "--config", `{"registries": [{"name": "acrkit", "admin": {"passwords": ["calibrated"]}}], "quirks": {"stale-upload": "invalid", "server-header": "openresty"}}`)
	text := command(t, "calibrated", acrkit, "calibrate", s.host+"/scratch", "--yes", "--out", filepath.Join(t.TempDir(), "out"),
		"--username", "acrkit", "--password-stdin", "-o", "json", "-q")
	var result struct {
		Item struct {
			Quirks      map[string]string
			Differences []any
			Left        []string
		}
	}
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if q := result.Item.Quirks; q["stale-upload"] != "invalid" || q["server-header"] != "openresty" || q["sha512"] != "off" {
		t.Errorf("quirks %v", q)
	}
	if len(result.Item.Differences) > 0 || len(result.Item.Left) > 0 {
		t.Errorf("differences %v, left %v", result.Item.Differences, result.Item.Left)
	}
}
