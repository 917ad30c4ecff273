package calibrate

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator"
)

// The identities of the emulator that the script runs on a second time.
const (
	twinOwner  = "00000000-0000-4000-8000-0000000000a1"
	twinReader = "00000000-0000-4000-8000-0000000000a2"
	twinWriter = "00000000-0000-4000-8000-0000000000a3"
	twinNobody = "00000000-0000-4000-8000-0000000000a4"
	twinSecret = "twin-secret"
)

// compareWithTwin runs the same script on an emulator with the values found,
// and adds to the report in what the two differ.
func compareWithTwin(ctx context.Context, b *bench, p *Progress, report *Report) (err error) {
	e, err := emulator.New(twinOptions(b, p, report))
	if err != nil {
		return fmt.Errorf("calibrate: the emulator to compare with: %w", err)
	}
	// A busy machine's delays are no behaviour.
	e.Clock().Freeze(b.o.Now())
	connection := e.Connect(nil)
	defer func() { err = errors.Join(err, connection.Close(), e.Close()) }()
	twin := b.service
	twin.Endpoint = "https://" + b.host
	twin.Transport = connection.Transport()
	twin.Login = Login{Entra: madeUp(twinOwner, b.o.Now)}
	twin.Others = map[Role]Login{}
	for role, login := range b.service.Others {
		if login.none() {
			continue
		}
		twin.Others[role] = map[Role]Login{
			RoleReader: {Entra: madeUp(twinReader, b.o.Now)}, RoleWriter: {Entra: madeUp(twinWriter, b.o.Now)},
			RoleNone: {Entra: madeUp(twinNobody, b.o.Now)}, RoleShortToken: {Username: login.Username, Password: twinSecret},
		}[role]
	}
	t := &bench{
		service: twin, host: b.host, scheme: "https", names: maps.Clone(b.names), tokens: map[string]string{}, scopes: map[string]string{}, rights: b.rights, empty: b.empty,
		progress: &Progress{Run: p.Run, Repository: p.Repository, SoftDelete: p.SoftDelete},
		o: &Options{
			Now: b.o.Now, Note: func(string, ...any) {}, Save: func(*Progress) error { return nil }, Before: func(string) {},
		},
	}
	t.o.Sleep = func(_ context.Context, d time.Duration) error {
		// It is in this process, and so is its time.
		e.Clock().Advance(d)
		if t.quirk == "partial-chunk" {
			settle(e)
		}
		return nil
	}
	for _, experiment := range experiments {
		service := p.result(experiment.quirk)
		if service == nil || service.State == Skipped && len(service.Exchanges) == 0 || experiment.alone {
			continue
		}
		e.ResetRequests()
		r := t.runOne(ctx, experiment)
		if r.gone != nil {
			return fmt.Errorf("calibrate: the emulator to compare with: %w", r.gone)
		}
		if err := t.cleanUp(ctx); err != nil {
			return err
		}
		report.Differences = append(report.Differences, compareResults(service, r)...)
	}
	return nil
}

// settle waits until an emulator has dealt with the chunk that was broken off,
// as long as that can take. Its requests begin with the experiment's.
func settle(e *emulator.Emulator) {
	for range 1000 {
		for _, r := range e.Requests() {
			if r.Route == emulator.RouteUploadChunk && r.Status != http.StatusAccepted {
				return
			}
		}
		time.Sleep(time.Millisecond)
	}
}

func twinOptions(b *bench, p *Progress, report *Report) *emulator.Options {
	name, _, _ := strings.Cut(b.host, ".")
	policies := emulator.Policies{
		ABAC: b.service.ABAC,
		Identities: []emulator.Identity{
			{ID: twinOwner, Roles: emulator.Roles(emulator.RoleOwner)},
			{ID: twinReader, Roles: emulator.Roles(emulator.RolePull)},
			{ID: twinWriter, Roles: emulator.Roles(emulator.RolePush)},
		},
	}
	if b.service.ABAC {
		policies.Identities[0].Roles = emulator.Roles(emulator.RoleOwner, emulator.RoleRepositoryContributor, emulator.RoleCatalogLister)
		policies.Identities[1].Roles = emulator.Roles(emulator.RoleRepositoryReader)
		policies.Identities[2].Roles = emulator.Roles(emulator.RoleRepositoryWriter)
	}
	quirks := onlyFound((&Report{Progress: p}).Quirks())
	if short := b.service.Others[RoleShortToken]; short.Username != "" && quirks["token-name-length"] == "any" {
		policies.Tokens = []emulator.ScopeMapToken{{Name: short.Username, Passwords: []string{twinSecret}}}
	}
	o := emulator.RegistryOptions{Name: registryName(name), LoginServer: b.host, Policies: policies}
	if p.SoftDelete {
		o.SoftDelete = 7 * 24 * time.Hour
	}
	return &emulator.Options{Registries: []emulator.RegistryOptions{o}, Quirks: quirks}
}

// registryName is a registry's name out of its host's first part, which may be
// something else.
func registryName(name string) string {
	if len(name) < 5 || len(name) > 50 || strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}) {
		return "acrkit"
	}
	return name
}

// madeUp makes tokens of an identity that exists in this process only.
func madeUp(id string, now func() time.Time) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		encode := base64.RawURLEncoding.EncodeToString
		claims := fmt.Sprintf(`{"aud":"https://containerregistry.azure.net","appid":%q,"oid":%q,"tid":%q,"iat":1,"exp":%d}`, id, id, id, now().Add(48*time.Hour).Unix())
		return encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte("unsigned")), nil
	}
}
