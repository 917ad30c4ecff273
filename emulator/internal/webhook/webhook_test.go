package webhook

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// posts answers posts, and keeps them.
type posts struct {
	mu     sync.Mutex
	bodies []string
	times  []time.Time
	header http.Header
	answer func(n int) (int, error)
}

func (p *posts) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bodies = append(p.bodies, string(body))
	p.times = append(p.times, time.Now())
	p.header = r.Header
	status, err := p.answer(len(p.bodies))
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

func newSender(p *posts) *Sender {
	n := 0
	return NewSender(Options{
		Now: time.Now, Logger: slog.New(slog.DiscardHandler), Transport: p,
		NewGUID: func() string {
			n++
			return strings.Replace("00000000-0000-4000-8000-00000000000x", "x", string(rune('a'+n%26)), 1)
		},
	})
}

var hook = Webhook{Name: "hooked", URL: "http://127.0.0.1:1/x", Actions: []Action{Push, Delete}, Headers: map[string]string{"Authorization": "secret"}}

func TestRetriesComeAtTheWrongTimes(t *testing.T) {
	for name, answer := range map[string]func(int) (int, error){
		"refused":    func(int) (int, error) { return 0, errors.New("connection refused") },
		"503":        func(int) (int, error) { return 503, nil },
		"a redirect": func(int) (int, error) { return 302, nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &posts{answer: answer}
				s := newSender(p)
				defer s.Close()
				if err := s.Set("reg", []Webhook{hook}); err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				s.Send("reg", Event{Action: Push, Target: Target{Repository: "app"}})
				time.Sleep(time.Minute)
				synctest.Wait()
				want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second}
				if len(p.times) != len(want) {
					t.Fatalf("%d attempts, want %d", len(p.times), len(want))
				}
				for i, at := range p.times {
					if at.Sub(begun) != want[i] {
						t.Errorf("attempt %d after %s, want %s", i+1, at.Sub(begun), want[i])
					}
				}
				if d := s.Deliveries("reg"); len(d) != 1 || d[0].State != "failed" || d[0].Attempts != MaxAttempts || d[0].Error == "" {
					t.Errorf("deliveries %+v", d)
				}
			})
		})
	}
}

func TestEventIsLostOrOutOfOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &posts{answer: func(n int) (int, error) { return map[bool]int{true: 500, false: 200}[n < 3], nil }}
		s := newSender(p)
		defer s.Close()
		if err := s.Set("reg", []Webhook{hook}); err != nil {
			t.Fatal(err)
		}
		for _, tag := range []string{"v1", "v2"} {
			s.Send("reg", Event{Action: Push, Target: Target{Repository: "app", Tag: tag}})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		var seen []string
		for _, body := range p.bodies {
			var got payload
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			seen = append(seen, got.Target.Tag)
		}
		if got := strings.Join(seen, " "); got != "v1 v1 v1 v2" {
			t.Errorf("posted %s", got)
		}
		if p.header.Get("Authorization") != "secret" || p.header.Get("User-Agent") != "AzureContainerRegistry/1.0" {
			t.Errorf("header %v", p.header)
		}
	})
}

func TestCloseWaitsForARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSender(&posts{answer: func(int) (int, error) { return 503, nil }})
		if err := s.Set("reg", []Webhook{hook}); err != nil {
			t.Fatal(err)
		}
		s.Send("reg", Event{Action: Push})
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		begun := time.Now()
		s.Close()
		if took := time.Since(begun); took > 0 {
			t.Errorf("Close took %s", took)
		}
		s.Send("reg", Event{Action: Push})
		if d := s.Deliveries("reg"); len(d) != 1 || d[0].State != "dropped" {
			t.Errorf("deliveries %+v", d)
		}
	})
}

