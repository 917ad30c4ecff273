package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/failure"
	"github.com/acrkit/azcontainerregistry/diagnose"
)

// The policies of the registries in trouble.
const (
	withAdmin  = `{"admin":{"passwords":["secret"]},"otherIdentities":[]}`
	withReader = `{"otherIdentities":[],"tokens":[{"name":"reader","passwords":["secret"],"rules":[{"repository":"team/*","actions":["content/read","metadata/read"]}]}]}`
	asAdmin    = "acrkit:secret"
)

// unknownDigest is nobody's.
const unknownDigest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

// troubles are failures that commands meet at the emulator or on this machine,
// each with what its fixes do there, while the fault is still in force.
var troubles = []trouble{
	// Who asks, and what he may do.
	{
		code: "NO_CREDENTIALS", policies: withAdmin, line: "show $REG/team/app:1",
		fill: map[string]string{"user": "acrkit"}, secret: "secret", over: true,
		shows: map[string]string{"whoami": "anonymous +used", "login": "signed in"}, exits: map[string]int{"whoami": failure.ExitNotSignedIn},
	},
	{
		code: "ANONYMOUS_PULL_OFF", policies: withAdmin, line: "token $REG --scope repository:team/app:pull",
		fill: map[string]string{"user": "acrkit"}, secret: "secret", over: true,
		shows: map[string]string{"whoami": "anonymous +used", "login": "signed in"}, exits: map[string]int{"whoami": failure.ExitNotSignedIn},
	},
	{
		code: "ANONYMOUS_DENIED", policies: `{"anonymousPull":true,"otherIdentities":[]}`, line: "tag untag $REG/team/app:1 --yes",
		shows: map[string]string{"whoami": "anonymous +used"},
	},
	{
		code: "CATALOG_DENIED", policies: withReader, as: "reader:secret", line: "ls $REG",
		fill: map[string]string{"repository": "team/app"}, shows: map[string]string{"ls": "^1$"},
	},
	{
		code: "PULL_DENIED_OR_MISSING", seen: `docker: Error response from daemon: pull access denied for $REG/team/ap, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
		shows: map[string]string{"ls": "team/app"}, doctor: "REPOSITORY_NOT_FOUND", exits: map[string]int{"doctor": failure.ExitNotFound},
	},
	{
		code: "GRANT_REFUSED", policies: withAdmin, as: asAdmin, fault: "insufficient-scope", line: "show $REG/team/app:1",
		shows: map[string]string{"login": "signed in"}, exits: map[string]int{"doctor": failure.ExitNotAllowed},
	},
	{
		code: "UNAUTHORIZED", policies: withAdmin, as: asAdmin, fault: "unauthorized", line: "show $REG/team/app:1",
		shows: map[string]string{"whoami": "accepted +yes"}, exits: map[string]int{"doctor": failure.ExitNotSignedIn},
	},
	{
		code: "TOKEN_INVALID", policies: withAdmin, as: asAdmin, fault: "expired-token", line: "show $REG/team/app:1",
		shows: map[string]string{"token": `^\S+\.\S+\.\S+$`},
	},
	{
		code: "REFRESH_TOKEN_REJECTED", policies: withAdmin, identity: true, fault: "invalid-refresh-token", line: "show $REG/team/app:1",
		shows: map[string]string{"login": ""}, exits: map[string]int{"login": failure.ExitNotSignedIn},
	},
	{
		code: "TOKEN_ENDPOINT_REFUSED", policies: withAdmin, as: asAdmin, fault: `{"routes":["oauth-token"],"respond":{"status":401,"code":"UNAUTHORIZED","message":"no"}}`, line: "show $REG/team/app:1",
		shows: map[string]string{"whoami": "docker's store +used"}, exits: map[string]int{"whoami": failure.ExitNotSignedIn, "doctor": failure.ExitNotSignedIn},
	},
	{code: "ACCESS_DENIED", fault: "denied", line: "show $REG/team/app:1", exits: map[string]int{"doctor": failure.ExitNotAllowed}},
	{code: "FORBIDDEN_IN_BETWEEN", fault: `{"respond":{"status":403}}`, line: "show $REG/team/app:1", exits: map[string]int{"doctor": failure.ExitNetwork}},
	{code: "FIREWALL_DENIED", fault: "firewall", line: "show $REG/team/app:1", exits: map[string]int{"doctor": failure.ExitNetwork}},
	{
		code: "FIREWALL_DENIED_PRIVATE", fault: `{"respond":{"status":403,"code":"DENIED","message":"client with IP '10.1.2.3' is not allowed access. Refer https://aka.ms/acr/firewall to grant access."}}`,
		line: "show $REG/team/app:1", exits: map[string]int{"doctor": failure.ExitNetwork},
	},

	// What isn't there.
	{code: "REPOSITORY_NOT_FOUND", line: "repo show $REG/team/ap", shows: map[string]string{"ls": "/team/app$"}},
	{code: "TAG_NOT_FOUND", line: "show $REG/team/app:2", shows: map[string]string{"ls": "^1$"}},
	{code: "MANIFEST_NOT_FOUND", line: "show $REG/team/app@" + unknownDigest, shows: map[string]string{"manifest list": "^$IMG"}},
	{code: "ROUTE_NOT_FOUND", fault: "plain-404", line: "show $REG/team/app:1", exits: map[string]int{"doctor": failure.ExitFailed}},
	{code: "NOT_FOUND", fault: `{"respond":{"status":404,"code":"SOMETHING","message":"not here"}}`, line: "show $REG/team/app:1", exits: map[string]int{"doctor": failure.ExitNotFound}},
	{code: "PLATFORM_NOT_IN_IMAGE", line: "show $REG/team/app:1 --platform linux/s390x", shows: map[string]string{"show": "linux/amd64"}},
	{code: "PLATFORM_NOT_IN_IMAGE", line: "show oci:img1 --platform linux/s390x", shows: map[string]string{"show": "linux/amd64"}},
	{
		code: "PLATFORM_NOT_IN_IMAGE", seen: `Failed to pull image "$REG/team/app:1": [rpc error: code = NotFound desc = failed to pull and unpack image "$REG/team/app:1": no match for platform in manifest: not found]`,
		shows: map[string]string{"show": "linux/amd64"},
	},
	{
		code: "SIGNATURE_NOT_FOUND", seen: "main.go:69: error during command execution: no signatures found for image $REG/team/app:1",
		fill: map[string]string{"source": "oci:img1"}, shows: map[string]string{"tree": "layer", "copy": "$IMG"},
	},
	{
		code: "NODE_WITHOUT_CREDENTIALS", policies: withAdmin, as: asAdmin, shows: map[string]string{"doctor": "pull"},
		seen: `Failed to pull image "$REG/team/app:1": failed to pull and unpack image "$REG/team/app:1": failed to resolve reference "$REG/team/app:1": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://$REG/oauth2/token?scope=repository%3Ateam%2Fapp%3Apull&service=$REG: 401 Unauthorized`,
	},
	{
		code: "PLATFORM_IMAGE_INACCESSIBLE", shows: map[string]string{"show": "linux/amd64", "doctor": "pull"},
		seen: "(InaccessibleImage) The image '$REG/team/app:1' in container group 'web' is not accessible. Please check the image and registry credential.\nCode: InaccessibleImage",
	},
	{
		code: "PLATFORM_PULL_FAILED", shows: map[string]string{"doctor": "pull"},
		seen: "2024-03-04T10:11:10.000Z INFO  - Pulling image from Docker hub: $REG/team/app:1\n2024-03-04T10:11:12.400Z ERROR - Image pull failed: Verify docker image configuration and credentials (if using private repository)",
	},
	{code: "FILE_NOT_IN_IMAGE", line: "files cat $REG/team/app:1 /nothing", shows: map[string]string{"files ls": "/data$"}},
	{code: "FILE_NOT_IN_IMAGE", line: "files cat oci:img1 /nothing", shows: map[string]string{"files ls": "/data$"}},
	{code: "CONTENT_UNSUITABLE", line: "index remove $REG/team/app:1 " + unknownDigest, shows: map[string]string{"show": "image.manifest"}},

	// Uploads, and what stands in the way of a change.
	{code: "UPLOAD_INVALID", fault: "blob-upload-invalid", line: "push oci:img2 $REG/team/app:2", shows: map[string]string{"transfers list": "failed .*push .*/team/app:2"}},
	{code: "UPLOAD_UNKNOWN", fault: "blob-upload-unknown", line: "push oci:img2 $REG/team/app:2", shows: map[string]string{"transfers list": "failed .*push .*/team/app:2"}},
	{
		code: "CONFLICT", fault: `{"routes":["put-manifest"],"respond":{"status":409,"code":"CONFLICT","message":"busy"}}`, line: "push oci:img2 $REG/team/app:1",
		shows: map[string]string{"show": "$IMG"},
	},
	{
		code: "PRECONDITION_FAILED", fault: `{"routes":["put-manifest"],"respond":{"status":412,"code":"PRECONDITION","message":"other"}}`, line: "push oci:img2 $REG/team/app:1",
		shows: map[string]string{"show": "$IMG"},
	},
	{
		code: "WRITE_DISALLOWED", before: []string{"tag lock $REG/team/app:1"}, line: "push oci:img2 $REG/team/app:1", over: true,
		shows: map[string]string{"show": "the tag: no write, no delete", "repo show": "locks", "repo unlock": "", "tag unlock": ""},
	},
	{
		code: "WRITE_DISALLOWED", before: []string{"repo lock $REG/team/app"}, line: "push oci:img2 $REG/team/app:1", over: true,
		shows: map[string]string{"repo show": "no write, no delete", "repo unlock": ""},
	},
	{
		code: "LOCKED", before: []string{"tag lock $REG/team/app:1"}, line: "tag untag $REG/team/app:1 --yes", over: true,
		shows: map[string]string{"tag unlock": ""},
	},
	{
		code: "LOCKED", before: []string{"repo lock $REG/team/app"}, line: "repo delete $REG/team/app --yes", over: true,
		shows: map[string]string{"repo unlock": ""},
	},
	{
		code: "LOCKED", before: []string{"manifest lock $REG/team/app:1"}, line: "manifest delete $REG/team/app@$IMG --yes", over: true,
		shows: map[string]string{"manifest unlock": ""},
	},
	{
		code: "DELETE_DISALLOWED", fault: `{"routes":["delete-tag"],"count":1,"respond":{"status":405,"code":"REGISTRY_DISALLOWED_OPERATION","message":"The operation is disallowed on this registry, repository or image."}}`,
		line: "tag untag $REG/team/app:1 --yes", over: true, shows: map[string]string{"show": "locks", "manifest unlock": "", "tag unlock": ""},
	},
	{
		code: "READ_DISALLOWED", before: []string{"manifest lock $REG/team/app:1 --for read"}, line: "show $REG/team/app:1", over: true,
		shows: map[string]string{"manifest show": "no read", "manifest unlock": ""},
	},
	{code: "READ_DISALLOWED", fault: "image-quarantined", line: "show $REG/team/app:1", shows: map[string]string{"manifest show": "locks +-"}},
	{
		code: "DISALLOWED", seen: "Error: REGISTRY_DISALLOWED_OPERATION: The operation is disallowed on this registry, repository or image: $REG/team/app:1",
		shows: map[string]string{"show": "locks", "repo show": "locks", "doctor": "challenge"},
	},
	{
		code: "DELETE_BY_TAG", seen: `Error: DELETE $REG/v2/team/app/manifests/1 failed with 405: UNSUPPORTED: The operation is unsupported: manifests can only be deleted by digest`,
		shows: map[string]string{"tag untag": "", "manifest delete": ""}, fill: map[string]string{"digest": "$IMG"},
	},
	{
		code: "OTHER_TAGS", before: []string{"copy $REG/team/app:1 $REG/team/app:2"}, line: "tag delete $REG/team/app:1 --yes",
		shows: map[string]string{"tag untag": "untagged", "manifest delete": "deleted"},
	},
	{
		code: "NOTHING_DELETED", line: "tag restore $REG/team/app:9", softDelete: true,
		before: []string{"OLD=show $REG/team/app:1 --jq .item.digest", "tag delete $REG/team/app:1 --yes"}, shows: map[string]string{"manifest list": "^$IMG"},
	},

	// What goes wrong on the way.
	{code: "GATEWAY_ERROR", fault: "html-502", line: "show $REG/team/app:1", exits: map[string]int{"doctor": failure.ExitFailed}},
	{code: "STORAGE_ERROR", fault: `{"routes":["data"],"respond":{"status":418,"body":"<Error><Code>Odd</Code></Error>","contentType":"application/xml"}}`, line: "pull $REG/team/app:1 oci:out", exits: map[string]int{"doctor": failure.ExitFailed}},
	{code: "PROXY_LOGIN_PAGE", fault: "proxy-login-page", line: "show $REG/team/app:1"},
	{code: "NOT_A_REGISTRY", fault: `{"respond":{"status":200,"body":"<!doctype html><html><head><title>It works</title></head></html>","contentType":"text/html"}}`, line: "show $REG/team/app:1"},
	{code: "RESPONSE_WITHOUT_TOKEN", policies: withAdmin, as: asAdmin, fault: `{"routes":["oauth-token"],"respond":{"status":200,"body":"{}"}}`, line: "show $REG/team/app:1", exits: map[string]int{"doctor": failure.ExitNetwork}},
	{code: "RESPONSE_WITHOUT_LOCATION", fault: `{"routes":["start-upload"],"respond":{"status":202}}`, line: "push oci:img2 $REG/team/app:2", shows: map[string]string{"doctor": "challenge"}},
	{code: "RESPONSE_UNREADABLE", fault: "half-json", line: "ls $REG", exits: map[string]int{"doctor": failure.ExitNetwork}},
	{code: "CONNECTION_REFUSED", unreachable: true, line: "show $REG/team/app:1", exits: map[string]int{"doctor": failure.ExitNetwork}},
	{code: "DATA_HOST_UNREACHABLE", fault: "dead-data-host", line: "pull $REG/team/app:1 oci:out", exits: map[string]int{"doctor": failure.ExitNetwork}},
	{code: "CONNECTION_RESET", fault: "reset", line: "show $REG/team/app:1", exits: map[string]int{"doctor": failure.ExitNetwork}},
	{code: "CONNECTION_RESET", fault: "reset-upload", line: "push oci:img2 $REG/team/app:2", shows: map[string]string{"transfers list": "failed .*push .*/team/app:2", "doctor": "challenge"}},
	{code: "CONNECTION_CLOSED", fault: "no-response", line: "show $REG/team/app:1", exits: map[string]int{"doctor": failure.ExitNetwork}},
	{
		code: "DATA_CONNECTION_BROKEN", fault: "cut-download", line: "pull $REG/team/app:1 oci:out",
		shows: map[string]string{"transfers list": "failed .*pull "}, exits: map[string]int{"doctor": failure.ExitNetwork},
	},
	{code: "DIGEST_MISMATCH", fault: "corrupt-download", line: "pull $REG/team/app:1 oci:out", exits: map[string]int{"doctor": failure.ExitMismatch}},
	{code: "DIGEST_MISMATCH", fault: "corrupt-manifest", line: "show $REG/team/app:1", exits: map[string]int{"doctor": failure.ExitMismatch}},
	{code: "UNTRUSTED_LOCATION", policies: withAdmin, as: asAdmin, fault: "foreign-location", line: "push oci:img2 $REG/team/app:2", exits: map[string]int{"doctor": failure.ExitNetwork}},
	{
		code: "UNTRUSTED_LINK", line: "ls $REG/team/app", exits: map[string]int{"doctor": failure.ExitNetwork},
		fault: `{"routes":["list-tags","list-manifests"],"header":{"Link":"<https://elsewhere.example/acr/v1/team/app/_tags?last=1>; rel=\"next\""}}`,
	},

	// What is on this machine.
	{code: "TRANSFER_NOT_FOUND", line: "transfers resume 3f573a7255f8", shows: map[string]string{"transfers list": ""}},
	{
		code: "JOURNAL_DAMAGED", line: "transfers resume 3f573a7255f8", files: []string{"data/transfers/3f573a7255f8/transfer.json={"},
		shows: map[string]string{"transfers clean": ""},
	},
	{
		code: "SEVERAL_IMAGES", line: "push oci:several $REG/new/app:1",
		before: []string{"copy oci:img1 oci:several:app:1", "copy oci:img2 oci:several:app:2"},
		fill:   map[string]string{"name": "app:1", "registry": "$REG/all"}, shows: map[string]string{"push": "$REG/new/app|2 copied"},
	},
}

