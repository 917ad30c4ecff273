package wire

import (
	"path"
	"strings"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/store"
	"github.com/acrkit/azcontainerregistry/emulator/internal/webhook"
)

// Types of charts: what Helm gives the config of one, and what events of charts
// call it (ACR protocol §8).
const (
	typeHelmConfig = "application/vnd.cncf.helm.config.v1+json"
	typeChartEvent = "application/vnd.acr.helm.chart"
)

// tell sends an event to the webhooks of the registry.
func (c *Call) tell(action webhook.Action, target webhook.Target) {
	id := protocol.HeaderValue(c.w.Header(), protocol.HeaderRequestID)
	if id == "" {
		id = protocol.NewGUID()
	}
	target.Repository = c.op.repository
	c.Webhooks.Send(c.op.registry.Name, webhook.Event{
		Action: action, Target: target, Host: c.op.access.Login, Method: c.r.Method, RequestID: id, At: c.Clock.Now(),
	})
}

// tellPushed tells of a manifest that was pushed, once for each tag.
func (c *Call) tellPushed(action webhook.Action, m store.Manifest, tags []string) {
	if len(tags) == 0 {
		tags = []string{""}
	}
	for _, tag := range tags {
		c.tell(action, webhook.Target{MediaType: m.MediaType, Size: m.Size, Digest: m.Digest, Length: m.Size, Tag: tag})
		if action == webhook.Push {
			c.tellChart(webhook.ChartPush, m, tag)
		}
	}
}

// tellDeleted tells of a manifest that was deleted with its tags. Tags that are
// deleted alone are not told of.
func (c *Call) tellDeleted(m store.Manifest, tags []string) {
	c.tell(webhook.Delete, webhook.Target{MediaType: m.MediaType, Digest: m.Digest})
	for _, tag := range tags {
		c.tellChart(webhook.ChartDelete, m, tag)
	}
}

// tellChart tells of a chart: ACR does so of its own Helm repositories, for
// which Helm's artifacts stand here.
func (c *Call) tellChart(action webhook.Action, m store.Manifest, tag string) {
	if m.ConfigMediaType != typeHelmConfig || tag == "" {
		return
	}
	c.tell(action, webhook.Target{
		MediaType: typeChartEvent, Size: m.Size, Digest: m.Digest, Tag: tag,
		Name: path.Base(c.op.repository), Version: strings.ReplaceAll(tag, "_", "+"),
	})
}
