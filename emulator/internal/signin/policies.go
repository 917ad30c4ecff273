package signin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/clock"
	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
	"github.com/acrkit/azcontainerregistry/emulator/internal/strictjson"
)

// Policies say who may do what in a registry. The zero value is what a new
// registry in a test needs: any well-formed Entra token is an owner, nobody
// else gets in, and nothing is limited.
type Policies struct {
	// ABAC puts the registry in the mode "RBAC Registry + ABAC Repository
	// Permissions" (ACR protocol §2.10): the classic roles give nothing, the
	// repository roles give what their conditions say, and a scope of
	// repository:*:* yields nothing.
	ABAC bool `json:"abac,omitempty"`
	// Identities are the Entra users, service principals and managed
	// identities that have roles here.
	Identities []Identity `json:"identities,omitempty"`
	// OtherIdentities are the roles of every Entra identity that Identities
	// does not name. Nil means Owner when Identities is empty and no role
	// otherwise; an identity without a role is refused at the exchange with
	// "retrieving permissions failed".
	OtherIdentities []RoleAssignment `json:"otherIdentities,omitempty"`
	// Admin is the admin user, whose name is the registry's name. Nil means
	// disabled.
	Admin *AdminUser `json:"admin,omitempty"`
	// Tokens are the scope-map tokens.
	Tokens []ScopeMapToken `json:"tokens,omitempty"`
	// AnonymousPull lets callers without credentials pull and list.
	AnonymousPull bool `json:"anonymousPull,omitempty"`
	// NoAuthentication makes the registry serve everything without ever
	// challenging, as a plain OCI registry on localhost does. ACR has no such
	// mode.
	NoAuthentication bool `json:"noAuthentication,omitempty"`
	// DisableARMTokens refuses Entra tokens whose audience is Azure Resource
	// Manager, as azureADAuthenticationAsArmPolicy does.
	DisableARMTokens bool `json:"disableARMTokens,omitempty"`
	// Firewall limits the client addresses. Nil lets everyone in.
	Firewall *Firewall `json:"firewall,omitempty"`
	// SKU is the service tier, which decides the throttling limits (ACR
	// protocol §5.1). The zero value means Premium.
	SKU SKU `json:"sku,omitempty"`
	// Throttling enforces the limits of the SKU.
	Throttling bool `json:"throttling,omitempty"`
	// AccessTokenLifetime is how long an access token is valid. The zero value
	// means 75 minutes (ACR protocol §2.8).
	AccessTokenLifetime clock.Duration `json:"accessTokenLifetime,omitempty"`
	// RefreshTokenLifetime is how long a refresh token is valid. The zero value
	// means 3 hours 15 minutes (ACR protocol §2.8).
	RefreshTokenLifetime clock.Duration `json:"refreshTokenLifetime,omitempty"`
	// SignedURLLifetime is how long the URL of a blob's redirect is valid. The
	// zero value means 20 minutes (ACR protocol §4.4).
	SignedURLLifetime clock.Duration `json:"signedURLLifetime,omitempty"`
}

// Lifetimes of the real service (ACR protocol §2.8, §4.4).
const (
	defaultAccessTokenLifetime  = 4500 * time.Second
	defaultRefreshTokenLifetime = 11700 * time.Second
	defaultSignedURLLifetime    = 20 * time.Minute
)

// SKU is the service tier of a registry.
type SKU string

// The service tiers.
const (
	SKUBasic    SKU = "Basic"
	SKUStandard SKU = "Standard"
	SKUPremium  SKU = "Premium"
)

// Role is the name of a role, as Azure spells it.
type Role string

// The roles that the emulator knows (ACR protocol §2.9, §2.10, §7.4). The
// repository roles and the catalog lister count in ABAC registries only, the
// Acr roles only in others.
const (
	RoleOwner                 Role = "Owner"
	RoleContributor           Role = "Contributor"
	RoleReader                Role = "Reader"
	RolePull                  Role = "AcrPull"
	RolePush                  Role = "AcrPush"
	RoleDelete                Role = "AcrDelete"
	RoleQuarantineReader      Role = "AcrQuarantineReader"
	RoleQuarantineWriter      Role = "AcrQuarantineWriter"
	RoleRepositoryReader      Role = "Container Registry Repository Reader"
	RoleRepositoryWriter      Role = "Container Registry Repository Writer"
	RoleRepositoryContributor Role = "Container Registry Repository Contributor"
	RoleCatalogLister         Role = "Container Registry Repository Catalog Lister"
)

// RoleAssignment is a role, for all repositories or for some. In JSON it may
// be written as the bare role name when it has no condition.
type RoleAssignment struct {
	Role Role `json:"role"`
	// Repositories is the condition of an ABAC role: exact names, prefixes
	// such as "team/*", or "*". Empty means no condition. Other roles take
	// none.
	Repositories []string `json:"repositories,omitempty"`
}

