package interop

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// acrkit is the path of the command, built once for all tests.
var acrkit string

// stopEngines end what tests share, when all of them have ended.
var stopEngines []func() error

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "acrkit-interop-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	acrkit = filepath.Join(dir, "acrkit")
	// From the root module, whose versions are the ones that ship.
	build := exec.CommandContext(context.Background(), "go", "build", "-o", acrkit, "./cmd/acrkit")
	build.Dir = ".."
	if output, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build acrkit: %w\n%s", err, output)
	}
	code = m.Run()
	for _, stop := range stopEngines {
		if err := stop(); err != nil {
			return 0, fmt.Errorf("stop a container engine: %w", err)
		}
	}
	if code == 0 {
		if err := goleak.Find(
			// The strangers' shared transports keep idle connections, and
			// nothing closes those of http.DefaultTransport and its clones.
			goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"),
			goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"),
			goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"),
			// Distribution's notifications have no end, not even Shutdown.
			goleak.IgnoreTopFunction("github.com/docker/go-events.(*Broadcaster).run"),
		); err != nil {
			return 0, fmt.Errorf("goroutines left behind: %w", err)
		}
	}
	return code, nil
}
