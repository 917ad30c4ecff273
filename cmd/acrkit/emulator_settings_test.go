package main

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/session"
)

func TestDataOutsideOfAVolumeIsNoticed(t *testing.T) {
	const mounts = `22 1 0:20 / / rw,relatime - overlay overlay rw
23 22 0:21 / /proc rw - proc proc rw
24 22 8:1 /volumes/a /data rw,relatime - ext4 /dev/sda1 rw
25 22 8:1 /volumes/b /with\040space rw - ext4 /dev/sda1 rw
short line
`
	for dir, want := range map[string]bool{
		"/data": true, "/data/": true, "/data/registry": true, "/with space/x": true,
		"/": false, "/dat": false, "/database": false, "/home/data": false, "/with": false,
	} {
		if got := onVolume(mounts, dir); got != want {
			t.Errorf("onVolume(%q) = %v, want %v", dir, got, want)
		}
	}
}

func TestDataFolderThatCannotBeWrittenSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		errno syscall.Errno
		image bool
		want  []string
	}{
		{syscall.EROFS, true, []string{"read-only file system", "docker run --volume acrkit:/data"}},
		{syscall.EROFS, false, []string{"read-only file system", "acrkit emulator --dir"}},
		{syscall.EACCES, true, []string{"may not write", "--user UID:GID", "--tmpfs /data"}},
		{syscall.EACCES, false, []string{"may not write", "chown", "--dir"}},
		{syscall.ENOSPC, true, []string{"no space is left", "df -h /data/registry", "--volume"}},
		{syscall.EDQUOT, false, []string{"no space is left", "df -h /data/registry"}},
	} {
		a := &app{Session: &session.Session{Getenv: func(name string) string {
			if c.image && name == volumeVariable {
				return "/data"
			}
			return ""
		}}}
		err := a.explainStart(&fs.PathError{Op: "mkdir", Path: "/data/registry/blobs", Err: c.errno}, "/data/registry")
		var said *failure.Explained
		if !errors.As(err, &said) || !errors.Is(err, c.errno) {
			t.Fatalf("%v: got %v", c.errno, err)
		}
		text := err.Error() + "\n" + strings.Join(said.Fix, "\n")
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%v, in the image %v: %q is not in:\n%s", c.errno, c.image, want, text)
			}
		}
	}
	a := &app{Session: &session.Session{Getenv: func(string) string { return "" }}}
	if other := errors.New("port in use"); a.explainStart(other, "/data") != other {
		t.Error("another error is changed")
	}
}
