package emulatortest

import (
	"slices"
	"testing"

	"github.com/acrkit/azcontainerregistry/emulator"
)

// The identities of [Policies], for [Registry.NewCredential].
const (
	OwnerID    = "00000000-0000-4000-8000-00000000000a"
	PullOnlyID = "00000000-0000-4000-8000-00000000000b"
	PushID     = "00000000-0000-4000-8000-00000000000c"
	DeleteID   = "00000000-0000-4000-8000-00000000000d"
	NoRoleID   = "00000000-0000-4000-8000-00000000000e"
)

// The passwords of [Policies].
const (
	AdminPassword = "admin-password"
	TokenName     = "scope-map-token"
	TokenPassword = "token-password"
)

// Policies returns policies with one of each kind of caller: the identities
// above with their roles, an admin user with AdminPassword, and a scope-map
// token TokenName with TokenPassword that may pull and list below "team/".
// Every other identity is an owner.
func Policies() emulator.Policies {
	return emulator.Policies{
		Identities: []emulator.Identity{
			{ID: OwnerID, Roles: emulator.Roles(emulator.RoleOwner)},
			{ID: PullOnlyID, Roles: emulator.Roles(emulator.RolePull)},
			{ID: PushID, Roles: emulator.Roles(emulator.RolePush)},
			{ID: DeleteID, Roles: emulator.Roles(emulator.RoleDelete)},
			{ID: NoRoleID},
		},
		OtherIdentities: emulator.Roles(emulator.RoleOwner),
		Admin:           &emulator.AdminUser{Passwords: []string{AdminPassword}},
		Tokens: []emulator.ScopeMapToken{{
			Name: TokenName, Passwords: []string{TokenPassword},
			Rules: []emulator.ScopeMapRule{{Repository: "team/*", Actions: []string{"content/read", "metadata/read"}}},
		}},
	}
}

// SetPolicies replaces the policies of the registry, from the next request
// on. Tokens issued before stay as they are.
func (r *Registry) SetPolicies(t testing.TB, policies emulator.Policies) {
	t.Helper()
	if err := r.Emulator.SetPolicies(r.name, policies); err != nil {
		t.Fatalf("emulatortest: %v", err)
	}
}

// SetFaults puts faults in force, in the place of those before; none ends
// them.
func (r *Registry) SetFaults(t testing.TB, faults ...emulator.Fault) {
	t.Helper()
	if err := r.Emulator.SetFaults(faults...); err != nil {
		t.Fatalf("emulatortest: %v", err)
	}
}

// Snapshot returns what the registry holds.
func (r *Registry) Snapshot(t testing.TB) emulator.Snapshot {
	t.Helper()
	snapshot, err := r.Emulator.Snapshot(r.name)
	if err != nil {
		t.Fatalf("emulatortest: %v", err)
	}
	return snapshot
}

// Requests returns the requests of a route so far, of all routes for "".
func (r *Registry) Requests(route emulator.Route) []emulator.Request {
	return slices.DeleteFunc(r.Emulator.Requests(), func(request emulator.Request) bool {
		return route != "" && request.Route != route
	})
}
