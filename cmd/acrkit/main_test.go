package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// TestMain makes this test program the acrkit of the scripts: each command
// line runs in a process of its own, and must leave no goroutine behind.
func TestMain(m *testing.M) {
	program := func() {
		code := run(commandLine(os.Args))
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines left behind:", err)
			code = 99
		}
		os.Exit(code)
	}
	testscript.Main(leakChecked{m}, map[string]func(){"acrkit": program, helperProgram: program})
}

// leakChecked runs the tests and looks for goroutines that they left.
type leakChecked struct{ *testing.M }

func (m leakChecked) Run() int {
	code := m.M.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
