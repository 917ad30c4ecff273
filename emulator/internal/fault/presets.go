package fault

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/clock"
	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
)

// Preset is a ready-made fault: one failure of the real service, or of
// something between it and its clients.
type Preset struct {
	// Name is what a rule's Preset says.
	Name string
	// Summary says in one sentence what a client sees.
	Summary string
	// Status and Code are what a client gets; zero where it gets no response,
	// or one without a code.
	Status int
	Code   string
	// Evidence is the section of the ACR protocol reference.
	Evidence string
	// Fault is the rule. Its routes are where the failure occurs in
	// production; a rule that uses the preset can narrow them.
	Fault Rule
}

// Presets lists the ready-made faults, given the routes that there are: every error of the official
// troubleshooting guide, every row of the error catalogue (ACR protocol §6),
// and the ways in which a connection or a proxy fails. The order is stable,
// and the list is the caller's own.
func Presets(routes []protocol.Route) []Preset {
	on := newPresetRoutes(routes)
	presets := slices.Concat(signInPresets(on), accessPresets(on), notFoundPresets(on), requestPresets(), servicePresets(on), networkPresets(on))
	for i := range presets {
		presets[i].Fault.Preset = ""
		presets[i].Fault.Name = presets[i].Name
		if r := presets[i].Fault.Respond; r != nil {
			presets[i].Status, presets[i].Code = r.Status, r.Code
		}
	}
	return presets
}

func findPreset(routes []protocol.Route, name string) (Preset, bool) {
	presets := Presets(routes)
	i := slices.IndexFunc(presets, func(p Preset) bool { return p.Name == name })
	if i < 0 {
		return Preset{}, false
	}
	return presets[i], true
}

func presetNames(routes []protocol.Route) []string {
	names := []string{}
	for _, preset := range Presets(routes) {
		names = append(names, preset.Name)
	}
	return names
}

// responding is a fault that responds with the registry's error envelope.
func responding(status int, code, message string, detail any, routes ...protocol.Route) Rule {
	respond := &Response{Status: status, Code: code, Message: message}
	if detail != nil {
		// The details below are plain values, which always encode.
		respond.Detail, _ = json.Marshal(detail)
	}
	return Rule{Routes: routes, Respond: respond}
}

// from is a fault that responds with one of the registry's own errors.
func from(err *protocol.Error, routes ...protocol.Route) Rule {
	return responding(err.Status, err.Code, err.Message, err.Detail, routes...)
}

// presetRoutes are the sets of routes that presets apply to.
type presetRoutes struct {
	resources  []protocol.Route // those that a token opens
	everywhere []protocol.Route // those of the login server
}

func newPresetRoutes(all []protocol.Route) presetRoutes {
	signIn := []protocol.Route{protocol.RouteOAuthToken, protocol.RouteOAuthExchange}
	resources := slices.DeleteFunc(slices.Clone(all), func(route protocol.Route) bool {
		return slices.Contains(signIn, route) || route == protocol.RouteData || route == protocol.RouteUnknown
	})
	return presetRoutes{resources: resources, everywhere: slices.Concat(signIn, resources)}
}

