package calibrate

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator"
)

const (
	testHost       = "calibrated.azurecr.io"
	testRepository = "team/scratch"
	ownerID        = "11111111-0000-4000-8000-0000000000a1"
	readerID       = "11111111-0000-4000-8000-0000000000a2"
	writerID       = "11111111-0000-4000-8000-0000000000a3"
	nobodyID       = "11111111-0000-4000-8000-0000000000a4"
	shortToken     = "abcd"
)

// subject is an emulator to calibrate against.
type subject struct {
	*emulator.Emulator
	service Service
	options Options
	quirk   string // whose experiment runs
}

// subjectOptions are the options of an emulator that has what every experiment
// needs.
func subjectOptions(quirks map[string]string, abac bool) *emulator.Options {
	policies := emulator.Policies{
		ABAC: abac,
		Identities: []emulator.Identity{
			{ID: ownerID, Roles: emulator.Roles(emulator.RoleOwner)},
			{ID: readerID, Roles: emulator.Roles(emulator.RolePull)},
			{ID: writerID, Roles: emulator.Roles(emulator.RolePush)},
		},
	}
	if abac {
		policies.Identities[0].Roles = emulator.Roles(emulator.RoleOwner, emulator.RoleRepositoryContributor, emulator.RoleCatalogLister)
		policies.Identities[1].Roles = emulator.Roles(emulator.RoleRepositoryReader)
		policies.Identities[2].Roles = emulator.Roles(emulator.RoleRepositoryWriter)
	}
	if quirks["token-name-length"] == "any" {
		policies.Tokens = []emulator.ScopeMapToken{{Name: shortToken, Passwords: []string{"secret"}}}
	}
	return &emulator.Options{Quirks: quirks, Registries: []emulator.RegistryOptions{{
		Name: "calibrated", LoginServer: testHost, SoftDelete: 24 * time.Hour, Policies: policies,
	}}}
}

