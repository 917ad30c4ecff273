package main

import (
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

// TestTwoCommandsOnTheSameDataLoseNothing runs two commands at a time that write
// the same thing: a layout, a folder of layouts, a repository with one journal,
// docker's configuration. Each succeeds, or says that the other one works on it
// and succeeds when it is run again; then all that both did is there.
func TestTwoCommandsOnTheSameDataLoseNothing(t *testing.T) {
	w := newTroubled(t, false)
	w.begin(trouble{as: asAdmin, policies: withAdmin, before: []string{"push oci:img2 $REG/team/app:2", "copy $REG/team/app:1 $REG/other/db:1"}})
	for _, c := range []struct {
		lines  [2]string
		secret string
		see    string
		want   []string
	}{
		{lines: [2]string{"pull $REG/team/app:1 oci:out:one", "pull $REG/team/app:2 oci:out:two"}, see: "ls oci:out", want: []string{"one", "two"}},
		{lines: [2]string{"pull $REG/team/app:1 oci:same:1", "pull $REG/team/app:1 oci:same:1"}, see: "ls oci:same", want: []string{"1"}},
		{lines: [2]string{"sync $REG oci:tree --include team/**", "sync $REG oci:tree --include other/**"}, see: "ls oci:tree", want: []string{"other/db:1", "team/app:1", "team/app:2"}},
		{lines: [2]string{"push oci:img1 $REG/new/app:1", "push oci:img2 $REG/new/app:2"}, see: "ls $REG/new/app", want: []string{"1", "2"}},
		{lines: [2]string{"login $REG --username acrkit --password-stdin", "login localhost:" + strings.TrimPrefix(w.words["REG"], "127.0.0.1:") + " --username acrkit --password-stdin"}, secret: "secret"},
	} {
		var done sync.WaitGroup
		var codes [2]int
		var told [2]string
		for i, line := range c.lines {
			done.Go(func() {
				codes[i], _, told[i] = w.run(w.expand(line)+" --progress none", c.secret)
			})
		}
		done.Wait()
		for i, line := range c.lines {
			if codes[i] == failure.ExitDone {
				continue
			}
			if !strings.Contains(told[i], "IN_USE") {
				t.Errorf("%s: exit code %d\n%s", line, codes[i], told[i])
			}
			if code, _, stderr := w.run(w.expand(line)+" --progress none", c.secret); code != failure.ExitDone {
				t.Errorf("%s, run again: exit code %d\n%s", line, code, stderr)
			}
		}
		if c.see == "" {
			continue
		}
		if code, stdout, stderr := w.run(w.expand(c.see), ""); code != failure.ExitDone || stdout != strings.Join(c.want, "\n")+"\n" {
			t.Errorf("after %q: %s: exit code %d\n%s%s", c.lines, c.see, code, stdout, stderr)
		}
	}
	var config struct{ Auths map[string]json.RawMessage }
	data, err := os.ReadFile("home/docker/config.json")
	if err == nil {
		err = json.Unmarshal(data, &config)
	}
	if err != nil || len(config.Auths) != 2 {
		t.Errorf("docker's configuration has %d of 2 registries: %v", len(config.Auths), err)
	}
	if code, stdout, stderr := w.run("transfers list", ""); code != failure.ExitDone || stdout != "" {
		t.Errorf("left in the journal: exit code %d\n%s%s", code, stdout, stderr)
	}
}
