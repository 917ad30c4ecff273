package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/demo"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/term"
	"github.com/acrkit/azcontainerregistry/emulator"
)

func newDemoCommand(a *app) *cobra.Command {
	var keep bool
	var dir string
	command := &cobra.Command{
		Use: "demo", Short: "Show what acrkit does, with an embedded registry",
		Long: `Start an embedded registry in a temporary folder, build a real image out of real
files, push it, look at it, pull it back and verify every digest, then fail in
three ways to show the messages. It needs no network, no account and no
docker, takes about half a minute, and removes what it made.`,
		Example: "  acrkit demo\n  acrkit demo --dir tour",
		GroupID: groupImages,
		Args:    exactArgs(),
		RunE: func(command *cobra.Command, _ []string) error {
			return runDemo(command.Context(), a, dir, keep || dir != "")
		},
	}
	command.Flags().BoolVar(&keep, "keep", false, "keep the registry, and print how to use it")
	command.Flags().StringVar(&dir, "dir", "", "run the tour in this new `FOLDER`, and keep it")
	return command
}

// The demo's references and users.
const (
	demoRepository = "local/demo/go"
	demoTag        = "1.0"
	demoReader     = "reader"
)

// tour is a running demo.
type tour struct {
	*app
	ctx      context.Context
	dir      string // the temporary folder of everything
	password string // of the reader
	began    time.Time
	stage    int
}