func signInPresets(on presetRoutes) []Preset {
	emptyUnauthorized := func(route protocol.Route) Rule {
		return Rule{Routes: []protocol.Route{route}, Respond: &Response{Status: http.StatusUnauthorized}}
	}
	challenged := from(protocol.ErrUnauthorized, on.resources...)
	challenged.Respond.Challenge = "none"
	insufficient := from(protocol.ErrUnauthorized, on.resources...)
	insufficient.Respond.Challenge = "insufficient_scope"
	token := func(message string) Rule {
		return responding(http.StatusUnauthorized, "UNAUTHORIZED", message, nil, protocol.RouteOAuthToken)
	}
	return []Preset{
		{
			Name: "unauthorized", Evidence: "§6", Fault: challenged,
			Summary: "every call meets a challenge, as one without credentials does",
		},
		{
			Name: "insufficient-scope", Evidence: "§2.12", Fault: insufficient,
			Summary: "the token lacks the permission that the call needs",
		},
		{
			Name: "expired-token", Evidence: "§2.2", Fault: Rule{Routes: on.resources, ExpireToken: true},
			Status: http.StatusUnauthorized, Code: "UNAUTHORIZED",
			Summary: "the access token has just expired",
		},
		{
			Name: "invalid-entra-token", Evidence: "§2.4", Fault: emptyUnauthorized(protocol.RouteOAuthExchange),
			Summary: "the exchange refuses the Entra token, without a body",
		},
		{
			Name: "invalid-refresh-token", Evidence: "§2.5", Fault: emptyUnauthorized(protocol.RouteOAuthToken),
			Summary: "the token endpoint refuses the refresh token, without a body",
		},
		{
			Name: "arm-token-disallowed", Evidence: "§2.4", Fault: responding(http.StatusUnauthorized, "UNAUTHORIZED", "arm aad token disallowed", nil, protocol.RouteOAuthExchange),
			Summary: "the registry refuses Entra tokens for Azure Resource Manager",
		},
		{
			Name: "anonymous-disallowed", Evidence: "§2.5", Fault: token(protocol.ErrUnauthorized.Message),
			Summary: "anonymous pull is off, or the admin user's password is wrong",
		},
		{
			Name: "unknown-application", Evidence: "§2.5", Fault: token("Application not registered with AAD."),
			Summary: "the user or service principal does not exist in the tenant",
		},
		{
			Name: "invalid-client-secret", Evidence: "§2.5", Fault: token("Invalid clientid or client secret."),
			Summary: "the service principal's secret is wrong or expired",
		},
		{
			Name: "user-not-guid", Evidence: "§2.5", Fault: token("aad access token with sp failed client id must be guid"),
			Summary: "the user name is neither the admin's, a token's nor a GUID",
		},
		{
			Name: "incorrect-password", Evidence: "§6", Fault: responding(http.StatusUnauthorized, "UNAUTHORIZED", "Incorrect Password",
				"Please visit https://aka.ms/acr#UNAUTHORIZED for more information.", protocol.RouteOAuthToken),
			Summary: "a connected registry refuses a token's password",
		},
	}
}

func accessPresets(on presetRoutes) []Preset {
	return []Preset{
		{
			Name: "no-role", Evidence: "§13", Fault: from(protocol.ErrUnauthorized, protocol.RouteOAuthExchange),
			Summary: "the identity has no role on the registry",
		},
		{
			Name: "no-role-denied", Evidence: "§2.4", Fault: responding(http.StatusForbidden, "DENIED", "retrieving permissions failed", nil, protocol.RouteOAuthExchange),
			Summary: "the identity has no role on the registry, as the service said it in 2022 and 2023",
		},
		{
			Name: "firewall", Evidence: "§6", Fault: from(protocol.FirewallError("203.0.113.7"), on.everywhere...),
			Summary: "network rules shut the client's address out",
		},
		{
			Name: "denied", Evidence: "§6", Fault: from(protocol.ErrDenied, on.resources...),
			Summary: "the standard text of the code DENIED",
		},
		{
			Name: "cmk-inactive", Evidence: "§5.3", Fault: responding(http.StatusForbidden, "DENIED", "The identity associated with the registry is inactive. This could be due to attempted removal of the identity.", nil, on.resources...),
			Summary: "the registry cannot use its customer-managed key",
		},
		{
			Name: "cmk-forbidden", Evidence: "§13", Fault: responding(http.StatusForbidden, "DENIED", "Access to Key Encryption Key is forbidden. View troubleshooting steps at https://aka.ms/acr/cmk", nil, on.resources...),
			Summary: "the registry may not use its customer-managed key",
		},
		{
			Name: "image-quarantined", Evidence: "§13", Fault: responding(http.StatusMethodNotAllowed, "IMAGE_QUARANTINED", "The image is quarantined.", map[string]string{}, protocol.RouteGetManifest),
			Summary: "the image waits in quarantine for its check",
		},
		{
			Name: "disallowed", Evidence: "§6", Fault: from(protocol.ErrDisallowed, on.resources...),
			Summary: "locked, quarantined, or out of storage",
		},
		{
			Name: "delete-by-tag", Evidence: "§4.3", Fault: from(protocol.ErrDeleteByDigestOnly, protocol.RouteDeleteManifest),
			Summary: "a manifest cannot be deleted by tag",
		},
		{
			Name: "unsupported", Evidence: "§6", Fault: from(protocol.ErrUnsupported, on.resources...),
			Summary: "the route does not have the method",
		},
	}
}

