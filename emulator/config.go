package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/fault"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
	"github.com/acrkit/azcontainerregistry/emulator/internal/strictjson"
	"github.com/acrkit/azcontainerregistry/emulator/internal/webhook"
	"github.com/acrkit/azcontainerregistry/emulator/internal/wire"
)

// configFile is the JSON form of what a server can be configured by.
type configFile struct {
	Registries       []configRegistry  `json:"registries"`
	IdentityProvider *IdentityProvider `json:"identityProvider"`
	Quirks           map[string]string `json:"quirks"`
	Faults           []Fault           `json:"faults"`
	WebhooksBeyond   bool              `json:"webhooksBeyondLoopback"`
	GCInterval       Duration          `json:"gcInterval"`
}

type configRegistry struct {
	Name               string    `json:"name"`
	LoginServer        string    `json:"loginServer"`
	DataHost           string    `json:"dataHost"`
	DataEndpointRegion string    `json:"dataEndpointRegion"`
	SoftDelete         Duration  `json:"softDelete"`
	UntaggedRetention  Duration  `json:"untaggedRetention"`
	Quarantine         bool      `json:"quarantine"`
	Webhooks           []Webhook `json:"webhooks"`
	Policies
}

// ParseConfig reads the JSON configuration of a server into options. Every
// member may be left out, and none may be misspelt; an error names the line
// or the member. An example with most of them:
//
//	{
//	  "registries": [
//	    {
//	      "name": "acrkit",
//	      "admin": {"passwords": ["first", "second"]},
//	      "identities": [
//	        {"id": "aaaaaaaa-0000-4000-8000-000000000001", "secret": "s", "roles": ["AcrPush"]}
//	      ],
//	      "otherIdentities": ["AcrPull"],
//	      "tokens": [
//	        {"name": "ci-token", "passwords": ["p"], "rules": [
//	          {"repository": "team/*", "actions": ["content/read", "metadata/read"]}]}
//	      ],
//	      "anonymousPull": true,
//	      "disableARMTokens": true,
//	      "firewall": {"allow": ["127.0.0.0/8", "::1"]},
//	      "sku": "Standard", "throttling": true,
//	      "webhooks": [
//	        {"name": "builds", "url": "http://127.0.0.1:8080/", "actions": ["push", "delete"], "scope": "team/*"}],
//	      "quarantine": false, "softDelete": "168h",
//	      "accessTokenLifetime": "5m", "refreshTokenLifetime": "1h", "signedURLLifetime": "1m"
//	    },
//	    {
//	      "name": "second",
//	      "abac": true,
//	      "identities": [{"id": "dev@example.com", "roles": [
//	        {"role": "Container Registry Repository Writer", "repositories": ["team/*"]}]}],
//	      "dataEndpointRegion": "westeurope"
//	    }
//	  ],
//	  "identityProvider": {"strict": true},
//	  "quirks": {"oci-strict": "on"},
//	  "faults": [{"preset": "throttled", "count": 3}],
//	  "gcInterval": "1h"
//	}
//
// The members of a registry beside its hosts are those of [Policies], those of
// a fault are those of [Fault]. A server reaches the first registry at any
// host name, the others at <name>.localhost or their loginServer.
func ParseConfig(data []byte) (*Options, error) {
	var file configFile
	if err := strictjson.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("parse configuration: %w", err)
	}
	options := &Options{
		IdentityProvider: file.IdentityProvider,
		Quirks:           file.Quirks,
		Faults:           file.Faults,
		GCInterval:       time.Duration(file.GCInterval),

		WebhooksBeyondLoopback: file.WebhooksBeyond,
	}
	if file.GCInterval < 0 {
		return nil, fmt.Errorf("parse configuration: gcInterval %v: want a positive duration", options.GCInterval)
	}
	quirks, err := quirk.NewSet(file.Quirks)
	if err != nil {
		return nil, fmt.Errorf("parse configuration: %w", err)
	}
	if _, err := fault.Prepare(wire.Routes(), file.Faults, 0); err != nil {
		return nil, fmt.Errorf("parse configuration: %w", err)
	}
	if file.IdentityProvider != nil {
		if _, err := signin.NewIdentityProvider(file.IdentityProvider); err != nil {
			return nil, fmt.Errorf("parse configuration: %w", err)
		}
	}
	for i, r := range file.Registries {
		registry, err := r.options(quirks)
		if err != nil {
			return nil, fmt.Errorf("parse configuration: registries[%d]: %w", i, err)
		}
		if err := webhook.Validate(r.Webhooks, file.WebhooksBeyond); err != nil {
			return nil, fmt.Errorf("parse configuration: registries[%d]: %w", i, err)
		}
		options.Registries = append(options.Registries, registry)
	}
	return options, nil
}

// maxSoftDelete is the longest retention of soft-deleted artifacts (ACR
// protocol §3.10).
const maxSoftDelete = 90 * 24 * time.Hour

// maxUntaggedRetention is the longest that Azure lets untagged manifests stay.
const maxUntaggedRetention = 365 * 24 * time.Hour

func (r *configRegistry) options(quirks quirk.Set) (RegistryOptions, error) {
	o := RegistryOptions{
		Name: r.Name, LoginServer: r.LoginServer, DataHost: r.DataHost,
		SoftDelete: time.Duration(r.SoftDelete), UntaggedRetention: time.Duration(r.UntaggedRetention), Quarantine: r.Quarantine, Policies: r.Policies,
		Webhooks: r.Webhooks,
	}
	for name, host := range map[string]string{"loginServer": r.LoginServer, "dataHost": r.DataHost, "dataEndpointRegion": r.DataEndpointRegion} {
		if strings.ContainsAny(host, "/ \t\r\n?#@\"\\<>") {
			return o, fmt.Errorf("%s %q: want a host name", name, host)
		}
	}
	if err := o.checkRetention(); err != nil {
		return o, err
	}
	if o.SoftDelete > maxSoftDelete {
		return o, fmt.Errorf("softDelete %v: want up to 90 days", o.SoftDelete)
	}
	if o.UntaggedRetention > maxUntaggedRetention {
		return o, fmt.Errorf("untaggedRetention %v: want up to 365 days", o.UntaggedRetention)
	}
	if r.DataEndpointRegion != "" {
		if r.DataHost != "" {
			return o, fmt.Errorf("dataEndpointRegion: the dataHost is given already")
		}
		login := strings.ToLower(cmp.Or(r.LoginServer, cmp.Or(r.Name, defaultRegistryName)+".azurecr.io"))
		// The endpoint keeps the hash of a domain name label and the domain of
		// another cloud: both are parts of the login server.
		label, domain, ok := strings.Cut(login, ".")
		if !ok || strings.Contains(domain, ":") {
			return o, fmt.Errorf("dataEndpointRegion: the loginServer %q is no host of a registry in Azure", r.LoginServer)
		}
		o.DataHost = label + "." + strings.ToLower(r.DataEndpointRegion) + ".data." + domain
	}
	return o, r.Policies.Validate(quirks)
}

// checkRetention refuses times that can't be kept, or not together (ACR
// protocol §3.10).
func (o *RegistryOptions) checkRetention() error {
	switch {
	case o.SoftDelete < 0:
		return fmt.Errorf("softDelete %v: must not be negative", o.SoftDelete)
	case o.UntaggedRetention < 0:
		return fmt.Errorf("untaggedRetention %v: must not be negative", o.UntaggedRetention)
	case o.SoftDelete > 0 && o.UntaggedRetention > 0:
		return errors.New("untaggedRetention and softDelete exclude each other")
	}
	return nil
}
