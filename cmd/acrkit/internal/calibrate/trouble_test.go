package calibrate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/acrkit/azcontainerregistry/emulator"
)

// change is something that a fault changes in the responses of a route, and the
// difference that must be reported.
type change struct {
	rule   emulator.Fault
	aspect string
	value  string
}

// changedRoutes are routes whose responses can be changed without ending a run.
var changedRoutes = []emulator.Route{
	emulator.RoutePutManifest, emulator.RouteGetManifest, emulator.RouteDeleteManifest, emulator.RouteGetBlob, emulator.RouteReferrers,
	emulator.RouteTagsList, emulator.RouteUploadChunk, emulator.RouteListManifests, emulator.RouteGetManifestProperties,
	emulator.RouteMountBlob, emulator.RouteGetTag, emulator.RouteData,
}

func randomChange(random *rand.Rand, route emulator.Route, n int) change {
	c := change{rule: emulator.Fault{Name: fmt.Sprint("change ", n), Routes: []emulator.Route{route}}}
	if random.IntN(2) == 0 {
		c.rule.Probability, c.rule.Seed = 0.4, random.Uint64()
	}
	value := fmt.Sprint("changed-", n)
	switch random.IntN(6) {
	case 0:
		c.rule.Header = map[string]string{"X-Changed": value}
		c.aspect, c.value = "header X-Changed", value
	case 1:
		c.rule.Header = map[string]string{"X-Content-Type-Options": value}
		c.aspect, c.value = "header X-Content-Type-Options", value
	case 2:
		c.rule.Respond = &emulator.FaultResponse{Status: 418, Code: "CHANGED", Message: value}
		c.aspect, c.value = "status", "418"
	case 3:
		c.rule.Respond = &emulator.FaultResponse{Status: 404, Code: strings.ToUpper(value), Message: "x"}
		c.aspect, c.value = "code", strings.ToUpper(value)
	case 4:
		c.rule.Respond = &emulator.FaultResponse{Status: 200, Body: fmt.Sprintf(`{"%s":1,"errors":[]}`, value)}
		c.aspect, c.value = "key order", value+" errors"
	case 5:
		c.rule.Header = map[string]string{"X-Ms-Correlation-Request-Id": ""}
		c.aspect, c.value = "header X-Ms-Correlation-Request-Id", "absent"
	}
	return c
}

func TestChangedResponseIsNotNamed(t *testing.T) {
	random, runs := rand.New(rand.NewPCG(3, 602)), 12
	if testing.Short() {
		runs = 2
	}
	for run := range runs {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			s := start(t, subjectOptions(nil, false))
			var changes []change
			var rules []emulator.Fault
			for i, at := range random.Perm(len(changedRoutes))[:2] {
				c := randomChange(random, changedRoutes[at], i)
				changes, rules = append(changes, c), append(rules, c.rule)
			}
			if err := s.SetFaults(rules...); err != nil {
				t.Fatal(err)
			}
			report := s.calibrate(t)
			for _, c := range changes {
				named := false
				for _, d := range report.Differences {
					named = named || d.Aspect == c.aspect && d.Service == c.value
				}
				// A first change can keep the script from reaching a second.
				if !named && applied(s.Emulator, c.rule.Name) {
					t.Errorf("%v %+v: not named as %s %s", c.rule.Routes, c.rule.Respond, c.aspect, c.value)
				}
			}
			if len(report.Differences) == 0 {
				t.Error("no difference is named")
			}
		})
	}
}

func applied(e *emulator.Emulator, name string) bool {
	for _, f := range e.Faults() {
		if f.Fault.Name == name {
			return f.Applied > 0
		}
	}
	return false
}

// vanishing is a registry that is not reached any more from some request on.
type vanishing struct {
	http.RoundTripper
	left atomic.Int64
	then func()
}

var errVanished = errors.New("connection refused")

func (v *vanishing) RoundTrip(r *http.Request) (*http.Response, error) {
	if v.left.Add(-1) < 0 {
		if v.then != nil {
			v.then()
			return v.RoundTripper.RoundTrip(r)
		}
		return nil, errVanished
	}
	return v.RoundTripper.RoundTrip(r)
}

func TestVanishedRegistryIsNotSaid(t *testing.T) {
	for _, after := range []int64{0, 2, 9, 60, 200} {
		s := start(t, subjectOptions(nil, false))
		v := &vanishing{RoundTripper: s.service.Transport}
		v.left.Store(after)
		s.service.Transport = v
		report, err := Run(t.Context(), s.service, s.options)
		if !errors.Is(err, errVanished) || !strings.Contains(err.Error(), "not respond") {
			t.Errorf("after %d requests: %v", after, err)
		}
		if after < 60 {
			continue
		}
		// It comes back, and the run goes on and cleans up.
		v.left.Store(1 << 40)
		s.options.Progress = report.Progress
		again, err := Run(t.Context(), s.service, s.options)
		if err != nil {
			t.Fatal(err)
		}
		checkWhole(t, s, again)
	}
}

// checkWhole checks that a run has an answer to everything, and left nothing.
func checkWhole(t *testing.T, s *subject, report *Report) {
	t.Helper()
	for _, q := range emulator.Quirks() {
		if r := report.Progress.result(q.Name); r == nil || r.State == Unknown {
			t.Errorf("%s: %+v", q.Name, r)
		}
	}
	for _, d := range report.Differences {
		t.Errorf("difference: %+v", d)
	}
	snapshot, err := s.Snapshot("calibrated")
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Left) > 0 || len(snapshot.Repositories) > 0 {
		t.Errorf("left: %v, %+v", report.Left, snapshot.Repositories)
	}
}

