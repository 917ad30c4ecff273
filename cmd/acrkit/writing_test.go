package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
)

// writing is one form of a command that writes.
type writing struct {
	line  string // $NAME stands for a digest
	stdin string // a file that standard input comes from
	// noPlan is why the command keeps no plan; "" where it does.
	noPlan string
}

// writings has every command that writes in every form of its input. A command
// with --dry-run that is not here fails TestEveryWritingCommandIsCompared.
var writings = []writing{
	{line: "push oci:img local/new/app:1"},
	{line: "push oci:img local/new/app"},
	{line: "push oci:img:1.0 local/team/app:1.0"},
	{line: "push oci:img local/team/web:1.0"},
	{line: "push oci:other local/team/app:1.0"},
	{line: "push oci:other local/team/app@$OTHER"},
	{line: "push oci:img.tar local/new/app:1"},
	{line: "push docker:img.docker.tar local/new/app"},
	{line: "push - local/new/app:2", stdin: "img.tar", noPlan: "standard input"},
	{line: "push oci:named local/new/app --all", noPlan: "--all"},
	{line: "pull local/team/app:1.0 oci:pulled"},
	{line: "pull local/team/app:1.0 oci:img:again"},
	{line: "pull local/team/app:1.0 oci:empty"},
	{line: "pull local/team/app:1.0 oci:pulled.tar"},
	{line: "pull local/team/app:1.0 docker:pulled.tar"},
	{line: "pull local/team/app@$IMG oci:pulled"},
	{line: "copy local/team/app:1.0 local/team/app:moved"},
	{line: "copy local/team/app:1.0 local/prod/app:1"},
	{line: "copy local/team/app:1.0 local/team/app:1.0"},
	{line: "copy local/other/db:1.0 local/team/web:1.0"},
	{line: "copy local/team/app@$IMG local/prod/app"},
	{line: "copy oci:img oci:copied"},
	{line: "copy oci:img.tar docker:copied.tar"},
	{line: "copy oci:named local/new --all", noPlan: "--all"},
	{line: "copy local/team/app local/mirror/app --all-tags"},
	{line: "copy local/team/app:also local/other/db:1.0 oci:tree/new"},
	{line: "sync local oci:tree"},
	{line: "sync local oci:tree --include team/**"},
	{line: "sync local/team/app oci:tree"},
	{line: "sync local/team/app local/mirror/app"},
	{line: "sync oci:stored local"},
	{line: "sync oci:stored local/below"},
	{line: "tag untag local/team/app:1.0 --yes"},
	{line: "tag untag local/team/app:1.0 local/team/app:also --yes"},
	{line: "tag delete local/other/db:1.0 --yes"},
	{line: "tag lock local/team/app:1.0"},
	{line: "tag unlock local/team/app:fixed"},
	{line: "tag restore local/gone/app:1.0"},
	{line: "manifest put manifest.json local/team/app:stored"},
	{line: "manifest put manifest.json local/team/app"},
	{line: "manifest put - local/team/app:stored", stdin: "manifest.json", noPlan: "standard input"},
	{line: "manifest delete local/team/web@$IMG --yes"},
	{line: "manifest lock local/team/app@$IMG --for delete"},
	{line: "manifest unlock local/team/app@$IMG --for write,delete"},
	{line: "manifest restore local/gone/app@$IMG"},
	{line: "repo delete local/other/db local/team/web --yes"},
	{line: "repo lock local/team/app"},
	{line: "repo unlock local/team/app --for write"},
	{line: "repo restore local/gone/app"},
	{line: "blob put note.txt local/notes"},
	{line: "blob put - local/notes", stdin: "note.txt", noPlan: "standard input"},
	{line: "blob mount local/team/app@$CONFIG local/new/app"},
	{line: "blob delete local/team/app@$CONFIG --yes --force"},
	{line: "retag local/team/app:1.0 again"},
	{line: "retag local/team/app:1.0 local/prod/app:1"},
	{line: "retag local/other/db:1.0 local/team/web:1.0"},
	{line: "annotate local/team/app:1.0 stage=test"},
	{line: "annotate local/team/app@$IMG stage=test"},
	{line: "mutate local/team/app:1.0 --label a=b --env X=y --user 1000 --entrypoint /app --created 2024-01-02T03:04:05Z"},
	{line: "mutate local/team/app:1.0 --workdir /srv --to local/prod/app:2"},
	{line: "mutate oci:img --label a=b"},
	{line: "append local/team/app:1.0 img --to more"},
	{line: "rebase local/team/app:1.0 --old-base local/team/app:1.0 --new-base local/other/db:1.0"},
	{line: "flatten local/team/app:1.0 --to flat"},
	{line: "index create local/new/app:multi local/team/app:1.0=linux/amd64 local/other/db:1.0=linux/arm64"},
	{line: "index create local/team/app:multi local/team/app:1.0"},
}

