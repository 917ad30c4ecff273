package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// emulatorVariable is the environment variable that stands for a flag of the
// emulator's commands: ACRKIT_EMULATOR_TLS_HOST for --tls-host.
func emulatorVariable(flag string) string {
	return "ACRKIT_EMULATOR_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Variables without a flag: secrets have no place among the arguments, which
// other users can see.
const (
	adminPasswordVariable = "ACRKIT_EMULATOR_ADMIN_PASSWORD"
	controlTokenVariable  = "ACRKIT_EMULATOR_CONTROL_TOKEN"
	// volumeVariable is set in the container image, to the folder where a volume
	// is expected: data outside of one is lost with the container.
	volumeVariable = "ACRKIT_EMULATOR_VOLUME"
)

// setFromEnvironment gives each flag of a command that the command line leaves
// out the value of its variable.
func (a *app) setFromEnvironment(command *cobra.Command) error {
	var wrong error
	command.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		variable := emulatorVariable(f.Name)
		value := a.Getenv(variable)
		if f.Name == "help" || f.Changed || value == "" || wrong != nil {
			return
		}
		if err := command.Flags().Set(f.Name, value); err != nil {
			if f.Value.Type() == "bool" {
				err = fmt.Errorf("%q: want true or false", value)
			}
			wrong = failure.Usagef("%s: %w", variable, err)
		}
	})
	return wrong
}

// fileOrJSON returns the JSON that a flag gives: the text itself when it is an
// object, as a variable of a container can hold it, or else the file's.
func fileOrJSON(value string) (data []byte, name string, err error) {
	if text := strings.TrimSpace(value); strings.HasPrefix(text, "{") {
		return []byte(text), "the JSON given", nil
	}
	data, err = readSmallFile(value)
	return data, value, err
}

// checkBeyondLoopback refuses an address that other machines can reach, unless
// the flag asks for it, and chooses every address when the flag alone is given.
func (f *emulatorFlags) checkBeyondLoopback(addressGiven bool) error {
	if err := checkAddress(f.address); err != nil {
		return err
	}
	switch {
	case f.beyondLoopback && !addressGiven:
		f.address = ":5000"
	case !f.beyondLoopback && !emulator.IsLoopbackAddress(f.address) && strings.Contains(f.address, ":"):
		return &failure.Explained{
			Err:  failure.Usagef("--addr %s: other machines may reach this address; only loopback is listened at unless --listen-beyond-loopback is given", f.address),
			Code: "USAGE",
			Why:  beyondLoopbackOpens(f),
			Fix:  []string{"acrkit emulator --addr " + f.address + " --listen-beyond-loopback", "acrkit emulator --addr " + emulator.DefaultAddress},
		}
	}
	return nil
}

// beyondLoopbackOpens says what listening beyond loopback opens.
func beyondLoopbackOpens(f *emulatorFlags) []string {
	opened := []string{
		"whoever reaches it can use the registries as far as the configuration lets them; without --config, any well-formed Entra token signs in as owner",
		"the identity provider gives tokens to whoever asks it",
		"the control endpoint serves whoever has the control token",
	}
	if !f.tls {
		opened = append(opened, "passwords and tokens travel unencrypted without --tls")
	}
	return opened
}

// warnBeyondLoopback says what the flag has opened.
func (a *app) warnBeyondLoopback(f *emulatorFlags) {
	if !f.beyondLoopback || emulator.IsLoopbackAddress(f.address) {
		if a.Getenv(volumeVariable) != "" {
			a.Note("note: the emulator listens on the container's own loopback only, which no published port reaches; --listen-beyond-loopback (or %s=true) opens it",
				emulatorVariable("listen-beyond-loopback"))
		}
		return
	}
	a.Note("warning: listening beyond loopback, at %s:", f.address)
	for _, line := range beyondLoopbackOpens(f) {
		a.Note("  %s", line)
	}
}

// mountTable lists what is mounted where, on Linux.
const mountTable = "/proc/self/mountinfo"

// volumeFor is where a container has to have a volume for the data in dir, or
// empty outside of the image.
func (a *app) volumeFor(dir string) string {
	expected := a.Getenv(volumeVariable)
	if expected != "" && dir != expected && !strings.HasPrefix(dir, expected+"/") {
		return dir
	}
	return expected
}

// warnWithoutVolume says that data in a container's own layer ends with it.
func (a *app) warnWithoutVolume(dir string) {
	volume := a.volumeFor(dir)
	if volume == "" {
		return
	}
	mounts, err := os.ReadFile(mountTable)
	if err == nil && !onVolume(string(mounts), dir) {
		a.Note("warning: no volume is mounted at %s: what is pushed is lost when the container is removed (docker run --volume acrkit:%s)", volume, volume)
	}
}

// onVolume reports whether a folder is on a mount other than the root.
func onVolume(mounts, dir string) bool {
	dir = filepath.Clean(dir)
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		// Space, tab, line feed and backslash are written in octal.
		at := fields[4]
		if unescaped, err := strconv.Unquote(`"` + strings.ReplaceAll(at, `"`, `\"`) + `"`); err == nil {
			at = unescaped
		}
		if at != "/" && (dir == at || strings.HasPrefix(dir, at+"/")) {
			return true
		}
	}
	return false
}

// explainStart says what to do about a data folder that cannot be written.
func (a *app) explainStart(err error, dir string) error {
	var denied *fs.PathError
	if !errors.As(err, &denied) {
		return err
	}
	volume, other := "acrkit emulator --dir FOLDER", "acrkit emulator --dir FOLDER"
	mount := a.volumeFor(dir)
	if mount != "" {
		volume, other = "docker run --volume acrkit:"+mount, "docker run --tmpfs "+mount+":mode=1777"
	}
	switch {
	case errors.Is(err, syscall.EROFS):
		return &failure.Explained{
			Err: fmt.Errorf("the data folder %s is on a read-only file system: %w", dir, err), Code: "FILE_DENIED",
			Fix: []string{"choose a folder, or mount a volume, that can be written to: " + volume},
		}
	case errors.Is(err, fs.ErrPermission):
		fix := []string{fmt.Sprintf("let user %d own the folder: chown -R %d %s", os.Geteuid(), os.Geteuid(), dir), "or choose another folder: " + other}
		if mount != "" {
			fix[0] = fmt.Sprintf("let user %d own what is mounted there, or run the container as its owner: docker run --user UID:GID", os.Geteuid())
		}
		return &failure.Explained{
			Err: fmt.Errorf("user %d may not write to the data folder %s: %w", os.Geteuid(), dir, err), Code: "FILE_DENIED", Fix: fix,
		}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &failure.Explained{
			Err: fmt.Errorf("no space is left on the disk of the data folder %s: %w", dir, err), Code: "DISK_FULL",
			Fix: []string{"df -h " + dir, "free space there, or choose another folder: " + volume},
		}
	}
	return err
}

// checkAddress refuses what can't be listened at by its form.
func checkAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return failure.Usagef("--addr %q: must be host:port, such as %s", address, emulator.DefaultAddress)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return failure.Usagef("--addr %q: the port must be a number up to 65535; 0 takes a free one", address)
	}
	return nil
}