// UnmarshalJSON reads a role name or an object.
func (a *RoleAssignment) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*a = RoleAssignment{}
		return json.Unmarshal(data, &a.Role)
	}
	type plain RoleAssignment
	return strictjson.Unmarshal(data, (*plain)(a))
}

// Roles returns assignments of roles without conditions.
func Roles(roles ...Role) []RoleAssignment {
	assignments := make([]RoleAssignment, len(roles))
	for i, role := range roles {
		assignments[i] = RoleAssignment{Role: role}
	}
	return assignments
}

// Identity is an Entra identity with roles on a registry.
type Identity struct {
	// ID is what the identity's tokens carry as oid, appid, azp, sub or upn:
	// an object id, a client id or a user name.
	ID string `json:"id"`
	// Secret lets a service principal sign in as user ID with this password,
	// at the token endpoint, with Basic, and at the fake identity provider.
	// The zero value means that it has none.
	Secret string `json:"secret,omitempty"`
	// Roles are what the identity may do. Empty means nothing at all: the
	// exchange returns 403.
	Roles []RoleAssignment `json:"roles,omitempty"`
}

// AdminUser is the admin account of a registry.
type AdminUser struct {
	// Passwords are its one or two passwords.
	Passwords []string `json:"passwords"`
}

// ScopeMapToken is a repository-scoped token: a name with passwords, and the
// rules of its scope map.
type ScopeMapToken struct {
	Name      string   `json:"name"`
	Passwords []string `json:"passwords"`
	// ScopeMap is the name of a system scope map, which counts beside Rules:
	// _repositories_pull, _repositories_push or _repositories_admin. Empty
	// means none.
	ScopeMap string `json:"scopeMap,omitempty"`
	// Rules add up.
	Rules []ScopeMapRule `json:"rules,omitempty"`
	// Disabled tokens sign nobody in.
	Disabled bool `json:"disabled,omitempty"`
}

// ScopeMapRule gives actions on repositories.
type ScopeMapRule struct {
	// Repository is an exact name, a prefix such as "team/*", or "*".
	Repository string `json:"repository"`
	// Actions are of content/read, content/write, content/delete,
	// metadata/read and metadata/write.
	Actions []string `json:"actions"`
}

// Firewall is the network rules of a registry.
type Firewall struct {
	// PublicAccessDisabled shuts out everyone, whatever Allow says.
	PublicAccessDisabled bool `json:"publicAccessDisabled,omitempty"`
	// Allow lists the addresses that may connect, as single addresses or as
	// CIDR ranges. All others are refused with 403 DENIED.
	Allow []string `json:"allow,omitempty"`
}

// scopeMapActions maps the actions of a scope map to those of a scope (ACR
// protocol §2.9).
var scopeMapActions = map[string]string{
	"content/read":   protocol.ActionPull,
	"content/write":  protocol.ActionPush,
	"content/delete": protocol.ActionDelete,
	"metadata/read":  protocol.ActionMetadataRead,
	"metadata/write": protocol.ActionMetadataWrite,
}

// systemScopeMaps are the scope maps that every registry has, each for all of
// its repositories.
var systemScopeMaps = map[string][]string{
	"_repositories_pull":  {"content/read"},
	"_repositories_push":  {"content/read", "content/write"},
	"_repositories_admin": {"content/read", "content/write", "content/delete", "metadata/read", "metadata/write"},
}

// rules are those of the token's own scope map and of the system's.
func (t *ScopeMapToken) rules() []ScopeMapRule {
	actions, ok := systemScopeMaps[t.ScopeMap]
	if !ok {
		return t.Rules
	}
	return append(slices.Clone(t.Rules), ScopeMapRule{Repository: "*", Actions: actions})
}

// permits reports whether the rules give an action on a repository. Writing
// needs reading (ACR protocol §2.9).
func (t *ScopeMapToken) permits(repository, action string) bool {
	given := slices.ContainsFunc(t.rules(), func(rule ScopeMapRule) bool {
		return matchRepository(rule.Repository, repository) && slices.ContainsFunc(rule.Actions, func(a string) bool {
			return scopeMapActions[a] == action
		})
	})
	return given && (action != protocol.ActionPush || t.permits(repository, protocol.ActionPull))
}

var knownRoles = []Role{
	RoleOwner, RoleContributor, RoleReader, RolePull, RolePush, RoleDelete,
	RoleQuarantineReader, RoleQuarantineWriter, RoleRepositoryReader,
	RoleRepositoryWriter, RoleRepositoryContributor, RoleCatalogLister,
}

func (p *Policies) accessTokenLifetime() time.Duration {
	return orDefault(p.AccessTokenLifetime, defaultAccessTokenLifetime)
}

