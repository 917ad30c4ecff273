// Package fault makes requests fail on purpose, as a handler around everything else.
package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/textproto"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/clock"
	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/strictjson"
	"github.com/acrkit/azcontainerregistry/emulator/internal/trace"
)

// Rule is something that goes wrong on purpose: which requests it applies to,
// and what happens to them. A rule that names a Preset takes from it what it
// does not say itself. Of several rules that match a request, the first one
// counts.
type Rule struct {
	// Name is what records and lists call the rule. Empty means the preset's
	// name, or the rule's position.
	Name string `json:"name,omitempty"`
	// Preset is the name of a ready-made fault, by the name that the list of presets has.
	Preset string `json:"preset,omitempty"`

	// Routes are the names of the routes that the fault applies to, see
	// the list of routes. Empty means all.
	Routes []protocol.Route `json:"routes,omitempty"`
	// Methods are the HTTP methods. Empty means all.
	Methods []string `json:"methods,omitempty"`
	// Registry is the name of a registry. Empty means all.
	Registry string `json:"registry,omitempty"`
	// Repository is a pattern in the form of [path.Match], such as "team/*".
	// Empty means all, requests without a repository included.
	Repository string `json:"repository,omitempty"`
	// Reference is a tag or a digest: what the path names, or the digest that
	// an upload ends with or that is mounted. Empty means all.
	Reference string `json:"reference,omitempty"`
	// Skip lets that many matching requests pass first: 2 means that the third
	// is the first to fail.
	Skip int `json:"skip,omitempty"`
	// Count is how often the fault happens. 0 means always.
	Count int `json:"count,omitempty"`
	// Probability is the share of the matching requests that it applies to, above
	// 0 and up to 1. The zero value means 1.
	Probability float64 `json:"probability,omitempty"`
	// Seed makes what Probability decides repeatable.
	Seed uint64 `json:"seed,omitempty"`

	// Delay holds the request back before anything else happens.
	Delay clock.Duration `json:"delay,omitempty"`
	// Respond responds in the place of the registry.
	Respond *Response `json:"respond,omitempty"`
	// ExpireToken treats the request's token as expired.
	ExpireToken bool `json:"expireToken,omitempty"`
	// BytesPerSecond slows both bodies down. 0 means no limit.
	BytesPerSecond int64 `json:"bytesPerSecond,omitempty"`
	// Break ends or freezes the connection.
	Break *Break `json:"break,omitempty"`
	// Corrupt changes one byte of a body.
	Corrupt *Corrupt `json:"corrupt,omitempty"`
	// Header replaces headers of the response; an empty value removes one.
	Header map[string]string `json:"header,omitempty"`
	// RedirectHost replaces the host of the response's Location, with a scheme
	// in front of it when the response's own shall not stay.
	RedirectHost string `json:"redirectHost,omitempty"`
	// LoseChunk acknowledges the data of an upload without keeping it.
	LoseChunk bool `json:"loseChunk,omitempty"`
	// Replica sends every other matching request to a replica that has not
	// yet seen the latest writes.
	Replica *Replica `json:"replica,omitempty"`
}

// Response is a response in the place of the registry's.
type Response struct {
	// Status is the HTTP status, 200 to 599.
	Status int `json:"status"`
	// Code and Message make the registry's error body. Detail is put into it
	// as it is when it is not empty.
	Code    string          `json:"code,omitempty"`
	Message string          `json:"message,omitempty"`
	Detail  json.RawMessage `json:"detail,omitempty"`
	// Body is the whole body, in the place of Code and Message.
	Body string `json:"body,omitempty"`
	// ContentType is the type of the body. Empty means JSON.
	ContentType string `json:"contentType,omitempty"`
	// RetryAfter is the Retry-After header in seconds. 0 leaves it out.
	RetryAfter int `json:"retryAfter,omitempty"`
	// Challenge adds the challenge that the route's 401 would carry, with
	// this error attribute; "none" is a challenge without one.
	Challenge string `json:"challenge,omitempty"`
	// AfterHandling lets the registry do its work first, and only then loses
	// its response.
	AfterHandling bool `json:"afterHandling,omitempty"`
}