// refusals are dry runs and plans of what would be refused: with the same exit
// code, and without a change.
var refusals = []writing{
	{line: "push oci:other local/team/app:fixed"},
	{line: "retag local/other/db:1.0 local/team/app:fixed"},
	{line: "mutate local/team/app:fixed --label a=b"},
	{line: "annotate local/frozen/app:1.0 a=b"},
	{line: "push oci:img local/frozen/app:2"},
	{line: "push oci:named local/new/app"},
	{line: "push oci:nothing local/new/app:1"},
	{line: "push oci:img local/team/app:1.0 --no-clobber --platform linux/none"},
	{line: "push oci:other local/team/app:1.0 --no-clobber"},
	{line: "pull local/team/app:1.0 oci:foreign"},
	{line: "pull local/team/app:1.0 oci:no/such/../folder/x.tar"},
	{line: "pull local/team/app:none oci:pulled"},
	{line: "copy local/team/app:1.0 local/frozen/app:3"},
	{line: "copy local/team/app local/frozen/app --tag-regex ^also$"},
	{line: "copy local/team/app local/new/app --tag-pattern none"},
	{line: "copy local/team/app:1.0 local/other/none:1.0 local/new"},
	{line: "sync local/team/none oci:tree"},
	{line: "sync local oci:tree --include nothing/**"},
	{line: "tag untag local/team/app:fixed --yes"},
	{line: "tag untag local/frozen/app:1.0 --yes"},
	{line: "tag delete local/team/app:1.0 --yes"},
	{line: "tag lock local/frozen/app:1.0"},
	{line: "manifest delete local/team/app@$IMG --yes"},
	{line: "manifest put manifest.json local/team/app:fixed"},
	{line: "repo delete local/frozen/app --yes"},
	{line: "repo restore local/team/app"},
	{line: "blob put note.txt local/frozen/app"},
	{line: "blob delete local/frozen/app@$CONFIG --yes"},
	{line: "blob delete local/team/app@$CONFIG --yes"},
}

// tried are the rows that a test goes through: all, or with -short every sixth.
func tried(rows []writing) []writing {
	if !testing.Short() {
		return rows
	}
	return everyNth(rows, 6)
}

// everyNth is the first of all, and each nth after it.
func everyNth[T any](all []T, n int) []T {
	var some []T
	for i := 0; i < len(all); i += n {
		some = append(some, all[i])
	}
	return some
}

