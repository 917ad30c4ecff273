package emulator

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator/internal/fault"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
	"github.com/google/go-cmp/cmp"
)

// guideLists are what EMULATOR.md lists, by the marker above each.
func guideLists() map[string]string {
	var presets, quirks strings.Builder
	presets.WriteString("| preset | what a client sees | status | evidence |\n|---|---|---|---|\n")
	for _, preset := range FaultPresets() {
		status := "–"
		if preset.Status != 0 {
			status = strings.TrimSpace(fmt.Sprintf("%d %s", preset.Status, preset.Code))
		}
		fmt.Fprintf(&presets, "| `%s` | %s | %s | %s |\n", preset.Name, preset.Summary, status, linked(preset.Evidence))
	}
	quirks.WriteString("| quirk | values | what it turns | evidence |\n|---|---|---|---|\n")
	for _, quirk := range Quirks() {
		values := "`" + strings.Join(append([]string{quirk.Default}, quirk.Values[min(1, len(quirk.Values)):]...), "`, `") + "`"
		if len(quirk.Values) == 0 {
			values += ", or other text"
		}
		fmt.Fprintf(&quirks, "| `%s` | %s | %s | %s |\n", quirk.Name, values, strings.ReplaceAll(quirk.Effect, "<", "&lt;"), linked(quirk.Evidence))
	}
	return map[string]string{
		"presets": presets.String(),
		"quirks":  quirks.String(),
		"routes":  "`" + strings.Join(fault.RouteNames(wire.Routes()), "`, `") + "`\n",
	}
}

// linked makes the sections that evidence cites lead to the protocol reference.
func linked(evidence string) string {
	return citedSection.ReplaceAllString(evidence, "${1}[$2](docs/acr-protocol.md#section-$2)")
}

var citedSection = regexp.MustCompile(`(§|section |sections |and )([0-9]+(?:\.[0-9]+)?)`)

func TestGuideListsWhatThereIs(t *testing.T) {
	const path = "../EMULATOR.md"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for name, list := range guideLists() {
		before, rest, found := strings.Cut(text, "<!-- "+name+" -->\n")
		_, after, closed := strings.Cut(rest, "<!-- end -->")
		if !found || !closed {
			t.Fatalf("%s has no place for %s", path, name)
		}
		text = before + "<!-- " + name + " -->\n" + list + "<!-- end -->" + after
	}
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(data), text); diff != "" {
		t.Errorf("%s is behind; run go test ./emulator -run Guide -update\n%s", path, diff)
	}
}

// TestGuideConfigurationWorks reads the files that EMULATOR.md shows.
func TestGuideConfigurationWorks(t *testing.T) {
	data, err := os.ReadFile("../EMULATOR.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(data), "```json\n")[1:]
	if len(blocks) < 3 {
		t.Fatalf("%d JSON files, want three", len(blocks))
	}
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		switch {
		case strings.HasPrefix(text, `{"faults"`):
			if _, err := ParseFaults([]byte(text)); err != nil {
				t.Error(err)
			}
			continue
		case strings.HasPrefix(text, `{"webhooks"`):
			// A part of one registry.
			text = `{"registries":[{"name":"acrkit",` + strings.TrimPrefix(strings.TrimSpace(text), "{") + `]}`
		}
		options, err := ParseConfig([]byte(text))
		if err != nil {
			t.Errorf("%v in %s", err, text)
			continue
		}
		e, err := New(options)
		if err != nil {
			t.Errorf("%v in %s", err, text)
			continue
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}