// Body is one of the two bodies of a request, which Break and Corrupt act on.
type Body string

// The bodies.
const (
	OnRequest  Body = "request"
	OnResponse Body = "response"
)

// BreakKind is a way in which a connection breaks.
type BreakKind string

// The ways.
const (
	BreakCut   BreakKind = "cut"
	BreakReset BreakKind = "reset"
	BreakStall BreakKind = "stall"
)

// Break breaks the connection.
type Break struct {
	// On is the body that is counted: OnRequest or OnResponse.
	On Body `json:"on"`
	// After is how many bytes of it pass before. A body that ends earlier is
	// spared.
	After int64 `json:"after,omitempty"`
	// How is BreakCut (an orderly close in the middle), BreakReset (a TCP
	// reset) or BreakStall (nothing more happens).
	How BreakKind `json:"how"`
	// For is how long a stall lasts before the request continues. The zero value
	// means until the client or the server gives up.
	For clock.Duration `json:"for,omitempty"`
}

// Corrupt changes a byte.
type Corrupt struct {
	// On is the body: OnRequest or OnResponse.
	On Body `json:"on"`
	// Offset is the byte's place in the body.
	Offset int64 `json:"offset,omitempty"`
}

// Replica is a replica that is behind.
type Replica struct {
	// Lag is how long a write takes to get there.
	Lag clock.Duration `json:"lag"`
}

// FaultState is a rule that is in force, and what it did so far.
type State struct {
	Fault Rule `json:"fault"`
	// Matched counts the requests that the rule covers, Applied those that
	// it was applied to.
	Matched int64 `json:"matched"`
	Applied int64 `json:"applied"`
}

// Injector are the rules in force: a handler around everything else.
type Injector struct {
	Options

	mu     sync.Mutex
	rules  []*activeRule
	writes map[string]time.Time // what replicas have not seen, see replica.go
	stale  bool                 // which replica the next request goes to
}

// Options are what faults need.
type Options struct {
	Clock     *clock.Clock
	Responder *protocol.Responder
	// routes are those that a rule may name.
	Routes []protocol.Route
	// unauthorized returns the 401 of a request's route with an error
	// attribute, or nil for a request that no token opens.
	Unauthorized func(r *http.Request, reason string) *protocol.Refusal
}

func New(o Options) *Injector { return &Injector{Options: o} }

// faultRule is a rule with its counters.
type activeRule struct {
	Rule
	random  *rand.Rand
	matched int64
	applied int64
}

// Set puts rules in force, in the place of those before. An error names the
// rule and the field, and leaves everything as it was.
func (f *Injector) Set(rules ...Rule) error {
	prepared, err := Prepare(f.Routes, rules, 0)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = prepared
	return nil
}

// Add puts more rules in force, after those there are.
func (f *Injector) Add(rules ...Rule) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	prepared, err := Prepare(f.Routes, rules, len(f.rules))
	if err != nil {
		return err
	}
	f.rules = append(f.rules, prepared...)
	return nil
}

// States returns the rules in force with their counters.
func (f *Injector) States() []State {
	f.mu.Lock()
	defer f.mu.Unlock()
	states := make([]State, len(f.rules))
	for i, rule := range f.rules {
		states[i] = State{Fault: rule.Rule, Matched: rule.matched, Applied: rule.applied}
	}
	return states
}