// commandWords finds the command of a line.
var commandWords = regexp.MustCompile(`^acrkit ((?:repo|tag|manifest|blob|transfers|files) \w+|\w+)`)

// TestEveryFixDoesWhatItSays brings about each of the failures, and types the
// command lines of its message, with what it filled in, while the fault is in
// force: a doctor names the cause, a listing shows what there is, and where a fix
// takes the fault away, the command that failed succeeds then. Where tests are to
// be short, some of them do.
func TestEveryFixDoesWhatItSays(t *testing.T) {
	for i, c := range troubles {
		if testing.Short() && i%6 != 0 {
			continue
		}
		t.Run(c.code+" "+strings.ReplaceAll(c.line, "/", " "), func(t *testing.T) {
			w := newTroubled(t, c.softDelete)
			w.begin(c)
			object := w.told(c)
			if object.Code != c.code {
				t.Fatalf("diagnosed as %s: %s\n%s", object.Code, object.Message, strings.Join(object.Why, "\n"))
			}
			typed := 0
			for _, fix := range object.Fix {
				if line := fixLine(fix); line != "" {
					typed++
					w.fixes(c, line)
				}
			}
			if typed == 0 && len(c.shows)+len(c.exits) > 0 {
				t.Errorf("no fix is a command of this program: %q", object.Fix)
			}
			if !c.over {
				return
			}
			if code, _, stderr := w.run(w.expand(c.line), c.stdin); code != failure.ExitDone {
				t.Errorf("the fixes leave the failure as it was: exit code %d\n%s", code, stderr)
			}
		})
	}
}