func start(t testing.TB, o *emulator.Options) *subject {
	t.Helper()
	o.Dir = t.TempDir()
	o.NoSync = true
	e, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	e.Clock().Freeze(time.Now())
	connection := e.Connect(nil)
	t.Cleanup(func() {
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &subject{Emulator: e}
	s.service = Service{
		Endpoint: "https://" + testHost, Repository: testRepository, Transport: connection.Transport(), MaxWait: 72 * time.Hour,
		ABAC:  o.Registries[0].Policies.ABAC,
		Login: Login{Entra: madeUp(ownerID, e.Clock().Now)},
		Others: map[Role]Login{
			RoleReader: {Entra: madeUp(readerID, e.Clock().Now)}, RoleWriter: {Entra: madeUp(writerID, e.Clock().Now)},
			RoleNone: {Entra: madeUp(nobodyID, e.Clock().Now)}, RoleShortToken: {Username: shortToken, Password: "secret"},
		},
	}
	uploads := filepath.Join(o.Dir, "uploads")
	s.options = Options{
		Sleep: func(ctx context.Context, d time.Duration) error {
			if s.quirk == "partial-chunk" {
				settle(e)
			}
			e.Clock().Advance(d)
			if d > 10*time.Minute {
				_, err := e.CollectGarbage(ctx, 0)
				return err
			}
			return nil
		},
		// The emulator fails by itself while the folder of uploads is away.
		Before: func(quirk string) {
			s.quirk = quirk
			e.ResetRequests()
			if quirk == "internal-error-body" {
				if err := os.Rename(uploads, uploads+".away"); err != nil {
					t.Error(err)
				}
			} else if _, err := os.Stat(uploads + ".away"); err == nil {
				if err := os.Rename(uploads+".away", uploads); err != nil {
					t.Error(err)
				}
			}
		},
	}
	return s
}

// calibrate runs everything.
func (s *subject) calibrate(t testing.TB) *Report {
	t.Helper()
	report, err := Run(t.Context(), s.service, s.options)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestQuirkHasNoExperiment(t *testing.T) {
	if err := checkTable(); err != nil {
		t.Error(err)
	}
	for _, c := range Costs() {
		if c.Requests == 0 {
			t.Errorf("%s costs nothing", c.Quirk)
		}
	}
}

// otherValues are values of the quirks of free text.
var otherValues = map[string][]string{
	"server-header": {"openresty"}, "rate-remaining": {"7.000000", "off"}, "tags-list-page": {"1", "50", "250"}, "upload-lifetime": {"30m", "48h"},
}

// needs are the values of other quirks without which one can't be seen.
var needs = map[string]map[string]string{
	"empty-manifest-list": {"empty-repository": "keep"},
	"stale-chunk":         {"stale-upload": "resume"},
}

func valuesOf(q emulator.Quirk) []string {
	if len(q.Values) > 0 {
		return q.Values
	}
	return append([]string{q.Default}, otherValues[q.Name]...)
}

func TestValueOfAQuirkIsNotFound(t *testing.T) {
	for i, q := range emulator.Quirks() {
		if testing.Short() && i%8 != 0 {
			continue
		}
		for _, value := range valuesOf(q) {
			if testing.Short() && value == manyTags {
				continue
			}
			t.Run(q.Name+" "+value, func(t *testing.T) {
				t.Parallel()
				quirks := map[string]string{q.Name: value}
				maps.Copy(quirks, needs[q.Name])
				s := start(t, subjectOptions(quirks, q.Name == "abac-denial"))
				// The others are skipped, except where all of them count.
				if q.Name != strictQuirk {
					s.options.Progress = newProgress(s.service, time.Now())
					for _, e := range experiments {
						_, needed := needs[q.Name][e.quirk]
						if e.quirk != q.Name && e.quirk != "restore-status" && !needed {
							s.options.Progress.Results = append(s.options.Progress.Results, Result{Quirk: e.quirk, State: Skipped})
						}
					}
				}
				report := s.calibrate(t)
				r := report.Progress.result(q.Name)
				if r.State != Found || r.Value != value {
					t.Errorf("found %q (%s %s), want %q: %+v", r.Value, r.State, r.Why, value, r.Exchanges)
				}
				for _, d := range report.Differences {
					t.Errorf("difference: %+v", d)
				}
				if len(report.Left) > 0 {
					t.Errorf("left: %v", report.Left)
				}
			})
		}
	}
}

// manyTags is the value of tags-list-page that takes a thousand tags to see.
const manyTags = "250"

// fewCombinations of all quirks are tried, unless ACRKIT_COMBINATIONS says how
// many.
const fewCombinations = 6

func TestCombinationOfQuirksIsNotFound(t *testing.T) {
	n := fewCombinations
	if testing.Short() {
		n = 2
	}
	if asked := os.Getenv("ACRKIT_COMBINATIONS"); asked != "" {
		var err error
		if n, err = strconv.Atoi(asked); err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(11, 602))
	for i := range n {
		want := map[string]string{}
		for _, q := range emulator.Quirks() {
			values := slices.DeleteFunc(slices.Clone(valuesOf(q)), func(v string) bool { return v == manyTags })
			want[q.Name] = values[random.IntN(len(values))]
		}
		abac := i%2 == 1
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			s := start(t, subjectOptions(want, abac))
			report := s.calibrate(t)
			strict := "on"
			for _, q := range emulator.Quirks() {
				if q.Strict != "" && want[q.Name] != q.Strict {
					strict = "off"
				}
			}
			want[strictQuirk] = strict
			for _, q := range emulator.Quirks() {
				r := report.Progress.result(q.Name)
				if r.State == Skipped && notSeen(q.Name, want, abac) {
					continue
				}
				if r.Value != want[q.Name] {
					t.Errorf("%s: found %q (%s %s), want %q", q.Name, r.Value, r.State, r.Why, want[q.Name])
				}
			}
			for _, d := range report.Differences {
				t.Errorf("difference: %+v", d)
			}
			if len(report.Left) > 0 {
				t.Errorf("left: %v", report.Left)
			}
		})
	}
}

// notSeen reports whether a quirk has no effect in a combination.
func notSeen(name string, quirks map[string]string, abac bool) bool {
	for other, value := range needs[name] {
		if quirks[other] != value {
			return true
		}
	}
	return name == "abac-denial" && !abac || (name == "metadata-write-right" || name == "deleted-rights") && abac
}

func TestEvidenceHoldsSecretsOrNames(t *testing.T) {
	report := start(t, subjectOptions(nil, false)).calibrate(t)
	for _, r := range report.Progress.Results {
		text := fmt.Sprintf("%+v", r.Exchanges)
		for _, secret := range []string{testHost, testRepository, report.Progress.Run, "Bearer ey", "sig=", "_state=ey", ownerID} {
			if i := strings.Index(text, secret); i >= 0 && !strings.HasPrefix(text[i:], "sig=<") {
				t.Errorf("%s: %q in the evidence: …%s", r.Quirk, secret, text[max(0, i-80):min(len(text), i+80)])
			}
		}
		if r.State == Found && r.Quirk != strictQuirk && len(r.Exchanges) == 0 && !slices.Contains([]string{"tags-list-page"}, r.Quirk) {
			t.Errorf("%s: no evidence", r.Quirk)
		}
	}
}