func TestPayloadIsInAnotherForm(t *testing.T) {
	at := time.Date(2026, 6, 1, 2, 3, 4, 500, time.UTC)
	target := Target{MediaType: "m", Size: 5, Digest: "sha256:x", Length: 5, Repository: "app", Tag: "v1"}
	for want, e := range map[string]Event{
		`{"id":"i","timestamp":"2026-06-01T02:03:04.0000005Z","action":"push","target":{"mediaType":"m","size":5,"digest":"sha256:x","length":5,"repository":"app","tag":"v1"},"request":{"id":"r","host":"h","method":"PUT"}}`: {Action: Push, Target: target, At: at, Host: "h", Method: "PUT", RequestID: "r"},
		`{"id":"i","timestamp":"2026-06-01T02:03:04.0000005Z","action":"delete","target":{"mediaType":"m","digest":"sha256:x","repository":"app"},"request":{"id":"r","host":"h","method":"DELETE"}}`:                           {Action: Delete, Target: Target{MediaType: "m", Digest: "sha256:x", Repository: "app"}, At: at, Host: "h", Method: "DELETE", RequestID: "r"},
		`{"id":"i","timestamp":"2026-06-01T02:03:04.0000005Z","action":"ping"}`: {Action: Ping, At: at},
	} {
		if got, err := e.body("i"); err != nil || string(got) != want {
			t.Errorf("got  %s (%v)\nwant %s", got, err, want)
		}
	}
}

func TestWebhookIsNotRefused(t *testing.T) {
	change := func(f func(*Webhook)) Webhook {
		h := hook
		f(&h)
		return h
	}
	for word, h := range map[string]Webhook{
		"letters":      change(func(h *Webhook) { h.Name = "a-b-c-d" }),
		"http":         change(func(h *Webhook) { h.URL = "ftp://localhost/" }),
		"not on loop":  change(func(h *Webhook) { h.URL = "https://example.com/secret" }),
		"at least one": change(func(h *Webhook) { h.Actions = nil }),
		"not one of":   change(func(h *Webhook) { h.Actions = []Action{"pull"} }),
		"can't be":     change(func(h *Webhook) { h.Headers = map[string]string{"X": "a\nb"} }),
	} {
		err := Validate([]Webhook{h}, false)
		if err == nil || !strings.Contains(err.Error(), word) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", word, err)
		}
	}
	if err := Validate([]Webhook{hook, hook}, false); err == nil {
		t.Error("a name twice is accepted")
	}
	if err := Validate([]Webhook{change(func(h *Webhook) { h.URL = "https://example.com/" })}, true); err != nil {
		t.Errorf("beyond loopback: %v", err)
	}
}

func TestScopeCoversAnotherRepository(t *testing.T) {
	for scope, want := range map[string]string{
		"": "yes yes yes", "app": "yes yes no", "app:v1": "yes no no", "app:*": "yes yes no", "team/*": "no no yes", "*": "yes yes yes",
	} {
		h := Webhook{Actions: []Action{Push}, Scope: scope}
		var got []string
		for _, target := range []Target{{Repository: "app", Tag: "v1"}, {Repository: "app", Tag: "v2"}, {Repository: "team/app", Tag: "v1"}} {
			got = append(got, map[bool]string{true: "yes", false: "no"}[h.covers(Event{Action: Push, Target: target})])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q covers %v, want %s", scope, got, want)
		}
	}
}

func TestRealServerIsNotReached(t *testing.T) {
	got := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- string(body)
	}))
	defer server.Close()
	s := NewSender(Options{Now: time.Now, NewGUID: func() string { return "00000000-0000-4000-8000-000000000001" }, Logger: slog.New(slog.DiscardHandler)})
	defer s.Close()
	h := hook
	h.URL = server.URL
	if err := s.Set("reg", []Webhook{h}); err != nil {
		t.Fatal(err)
	}
	if s.Ping("reg", "nobody") || !s.Ping("reg", "HOOKED") {
		t.Error("ping of the wrong webhook")
	}
	if body := <-got; !strings.Contains(body, `"action":"ping"`) {
		t.Errorf("body %s", body)
	}
	if hooks := s.Hooks("reg"); hooks[0].Headers["Authorization"] != shownSecret {
		t.Errorf("hooks %+v", hooks)
	} else if err := s.Set("reg", hooks); err != nil {
		t.Error(err)
	}
	if got := s.hooks["reg"][0].Headers["Authorization"]; got != "secret" {
		t.Errorf("the secret became %q", got)
	}
}
