package signin

import (
	"slices"
	"strings"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
	"github.com/acrkit/azcontainerregistry/emulator/internal/quirk"
)

// The rights that a refresh token carries as permissions.Actions (ACR
// protocol §2.8, §2.9).
const (
	rightRead            = "read"
	RightWrite           = "write"
	RightDelete          = "delete"
	rightDeletedRead     = "deleted/read"
	rightDeletedRestore  = "deleted/restore/action"
	rightQuarantineRead  = "quarantine/read"
	rightQuarantineWrite = "quarantine/write"
)

// roleRights says what the classic roles give.
var roleRights = map[Role][]string{
	RoleOwner:            allRights,
	RoleContributor:      allRights,
	RoleReader:           {rightRead},
	RolePull:             {rightRead},
	RolePush:             {rightRead, RightWrite},
	RoleDelete:           {RightDelete},
	RoleQuarantineReader: {rightQuarantineRead},
	RoleQuarantineWriter: {rightQuarantineRead, rightQuarantineWrite},
}

var allRights = []string{
	rightRead, RightWrite, RightDelete, rightDeletedRead, rightDeletedRestore,
	rightQuarantineRead, rightQuarantineWrite,
}

// actionRights says which right an action of a scope needs.
var actionRights = map[string]string{
	protocol.ActionPull:           rightRead,
	protocol.ActionMetadataRead:   rightRead,
	protocol.ActionPush:           RightWrite,
	protocol.ActionMetadataWrite:  RightWrite,
	protocol.ActionDelete:         RightDelete,
	protocol.ActionDeletedRead:    rightDeletedRead,
	protocol.ActionDeletedRestore: rightDeletedRestore,
}

// contentRights are those of the soft-delete actions where they have none of
// their own.
var contentRights = map[string]string{protocol.ActionDeletedRead: rightRead, protocol.ActionDeletedRestore: RightWrite}

// has reports whether rights of classic roles give an action of a scope.
func (p *compiledPolicies) has(rights []string, action string) bool {
	right, ok := actionRights[action]
	switch {
	case action == protocol.ActionMetadataWrite && p.quirks.Is(quirk.MetadataWrite, RightDelete):
		right = RightDelete
	case contentRights[action] != "" && p.quirks.Is(quirk.DeletedRights, "content"):
		right = contentRights[action]
	}
	return ok && slices.Contains(rights, right)
}

// abacRoleActions says what the repository roles give, where their condition
// holds (ACR protocol §2.10).
var abacRoleActions = map[Role][]string{
	RoleRepositoryReader:      {protocol.ActionPull, protocol.ActionMetadataRead},
	RoleRepositoryWriter:      {protocol.ActionPull, protocol.ActionMetadataRead, protocol.ActionPush, protocol.ActionMetadataWrite},
	RoleRepositoryContributor: protocol.RepositoryActions,
}

// principal is somebody who signs in, with what they may do.
type principal struct {
	// id is the subject of the tokens, and the throttling identity.
	id string
	// appID is the client id of the program or the application; may be empty.
	appID string
	// rights are those of a classic role, for the whole registry.
	rights []string
	// permit decides about one action on one repository or registry resource.
	// The repository "*" means all of them.
	permit func(kind, name, action string) bool
}

// grants intersects what is asked for with what p may do. The order is that
// of the request, and what is left with no action is left out.
func (p *principal) grants(asked []protocol.Scope) []protocol.Scope {
	granted := []protocol.Scope{}
	for _, s := range asked {
		g := protocol.Scope{Type: s.Type, Name: s.Name}
		for _, action := range s.Actions {
			switch {
			case p.permit(s.Type, s.Name, action):
				g.Actions = append(g.Actions, action)
			case action == protocol.ActionAny && s.Type == protocol.KindRepository:
				for _, action := range protocol.RepositoryActions {
					if p.permit(s.Type, s.Name, action) && !slices.Contains(g.Actions, action) {
						g.Actions = append(g.Actions, action)
					}
				}
			}
		}
		if len(g.Actions) > 0 {
			granted = append(granted, g)
		}
	}
	return granted
}

// anonymousID is the identity that all callers without credentials share.
const anonymousID = "anonymous"

