package emulator

import (
	"github.com/acrkit/azcontainerregistry/emulator/internal/clock"
	"github.com/acrkit/azcontainerregistry/emulator/internal/signin"
)

// Policies say who may do what in a registry. The zero value is what a new
// registry in a test needs: any well-formed Entra token is an owner, nobody
// else gets in, and nothing is limited.
type Policies = signin.Policies

// The parts of [Policies].
type (
	// Identity is an Entra identity with roles on a registry.
	Identity = signin.Identity
	// AdminUser is the admin account of a registry.
	AdminUser = signin.AdminUser
	// ScopeMapToken is a repository-scoped token with its scope map.
	ScopeMapToken = signin.ScopeMapToken
	// ScopeMapRule gives actions on repositories.
	ScopeMapRule = signin.ScopeMapRule
	// Firewall is the network rules of a registry.
	Firewall = signin.Firewall
	// RoleAssignment is a role, for all repositories or for some.
	RoleAssignment = signin.RoleAssignment
)

// IdentityProvider configures the emulator's own stand-in for Entra.
type IdentityProvider = signin.IdentityProvider

// SKU is the service tier of a registry.
type SKU = signin.SKU

// The service tiers.
const (
	SKUBasic    = signin.SKUBasic
	SKUStandard = signin.SKUStandard
	SKUPremium  = signin.SKUPremium
)

// Role is the name of a role, as Azure spells it.
type Role = signin.Role

// The roles that the emulator knows (ACR protocol §2.9, §2.10, §7.4). The
// repository roles and the catalog lister count in ABAC registries only, the
// Acr roles only in others.
const (
	RoleOwner                 = signin.RoleOwner
	RoleContributor           = signin.RoleContributor
	RoleReader                = signin.RoleReader
	RolePull                  = signin.RolePull
	RolePush                  = signin.RolePush
	RoleDelete                = signin.RoleDelete
	RoleQuarantineReader      = signin.RoleQuarantineReader
	RoleQuarantineWriter      = signin.RoleQuarantineWriter
	RoleRepositoryReader      = signin.RoleRepositoryReader
	RoleRepositoryWriter      = signin.RoleRepositoryWriter
	RoleRepositoryContributor = signin.RoleRepositoryContributor
	RoleCatalogLister         = signin.RoleCatalogLister
)

// Roles returns assignments of roles without conditions.
func Roles(roles ...Role) []RoleAssignment { return signin.Roles(roles...) }

// Clock is the time of an emulator. Tokens, signed URLs, timestamps,
// retention and throttling windows all follow it, so that a test can let them
// expire at will. It is safe for concurrent use.
type Clock = clock.Clock

// Duration is a [time.Duration] that is written in JSON as text, such as
// "90s" or "1h30m".
type Duration = clock.Duration
