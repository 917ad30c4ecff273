// Package demo builds a real image out of files of this machine, and verifies one.
package demo

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Layer is files of this machine that become a layer.
type Layer struct {
	What  string   // in words
	Roots []string // files and folders
	Dir   string   // where they are in the image
	Zip   bool
}

// Layers chooses the files: this program, and the Go tree it was built with
// where there is one, otherwise what the system has.
func Layers(ctx context.Context, getenv func(string) string) ([]Layer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's file: %w", err)
	}
	layers := []Layer{{What: "this program", Roots: []string{self}, Dir: "usr/bin"}}
	if goroot := findGo(ctx, getenv); goroot != "" {
		return append(layers,
			Layer{What: "the tools of Go", Roots: []string{filepath.Join(goroot, "bin"), filepath.Join(goroot, "pkg")}, Dir: "usr/local/go"},
			Layer{What: "the sources of Go, gzipped", Roots: []string{filepath.Join(goroot, "src")}, Dir: "usr/local/go", Zip: true},
		), nil
	}
	libraries, texts := []string{"/usr/lib", "/usr/libexec"}, []string{"/usr/share"}
	if windows := getenv("SystemRoot"); runtime.GOOS == "windows" && windows != "" {
		libraries, texts = []string{filepath.Join(windows, "System32")}, []string{filepath.Join(windows, "Fonts")}
	}
	return append(layers,
		Layer{What: "libraries of this machine", Roots: libraries, Dir: "usr/lib"},
		Layer{What: "shared files of this machine, gzipped", Roots: texts, Dir: "usr/share", Zip: true},
	), nil
}

// goLimit bounds the question where Go is.
const goLimit = 5 * time.Second

// findGo finds the Go tree; "" when there is none.
func findGo(ctx context.Context, getenv func(string) string) string {
	candidates := []string{getenv("GOROOT")}
	ctx, cancel := context.WithTimeout(ctx, goLimit)
	defer cancel()
	if said, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output(); err == nil {
		candidates = append(candidates, strings.TrimSpace(string(said)))
	}
	for _, candidate := range candidates {
		if info, err := os.Stat(filepath.Join(candidate, "src")); candidate != "" && err == nil && info.IsDir() {
			return candidate
		}
	}
	return ""
}

// maxDemoLayer bounds a layer's files: the demo shall be a minute at most.
const maxDemoLayer = 160 << 20