func notFoundPresets(on presetRoutes) []Preset {
	plain := Rule{Routes: on.resources, Respond: &Response{
		Status: http.StatusNotFound, Body: "404 page not found\n", ContentType: "text/plain; charset=utf-8",
	}}
	accept := func(kind, kinds string) Rule {
		return responding(http.StatusNotFound, "MANIFEST_UNKNOWN", kind+" found, but accept header does not support "+kinds, nil, protocol.RouteGetManifest)
	}
	return []Preset{
		{
			Name: "plain-404", Evidence: "§1.5", Fault: plain,
			Summary: "the path does not route, as with a malformed name or digest",
		},
		{
			Name: "repository-not-found", Evidence: "§3.2", Fault: from(protocol.ErrNameUnknown.WithMessage("repository %q is not found", "wrong-name"),
				protocol.RouteGetRepository, protocol.RoutePatchRepository, protocol.RouteListManifests, protocol.RouteListTags),
			Summary: "the repository does not exist",
		},
		{
			Name: "name-unknown", Evidence: "§3.4", Fault: from(protocol.ErrNameUnknown.WithDetail(map[string]string{"name": "does_not_exist"}), protocol.RouteDeleteRepository, protocol.RouteTagsList),
			Summary: "the repository to delete or to list does not exist",
		},
		{
			Name: "tag-unknown", Evidence: "§3.6", Fault: from(protocol.ErrTagUnknown, protocol.RouteGetTag, protocol.RoutePatchTag, protocol.RouteDeleteTag),
			Summary: "the tag does not exist",
		},
		{
			Name: "manifest-tag-unknown", Evidence: "§4.3", Fault: from(protocol.ErrManifestUnknown.WithMessage("manifest tagged by %q is not found", "wrong-tag").
				WithDetail(map[string]string{"Tag": "wrong-tag"}), protocol.RouteGetManifest),
			Summary: "no manifest has the tag",
		},
		{
			Name: "manifest-digest-unknown", Evidence: "§4.3", Fault: from(protocol.ErrManifestUnknown.WithMessage(
				"manifest sha256:%064d is not found", 0), protocol.RouteGetManifest, protocol.RouteDeleteManifest),
			Summary: "no manifest has the digest",
		},
		{
			Name: "manifest-unknown", Evidence: "§3.9", Fault: from(protocol.ErrManifestUnknown, protocol.RouteGetManifestProperties, protocol.RoutePatchManifestProperties),
			Summary: "the manifest's properties are not there",
		},
		{
			Name: "accept-oci-manifest", Evidence: "§4.3", Fault: accept("OCI manifest", "OCI manifests"),
			Summary: "the Accept header lacks the type of OCI image manifests",
		},
		{
			Name: "accept-oci-index", Evidence: "§4.3", Fault: accept("OCI index", "OCI indexes"),
			Summary: "the Accept header lacks the type of OCI indexes",
		},
		{
			Name: "accept-oci-artifact", Evidence: "§4.3", Fault: accept("OCI artifact", "OCI artifacts"),
			Summary: "the Accept header lacks the type of OCI artifact manifests",
		},
		{
			Name: "blob-unknown", Evidence: "§4.4", Fault: from(protocol.ErrBlobUnknown, protocol.RouteGetBlob, protocol.RouteHeadBlob, protocol.RouteDeleteBlob),
			Summary: "the repository does not have the blob",
		},
		{
			Name: "blob-upload-invalid", Evidence: "§4.5", Fault: from(protocol.ErrUploadInvalid, protocol.RouteUploadChunk, protocol.RouteUploadStatus, protocol.RouteFinishUpload),
			Summary: "the upload's state is stale after a transient failure: it has to start again",
		},
		{
			Name: "blob-upload-unknown", Evidence: "§4.5", Fault: from(protocol.ErrUploadUnknown.WithDetail(struct{}{}), protocol.RouteUploadChunk, protocol.RouteUploadStatus, protocol.RouteFinishUpload, protocol.RouteCancelUpload),
			Summary: "the upload is gone",
		},
	}
}