// demo runs the tour.
func runDemo(ctx context.Context, a *app, dir string, keep bool) (err error) {
	if dir == "" {
		dir, err = os.MkdirTemp("", "acrkit-demo-")
	} else {
		err = os.Mkdir(dir, 0o700)
	}
	switch {
	case errors.Is(err, os.ErrExist):
		return failure.Coded(failure.ExitExists, fmt.Errorf("demo: %s exists already, and the tour needs a new folder", dir))
	case err != nil:
		return fmt.Errorf("demo: %w", err)
	}
	t := &tour{app: a, ctx: ctx, dir: dir, password: rand.Text(), began: a.Now()}
	defer func() {
		if keep && err == nil {
			return
		}
		if removed := os.RemoveAll(dir); removed != nil {
			err = errors.Join(err, fmt.Errorf("demo: clean up %s: %w", dir, removed))
		}
	}()
	t.say("%s  a registry, a real image there and back, and what failures look like.", a.paint(term.Bold, "acrkit demo"))
	t.say("Everything happens in this process and in %s; nothing leaves this machine.", dir)
	if err := output.Watch(t.Stdout).Failed(); err != nil {
		return err
	}
	for _, stage := range []func(*tour) error{(*tour).build, (*tour).push, (*tour).look, (*tour).pull, (*tour).fail} {
		err := stage(t)
		if unheard := output.Watch(t.Stdout).Failed(); unheard != nil {
			return unheard // nobody reads the tour any more
		}
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	t.farewell(keep)
	return nil
}

// say writes a line of the tour. The tour is the command's result, so it goes to
// standard output; what its commands print besides results goes to standard
// error, as always.
func (t *tour) say(format string, args ...any) { fmt.Fprintf(t.Stdout, format+"\n", args...) }

// paint is for standard output, which may be no terminal although standard
// error is one.
func (a *app) paint(style term.Style, text string) string { return a.screenOut.Paint(style, text) }

func (t *tour) title(text string) {
	t.stage++
	t.say("\n%s", t.paint(term.Bold, fmt.Sprintf("%d. %s", t.stage, text)))
}

func (t *tour) note(format string, args ...any) {
	t.say("%s", t.paint(term.Dim, "   "+fmt.Sprintf(format, args...)))
}

// run runs one command line as a user would, and shows it. A secret goes to its
// standard input. It returns the exit code.
func (t *tour) run(secret string, args ...string) int {
	shown := make([]string, len(args))
	for i, arg := range args {
		shown[i] = strings.ReplaceAll(arg, t.dir+string(filepath.Separator), "")
		if strings.ContainsAny(arg, " |[]{}") {
			shown[i] = "'" + shown[i] + "'"
		}
	}
	prompt := "$ acrkit "
	if secret != "" {
		prompt = "$ printenv PASSWORD | acrkit "
	}
	t.say("%s", t.paint(term.Cyan, prompt+strings.Join(shown, " ")))
	child := &app{
		Session: &session.Session{
			Stdin: strings.NewReader(secret), Stdout: t.Stdout, Stderr: t.Stderr,
			Now: t.Now, Getenv: t.env, LocalOptions: t.registry,
		},
		screen: t.screen, screenOut: t.screenOut, touring: true,
	}
	return child.run(t.ctx, append(args, "--progress", string(t.mode)))
}

// mustRun is run of a command that has to succeed.
func (t *tour) mustRun(args ...string) error {
	if code := t.run("", args...); code != failure.ExitDone {
		if err := context.Cause(t.ctx); err != nil {
			return err
		}
		return failure.Coded(code, fmt.Errorf("acrkit %s: exit code %d", strings.Join(args, " "), code))
	}
	return nil
}

// mustFail is run of a command that has to fail with a code of the contract.
func (t *tour) mustFail(code int, secret string, args ...string) error {
	if got := t.run(secret, args...); got != code {
		if err := context.Cause(t.ctx); err != nil {
			return err
		}
		return fmt.Errorf("acrkit %s: exit code %d instead of %d", strings.Join(args, " "), got, code)
	}
	t.note("exit code %d", code)
	return nil
}

// env is the environment of the tour's commands: their data is in the temporary
// folder, and the user's own registry and credentials have no part in it.
func (t *tour) env(name string) string {
	switch {
	case name == "ACRKIT_DATA":
		return filepath.Join(t.dir, "data")
	case strings.HasPrefix(name, "ACR_"), strings.HasPrefix(name, "AZURE_"), name == "DOCKER_CONFIG":
		return ""
	}
	return t.Getenv(name)
}

// registry is the embedded registry of the tour: like local/..., with an admin
// user and a token that may only read. It is gone in a minute, so nothing waits
// for the disk.
func (t *tour) registry(dir string) *emulator.Options {
	o := session.LocalOptions(dir)
	o.NoSync = true
	o.Registries[0].Policies = emulator.Policies{
		Admin: &emulator.AdminUser{Passwords: []string{rand.Text()}},
		Tokens: []emulator.ScopeMapToken{{
			Name: demoReader, Passwords: []string{t.password},
			Rules: []emulator.ScopeMapRule{{Repository: "demo/*", Actions: []string{"content/read", "metadata/read"}}},
		}},
		OtherIdentities: []emulator.RoleAssignment{{Role: emulator.RoleOwner}},
	}
	return o
}

func (t *tour) image() string { return filepath.Join(t.dir, "image") }

func (t *tour) pulled() string { return filepath.Join(t.dir, "pulled") }

func (t *tour) build() error {
	t.title("Build an image out of files of this machine")
	layers, err := demo.Layers(t.ctx, t.Getenv)
	if err != nil {
		return err
	}
	var total int64
	image, err := demo.BuildImage(t.ctx, t.image(), demoTag, layers, func(layer demo.BuiltLayer) {
		t.say("   %s  %9s  %5d files  %s", term.Short(layer.Desc.Digest.String()), output.Size(layer.Desc.Size), layer.Files, layer.What)
		total += layer.Desc.Size
	})
	if err != nil {
		return err
	}
	t.say("   %s in %d layers", output.Size(total), len(image.Layers))
	return nil
}

func (t *tour) push() error {
	t.title("Push it to local/..., the registry inside this program")
	if err := t.mustRun("push", "oci:"+t.image(), demoRepository+":"+demoTag); err != nil {
		return err
	}
	t.note("again: what is there is not sent twice, and a copy within a registry moves no bytes")
	return t.mustRun("copy", demoRepository+":"+demoTag, "local/prod/go:stable")
}

func (t *tour) look() error {
	t.title("Look at what the registry holds")
	for _, args := range [][]string{
		{"ls", "local"},
		{"tag", "list", demoRepository, "-o", "table"},
		{"manifest", "list", demoRepository, "--jq", ".items[] | {digest, tags, platform}"},
		{"tree", demoRepository + ":" + demoTag},
	} {
		if err := t.mustRun(args...); err != nil {
			return err
		}
	}
	return nil
}

func (t *tour) pull() error {
	t.title("Pull it back and verify every digest")
	if err := t.mustRun("pull", demoRepository+":"+demoTag, "oci:"+t.pulled()); err != nil {
		return err
	}
	before, err := demo.LayoutRoot(t.image())
	if err != nil {
		return err
	}
	after, err := demo.LayoutRoot(t.pulled())
	if err != nil {
		return err
	}
	if before != after {
		return fmt.Errorf("pushed %s, but pulled %s", before, after)
	}
	v, err := demo.VerifyLayout(t.ctx, t.pulled(), after)
	if err != nil {
		return err
	}
	t.say("   %s hashed again, byte by byte: %d blobs (%s) have their digests, %d layers unpack to their diff ids",
		t.paint(term.Green, "✓"), v.Blobs, output.Size(v.Bytes), v.Layers)
	return nil
}

func (t *tour) fail() error {
	t.title("Fail: a missing tag")
	if err := t.mustFail(failure.ExitNotFound, "", "show", demoRepository+":2.0"); err != nil {
		return err
	}
	t.title("Fail: a wrong password")
	if err := t.mustFail(failure.ExitNotSignedIn, "not-the-password", "ls", demoRepository, "--username", demoReader, "--password-stdin"); err != nil {
		return err
	}
	t.title("Fail: a token that may read, and not write")
	return t.mustFail(failure.ExitNotAllowed, t.password, "push", "oci:"+t.image(), "local/demo/other:1", "--username", demoReader, "--password-stdin")
}

func (t *tour) farewell(keep bool) {
	t.say("\n%s in %.1f s. Next:", t.paint(term.Bold, "Done"), t.Now().Sub(t.began).Seconds())
	for _, line := range [][2]string{
		{"go install ./cmd/acrkit", "so that acrkit is on your PATH"},
		{"acrkit push docker:app.tar local/app:1", "your own image, after docker save -o app.tar app"},
		{"acrkit emulator", "the same registry on a port, for docker, skopeo and your programs"},
		{"acrkit doctor myreg.azurecr.io", "what works and what doesn't at your real registry"},
		{"acrkit copy local/app:1 myreg.azurecr.io/app:1", "and off to the cloud"},
		{"acrkit help", "everything else"},
	} {
		t.say("  %-48s %s", line[0], t.paint(term.Dim, line[1]))
	}
	if keep {
		t.say("Kept %s; to use its registry again: export ACRKIT_DATA=%s", t.dir, filepath.Join(t.dir, "data"))
		return
	}
	t.say("%s is removed; nothing else was written.", t.dir)
}
