// Package arm asks Azure Resource Manager to do what a registry's own API can't:
// to find the resource of a registry, and to have ACR itself import an image.
//
// What is sent: GET /subscriptions, GET .../registries and POST
// .../importImage, api-version 2023-07-01, and the status of the long-running
// operation, by Azure-AsyncOperation or Location.
package arm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/acrkit/azcontainerregistry/internal/pattern"
)

const (
	apiVersion           = "2023-07-01"
	subscriptionsVersion = "2022-12-01"

	// pollEvery is the pace where a response names none by Retry-After.
	pollEvery = 5 * time.Second
	// maxPages bounds a listing that doesn't end.
	maxPages = 1000
)

// Endpoint is the resource manager of the cloud that a login server is in.
func Endpoint(loginServer string) string {
	switch {
	case strings.HasSuffix(loginServer, ".azurecr.cn"):
		return "https://management.chinacloudapi.cn"
	case strings.HasSuffix(loginServer, ".azurecr.us"):
		return "https://management.usgovcloudapi.net"
	}
	return "https://management.azure.com"
}

// Scope is what an Entra token for the resource manager at endpoint is for.
func Scope(endpoint string) string { return endpoint + "/.default" }

// Client is for one resource manager. It may be used by many goroutines.
type Client struct {
	endpoint string
	pipeline runtime.Pipeline
}

// New makes a client. The credential's token goes to the endpoint's host and to
// those below it, and nowhere else, whatever a response says.
func New(endpoint string, credential azcore.TokenCredential, o azcore.ClientOptions) (*Client, error) {
	base, err := url.Parse(endpoint)
	if err != nil || base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("resource manager %q: it must be an https address", endpoint)
	}
	pipeline := runtime.NewPipeline("acrkit", "", runtime.PipelineOptions{
		PerCall:  []policy.Policy{sameHost(base.Host)},
		PerRetry: []policy.Policy{runtime.NewBearerTokenPolicy(credential, []string{Scope(endpoint)}, nil)},
	}, &o)
	return &Client{strings.TrimSuffix(endpoint, "/"), pipeline}, nil
}

// sameHost refuses requests to other places: a long-running operation is followed
// to where its responses point.
type sameHost string

func (host sameHost) Do(request *policy.Request) (*http.Response, error) {
	if to := request.Raw().URL; to.Scheme != "https" || to.Host != string(host) && !strings.HasSuffix(to.Host, "."+string(host)) {
		return nil, fmt.Errorf("the resource manager %s pointed to %s, which is refused", string(host), to.Host)
	}
	return request.Next()
}

// Registry is the resource of a registry.
type Registry struct {
	ID         string `json:"id"`
	Properties struct {
		LoginServer string `json:"loginServer"`
	} `json:"properties"`
}

var registryID = pattern.New(`(?i)^/subscriptions/[0-9a-z-]+/resourceGroups/[-\w.()]+/providers/Microsoft\.ContainerRegistry/registries/[0-9a-z]+$`)

// IsRegistryID reports whether a text has the form of a registry's resource ID.
func IsRegistryID(id string) bool { return registryID.MatchString(id) }

// ErrNoRegistry is what [Client.Find] ends with when this identity sees no such
// registry in any subscription.
var ErrNoRegistry = errors.New("no registry with this login server in the subscriptions that this identity sees")

// Get reads the resource of a registry.
func (c *Client) Get(ctx context.Context, id string) (Registry, error) {
	var r Registry
	err := c.get(ctx, c.endpoint+id+"?api-version="+apiVersion, &r)
	return r, err
}