// TestAnnouncedIsDone runs each command as a dry run, as a plan, as the plan's
// own dry run, as the plan, and for real, on the same registry: the first three
// change no byte, and the last two what was announced.
func TestAnnouncedIsDone(t *testing.T) {
	w := newWorld(t)
	for _, c := range tried(writings) {
		t.Run(strings.ReplaceAll(c.line, "/", "_"), func(t *testing.T) {
			w.t = t
			w.restore()
			before, state := w.bytes(), w.first
			announced := w.must(c, "--dry-run", "-o", "json")
			w.unchanged(before, "--dry-run")
			if c.noPlan == "" {
				w.must(c, "--plan", "plan.json")
				before["plan.json"] = w.bytes()["plan.json"]
				w.unchanged(before, "--plan")
				apply := writing{line: verb(c.line) + " --apply plan.json"}
				if again := w.must(apply, "--dry-run", "-o", "json"); announcedItems(t, again) != announcedItems(t, announced) {
					t.Errorf("--apply --dry-run announces something else than --dry-run:\n%s%s", again, announced)
				}
				w.unchanged(before, "--apply --dry-run")
				if strings.Contains(c.line, "--yes") {
					apply.line += " --yes"
				}
				w.must(apply)
				applied := w.change(state)
				delete(applied, "file plan.json")
				w.restore()
				w.must(c)
				if diff := cmp.Diff(applied, w.change(state)); diff != "" {
					t.Errorf("--apply and the command itself change different things (-applied +real):\n%s", diff)
				}
			} else {
				w.refuse(2, c, "--plan", "plan.json")
				w.unchanged(before, "--plan")
				w.must(c)
			}
			w.compare(announced, w.change(state))
		})
	}
}

// TestWhatWouldBeRefusedIsAnnounced holds that dry runs and plans end as the
// command itself would, and that none of them changes anything.
func TestWhatWouldBeRefusedIsAnnounced(t *testing.T) {
	w := newWorld(t)
	for _, c := range tried(refusals) {
		t.Run(strings.ReplaceAll(c.line, "/", "_"), func(t *testing.T) {
			w.t = t
			w.restore()
			before := w.bytes()
			dry, _, stderr := w.run(c, "--dry-run")
			if dry == failure.ExitDone {
				t.Error("the dry run foresees nothing")
			}
			w.unchanged(before, "--dry-run")
			if code, _, stderr := w.run(c, "--plan", "plan.json"); code != dry {
				t.Errorf("--plan ends with %d, --dry-run with %d\n%s", code, dry, stderr)
			}
			w.unchanged(before, "--plan")
			real, _, told := w.run(c)
			if real != dry {
				t.Errorf("the command ends with %d, its dry run with %d\n%s\n%s", real, dry, told, stderr)
			}
			for name, is := range w.change(w.first) {
				// A push that fails at its end can be gone on with when that is mended.
				if strings.HasPrefix(name, "tag ") || strings.HasPrefix(name, "manifest ") || strings.HasPrefix(name, "locks of ") {
					t.Errorf("it was refused, and %s is %s", name, is)
				}
			}
		})
	}
}

// TestMissingRightsAreForeseen signs in as a token that may only read.
func TestMissingRightsAreForeseen(t *testing.T) {
	w := newWorld(t)
	w.t = t
	w.restore()
	before := w.bytes()
	for _, line := range []string{
		"push oci:img local/team/app:2", "copy local/team/app:1.0 local/team/web:2", "sync local/team/app local/team/mirror",
		"tag untag local/team/app:1.0", "repo delete local/team/web", "tag lock local/team/app:1.0", "manifest put manifest.json local/team/app:2",
		"blob put note.txt local/team/app", "blob mount local/team/app@$CONFIG local/team/web",
	} {
		c := writing{line: line + " --username reader --password-stdin"}
		code, _, stderr := w.runWith("reader-password", c, "--dry-run")
		if !strings.Contains(stderr, "ACTION_NOT_GRANTED") || (code != failure.ExitNotAllowed && code != failure.ExitPartly) {
			t.Errorf("%s: exit code %d\n%s", line, code, stderr)
		}
		if code, _, stderr := w.runWith("reader-password", c, "--plan", filepath.Join(w.t.TempDir(), "plan.json")); code != failure.ExitDone || !strings.Contains(stderr, "warning: ") {
			t.Errorf("%s --plan: exit code %d, want a warning only: somebody else may apply it\n%s", line, code, stderr)
		}
	}
	w.unchanged(before, "--dry-run of a reader")
}