func (p *Policies) refreshTokenLifetime() time.Duration {
	return orDefault(p.RefreshTokenLifetime, defaultRefreshTokenLifetime)
}

func (p *Policies) UrlLifetime() time.Duration {
	return orDefault(p.SignedURLLifetime, defaultSignedURLLifetime)
}

func orDefault(d clock.Duration, standard time.Duration) time.Duration {
	if d == 0 {
		return standard
	}
	return time.Duration(d)
}

// Validate reports the first field that breaks a rule.
func (p *Policies) Validate(quirks quirk.Set) error {
	switch p.SKU {
	case "", SKUBasic, SKUStandard, SKUPremium:
	default:
		return fmt.Errorf("sku %q: want Basic, Standard or Premium", p.SKU)
	}
	for _, lifetime := range []struct {
		name  string
		value clock.Duration
	}{
		{"accessTokenLifetime", p.AccessTokenLifetime},
		{"refreshTokenLifetime", p.RefreshTokenLifetime},
		{"signedURLLifetime", p.SignedURLLifetime},
	} {
		if lifetime.value < 0 {
			return fmt.Errorf("%s %v: want a positive duration", lifetime.name, time.Duration(lifetime.value))
		}
	}
	if err := p.validateIdentities(quirks); err != nil {
		return err
	}
	if p.Firewall != nil {
		for i, rule := range p.Firewall.Allow {
			if _, err := parsePrefix(rule); err != nil {
				return fmt.Errorf("firewall.allow[%d] %q: want an address or a CIDR range", i, rule)
			}
		}
	}
	return nil
}

func (p *Policies) validateIdentities(quirks quirk.Set) error {
	for i, identity := range p.Identities {
		if identity.ID == "" {
			return fmt.Errorf("identities[%d].id is empty", i)
		}
		if err := p.validateRoles(identity.Roles); err != nil {
			return fmt.Errorf("identities[%d].%w", i, err)
		}
	}
	if err := p.validateRoles(p.OtherIdentities); err != nil {
		return fmt.Errorf("otherIdentities: %w", err)
	}
	if p.Admin != nil {
		if err := validatePasswords(p.Admin.Passwords); err != nil {
			return fmt.Errorf("admin.%w", err)
		}
	}
	for i, token := range p.Tokens {
		if token.Name == "" {
			return fmt.Errorf("tokens[%d].name is empty", i)
		}
		if n := len(token.Name); (n < 5 || n > 50) && quirks.Is(quirk.TokenName, "5-50") {
			return fmt.Errorf("tokens[%d].name %q: must have 5 to 50 characters", i, token.Name)
		}
		if err := validatePasswords(token.Passwords); err != nil {
			return fmt.Errorf("tokens[%d].%w", i, err)
		}
		if _, ok := systemScopeMaps[token.ScopeMap]; !ok && token.ScopeMap != "" {
			return fmt.Errorf("tokens[%d].scopeMap %q: want _repositories_pull, _repositories_push or _repositories_admin", i, token.ScopeMap)
		}
		for j, rule := range token.Rules {
			if rule.Repository == "" {
				return fmt.Errorf("tokens[%d].rules[%d].repository is empty", i, j)
			}
			for _, action := range rule.Actions {
				if _, ok := scopeMapActions[action]; !ok {
					return fmt.Errorf("tokens[%d].rules[%d].actions %q: want content/read, content/write, content/delete, metadata/read or metadata/write", i, j, action)
				}
			}
		}
	}
	return nil
}

func (p *Policies) validateRoles(roles []RoleAssignment) error {
	for i, assignment := range roles {
		if !slices.Contains(knownRoles, assignment.Role) {
			return fmt.Errorf("roles[%d] %q: not a role that the emulator knows", i, assignment.Role)
		}
		if len(assignment.Repositories) > 0 && !p.ABAC {
			return fmt.Errorf("roles[%d].repositories: conditions need an ABAC registry (\"abac\": true)", i)
		}
		if len(assignment.Repositories) > 0 && assignment.Role == RoleCatalogLister {
			return fmt.Errorf("roles[%d].repositories: the role %q takes no condition", i, assignment.Role)
		}
	}
	return nil
}

func validatePasswords(passwords []string) error {
	if len(passwords) < 1 || len(passwords) > 2 {
		return fmt.Errorf("passwords: want one or two, got %d", len(passwords))
	}
	if slices.Contains(passwords, "") {
		return errors.New("passwords: an empty password is not allowed")
	}
	return nil
}

// parsePrefix reads an address or a CIDR range.
func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(address, address.BitLen()), nil
}

// matchRepository reports whether a pattern of a scope map or of an ABAC
// condition covers a repository.
func matchRepository(pattern, repository string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(repository, prefix)
	}
	return pattern == repository
}