// Find looks for the registry of a login server in a subscription, or in all that
// this identity sees.
func (c *Client) Find(ctx context.Context, loginServer, subscription string) (Registry, error) {
	subscriptions := []string{"/subscriptions/" + url.PathEscape(subscription)}
	if subscription == "" {
		subscriptions = nil
		err := each(ctx, c, c.endpoint+"/subscriptions?api-version="+subscriptionsVersion, func(s struct {
			ID string `json:"id"`
		},
		) bool {
			subscriptions = append(subscriptions, s.ID)
			return true
		})
		if err != nil {
			return Registry{}, err
		}
	}
	var found *Registry
	for _, s := range subscriptions {
		err := each(ctx, c, c.endpoint+s+"/providers/Microsoft.ContainerRegistry/registries?api-version="+apiVersion, func(r Registry) bool {
			if strings.EqualFold(r.Properties.LoginServer, loginServer) {
				found = &r
			}
			return found == nil
		})
		if err != nil {
			return Registry{}, err
		}
		if found != nil {
			return *found, nil
		}
	}
	return Registry{}, ErrNoRegistry
}

// each reads a listing page by page, until do has enough.
func each[T any](ctx context.Context, c *Client, next string, do func(T) bool) error {
	for range maxPages {
		var page struct {
			Value    []T    `json:"value"`
			NextLink string `json:"nextLink"`
		}
		if err := c.get(ctx, next, &page); err != nil {
			return err
		}
		for _, item := range page.Value {
			if !do(item) {
				return nil
			}
		}
		if next = page.NextLink; next == "" {
			return nil
		}
	}
	return fmt.Errorf("list %s: it doesn't end", next)
}

func (c *Client) get(ctx context.Context, at string, into any) error {
	request, err := runtime.NewRequest(ctx, http.MethodGet, at)
	if err != nil {
		return err
	}
	response, err := c.pipeline.Do(request)
	if err != nil {
		return err
	}
	if !runtime.HasStatusCode(response, http.StatusOK) {
		return runtime.NewResponseError(response)
	}
	body, err := runtime.Payload(response)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read %s: %w", request.Raw().URL.Path, err)
	}
	return nil
}

// Import is one image that ACR is to import.
type Import struct {
	Source     string // the source's login server or host
	ResourceID string // the source's resource, when it is a registry that this identity sees
	Image      string // repository:tag or repository@digest at the source
	Target     string // repository:tag; repository alone with Untagged
	Untagged   bool   // no tag is written
	Force      bool   // a tag that is there may be moved
}

// ErrContinues says that an import was begun, and isn't waited for any more: ACR
// continues it.
var ErrContinues = errors.New("ACR continues the import that was begun")

// Import asks the registry of a resource to import an image, and waits until it
// has.
func (c *Client) Import(ctx context.Context, id string, i Import) error {
	source := map[string]string{"sourceImage": i.Image}
	if i.ResourceID != "" {
		source["resourceId"] = i.ResourceID
	} else {
		source["registryUri"] = i.Source
	}
	body := map[string]any{"source": source, "mode": "NoForce", "targetTags": []string{i.Target}}
	if i.Force {
		body["mode"] = "Force"
	}
	if i.Untagged {
		delete(body, "targetTags")
		body["untaggedTargetRepositories"] = []string{i.Target}
	}
	request, err := runtime.NewRequest(ctx, http.MethodPost, c.endpoint+id+"/importImage?api-version="+apiVersion)
	if err != nil {
		return err
	}
	if err := runtime.MarshalAsJSON(request, body); err != nil {
		return err
	}
	response, err := c.pipeline.Do(request)
	if err != nil {
		return err
	}
	if !runtime.HasStatusCode(response, http.StatusOK, http.StatusAccepted) {
		return runtime.NewResponseError(response)
	}
	poller, err := runtime.NewPoller(response, c.pipeline, &runtime.NewPollerOptions[struct{}]{FinalStateVia: runtime.FinalStateViaLocation})
	if err != nil {
		return err
	}
	if _, err = poller.PollUntilDone(ctx, &runtime.PollUntilDoneOptions{Frequency: pollEvery}); err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrContinues, context.Cause(ctx))
	}
	return err
}