func requestPresets() []Preset {
	put, finish := protocol.RoutePutManifest, protocol.RouteFinishUpload
	return []Preset{
		{
			Name: "manifest-blob-unknown", Evidence: "§4.3", Fault: from(protocol.ErrManifestBlob.WithDetail("sha256:0000000000000000000000000000000000000000000000000000000000000000"), put),
			Summary: "a blob that the manifest names is not there, or not yet on this replica",
		},
		{
			Name: "manifest-invalid", Evidence: "§4.3", Fault: from(protocol.ErrManifestInvalid.WithDetail(map[string]any{"Reason": struct{}{}}), put),
			Summary: "the manifest is malformed",
		},
		{
			Name: "manifest-too-large", Evidence: "§4.3", Fault: responding(http.StatusRequestEntityTooLarge, "MANIFEST_INVALID", protocol.ErrManifestInvalid.Message, nil, put),
			Summary: "the manifest is over 4 MiB",
		},
		{
			Name: "manifest-unverified", Evidence: "§6", Fault: from(protocol.ErrManifestUnverified, put),
			Summary: "a schema 1 manifest has a wrong signature",
		},
		{
			Name: "tag-invalid", Evidence: "§6", Fault: from(protocol.ErrTagInvalid, put),
			Summary: "a schema 1 manifest names another tag",
		},
		{
			Name: "digest-invalid", Evidence: "§4.5", Fault: from(protocol.ErrDigestInvalid.WithDetail("digest parsing failed"), finish),
			Summary: "the digest does not match what was uploaded",
		},
		{
			Name: "size-invalid", Evidence: "§6", Fault: from(protocol.ErrSizeInvalid, finish, protocol.RouteUploadChunk),
			Summary: "the Content-Length does not match what was uploaded",
		},
		{
			Name: "name-invalid", Evidence: "§6", Fault: from(protocol.ErrNameInvalid, protocol.RouteMountBlob),
			Summary: "the name of the repository to mount from is malformed",
		},
		{
			Name: "pagination-invalid", Evidence: "§6", Fault: from(protocol.ErrPaginationInvalid.WithDetail(map[string]int{"n": -1}),
				protocol.RouteCatalog, protocol.RouteTagsList, protocol.RouteListRepositories, protocol.RouteListTags, protocol.RouteListManifests),
			Summary: "the page size is malformed",
		},
		{
			Name: "blob-upload-range-invalid", Evidence: "§4.5", Fault: from(protocol.ErrUploadRange.WithDetail(struct{ Range, Reason string }{"-1--1", "the Content-Range header format is invalid"}), protocol.RouteUploadChunk),
			Summary: "the chunk's range is malformed or out of order",
		},
	}
}

func servicePresets(on presetRoutes) []Preset {
	throttled := from(protocol.ErrTooManyRequests, on.everywhere...)
	throttled.Respond.RetryAfter = 1
	gateway := func(status int, title string) Rule {
		return Rule{Routes: on.everywhere, Respond: &Response{
			Status: status, ContentType: "text/html",
			Body: protocol.HtmlPage(title),
		}}
	}
	return []Preset{
		{
			Name: "throttled", Evidence: "§5.1", Fault: throttled,
			Summary: "too many requests; Retry-After says one second",
		},
		{
			Name: "internal-error", Evidence: "§5.3", Fault: from(protocol.ErrInternal, on.everywhere...),
			Summary: "the service fails",
		},
		{
			Name: "unavailable", Evidence: "§6", Fault: responding(http.StatusServiceUnavailable, "UNAVAILABLE", "service unavailable", nil, on.everywhere...),
			Summary: "the service is unavailable for a while",
		},
		{
			Name: "html-502", Evidence: "§5.3", Fault: gateway(http.StatusBadGateway, "502 Bad Gateway"),
			Summary: "a gateway responds with a page of HTML",
		},
		{
			Name: "html-503", Evidence: "§5.3", Fault: gateway(http.StatusServiceUnavailable, "503 Service Temporarily Unavailable"),
			Summary: "a gateway responds with a page of HTML",
		},
		{
			Name: "html-504", Evidence: "§5.3", Fault: gateway(http.StatusGatewayTimeout, "504 Gateway Time-out"),
			Summary: "a gateway gives up waiting",
		},
		{Name: "proxy-login-page", Evidence: "§5.3", Fault: Rule{Routes: on.everywhere, Respond: &Response{
			Status: http.StatusOK, ContentType: "text/html", Body: "<html><body>Please sign in to the network.</body></html>\n",
		}}, Summary: "a captive portal returns 200 with a page of HTML"},
		{Name: "half-json", Evidence: "§5.3", Fault: Rule{
			Routes:  []protocol.Route{protocol.RouteListRepositories, protocol.RouteListTags, protocol.RouteListManifests, protocol.RouteGetRepository, protocol.RouteGetTag, protocol.RouteGetManifestProperties, protocol.RouteCatalog, protocol.RouteTagsList},
			Respond: &Response{Status: http.StatusOK, Body: `{"registry":"acrkit.azurecr.io","imageName":"te`},
		}, Summary: "a JSON response ends in the middle"},
		{Name: "lost-response", Evidence: "§5.3", Fault: Rule{
			Routes:  []protocol.Route{protocol.RouteUploadChunk, protocol.RouteFinishUpload, protocol.RoutePutManifest, protocol.RouteStartUpload},
			Respond: &Response{Status: http.StatusServiceUnavailable, Code: "UNAVAILABLE", Message: "service unavailable", AfterHandling: true},
		}, Summary: "the registry does its work, and its response is lost"},
		{
			Name: "replica-lag", Evidence: "§4.3", Status: 0, Fault: Rule{Routes: on.resources, Replica: &Replica{Lag: clock.Duration(10 * time.Second)}},
			Summary: "every other request meets a replica that is ten seconds behind",
		},
		{
			Name: "lost-chunk", Evidence: "§4.5", Fault: Rule{Routes: []protocol.Route{protocol.RouteUploadChunk}, LoseChunk: true},
			Summary: "a chunk is acknowledged and lost",
		},
		{Name: "storage-auth", Evidence: "§4.4", Fault: Rule{Routes: []protocol.Route{protocol.RouteData}, Respond: &Response{
			Status: http.StatusBadRequest, ContentType: "application/xml", Body: protocol.StorageBody(protocol.ErrStorageAuthorization),
		}}, Summary: "the storage account refuses a registry's Authorization header"},
		{Name: "expired-signed-url", Evidence: "§4.4", Fault: Rule{Routes: []protocol.Route{protocol.RouteData}, Respond: &Response{
			Status: http.StatusForbidden, ContentType: "application/xml", Body: protocol.StorageBody(protocol.ErrStorageSignature),
		}}, Summary: "the signed URL has expired"},
	}
}