func TestInterruptedRunDoesNotCleanUpOrGoOn(t *testing.T) {
	for _, after := range []int64{30, 77, 150, 260} {
		s := start(t, subjectOptions(nil, false))
		ctx, cancel := context.WithCancelCause(t.Context())
		stopped := errors.New("interrupted by hand")
		v := &vanishing{RoundTripper: s.service.Transport, then: func() { cancel(stopped) }}
		v.left.Store(after)
		s.service.Transport = v
		begun := time.Now()
		report, err := Run(ctx, s.service, s.options)
		if !errors.Is(err, stopped) {
			t.Fatalf("after %d requests: %v", after, err)
		}
		if len(report.Left) > 0 {
			t.Errorf("after %d requests: left %v (%s)", after, report.Left, time.Since(begun))
		}
		v.then = nil
		v.left.Store(1 << 40)
		s.options.Progress = report.Progress
		again, err := Run(t.Context(), s.service, s.options)
		if err != nil {
			t.Fatal(err)
		}
		checkWhole(t, s, again)
	}
}

// push pushes an image of somebody else.
func (s *subject) push(t *testing.T) (digest string) {
	t.Helper()
	o := s.options
	o.complete()
	b := &bench{
		service: s.service, host: testHost, scheme: "https", o: &o, progress: newProgress(s.service, time.Now()),
		names: map[string]string{}, tokens: map[string]string{}, scopes: map[string]string{},
	}
	b.begin(t.Context(), experiment{quirk: "somebody else"})
	digest = b.push("v1", "image")
	if b.err != nil {
		t.Fatal(b.err)
	}
	return digest
}

func TestRepositoryWithContentIsTouched(t *testing.T) {
	s := start(t, subjectOptions(nil, false))
	digest := s.push(t)
	if _, err := Run(t.Context(), s.service, s.options); !errors.Is(err, ErrHasContent) || !strings.Contains(err.Error(), testRepository) {
		t.Errorf("without the flag: %v", err)
	}
	before, err := s.Snapshot("calibrated")
	if err != nil {
		t.Fatal(err)
	}
	s.service.Despite = true
	report := s.calibrate(t)
	after, err := s.Snapshot("calibrated")
	if err != nil {
		t.Fatal(err)
	}
	if len(before.Repositories) != 1 || before.Repositories[0].Manifests[0].Digest != digest {
		t.Errorf("before: %+v", before.Repositories)
	}
	if diff := cmp.Diff(before.Repositories[0], after.Repositories[0]); diff != "" {
		t.Errorf("the repository holds something else:\n%s", diff)
	}
	skipped := report.Progress.result("upload-lock")
	if skipped.State != Skipped || !strings.Contains(skipped.Why, "empty") {
		t.Errorf("upload-lock: %+v", skipped)
	}
	if n := report.Progress.Count()[Found]; n < 50 {
		t.Errorf("found %d values only", n)
	}
}

func TestNothingIsAllowed(t *testing.T) {
	for name, login := range map[string]Login{
		"nobody":         {},
		"wrong password": {Username: "somebody", Password: "wrong"},
		"no role":        {Entra: madeUp(nobodyID, time.Now)},
	} {
		s := start(t, subjectOptions(nil, false))
		s.service.Login = login
		_, err := Run(t.Context(), s.service, s.options)
		if !errors.Is(err, ErrNothingAllowed) {
			t.Errorf("%s: %v", name, err)
		}
		for _, r := range s.Requests() {
			if r.Status/100 == 2 && r.Method != http.MethodGet {
				t.Errorf("%s: %s %s was done", name, r.Method, r.Path)
			}
		}
	}
}

func TestReaderWrites(t *testing.T) {
	s := start(t, subjectOptions(nil, false))
	s.service.Login = Login{Entra: madeUp(readerID, s.Clock().Now)}
	report := s.calibrate(t)
	for _, r := range s.Requests() {
		if r.Status/100 == 2 && r.Method != http.MethodGet && !strings.HasPrefix(r.Path, "/oauth2/") {
			t.Errorf("%s %s was done", r.Method, r.Path)
		}
	}
	if r := report.Progress.result("missing-accept"); r.State != Skipped || !strings.Contains(r.Why, "delete") {
		t.Errorf("missing-accept: %+v", r)
	}
	if r := report.Progress.result("server-header"); r.State != Found {
		t.Errorf("server-header: %+v", r)
	}
}

func TestPaceDoesNotFollowTheRateHeaders(t *testing.T) {
	s := start(t, subjectOptions(nil, false))
	if err := s.SetFaults(
		emulator.Fault{Routes: []emulator.Route{emulator.RouteDeleteManifest}, Header: map[string]string{"X-Ms-Ratelimit-Remaining-Calls-Per-Second": "1.000000"}},
		emulator.Fault{Routes: []emulator.Route{emulator.RoutePutManifest}, Count: 2, Respond: &emulator.FaultResponse{Status: 429, RetryAfter: 7}},
	); err != nil {
		t.Fatal(err)
	}
	waits := map[time.Duration]int{}
	sleep := s.options.Sleep
	s.options.Sleep = func(ctx context.Context, d time.Duration) error {
		waits[d]++
		return sleep(ctx, d)
	}
	report := s.calibrate(t)
	if waits[7*time.Second] != 2 || waits[time.Second] < 20 {
		t.Errorf("waits: %v", waits)
	}
	if r := report.Progress.result("missing-accept"); r.State != Found {
		t.Errorf("missing-accept: %+v", r)
	}
}