func Prepare(routes []protocol.Route, rules []Rule, before int) ([]*activeRule, error) {
	prepared := make([]*activeRule, len(rules))
	for i, rule := range rules {
		resolved, err := rule.resolve(routes)
		if err == nil {
			err = resolved.validate(routes)
		}
		if err != nil {
			return nil, fmt.Errorf("faults[%d]: %w", i, err)
		}
		if resolved.Name == "" {
			resolved.Name = fmt.Sprintf("fault-%d", before+i+1)
		}
		prepared[i] = &activeRule{Rule: resolved, random: rand.New(rand.NewPCG(resolved.Seed, 0))}
	}
	return prepared, nil
}

// resolve fills in what the preset says and the rule does not.
func (f Rule) resolve(routes []protocol.Route) (Rule, error) {
	if f.Preset == "" {
		return f, nil
	}
	preset, ok := findPreset(routes, f.Preset)
	if !ok {
		return f, fmt.Errorf("preset %q: no such preset; there are %s", f.Preset, strings.Join(presetNames(routes), ", "))
	}
	p := preset.Fault
	if f.Name == "" {
		f.Name = f.Preset
	}
	if len(f.Routes) == 0 {
		f.Routes = slices.Clone(p.Routes)
	}
	if len(f.Methods) == 0 {
		f.Methods = slices.Clone(p.Methods)
	}
	if f.hasEffect() {
		return f, nil
	}
	f.takeEffects(&p)
	return f, nil
}

// takeEffects takes over what p does to a request.
func (f *Rule) takeEffects(p *Rule) {
	f.Delay, f.Respond, f.ExpireToken, f.BytesPerSecond = p.Delay, p.Respond, p.ExpireToken, p.BytesPerSecond
	f.Break, f.Corrupt, f.Header, f.RedirectHost = p.Break, p.Corrupt, p.Header, p.RedirectHost
	f.LoseChunk, f.Replica = p.LoseChunk, p.Replica
}

func (f *Rule) hasEffect() bool {
	return f.Delay != 0 || f.Respond != nil || f.ExpireToken || f.BytesPerSecond != 0 || f.Break != nil ||
		f.Corrupt != nil || len(f.Header) > 0 || f.RedirectHost != "" || f.LoseChunk || f.Replica != nil
}

// validate reports the first field that breaks a rule.
func (f *Rule) validate(routes []protocol.Route) error {
	for i, route := range f.Routes {
		if !slices.Contains(routes, route) {
			return fmt.Errorf("routes[%d] %q: no such route; there are %s", i, route, strings.Join(RouteNames(routes), ", "))
		}
	}
	if _, err := path.Match(f.Repository, ""); err != nil {
		return fmt.Errorf("repository %q: %w", f.Repository, err)
	}
	switch {
	case !f.hasEffect():
		return errors.New("the rule has no effect: give it a preset, respond, break, delay or another")
	case f.Skip < 0:
		return fmt.Errorf("skip %d: want 0 or more", f.Skip)
	case f.Count < 0:
		return fmt.Errorf("count %d: want 0 or more", f.Count)
	case f.Probability < 0 || f.Probability > 1 || f.Probability != f.Probability:
		return fmt.Errorf("probability %v: want more than 0 and at most 1", f.Probability)
	case f.Delay < 0:
		return fmt.Errorf("delay %v: want a positive duration", time.Duration(f.Delay))
	case f.BytesPerSecond < 0:
		return fmt.Errorf("bytesPerSecond %d: want 0 or more", f.BytesPerSecond)
	case f.Replica != nil && f.Replica.Lag <= 0:
		return fmt.Errorf("replica.lag %v: want a positive duration", time.Duration(f.Replica.Lag))
	}
	return f.validateResponse()
}

