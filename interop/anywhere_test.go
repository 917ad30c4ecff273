package interop

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// guide is the documentation of how to start the emulator from elsewhere.
func guide(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../docs/emulator-anywhere.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// blocks are the guide's examples in a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	var found []string
	for _, match := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(guide(t), -1) {
		found = append(found, match[1])
	}
	return found
}

func TestGuideNamesOnlyWhatTheEmulatorHas(t *testing.T) {
	help := command(t, "", acrkit, "emulator", "--help")
	var known []string
	for _, flag := range regexp.MustCompile(`--([a-z][a-z-]*)`).FindAllStringSubmatch(help, -1) {
		known = append(known, "ACRKIT_EMULATOR_"+strings.ToUpper(strings.ReplaceAll(flag[1], "-", "_")))
	}
	known = append(known, regexp.MustCompile(`ACRKIT_EMULATOR_[A-Z_]+`).FindAllString(help, -1)...)
	used := regexp.MustCompile(`ACRKIT_EMULATOR_[A-Z_]*[A-Z]`).FindAllString(guide(t), -1)
	if len(used) < 20 {
		t.Fatalf("the guide names %d variables", len(used))
	}
	for _, variable := range used {
		if !slices.Contains(known, variable) {
			t.Errorf("the guide names %s, which the emulator does not have", variable)
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `(ACRKIT_EMULATOR_[A-Z_]+)` \\| (?:`--([a-z-]+)`)? ?\\|").FindAllStringSubmatch(guide(t), -1)
	if len(rows) < 10 {
		t.Fatalf("the guide's table has %d rows", len(rows))
	}
	for _, row := range rows {
		if flag := row[2]; flag != "" && row[1] != "ACRKIT_EMULATOR_"+strings.ToUpper(strings.ReplaceAll(flag, "-", "_")) {
			t.Errorf("the guide pairs %s with --%s", row[1], flag)
		}
	}
}

// TestGuideTellsWhatTheEmulatorSays compares the words of its last table with
// those of the command's source.
func TestGuideTellsWhatTheEmulatorSays(t *testing.T) {
	source, err := os.ReadFile("../cmd/acrkit/emulator_settings.go")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(guide(t), "## What goes wrong")
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1)
	if len(rows) < 5 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		for part := range strings.SplitSeq(strings.ReplaceAll(row[1], "/data", "…"), "…") {
			if part = strings.TrimSpace(part); !strings.Contains(string(source), part) {
				t.Errorf("no message says %q", part)
			}
		}
	}
}

func TestGuidesExamplesParse(t *testing.T) {
	kinds := map[string]bool{}
	for _, block := range blocks(t, "yaml") {
		decoder := yaml.NewDecoder(strings.NewReader(block))
		for {
			var document map[string]any
			err := decoder.Decode(&document)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v:\n%s", err, block)
			}
			for _, kind := range []string{"services", "jobs", "kind"} {
				if document[kind] != nil {
					kinds[kind] = true
				}
			}
			checkEmulators(t, document)
		}
	}
	if len(kinds) != 3 {
		t.Errorf("examples of %v; want Compose, GitHub Actions and Kubernetes", kinds)
	}
	for _, block := range blocks(t, "json") {
		if !json.Valid([]byte(block)) {
			t.Errorf("no JSON:\n%s", block)
		}
	}
	for _, language := range []string{"java", "csharp", "python"} {
		recipes := blocks(t, language)
		if len(recipes) != 1 {
			t.Fatalf("%d recipes in %s", len(recipes), language)
		}
		for _, part := range []string{"acrkit/emulator:dev", "5000", "/_acrkit/ready", "ACRKIT_EMULATOR_LISTEN_BEYOND_LOOPBACK"} {
			if !strings.Contains(recipes[0], part) {
				t.Errorf("the recipe in %s lacks %s", language, part)
			}
		}
	}
}

// checkEmulators finds the containers of the emulator in an example: each asks
// in so many words to be reached from outside of it.
func checkEmulators(t *testing.T, value any) {
	t.Helper()
	switch value := value.(type) {
	case map[string]any:
		if image, ok := value["image"].(string); ok && strings.Contains(image, "emulator") {
			asked, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			if text := string(asked); !strings.Contains(text, "LISTEN_BEYOND_LOOPBACK") && !strings.Contains(text, "--listen-beyond-loopback") {
				t.Errorf("nothing reaches this emulator: %s", text)
			}
		}
		for _, member := range value {
			checkEmulators(t, member)
		}
	case []any:
		for _, member := range value {
			checkEmulators(t, member)
		}
	}
}