// anonymous returns who calls without credentials (ACR protocol §2.9).
func anonymous() *principal {
	return &principal{id: anonymousID, permit: func(kind, name, action string) bool {
		if kind == protocol.KindRegistry {
			return name == protocol.NameCatalog && action == protocol.ActionAny
		}
		return kind == protocol.KindRepository && (action == protocol.ActionPull || action == protocol.ActionMetadataRead)
	}}
}

// FullAccess returns somebody who may do everything.
func FullAccess(id string) *principal {
	return &principal{id: id, rights: allRights, permit: func(string, string, string) bool { return true }}
}

// withRights returns somebody with classic roles.
func (p *compiledPolicies) withRights(id string, rights []string) *principal {
	return &principal{id: id, rights: rights, permit: func(kind, name, action string) bool {
		switch kind {
		case protocol.KindRegistry:
			return action == protocol.ActionAny && (name == protocol.NameCatalog && p.has(rights, protocol.ActionPull) ||
				name == protocol.NameDeletedCatalog && p.has(rights, protocol.ActionDeletedRead))
		case protocol.KindRepository:
			if action != protocol.ActionAny {
				return p.has(rights, action)
			}
			for each := range actionRights {
				if !p.has(rights, each) {
					return false
				}
			}
			return true
		}
		return false
	}}
}

// withAssignments returns somebody with roles of an ABAC registry.
func withAssignments(id string, assignments []RoleAssignment) *principal {
	rights := []string{}
	for _, a := range assignments {
		for _, right := range roleRights[a.Role] {
			// Of the classic roles only the quarantine ones count here.
			if strings.HasPrefix(right, "quarantine/") && a.Role != RoleOwner && a.Role != RoleContributor {
				rights = append(rights, right)
			}
		}
	}
	return &principal{id: id, rights: rights, permit: func(kind, name, action string) bool {
		if kind == protocol.KindRegistry {
			return name == protocol.NameCatalog && action == protocol.ActionAny && slices.ContainsFunc(assignments, func(a RoleAssignment) bool {
				return a.Role == RoleCatalogLister
			})
		}
		if kind != protocol.KindRepository || name == protocol.ActionAny {
			return false
		}
		return slices.ContainsFunc(assignments, func(a RoleAssignment) bool {
			if !slices.Contains(abacRoleActions[a.Role], action) {
				return false
			}
			return len(a.Repositories) == 0 || slices.ContainsFunc(a.Repositories, func(pattern string) bool {
				return matchRepository(pattern, name)
			})
		})
	}}
}

// withScopeMap returns who signs in with a scope-map token.
func withScopeMap(token ScopeMapToken) *principal {
	return &principal{id: token.Name, permit: func(kind, name, action string) bool {
		return kind == protocol.KindRepository && token.permits(name, action)
	}}
}

// withGrants returns who signs in with an access token: they get no more than
// it already allows.
func withGrants(id string, grants []protocol.Scope) *principal {
	return &principal{id: id, permit: func(kind, name, action string) bool {
		return protocol.Covers(grants, protocol.Scope{Type: kind, Name: name, Actions: []string{action}})
	}}
}

// assignments returns the roles of the Entra identity that any of ids names,
// and the identity's id as configured.
func (p *Policies) assignments(ids ...string) (string, []RoleAssignment) {
	for _, identity := range p.Identities {
		for _, id := range ids {
			if id != "" && strings.EqualFold(identity.ID, id) {
				return identity.ID, identity.Roles
			}
		}
	}
	id := ""
	for _, candidate := range ids {
		if candidate != "" {
			id = candidate
			break
		}
	}
	if p.OtherIdentities == nil && len(p.Identities) == 0 {
		if p.ABAC {
			return id, Roles(RoleRepositoryContributor, RoleCatalogLister)
		}
		return id, Roles(RoleOwner)
	}
	return id, p.OtherIdentities
}

// entra returns the Entra identity that any of ids names, or nil when it has
// no role here.
func (p *compiledPolicies) entra(ids ...string) *principal {
	id, assignments := p.assignments(ids...)
	if len(assignments) == 0 {
		return nil
	}
	if p.ABAC {
		return withAssignments(id, assignments)
	}
	rights := []string{}
	for _, right := range allRights {
		if slices.ContainsFunc(assignments, func(a RoleAssignment) bool {
			return slices.Contains(roleRights[a.Role], right)
		}) {
			rights = append(rights, right)
		}
	}
	if len(rights) == 0 {
		return nil
	}
	return p.withRights(id, rights)
}