func (f *Rule) validateResponse() error {
	if r := f.Respond; r != nil {
		switch {
		case r.Status < 200 || r.Status > 599:
			return fmt.Errorf("respond.status %d: want 200 to 599", r.Status)
		case len(r.Detail) > 0 && !json.Valid(r.Detail):
			return errors.New("respond.detail: not JSON")
		case r.Body != "" && (r.Code != "" || r.Message != ""):
			return errors.New("respond.body: give either a body, or a code and a message")
		case r.RetryAfter < 0:
			return fmt.Errorf("respond.retryAfter %d: want 0 or more", r.RetryAfter)
		case !quirk.ValidHeader("Content-Type", r.ContentType) || !quirk.ValidHeader("X", r.Challenge):
			return errors.New("respond: a header value holds control characters")
		}
	}
	if b := f.Break; b != nil {
		if b.On != OnRequest && b.On != OnResponse {
			return fmt.Errorf("break.on %q: want %q or %q", b.On, OnRequest, OnResponse)
		}
		if b.How != BreakCut && b.How != BreakReset && b.How != BreakStall {
			return fmt.Errorf("break.how %q: want %q, %q or %q", b.How, BreakCut, BreakReset, BreakStall)
		}
		if b.After < 0 || b.For < 0 {
			return errors.New("break: after and for want 0 or more")
		}
	}
	if c := f.Corrupt; c != nil {
		if c.On != OnRequest && c.On != OnResponse {
			return fmt.Errorf("corrupt.on %q: want %q or %q", c.On, OnRequest, OnResponse)
		}
		if c.Offset < 0 {
			return fmt.Errorf("corrupt.offset %d: want 0 or more", c.Offset)
		}
	}
	for name, value := range f.Header {
		if !quirk.ValidHeader(name, value) {
			return fmt.Errorf("header %q: not a header's name and value", name)
		}
	}
	if f.RedirectHost != "" {
		if u, err := url.Parse(absoluteHost(f.RedirectHost)); err != nil || u.Host == "" || u.Path != "" {
			return fmt.Errorf("redirectHost %q: want a host, or a scheme and a host", f.RedirectHost)
		}
	}
	return nil
}

func RouteNames(routes []protocol.Route) []string {
	all := make([]string, len(routes))
	for i, route := range routes {
		all[i] = string(route)
	}
	return all
}

// absoluteHost puts a scheme before a host that has none.
func absoluteHost(host string) string {
	if strings.Contains(host, "://") {
		return host
	}
	return "https://" + host
}

// pick returns the rule that applies to a request, or nil.
func (f *Injector) pick(record *trace.Request) *activeRule {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, rule := range f.rules {
		if rule.exhausted() || !rule.covers(record) {
			continue
		}
		rule.matched++
		if rule.matched <= int64(rule.Skip) {
			continue
		}
		if rule.Probability > 0 && rule.random.Float64() >= rule.Probability {
			continue
		}
		rule.applied++
		return rule
	}
	return nil
}

func (r *activeRule) exhausted() bool { return r.Count > 0 && r.applied >= int64(r.Count) }

func (r *activeRule) covers(record *trace.Request) bool {
	if len(r.Routes) > 0 && !slices.Contains(r.Routes, record.Route) {
		return false
	}
	if len(r.Methods) > 0 && !slices.ContainsFunc(r.Methods, func(m string) bool { return strings.EqualFold(m, record.Method) }) {
		return false
	}
	if r.Registry != "" && !strings.EqualFold(r.Registry, record.Registry) {
		return false
	}
	if r.Reference != "" && r.Reference != record.Reference && r.Reference != record.Digest {
		return false
	}
	if r.Repository != "" {
		matched, err := path.Match(r.Repository, record.Repository)
		return err == nil && matched
	}
	return true
}

// Parse reads the JSON form of fault rules: an object with one member,
// "faults", a list of them. Unknown members are errors. The rules are
// checked, their presets filled in.
func Parse(routes []protocol.Route, data []byte) ([]Rule, error) {
	var file struct {
		Faults []Rule `json:"faults"`
	}
	if err := strictjson.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("parse faults: %w", err)
	}
	if _, err := Prepare(routes, file.Faults, 0); err != nil {
		return nil, fmt.Errorf("parse faults: %w", err)
	}
	return file.Faults, nil
}

// canonicalHeader spells a header as net/http does.
func canonicalHeader(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }
