package diagnose_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net"
	"net/netip"
	"regexp"
	"testing"

	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/emulator"
	"github.com/acrkit/azcontainerregistry/emulator/emulatortest"
)

// healthy starts a registry that holds one image of team/app.
func healthy(t *testing.T, options ...*emulator.Options) *emulatortest.Registry {
	t.Helper()
	registry := emulatortest.Start(t, options...)
	seed(t, registry)
	return registry
}

type readSeekCloser struct{ *bytes.Reader }

func (readSeekCloser) Close() error { return nil }

// examine runs the doctor on an emulated registry.
func examine(t *testing.T, registry *emulatortest.Registry, change func(*diagnose.Target, *diagnose.Options)) diagnose.Report {
	t.Helper()
	target := diagnose.Target{Endpoint: registry.Endpoint, Repository: "team/app", Embedded: true}
	options := diagnose.Options{
		Transport: registry.HTTPClient().Transport,
		PushProbe: true,
		Credential: func(context.Context) (diagnose.Credential, error) {
			return diagnose.Credential{Source: "the test", Token: registry.Credential}, nil
		},
		Stored: func(context.Context, string) (diagnose.StoredCredential, error) {
			return diagnose.StoredCredential{}, nil
		},
	}
	if change != nil {
		change(&target, &options)
	}
	return diagnose.Run(t.Context(), target, &options)
}

func describe(report diagnose.Report) string {
	data, err := json.MarshalIndent(report, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func checkNamed(t *testing.T, report diagnose.Report, name string) diagnose.Check {
	t.Helper()
	for _, c := range report.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no check %q", name)
	return diagnose.Check{}
}

var update = flag.Bool("update", false, "rewrite TROUBLESHOOTING.md and the recordings")

var (
	ids    = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
	moment = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
)

// resolver answers from a table, and that a name does not exist otherwise.
type resolver map[string]string

func (r resolver) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if r[host] == "" {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr(r[host])}, nil
}
