package emulator

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

const (
	crashDirVariable   = "ACRKIT_CRASH_DIR"
	crashRoundVariable = "ACRKIT_CRASH_ROUND"
	crashSeed          = 20260113
	crashRounds        = 50
	crashTags          = 6
)

// crashStep is what the workload tells the test about one step: first what it
// is about to do, then, once the registry has answered, the same with done.
type crashStep struct {
	Done     bool
	Op       string // push, untag, delete, chunk, finish
	Tag      string
	Digest   string
	Location string
	Content  []byte // of the upload so far
}

const crashRepository = "crash/app"

// TestKilledEmulatorKeepsWhatItAcknowledged kills a process in the middle of a
// workload, again and again on the same folder, and looks at what is there
// afterwards.
func TestKilledEmulatorKeepsWhatItAcknowledged(t *testing.T) {
	if dir := os.Getenv(crashDirVariable); dir != "" {
		runCrashWorkload(t, dir)
		return
	}
	rounds := crashRounds
	if testing.Short() {
		rounds = 5
	}
	dir := t.TempDir()
	source := rand.New(rand.NewPCG(crashSeed, 0))
	model := &crashModel{tags: map[string]map[string]bool{}}
	for round := range rounds {
		model.upload, model.uploads = nil, nil
		for _, step := range killedRun(t, dir, round, 1+source.IntN(25), time.Duration(source.IntN(4000))*time.Microsecond) {
			model.apply(step)
		}
		ok := t.Run(fmt.Sprintf("round %d", round), func(t *testing.T) {
			r := model.check(t, dir)
			if round%10 == 9 {
				// What has piled up goes, so that the rounds stay short.
				model.clear(t, r)
			}
		})
		if !ok {
			return
		}
	}
}

// killedRun runs the workload in another process, kills it a little after a
// number of steps, and returns what it said.
func killedRun(t *testing.T, dir string, round, steps int, after time.Duration) []crashStep {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledEmulatorKeepsWhatItAcknowledged$")
	cmd.Env = append(os.Environ(), crashDirVariable+"="+dir, crashRoundVariable+"="+strconv.Itoa(round))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all []crashStep
	done := 0
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadBytes('\n')
		var step crashStep
		if err == nil && json.Unmarshal(line, &step) == nil {
			all = append(all, step)
			if step.Done {
				done++
			}
			if done == steps {
				done++
				// Anywhere in the next step, or the one after it.
				time.AfterFunc(after, func() { cmd.Process.Kill() })
			}
		}
		if err != nil {
			break
		}
	}
	cmd.Wait()
	if done < steps {
		t.Fatalf("the workload ended by itself after %d steps\n%s", done, stderr.String())
	}
	return all
}

// runCrashWorkload pushes, moves, deletes and uploads until it is killed.
func runCrashWorkload(t *testing.T, dir string) {
	round, err := strconv.Atoi(os.Getenv(crashRoundVariable))
	if err != nil {
		t.Fatal(err)
	}
	r := startRegistry(t, &Options{Dir: dir})
	source := rand.New(rand.NewPCG(crashSeed, uint64(round)))
	out := json.NewEncoder(os.Stdout)
	say := func(step crashStep) {
		if err := out.Encode(step); err != nil {
			t.Fatal(err)
		}
	}
	for n := 0; ; n++ {
		tag := fmt.Sprintf("t%d", source.IntN(crashTags))
		step := crashStep{Op: []string{"push", "push", "push", "untag", "delete", "upload"}[source.IntN(6)], Tag: tag}
		switch step.Op {
		case "push":
			raw := r.imageManifest(crashRepository, fmt.Sprintf("%d-%d", round, n), nil)
			step.Digest = sha256Of(raw)
			say(step)
			r.pushManifest(crashRepository, tag, wire.TypeOCIManifest, raw)
		case "untag":
			say(step)
			r.do("DELETE", "/acr/v1/"+crashRepository+"/_tags/"+tag, nil)
		case "delete":
			step.Digest = r.do("HEAD", "/v2/"+crashRepository+"/manifests/"+tag, nil, "Accept", "*/*").Header.Get(protocol.HeaderContentDigest)
			if step.Digest == "" {
				continue
			}
			say(step)
			r.do("DELETE", "/v2/"+crashRepository+"/manifests/"+step.Digest, nil)
		case "upload":
			uploadInSteps(r, source, say)
			continue
		}
		step.Done = true
		say(step)
	}
}

// uploadInSteps uploads a blob in chunks, saying how far it came.
func uploadInSteps(r *testRegistry, source *rand.Rand, say func(crashStep)) {
	location := r.want(202, "POST", "/v2/"+crashRepository+"/blobs/uploads/", nil).Header.Get("Location")
	step := crashStep{Op: "chunk"}
	for range 1 + source.IntN(4) {
		chunk := bytes.Repeat([]byte{byte(source.IntN(256))}, 1+source.IntN(300_000))
		say(step)
		location = r.want(202, "PATCH", location, bytes.NewReader(chunk)).Header.Get("Location")
		step.Content = append(bytes.Clone(step.Content), chunk...)
		acknowledged := crashStep{Done: true, Op: "chunk", Location: location, Content: step.Content}
		say(acknowledged)
	}
	finish := crashStep{Op: "finish", Digest: sha256Of(step.Content), Location: location, Content: step.Content}
	say(finish)
	r.want(201, "PUT", location+"&digest="+finish.Digest, nil)
	finish.Done = true
	say(finish)
}