// TestEveryWritingCommandIsCompared holds that the table above has each command
// that has a dry run.
func TestEveryWritingCommandIsCompared(t *testing.T) {
	elsewhere := map[string]string{
		"transfers clean": "changes the journal alone: transfers.txtar",
		"transfers":       "",
		"artifact push":   "announces what is made of files: artifacts.txtar",
		"artifact pull":   "writes files that only an artifact of files has: artifacts.txtar",
		"purge":           "plans many deletions: purge.txtar and internal/purge",
		"index add":       "changes what only an index has: indexes.txtar",
		"index remove":    "changes what only an index has: indexes.txtar",
		"attach":          "announces what is made of files: artifacts.txtar",
	}
	a, _ := testApp(nil, &watcher{})
	var visit func(command *cobra.Command)
	visit = func(command *cobra.Command) {
		for _, child := range command.Commands() {
			visit(child)
		}
		path := strings.TrimPrefix(command.CommandPath(), "acrkit ")
		if command.Flags().Lookup("dry-run") == nil || elsewhere[path] != "" {
			return
		}
		if !slices.ContainsFunc(writings, func(c writing) bool { return verb(c.line) == path }) {
			t.Errorf("acrkit %s writes, and has no row in the table of writing_test.go: say there what it changes", path)
		}
	}
	visit(newRootCommand(a))
}

// verb is the command of a line, without its arguments.
func verb(line string) string {
	words := strings.Fields(line)
	switch words[0] {
	case "tag", "manifest", "repo", "blob", "index", "transfers":
		return words[0] + " " + words[1]
	}
	return words[0]
}

// announcement is what a dry run prints as JSON, of whatever kind.
type announcement struct {
	Kind  string
	Items []announcedItem
	Item  *announcedTransfer
}

type announcedTransfer struct {
	Destination string
	Plan        struct {
		Root                 struct{ Digest string }
		DestinationReference string
		Tagged               bool
		Blobs, Manifests     []announcedItem
	}
}

type announcedItem struct {
	Action, Registry, Repository, Tag, Digest, Target string
	Tags                                              []string
	Locks, Set                                        *struct{ CanWrite, CanDelete, CanRead, CanList bool }
	announcedTransfer                                 // of a change that makes new content
}

// announcedItems is what is announced, without what differs between two runs.
func announcedItems(t *testing.T, announced string) string {
	t.Helper()
	var a struct {
		Items json.RawMessage
		Item  struct{ Plan json.RawMessage }
	}
	if err := json.Unmarshal([]byte(announced), &a); err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	// The plan's own dry run calls places by their whole path.
	text := strings.ReplaceAll(string(a.Items)+string(a.Item.Plan), ` `, "")
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	compact.WriteString(strings.ReplaceAll(text, wd+"/", ""))
	return compact.String()
}

// compare holds what was announced beside what changed.
func (w *world) compare(announced string, change map[string]string) {
	w.t.Helper()
	var a announcement
	if err := json.Unmarshal([]byte(announced), &a); err != nil {
		w.t.Fatal(err)
	}
	want := map[string]bool{}
	optional := map[string]bool{} // what goes along with what is announced
	switch {
	case a.Item != nil:
		w.expectTransfer(*a.Item, want, optional)
	default:
		for _, item := range a.Items {
			switch {
			case item.Destination != "":
				w.expectTransfer(item.announcedTransfer, want, optional)
			case item.Target != "":
				w.expectSync(item, want, optional)
			default:
				w.expectStep(item, change, want, optional)
			}
		}
	}
	for name := range change {
		if !want[name] && !optional[name] && !strings.HasPrefix(name, "locks of ") {
			w.t.Errorf("not announced: %s is %s", name, change[name])
		}
	}
	for name := range want {
		if _, changed := change[name]; !changed {
			w.t.Errorf("announced, and not done: %s\n%s", name, announced)
		}
	}
}

