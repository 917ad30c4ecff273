package main

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

// gone is a terminal or a pipe that nobody holds any more.
type gone struct{ err error }

func (g gone) Write([]byte) (int, error) { return 0, g.err }

// TestATerminalThatGoesAwayStopsNoWork takes standard error away from commands,
// which changes nothing, and standard output, which the exit code tells of: the
// work is done in both cases.
func TestATerminalThatGoesAwayStopsNoWork(t *testing.T) {
	w := newTroubled(t, false)
	w.begin(trouble{})
	n := 0
	for _, lost := range []struct {
		err    error
		stderr bool
		told   int // the exit code
	}{
		{syscall.EIO, true, failure.ExitDone},
		{syscall.EPIPE, true, failure.ExitDone},
		{syscall.EIO, false, failure.ExitFailed},
		{syscall.EPIPE, false, failure.ExitClosedPipe},
	} {
		for _, progress := range []string{"plain", "json", "none"} {
			n++
			for _, c := range []struct {
				line, see string
				want      int
			}{
				{fmt.Sprintf("push oci:img2 $REG/new/app:%d", n), fmt.Sprintf("show $REG/new/app:%d", n), lost.told},
				{fmt.Sprintf("pull $REG/team/app:1 oci:out%d", n), fmt.Sprintf("show oci:out%d", n), lost.told},
				{fmt.Sprintf("sync $REG/team/app oci:tree%d", n), fmt.Sprintf("show oci:tree%d/team/app:1", n), lost.told},
				{fmt.Sprintf("copy $REG/team/app:1 $REG/copied/app:%d", n), fmt.Sprintf("show $REG/copied/app:%d", n), lost.told},
				{"ls $REG/team/app", "ls $REG/team/app", lost.told},
			} {
				errs := &watcher{}
				a, out := testApp(w.env, errs)
				if lost.stderr {
					a.Stderr = gone{lost.err}
				} else {
					a.Stdout = gone{lost.err}
				}
				if code := a.run(t.Context(), shellWords(w.expand(c.line)+" --progress "+progress)); code != c.want {
					t.Errorf("%v, standard error %v: %s --progress %s: exit code %d, want %d\n%s", lost.err, lost.stderr, c.line, progress, code, c.want, &errs.all)
				}
				if lost.stderr && out.Len() == 0 {
					t.Errorf("%s: no result", c.line)
				}
				if code, _, stderr := w.run(w.expand(c.see), ""); code != failure.ExitDone {
					t.Errorf("%v, standard error %v: %s: it isn't done: exit code %d\n%s", lost.err, lost.stderr, c.line, code, stderr)
				}
				for _, leak := range []string{"panic", "goroutine "} {
					if bytes.Contains(errs.all.Bytes(), []byte(leak)) {
						t.Errorf("%s: %s", c.line, &errs.all)
					}
				}
			}
		}
	}
}