// crashModel is what may be in the registry: for every tag the digests that
// it may point to, "" for none. One digest is certain.
type crashModel struct {
	tags    map[string]map[string]bool
	upload  *crashStep // the last acknowledged chunk, or the end that may have come; nil when nothing is sure
	uploads []string   // digests of finished uploads of this round
}

func (m *crashModel) apply(step crashStep) {
	outcome := map[string]bool{step.Digest: true}
	switch step.Op {
	case "push":
		m.set(step.Tag, outcome, step.Done)
	case "untag":
		m.set(step.Tag, map[string]bool{"": true}, step.Done)
	case "delete":
		for tag, possible := range m.tags {
			if possible[step.Digest] {
				m.set(tag, map[string]bool{"": true}, step.Done)
			}
		}
	case "chunk":
		m.upload = nil
		if step.Done {
			m.upload = &step
		}
	case "finish":
		// Until it is answered, it has happened or the upload goes on.
		m.upload = &step
		if step.Done {
			m.upload = nil
			m.uploads = append(m.uploads, step.Digest)
		}
	}
}

// set narrows a tag down to an outcome once it is certain; before, the outcome
// is one more possibility.
func (m *crashModel) set(tag string, outcome map[string]bool, certain bool) {
	if m.tags[tag] == nil {
		m.tags[tag] = map[string]bool{"": true}
	}
	if certain {
		m.tags[tag] = map[string]bool{}
	}
	for digest := range outcome {
		m.tags[tag][digest] = true
	}
}

// clear deletes the repository and collects what it leaves behind.
func (m *crashModel) clear(t *testing.T, r *testRegistry) {
	t.Helper()
	r.do("DELETE", "/acr/v1/"+crashRepository, nil)
	m.tags = map[string]map[string]bool{}
	if _, err := r.e.CollectGarbage(t.Context(), 0); err != nil {
		t.Error(err)
	}
}

// check opens the folder and compares.
func (m *crashModel) check(t *testing.T, dir string) *testRegistry {
	t.Helper()
	r := startRegistry(t, &Options{Dir: dir})
	for tag, possible := range m.tags {
		a := r.do("GET", "/v2/"+crashRepository+"/manifests/"+tag, nil, "Accept", "*/*")
		digest := a.Header.Get(protocol.HeaderContentDigest)
		if !possible[digest] {
			t.Errorf("tag %s points to %q, want one of %v", tag, digest, possible)
		}
		// Whatever it was, from here on it is known.
		m.tags[tag] = map[string]bool{digest: true}
	}
	m.checkWhole(t, r)
	for _, digest := range m.uploads {
		r.want(200, "HEAD", "/v2/"+crashRepository+"/blobs/"+digest, nil)
	}
	if m.upload == nil {
		return r
	}
	if m.upload.Op == "finish" && r.do("HEAD", "/v2/"+crashRepository+"/blobs/"+m.upload.Digest, nil).StatusCode == 200 {
		r.checkBlob(crashRepository, m.upload.Digest)
		return r
	}
	status := r.want(204, "GET", m.upload.Location, nil)
	if got, want := status.Header.Get("Range"), fmt.Sprintf("0-%d", len(m.upload.Content)-1); got != want {
		t.Errorf("upload resumes at %s, want %s", got, want)
	}
	rest := []byte("and the rest")
	whole := append(bytes.Clone(m.upload.Content), rest...)
	location := r.want(202, "PATCH", status.Header.Get("Location"), bytes.NewReader(rest)).Header.Get("Location")
	r.want(201, "PUT", location+"&digest="+sha256Of(whole), nil)
	r.checkBlob(crashRepository, sha256Of(whole))
	return r
}

// checkWhole checks that everything visible is whole: listings and counts
// agree, manifests have their digests, and blobs are there with theirs.
func (m *crashModel) checkWhole(t *testing.T, r *testRegistry) {
	t.Helper()
	properties := r.do("GET", "/acr/v1/"+crashRepository, nil)
	if properties.StatusCode == 404 {
		return
	}
	about := decode[struct{ ManifestCount, TagCount int }](t, properties.body)
	manifests := decode[struct {
		Manifests []struct {
			Digest string
			Tags   []string
		}
	}](t, r.want(200, "GET", "/acr/v1/"+crashRepository+"/_manifests?n=1000", nil).body).Manifests
	byTime := strings.Count(r.want(200, "GET", "/acr/v1/"+crashRepository+"/_manifests?n=1000&orderby=timeasc", nil).body, `"imageSize"`)
	tags := 0
	for _, listed := range manifests {
		tags += len(listed.Tags)
		a := r.want(200, "GET", "/v2/"+crashRepository+"/manifests/"+listed.Digest, nil, "Accept", "*/*")
		if sha256Of([]byte(a.body)) != listed.Digest {
			t.Errorf("manifest %s has other bytes", listed.Digest)
		}
		image, why := wire.ParseManifest(a.Header.Get("Content-Type"), []byte(a.body))
		if image == nil {
			t.Fatalf("manifest %s: %s", listed.Digest, why)
		}
		for _, blob := range image.BlobDigests() {
			r.checkBlob(crashRepository, blob)
		}
	}
	if about.ManifestCount != len(manifests) || byTime != len(manifests) || about.TagCount != tags {
		t.Errorf("counts %+v, but %d manifests (%d by time) and %d tags are listed", about, len(manifests), byTime, tags)
	}
}

// checkBlob downloads a blob and checks its digest.
func (r *testRegistry) checkBlob(repository, digest string) {
	r.t.Helper()
	a := r.want(200, "GET", r.signedPath(repository, digest), nil)
	if got := sha256Of([]byte(a.body)); got != digest {
		r.t.Errorf("blob %s has the bytes of %s", digest, got)
	}
}
