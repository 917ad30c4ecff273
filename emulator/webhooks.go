package emulator

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/webhook"
)

// Webhook is where the events of a registry go: pushes, deletions, images in
// quarantine, charts (ACR protocol §8).
type Webhook = webhook.Webhook

// WebhookAction is what a webhook tells of.
type WebhookAction = webhook.Action

// The actions of webhooks. Charts are Helm's artifacts.
const (
	WebhookPush        = webhook.Push
	WebhookDelete      = webhook.Delete
	WebhookQuarantine  = webhook.Quarantine
	WebhookChartPush   = webhook.ChartPush
	WebhookChartDelete = webhook.ChartDelete
)

// WebhookDelivery is an event on its way to a webhook, and how that went.
type WebhookDelivery = webhook.Delivery

// SetWebhooks replaces the webhooks of the registry with a name. Events are
// posted in the background, each webhook's in their order, up to five times
// with pauses of 1, 2, 4 and 8 seconds until the response is a 2xx. Close ends
// them.
func (e *Emulator) SetWebhooks(registryName string, hooks []Webhook) error {
	reg, err := e.registryNamed(strings.ToLower(registryName))
	if err == nil {
		err = e.webhooks.Set(reg.Name, hooks)
	}
	if err != nil {
		return fmt.Errorf("set webhooks of %s: %w", registryName, err)
	}
	return nil
}

// Webhooks returns the webhooks of the registry with a name, without the values
// of their headers.
func (e *Emulator) Webhooks(registryName string) ([]Webhook, error) {
	reg, err := e.registryNamed(strings.ToLower(registryName))
	if err != nil {
		return nil, fmt.Errorf("webhooks: %w", err)
	}
	return e.webhooks.Hooks(reg.Name), nil
}

// WebhookDeliveries returns what was sent to the webhooks of the registry with a
// name, the latest first; the last 500 are kept.
func (e *Emulator) WebhookDeliveries(registryName string) ([]WebhookDelivery, error) {
	reg, err := e.registryNamed(strings.ToLower(registryName))
	if err != nil {
		return nil, fmt.Errorf("webhook deliveries: %w", err)
	}
	return e.webhooks.Deliveries(reg.Name), nil
}

// PingWebhook sends a ping to a webhook of the registry with a name.
func (e *Emulator) PingWebhook(registryName, name string) error {
	reg, err := e.registryNamed(strings.ToLower(registryName))
	if err == nil && !e.webhooks.Ping(reg.Name, name) {
		err = fmt.Errorf("no webhook %q", name)
	}
	if err != nil {
		return fmt.Errorf("ping webhook of %s: %w", registryName, err)
	}
	return nil
}

// handleWebhooks adds the webhooks to the control endpoint.
func (e *Emulator) handleWebhooks(handle func(pattern string, f func(http.ResponseWriter, *http.Request) error)) {
	handle("GET webhooks/{name}", func(w http.ResponseWriter, r *http.Request) error {
		hooks, err := e.Webhooks(r.PathValue("name"))
		if err != nil {
			return err
		}
		protocol.WriteJSON(w, http.StatusOK, map[string]any{"webhooks": hooks})
		return nil
	})
	handle("PUT webhooks/{name}", func(w http.ResponseWriter, r *http.Request) error {
		var asked struct {
			Webhooks []Webhook `json:"webhooks"`
		}
		if err := readControl(r, &asked); err != nil {
			return err
		}
		if err := e.SetWebhooks(r.PathValue("name"), asked.Webhooks); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	})
	handle("GET webhooks/{name}/deliveries", func(w http.ResponseWriter, r *http.Request) error {
		deliveries, err := e.WebhookDeliveries(r.PathValue("name"))
		if err != nil {
			return err
		}
		protocol.WriteJSON(w, http.StatusOK, map[string]any{"deliveries": deliveries})
		return nil
	})
	handle("POST webhooks/{name}/ping/{hook}", func(w http.ResponseWriter, r *http.Request) error {
		if err := e.PingWebhook(r.PathValue("name"), r.PathValue("hook")); err != nil {
			return err
		}
		w.WriteHeader(http.StatusAccepted)
		return nil
	})
}