// fixes types one fix.
func (w *troubled) fixes(c trouble, line string) {
	w.t.Helper()
	command := commandWords.FindStringSubmatch(line)
	if command == nil {
		w.t.Fatalf("%q is no command line", line)
	}
	filled := placeholder.ReplaceAllStringFunc(line, func(found string) string {
		value, ok := c.fill[strings.Trim(found, "<>")]
		if !ok {
			w.t.Errorf("%q leaves %s to be filled in", line, found)
		}
		return w.expand(value)
	})
	name := command[1]
	want, told := c.shows[name]
	if name == "doctor" && !told {
		w.namedByDoctor(c, filled)
		return
	}
	if !told {
		w.t.Errorf("%q: nothing is expected of it", line)
	}
	if removal[name] {
		filled += " --yes"
	}
	code, stdout, stderr := w.run(strings.TrimPrefix(filled, "acrkit "), c.secret)
	if code != c.exits[name] {
		w.t.Errorf("%s: exit code %d\n%s", filled, code, stderr)
	}
	if !regexp.MustCompile(`(?m)` + strings.NewReplacer("$IMG", w.words["IMG"], "$REG", w.words["REG"]).Replace(want)).MatchString(stdout + stderr) {
		w.t.Errorf("%s: it doesn't show %q:\n%s%s", filled, want, stdout, stderr)
	}
}

// removal are commands that ask first.
var removal = map[string]bool{"tag untag": true, "tag delete": true, "manifest delete": true, "repo delete": true}

var placeholder = regexp.MustCompile(`<[^<>]+>`)

// namedByDoctor holds that the doctor finds the failure by itself.
func (w *troubled) namedByDoctor(c trouble, line string) {
	w.t.Helper()
	code, stdout, stderr := w.run(strings.TrimPrefix(line, "acrkit ")+" -o json", "")
	if code != c.exits["doctor"] {
		w.t.Errorf("%s: exit code %d\n%s", line, code, stderr)
	}
	var report struct {
		Item struct{ Findings []struct{ Code string } }
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		w.t.Fatal(err)
	}
	want := c.doctor
	if want == "" {
		want = c.code
	}
	var codes []string
	for _, f := range report.Item.Findings {
		codes = append(codes, f.Code)
	}
	if !slices.Contains(codes, want) {
		w.t.Errorf("%s: it finds %v, and not %s", line, codes, want)
	}
}

// TestEveryFixRunsWhereNothingIsWrong types every fix of the catalogue that the
// failures above don't have, with its names filled in, at a registry that is well:
// what comes about on no loopback, as a private link's failures, is mended by the
// same commands.
func TestEveryFixRunsWhereNothingIsWrong(t *testing.T) {
	w := newTroubled(t, true)
	w.begin(trouble{as: asAdmin, before: []string{"copy $REG/team/app:1 $REG/team/app:2", "copy oci:img1 docker:img.tar:app:1"}, policies: withAdmin})
	w.words["user"], w.words["id"] = "acrkit", w.interruptedPull()
	names := map[string]string{
		"host": "$REG", "repository": "team/app", "image": "team/app:1", "tagged": "team/app:1", "scope": "repository:team/app:pull", "registry": "$REG",
		"user": "acrkit", "digest": "$IMG", "reference": "$REG/team/app:1", "id": w.words["id"], "repo|tag|manifest": "tag",
		"source": "oci:img1", "file": "img.tar", "name": "app:1", "digest of what needs it": "$IMG",
	}
	done := map[string]bool{}
	for _, code := range diagnose.Codes() {
		row, _ := diagnose.Lookup(code)
		for _, fix := range row.Fix {
			line := fixLine(fix)
			if line == "" || done[line] {
				continue
			}
			done[line] = true
			filled := fact.ReplaceAllStringFunc(line, func(found string) string {
				value, ok := names[strings.Trim(found, "{}<>")]
				if !ok {
					t.Errorf("%s: %q: nobody knows what %s is", code, line, found)
				}
				return w.expand(value)
			})
			command := commandWords.FindStringSubmatch(filled)[1]
			switch {
			case removal[command]:
				filled += " --yes --dry-run"
			case command == "transfers clean":
				filled += " --dry-run"
			}
			if status, stdout, stderr := w.run(w.expand(strings.TrimPrefix(filled, "acrkit ")), "secret"); status != failure.ExitDone {
				t.Errorf("%s: %s: exit code %d\n%s%s", code, filled, status, stdout, stderr)
			}
		}
	}
	if len(done) < 30 {
		t.Errorf("%d fixes only", len(done))
	}
}
