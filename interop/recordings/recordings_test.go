package recordings

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

//go:embed table.jsonl
var tableFile []byte

// exchanges is how many exchanges the two reports hold.
const exchanges = 602

// quirksOf are the quirks that an older session needs.
var quirksOf = map[string]map[string]string{
	"2022-01": {"server-header": "openresty", "rate-remaining": "off"},
}

func TestEmulatorDoesNotRespondAsTheRecordedService(t *testing.T) {
	table, err := Read(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for _, session := range table.Sessions {
		sent += len(session.Rows)
		t.Run(session.Name, func(t *testing.T) {
			const password = "recorded+ACRpassword"
			name, _, _ := strings.Cut(session.Host, ".")
			start := time.Date(2024, 6, 26, 15, 5, 6, 0, time.UTC)
			registry := emulatortest.Start(t, &emulator.Options{
				Quirks: quirksOf[session.Name],
				Registries: []emulator.RegistryOptions{{
					Name: name, Policies: emulator.Policies{Admin: &emulator.AdminUser{Passwords: []string{password}}},
				}},
			})
			replay := Replay{
				Client: registry.HTTPClient(), Username: name, Password: password,
				SetTime: func(since time.Duration) { registry.Emulator.Clock().Freeze(start.Add(since)) },
			}
			replay.SetTime(0)
			differences, err := replay.Differences(t.Context(), table, session)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range slices.Sorted(maps.Keys(differences)) {
				t.Errorf("exchange %d: %s %s:\n%s", n, session.Rows[n].Method, session.Rows[n].Path, strings.Join(differences[n], "\n"))
			}
			t.Logf("%d of %d alike", len(session.Rows)-len(differences), len(session.Rows))
		})
	}
	if sent != exchanges {
		t.Errorf("%d exchanges, want %d", sent, exchanges)
	}
}

func TestReplayDoesNotSeeADifference(t *testing.T) {
	table, err := Read(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	session := table.Sessions[len(table.Sessions)-1]
	name, _, _ := strings.Cut(session.Host, ".")
	registry := emulatortest.Start(t, &emulator.Options{
		Quirks:     map[string]string{"unknown-blob-detail": "absent", "referrers-scope": "metadata_read"},
		Registries: []emulator.RegistryOptions{{Name: name, Policies: emulator.Policies{Admin: &emulator.AdminUser{Passwords: []string{"secret"}}}}},
	})
	replay := Replay{Client: registry.HTTPClient(), Username: name, Password: "secret"}
	differences, err := replay.Differences(t.Context(), table, session)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for n, lines := range differences {
		path := session.Rows[n].Path
		switch {
		case strings.Contains(path, "/referrers/") && strings.Contains(strings.Join(lines, "\n"), "challenge"):
			seen["challenge"] = true
		case strings.Contains(path, "/blobs/") && strings.Contains(strings.Join(lines, "\n"), "-length 157"):
			seen["body"] = true
		}
	}
	if !seen["challenge"] || !seen["body"] {
		t.Errorf("turned quirks are not seen: %v", differences)
	}
}

// report is a report of one exchange in the suite's form.
const report = `<pre>DEBUG
==============================================================================
~~~ REQUEST ~~~
GET  /v2/some/where/tags/list  HTTP/1.1
HOST   : registry.example
HEADERS:
	Authorization: Bearer *****
BODY   :
***** NO CONTENT *****
------------------------------------------------------------------------------
~~~ RESPONSE ~~~
STATUS       : 404 Not Found
RECEIVED AT  : 2024-06-26T15:05:06.748837003Z
HEADERS      :
	Content-Length: 52
	X-Ms-Correlation-Request-Id: 435beefc-f53f-471c-b4fd-77e66a95bbe9
BODY         :
{ &#34;errors&#34;: [ { &#34;code&#34;: &#34;NAME_UNKNOWN&#34;, &#34;message&#34;: &#34;some words&#34; } ] }
==============================================================================
`

func TestReportIsReadWrong(t *testing.T) {
	all, err := parseReport([]byte(report))
	if err != nil {
		t.Fatal(err)
	}
	e := all[0]
	if e.method != "GET" || e.target != "/v2/some/where/tags/list" || e.status != 404 || e.asked.Get("Authorization") != "Bearer *****" {
		t.Errorf("%+v", e)
	}
	if got := HeaderLines(e.header, nil); !slices.Equal(got, []string{"X-Ms-Correlation-Request-Id: <guid>"}) {
		t.Errorf("header lines %q", got)
	}
	if got, want := Shape(e.body, nil), `{"errors":[{"code":"NAME_UNKNOWN","message":"text"}]}`; got != want {
		t.Errorf("shape %s, want %s", got, want)
	}
	for _, bad := range []string{"", "~~~ REQUEST ~~~\nGET\n", "~~~ REQUEST ~~~\nGET /\n~~~ RESPONSE ~~~\nSTATUS : x\n"} {
		if _, err := parseReport([]byte(bad)); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}