func (w *world) expectTransfer(a announcedTransfer, want, optional map[string]bool) {
	p := a.Plan
	place, local := strings.CutPrefix(a.Destination, "local/")
	repository, _, _ := strings.Cut(place, "@")
	if local {
		if colon := strings.LastIndexByte(repository, ':'); colon > 0 {
			repository = repository[:colon]
		}
	}
	_, path, _ := strings.Cut(a.Destination, ":")
	path = strings.TrimPrefix(path, w.dir+"/")
	archive := strings.Contains(path, ".tar")
	for kind, list := range map[string][]announcedItem{"blob ": p.Blobs, "manifest ": p.Manifests} {
		for _, item := range list {
			if item.Action == "skip" || archive {
				continue
			}
			name := kind + repository + "@" + item.Digest
			if !local {
				name = "file " + strings.Split(path, ":")[0] + "/blobs/sha256/" + strings.TrimPrefix(item.Digest, "sha256:")
			}
			switch {
			case kind == "manifest " && local:
				optional[name] = true // put again under another tag, it doesn't change
			default:
				want[name] = true
			}
		}
	}
	switch {
	case archive:
		file, _, _ := strings.Cut(path, ".tar")
		want["file "+file+".tar"] = true
	case !local:
		dir := strings.Split(path, ":")[0]
		optional["file "+dir+"/oci-layout"], optional["file "+dir+"/index.json"] = true, true
	case p.DestinationReference != "" && !strings.Contains(p.DestinationReference, "sha256:") && !p.Tagged:
		want["tag "+repository+":"+p.DestinationReference] = true
	}
}

func (w *world) expectSync(item announcedItem, want, optional map[string]bool) {
	item.Target = strings.TrimPrefix(item.Target, "oci:") // of a copy to one folder
	if item.Action == "skip" {
		return
	}
	for digest := range w.digests() {
		for _, kind := range []string{"blob ", "manifest "} {
			optional[kind+item.Target+"@"+digest] = true
		}
		optional["file tree/"+item.Target+"/blobs/sha256/"+strings.TrimPrefix(digest, "sha256:")] = true
	}
	index := "file tree/" + item.Target + "/index.json"
	if _, err := os.Stat("tree"); err == nil {
		want[index], optional["file tree/"+item.Target+"/oci-layout"] = true, true
		return
	}
	want["tag "+item.Target+":"+item.Tag] = true
}

func (w *world) expectStep(item announcedItem, change map[string]string, want, optional map[string]bool) {
	if item.Set != nil && item.Locks != nil && *item.Set == *item.Locks {
		return // it is as it shall be
	}
	tag, manifest, blob := "tag "+item.Repository+":"+item.Tag, "manifest "+item.Repository+"@"+item.Digest, "blob "+item.Repository+"@"+item.Digest
	switch item.Action {
	case "tag.untag", "tag.lock":
		want[tag] = true
	case "tag.delete":
		want[tag], want[manifest] = true, true
	case "manifest.delete":
		want[manifest] = true
		for _, name := range item.Tags {
			want["tag "+item.Repository+":"+name] = true
		}
	case "manifest.lock":
		want[manifest] = true
	case "repository.delete":
		for name := range change {
			if strings.Contains(name, " "+item.Repository+":") || strings.Contains(name, " "+item.Repository+"@") {
				optional[name] = true
			}
		}
		want["locks of "+item.Repository] = true
	case "repository.lock":
		want["locks of "+item.Repository] = true
	case "blob.put", "blob.mount", "blob.delete":
		want[blob] = true
	case "manifest.put":
		optional[manifest] = true
		if item.Tag != "" {
			want[tag] = true
		}
	case "manifest.restore":
		want[manifest] = true
		if item.Tag != "" {
			want[tag] = true
		}
	default:
		w.t.Errorf("unknown action %q: say here what it changes", item.Action)
	}
	for name := range maps.Keys(change) {
		if strings.HasPrefix(item.Action, "manifest.") || strings.HasPrefix(item.Action, "tag.") {
			// Blobs come and go with the manifests that need them.
			if strings.HasPrefix(name, "blob "+item.Repository+"@") {
				optional[name] = true
			}
		}
	}
}
