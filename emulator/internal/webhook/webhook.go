// Package webhook tells other services of what happens in a registry, as ACR's
// webhooks do (ACR protocol §8).
package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Action is what a webhook tells of.
type Action string

// The actions.
const (
	Push        Action = "push"
	Delete      Action = "delete"
	Quarantine  Action = "quarantine"
	ChartPush   Action = "chart_push"
	ChartDelete Action = "chart_delete"
	Ping        Action = "ping"
)

var actions = []Action{Push, Delete, Quarantine, ChartPush, ChartDelete}

// Webhook is where the events of a registry go.
type Webhook struct {
	// Name is the webhook's name, 5 to 50 letters and digits.
	Name string `json:"name"`
	// URL is where the events are posted to, http or https. Only loopback
	// hosts are allowed unless [Options.BeyondLoopback] says otherwise.
	URL string `json:"url"`
	// Actions are those it tells of: "push", "delete", "quarantine",
	// "chart_push", "chart_delete".
	Actions []Action `json:"actions"`
	// Scope limits it to a repository, "app", "app:*", to a tag, "app:v1", or
	// to the repositories that begin so, "team/*". Empty means all.
	Scope string `json:"scope,omitempty"`
	// Headers are sent along. Their values are secrets.
	Headers map[string]string `json:"headers,omitempty"`
	// Disabled keeps it from telling anything but a ping.
	Disabled bool `json:"disabled,omitempty"`
}

// Validate reports whether a set of webhooks can be used.
func Validate(hooks []Webhook, beyondLoopback bool) error {
	seen := map[string]bool{}
	for i, h := range hooks {
		if err := h.validate(beyondLoopback); err != nil {
			return fmt.Errorf("webhooks[%d]: %w", i, err)
		}
		if seen[strings.ToLower(h.Name)] {
			return fmt.Errorf("webhooks[%d]: the name %q is used twice", i, h.Name)
		}
		seen[strings.ToLower(h.Name)] = true
	}
	return nil
}

func (h *Webhook) validate(beyondLoopback bool) error {
	letters := func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') }
	if len(h.Name) < 5 || len(h.Name) > 50 || strings.ContainsFunc(h.Name, letters) {
		return fmt.Errorf("name %q: must be 5 to 50 letters and digits", h.Name)
	}
	target, err := url.Parse(h.URL)
	switch {
	case err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https":
		// The URL may hold a secret.
		return errors.New("url: must be an http or https URL")
	case !beyondLoopback && !loopback(target.Hostname()):
		return fmt.Errorf("url: %s is not on loopback; webhooksBeyondLoopback allows other hosts", target.Hostname())
	case len(h.Actions) == 0:
		return errors.New("actions: at least one is needed")
	}
	for _, action := range h.Actions {
		if !slices.Contains(actions, action) {
			return fmt.Errorf("actions: %q is not one of %v", action, actions)
		}
	}
	for name, value := range h.Headers {
		if name == "" || strings.ContainsAny(name, " :\r\n") || strings.ContainsAny(value, "\r\n") {
			return fmt.Errorf("headers: %q can't be sent", name)
		}
	}
	return nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// covers reports whether a webhook is to tell of an event.
func (h *Webhook) covers(e Event) bool {
	if h.Disabled || !slices.Contains(h.Actions, e.Action) {
		return false
	}
	scope, tag, tagged := strings.Cut(h.Scope, ":")
	if tagged && tag != "*" && tag != e.Target.Tag {
		return false
	}
	prefix, all := strings.CutSuffix(scope, "*")
	return scope == "" || scope == e.Target.Repository || all && strings.HasPrefix(e.Target.Repository, prefix)
}

// Event is something that happened.
type Event struct {
	Action Action
	Target Target
	// Host, Method and RequestID are those of the request that did it.
	Host, Method, RequestID string
	At                      time.Time
}

// Target is what an event is about.
type Target struct {
	MediaType  string `json:"mediaType"`
	Size       int64  `json:"size,omitempty"`
	Digest     string `json:"digest"`
	Length     int64  `json:"length,omitempty"`
	Repository string `json:"repository"`
	Tag        string `json:"tag,omitempty"`
	Name       string `json:"name,omitempty"`    // of a chart
	Version    string `json:"version,omitempty"` // of a chart
}

type request struct {
	ID     string `json:"id"`
	Host   string `json:"host"`
	Method string `json:"method"`
}

type payload struct {
	ID        string   `json:"id"`
	Timestamp string   `json:"timestamp"`
	Action    Action   `json:"action"`
	Target    *Target  `json:"target,omitempty"`
	Request   *request `json:"request,omitempty"`
}

// timeForm has seven digits of a second, as the service does since 2026.
const timeForm = "2006-01-02T15:04:05.0000000Z"

// body is what is posted: compact JSON without a newline at its end. Events of
// charts have no request, and a ping has neither request nor target.
func (e Event) body(id string) ([]byte, error) {
	p := payload{ID: id, Timestamp: e.At.UTC().Format(timeForm), Action: e.Action}
	switch e.Action {
	case Ping:
	case ChartPush, ChartDelete:
		p.Target = &e.Target
	default:
		p.Target, p.Request = &e.Target, &request{e.RequestID, e.Host, e.Method}
	}
	return json.Marshal(p)
}

// header is what is sent along, as recorded.
func (h *Webhook) header(traceID, spanID string) http.Header {
	header := http.Header{
		"User-Agent":      {"AzureContainerRegistry/1.0"},
		"Content-Type":    {"application/json; charset=utf-8"},
		"X-Forwarded-For": {"true"},
		"Traceparent":     {"00-" + traceID + "-" + spanID + "-00"},
	}
	for name, value := range h.Headers {
		header.Set(name, value)
	}
	return header
}
