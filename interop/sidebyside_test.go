package interop

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var updateMigrating = flag.Bool("update-migrating", false, "rewrite the table of docs/migrating.md")

// difference is one way in which our library departs from v0.2.3: the facts of
// the side-by-side program that it shows in, and why it is so. The table is what
// docs/migrating.md shows.
type difference struct {
	facts  string // a regular expression of the facts' names
	theirs string
	ours   string
	reason string
}

var differences = []difference{
	{`^F2/.* code$`, "`ResponseError.ErrorCode` is empty", "the registry's own code", "the first thing that v0.2.3 lacks; the text differs in that line alone"},
	{`^F[24]/.*requests( of .*)?$|^F5/(UploadChunk|UploadManifest) .*requests$|^wire/whole U(pdate|pload).* 0$|^server/U.* request 0$|^exhausted/U[^/]* requests$|^logs/.* U.* event [0-9]$`, "the first request of a client with a body goes out without it, and again with it after the challenge", "it goes out whole, with `Expect: 100-continue`", "an upload to a registry that never challenges arrives; ACR refuses before the body is sent"},
	{`^F1/(anonymous, )?challenge *$|^F1/(anonymous, )?challenge Basic realm=x$|^pagers/status 401$|^challenges/(anonymous|credential) Negotiate$`, "a 401 without a usable challenge is a plain error that lost the response", "it is the response's `*azcore.ResponseError`", "the registry's words aren't lost"},
	{`^F1/(anonymous, )?challenge Bearer realm=".*"( requests)?$|^challenges/(anonymous|credential) Bearer`, "a Bearer challenge fails that isn't written as ACR's: blanks, no quotes, no service, no scope", "it is read as RFC 9110 has it; the endpoint's host is the service that it lacks, the call's own the scope", "less goes wrong"},
	{`^challenges/tokens `, "a refresh token that is no JWT with a time fails, and an empty access token is sent", "any token is used, and none is an error", "tokens are opaque to clients"},
	{`^challenges/calls `, "the last token is tried for every scope, and replaced after a 401", "each scope has its own, fetched ahead", "200 reads over 10 repositories are 212 requests instead of 601; a fake that scripts its responses for several scopes has to script a token call each"},
	{`^logs/bodies `, "`Logging.IncludeBody` logs manifests, blobs and token calls", "the bodies of JSON calls alone", "tokens are secrets, and content is streamed"},
	{`^(logs|spans)/`, "logs and spans redact what is no secret", "they show Range, digests, the correlation id and the query of listings and mounts", "it is what a diagnosis needs"},
	{`^F1/token endpoint 200$|^F17/Exchange(Entra|Refresh) 200 \{$|^F5/.*nil (calculator|chunk)$|^zero/(nil|zero|calculator|reader|typed)|^challenges/(access|exchange|token) body `, "a panic, or an error of the JSON's reader", "an error that says what is missing", "nothing panics"},
	{`^F5/UploadManifest nil( requests)?$`, "nil data is sent as an empty manifest", "`ArgumentError`", "a nil reader gets an error"},
	{`^F10/(first|second|requests) (<>|<broken|broken)$`, "a malformed `Link` is a panic, or begins the listing anew", "an error at the next page, or the address that it names", "a listing is never quietly another"},
	{`^F10/(first|requests) <https://`, "an absolute `Link` is joined into an address that isn't there", "it is followed at the registry's own origin", "less goes wrong"},
	{`^pagers/link ( <|</x>; rel="prev")`, "of several links the first is followed, and a blank before one is part of it", "the one with `rel=\"next\"`", "it is the next page"},
	{`^pagers/tags of a digest requests$`, "the digest that tags are listed for is lost after the first page", "every page is asked for with it", "ACR's links leave it out"},
	{`^zero/options afterwards$`, "a constructor fills in the caller's `Cloud`", "it leaves the options alone", "they may be shared"},
	{`^exhausted/.* client's error$`, "a `*url.Error` shows the whole address", "the state of an upload and signatures are REDACTED in it", "errors show no secrets"},
	{`^exhausted/GetChunk cut$`, "an unexpected response that breaks off is the reader's error", "it is the response's, with what arrived", "the status isn't lost"},
	{`^exhausted/.* /oauth2/.* requests$`, "a failed token call is repeated by its own retries and by those of the call that it is for", "by its own alone", "6 requests become 2, and the error is the same"},
	{`^F11/other server's request$`, "the access token goes along to another port of the host", "it stays at the registry", "a credential goes to the login server and nowhere else"},
	{`^(F16|shapes)/fields of `, "structs have fewer fields", "`GetManifestResponse`, `GetUploadStatusResponse` and `UploadChunkOptions` have more", "64-bit offsets, and the URL of the next request; unkeyed literals of these three don't compile"},
	{`^(F17|F5|F6|wire|spans)/GetUploadStatus |^logs/.* GetUploadStatus 27 200 event 17$`, "200 for the status of an upload is an error", "it is taken", "ACR returned that"},
	{`^wire/whole GetManifest |^server/GetManifest .* request|^logs/.* GetManifest .* event`, "`GetManifest` asks for `application/json`, besides what `Accept` says", "for every type of manifest, or for what `Accept` says alone", "ACR hides what isn't asked for behind MANIFEST_UNKNOWN"},
	{`^wire/(Get|Check)[^/]* 301 `, "a redirect is the error when the transport is no `http.Client`", "reads of manifests and blobs follow it, to another host without credentials; one that points nowhere is the error", "ACR redirects to every blob"},
	{`^F20/model \{"imageSize":1e3\}$|^models/.*(:1\.0\}|u005a)`, "`1e3` and `1.0` are no integers, `\\u005a` in a time is refused", "they are read", "it is JSON"},
	{`^F20/tracer of `, "five tracers of one name", "three", "fewer clients inside"},
	{`^F5/location  requests$`, `an empty location is the registry's "/"`, "the registry's own address", "the same resource"},
	{`^F6/Check(Blob|Chunk)Exists 200$|^exhausted/Check(Blob|Chunk)Exists cut$`, "the body that a fake gives a HEAD is kept for a capture", "a HEAD has no body", "RFC 9110 §9.3.2"},
	{`^F7/New(Client|AuthenticationClient) http://contoso\.azurecr\.io( requests)?$`, "http with a credential to a public name works", "it is refused unless `InsecureAllowCredentialWithHTTP` is set", "the credential could be read on the network; loopback, private and single-label hosts work"},
	{`^F7/New(Client|AuthenticationClient) (://|https://\[::1)$`, "the error of an endpoint that is no address", "the same, without what might be a secret in its query", "errors show no secrets"},
}

// TestSideBySide builds one program of every call, option, fake and failure with
// v0.2.3 and with ours, and compares what it prints: results, dynamic types and
// texts of errors, captures, spans, log events, requests. What differs must be in
// the table above, and every row of it must still differ.
func TestSideBySide(t *testing.T) {
	dir := t.TempDir()
	before, after := buildBoth(t, dir, "sidebyside")
	theirs, ours := factsOf(t, before), factsOf(t, after)
	if len(theirs) < 500 {
		t.Fatalf("only %d facts", len(theirs))
	}
	used := map[int]bool{}
	for name := range union(theirs, ours) {
		if slices.Equal(theirs[name], ours[name]) {
			continue
		}
		row := slices.IndexFunc(differences, func(d difference) bool { return regexp.MustCompile(d.facts).MatchString(name) })
		if row < 0 {
			t.Errorf("%s differs, and no row of the table says why\nv0.2.3: %q\nours:   %q", name, theirs[name], ours[name])
		}
		used[row] = true
	}
	for name, values := range ours {
		if slices.Contains(values, `"panic"`) {
			t.Errorf("%s panics", name)
		}
	}
	for i, d := range differences {
		if !used[i] {
			t.Errorf("nothing differs any more by the row %q: it can go", d.facts)
		}
	}
}

func union(a, b map[string][]string) map[string]bool {
	all := map[string]bool{}
	for name := range a {
		all[name] = true
	}
	for name := range b {
		all[name] = true
	}
	return all
}

// buildBoth builds a program below programs/testdata with v0.2.3 and with ours.
func buildBoth(t *testing.T, dir, program string) (before, after string) {
	t.Helper()
	before, after = filepath.Join(dir, "v0.2.3"), filepath.Join(dir, "ours")
	command(t, "", "go", "build", "-o", before, "./programs/testdata/"+program)
	command(t, "", "go", "build", "-overlay", movedFiles(t, dir, program), "-o", after, "./programs/testdata/"+program)
	return before, after
}

// movedFiles is an overlay in which every file of the program imports ours.
func movedFiles(t *testing.T, dir, program string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("programs", "testdata", program, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no program: %v", err)
	}
	replace := map[string]string{}
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		moved := filepath.Join(dir, filepath.Base(name))
		changed := strings.ReplaceAll(string(source), strconv.Quote(officialImport), strconv.Quote(ourImport))
		if err := os.WriteFile(moved, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		path, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		replace[path] = moved
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}

// What changes with each run, and the line that is meant to differ.
var (
	anyPort   = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	anyToken  = regexp.MustCompile(`eyJ[\w.-]+`)
	errorCode = regexp.MustCompile(`ERROR CODE[^\\]*\\n`)
)

// factsOf runs the program and sorts what it says by the facts' names.
func factsOf(t *testing.T, program string) map[string][]string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), program).Output()
	if err != nil {
		t.Fatalf("%s: %v", filepath.Base(program), err)
	}
	facts := map[string][]string{}
	for line := range strings.Lines(string(output)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " = ")
		value = anyPort.ReplaceAllString(value, "127.0.0.1:PORT")
		value = anyToken.ReplaceAllString(value, "TOKEN")
		value = errorCode.ReplaceAllString(value, `ERROR CODE\n`)
		facts[name] = append(facts[name], value)
	}
	for _, values := range facts {
		slices.Sort(values)
	}
	return facts
}

// TestMigratingShowsTheDifferences holds the table of docs/migrating.md to the
// one here.
func TestMigratingShowsTheDifferences(t *testing.T) {
	const path = "../docs/migrating.md"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), "<!-- differences -->\n")
	_, after, closed := strings.Cut(rest, "<!-- end -->")
	if !found || !closed {
		t.Fatalf("%s has no place for the table", path)
	}
	var table strings.Builder
	table.WriteString("| v0.2.3 | here | because |\n|---|---|---|\n")
	for _, d := range differences {
		fmt.Fprintf(&table, "| %s | %s | %s |\n", d.theirs, d.ours, d.reason)
	}
	want := before + "<!-- differences -->\n" + table.String() + "<!-- end -->" + after
	if *updateMigrating {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(data) {
		t.Errorf("the table of %s is behind: cd interop && go test -run TestMigrating -update-migrating", path)
	}
}
