package emulator

import "net/http"

// The actions of repository scopes (ACR protocol §2.3).
const (
	actionPull           = "pull"
	actionPush           = "push"
	actionDelete         = "delete"
	actionMetadataRead   = "metadata_read"
	actionMetadataWrite  = "metadata_write"
	actionDeletedRead    = "deleted_read"
	actionDeletedRestore = "deleted_restore"
	actionAny            = "*"
)

// scope is a resource and what a caller wants to do with it.
type scope struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

func repositoryScope(name string, actions ...string) scope {
	return scope{Type: "repository", Name: name, Actions: actions}
}

func catalogScope() scope {
	return scope{Type: "registry", Name: "catalog", Actions: []string{actionAny}}
}

func deletedCatalogScope() scope {
	return scope{Type: "registry", Name: "deleted_catalog", Actions: []string{actionAny}}
}

// caller is who sends a request, once it was let in.
type caller struct {
	identity           string // throttling identity; "" for anonymous
	quarantineReader   bool   // sees quarantined images
	quarantineReleaser bool   // may PATCH quarantineState
}

// admit lets a request in, or answers it and returns false.
func (e *Emulator) admit(w http.ResponseWriter, r *http.Request, op *operation) (*caller, bool) {
	return &caller{identity: "owner", quarantineReader: true, quarantineReleaser: true}, true
}

// serveOAuth answers /oauth2/*.
func (e *Emulator) serveOAuth(w http.ResponseWriter, r *http.Request, reg *registry) {
	e.routeNotFound(w, r)
}