// breakAfter is where the breaking presets cut: late enough that a client has
// begun to believe in the response.
const breakAfter = 1000

func networkPresets(on presetRoutes) []Preset {
	uploads := []protocol.Route{protocol.RouteUploadChunk, protocol.RouteFinishUpload}
	breaking := func(on Body, how BreakKind, after int64, routes ...protocol.Route) Rule {
		return Rule{Routes: routes, Break: &Break{On: on, After: after, How: how}}
	}
	return []Preset{
		{
			Name: "cut-upload", Evidence: "§4.5", Fault: breaking(OnRequest, BreakCut, breakAfter, uploads...),
			Summary: "the connection closes in the middle of a chunk",
		},
		{
			Name: "reset-upload", Evidence: "§4.5", Fault: breaking(OnRequest, BreakReset, breakAfter, uploads...),
			Summary: "the connection is reset in the middle of a chunk",
		},
		{
			Name: "cut-download", Evidence: "§5.3", Fault: breaking(OnResponse, BreakCut, breakAfter, protocol.RouteData),
			Summary: "the connection closes in the middle of a blob",
		},
		{
			Name: "reset-download", Evidence: "§5.3", Fault: breaking(OnResponse, BreakReset, breakAfter, protocol.RouteData),
			Summary: "the connection is reset in the middle of a blob",
		},
		{
			Name: "reset", Evidence: "§5.3", Fault: breaking(OnRequest, BreakReset, 0, append(slices.Clone(on.everywhere), protocol.RouteData)...),
			Summary: "the connection is reset before a response",
		},
		{
			Name: "no-response", Evidence: "§5.3", Fault: breaking(OnResponse, BreakCut, 0, append(slices.Clone(on.everywhere), protocol.RouteData)...),
			Summary: "the request is handled, and the connection closes before the response",
		},
		{
			Name: "stall", Evidence: "§5.3", Fault: breaking(OnRequest, BreakStall, 0, append(slices.Clone(on.everywhere), protocol.RouteData)...),
			Summary: "no response ever comes",
		},
		{
			Name: "stall-download", Evidence: "§5.3", Fault: breaking(OnResponse, BreakStall, breakAfter, protocol.RouteData),
			Summary: "a blob stops coming in the middle",
		},
		{
			Name: "slow", Evidence: "§5.3", Fault: Rule{BytesPerSecond: 64 << 10, Routes: append([]protocol.Route{protocol.RouteData}, uploads...)},
			Summary: "blobs move at 64 KiB a second",
		},
		{
			Name: "corrupt-download", Evidence: "§4.4", Fault: Rule{Routes: []protocol.Route{protocol.RouteData}, Corrupt: &Corrupt{On: OnResponse}},
			Summary: "a byte of a blob is wrong",
		},
		{
			Name: "corrupt-manifest", Evidence: "§4.3", Fault: Rule{Routes: []protocol.Route{protocol.RouteGetManifest}, Corrupt: &Corrupt{On: OnResponse, Offset: 1}},
			Summary: "a byte of a manifest is wrong",
		},
		{
			Name: "dead-data-host", Evidence: "§1.1", Fault: Rule{Routes: []protocol.Route{protocol.RouteGetBlob}, RedirectHost: "acrkit.unreachable.data.azurecr.io"},
			Summary: "blobs are redirected to a host that does not exist",
		},
		{
			Name: "foreign-location", Evidence: "§4.5", Fault: Rule{Routes: []protocol.Route{protocol.RouteStartUpload, protocol.RouteUploadChunk}, RedirectHost: "https://elsewhere.example"},
			Summary: "an upload's Location points to another origin",
		},
	}
}
