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
	testscript.Main(leakChecked{m}, map[string]func(){
		"acrkit": func() {
			code := run(os.Args[1:])
			if err := goleak.Find(); err != nil {
				fmt.Fprintln(os.Stderr, "goroutines left behind:", err)
				code = 99
			}
			os.Exit(code)
		},
	})
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

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Setup:               setupScript,
		Cmds:                scriptCommands(),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

// setupScript gives a script a home, a data folder and a clean environment.
func setupScript(env *testscript.Env) error {
	home := env.WorkDir + "/home"
	if err := os.Mkdir(home, 0o700); err != nil {
		return err
	}
	env.Setenv("HOME", home)
	env.Setenv("USERPROFILE", home)
	env.Setenv("ACRKIT_DATA", env.WorkDir+"/data")
	env.Setenv("XDG_DATA_HOME", env.WorkDir+"/xdg")
	env.Setenv("DOCKER_CONFIG", home+"/.docker")
	env.Setenv("TERM", "dumb")
	return nil
}

func scriptCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"exits": exits,
	}
}

// exits runs a command and checks its exit code: exits CODE COMMAND ARGUMENT...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGUMENT...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if err != nil {
		code = exitCodeOf(err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("%v: exit code %d, want %s (%v)\nstdout: %s\nstderr: %s", args[1:], code, args[0], err, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// exitCodeOf reads the exit code out of a failed run.
func exitCodeOf(err error) int {
	coder, ok := err.(interface{ ExitCode() int })
	if !ok {
		return -1
	}
	return coder.ExitCode()
}
