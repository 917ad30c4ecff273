package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// FaultPreset is a ready-made fault: one failure of the real service, or of
// what lies between it and its clients.
type FaultPreset struct {
	// Name is what a rule's Preset says.
	Name string
	// Summary says in one sentence what a client sees.
	Summary string
	// Status and Code are what a client gets; zero where it gets no answer,
	// or one without a code.
	Status int
	Code   string
	// Evidence is the section of the ACR protocol reference.
	Evidence string
	// Fault is the rule. Its routes are where the failure occurs in
	// production; a rule that uses the preset can narrow them.
	Fault Fault
}

// faultPresets lists the ready-made faults, given the routes that there are: every error of the official
// troubleshooting guide, every row of the error catalogue (ACR protocol §6),
// and the ways in which a connection or a proxy fails. The order is stable,
// and the list is the caller's own.
func faultPresets(routes []Route) []FaultPreset {
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

func findPreset(routes []Route, name string) (FaultPreset, bool) {
	presets := faultPresets(routes)
	i := slices.IndexFunc(presets, func(p FaultPreset) bool { return p.Name == name })
	if i < 0 {
		return FaultPreset{}, false
	}
	return presets[i], true
}

func presetNames(routes []Route) []string {
	names := []string{}
	for _, preset := range faultPresets(routes) {
		names = append(names, preset.Name)
	}
	return names
}

// answering is a fault that answers with the registry's error envelope.
func answering(status int, code, message string, detail any, routes ...Route) Fault {
	respond := &FaultResponse{Status: status, Code: code, Message: message}
	if detail != nil {
		// The details below are plain values, which always encode.
		respond.Detail, _ = json.Marshal(detail)
	}
	return Fault{Routes: routes, Respond: respond}
}

// from is a fault that answers with one of the registry's own errors.
func from(err *apiError, routes ...Route) Fault {
	return answering(err.status, err.code, err.message, err.detail, routes...)
}

// presetRoutes are the sets of routes that presets apply to.
type presetRoutes struct {
	resources  []Route // those that a token opens
	everywhere []Route // those of the login server
}

func newPresetRoutes(all []Route) presetRoutes {
	signIn := []Route{RouteOAuthToken, RouteOAuthExchange}
	resources := slices.DeleteFunc(slices.Clone(all), func(route Route) bool {
		return slices.Contains(signIn, route) || route == RouteData || route == RouteUnknown
	})
	return presetRoutes{resources: resources, everywhere: slices.Concat(signIn, resources)}
}

func signInPresets(on presetRoutes) []FaultPreset {
	emptyUnauthorized := func(route Route) Fault {
		return Fault{Routes: []Route{route}, Respond: &FaultResponse{Status: http.StatusUnauthorized}}
	}
	challenged := from(errUnauthorized, on.resources...)
	challenged.Respond.Challenge = "none"
	insufficient := from(errUnauthorized, on.resources...)
	insufficient.Respond.Challenge = "insufficient_scope"
	token := func(message string) Fault {
		return answering(http.StatusUnauthorized, "UNAUTHORIZED", message, nil, RouteOAuthToken)
	}
	return []FaultPreset{
		{
			Name: "unauthorized", Evidence: "§6", Fault: challenged,
			Summary: "every call meets a challenge, as one without credentials does",
		},
		{
			Name: "insufficient-scope", Evidence: "§2.12", Fault: insufficient,
			Summary: "the token lacks the permission that the call needs",
		},
		{
			Name: "expired-token", Evidence: "§2.2", Fault: Fault{Routes: on.resources, ExpireToken: true},
			Status: http.StatusUnauthorized, Code: "UNAUTHORIZED",
			Summary: "the access token has just expired",
		},
		{
			Name: "invalid-entra-token", Evidence: "§2.4", Fault: emptyUnauthorized(RouteOAuthExchange),
			Summary: "the exchange refuses the Entra token, without a body",
		},
		{
			Name: "invalid-refresh-token", Evidence: "§2.5", Fault: emptyUnauthorized(RouteOAuthToken),
			Summary: "the token endpoint refuses the refresh token, without a body",
		},
		{
			Name: "arm-token-disallowed", Evidence: "§2.4", Fault: answering(http.StatusUnauthorized, "UNAUTHORIZED", "arm aad token disallowed", nil, RouteOAuthExchange),
			Summary: "the registry refuses Entra tokens for Azure Resource Manager",
		},
		{
			Name: "anonymous-disallowed", Evidence: "§2.5", Fault: token(errUnauthorized.message),
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
			Name: "incorrect-password", Evidence: "§6", Fault: answering(http.StatusUnauthorized, "UNAUTHORIZED", "Incorrect Password",
				"Please visit https://aka.ms/acr#UNAUTHORIZED for more information.", RouteOAuthToken),
			Summary: "a connected registry refuses a token's password",
		},
	}
}

func accessPresets(on presetRoutes) []FaultPreset {
	return []FaultPreset{
		{
			Name: "no-role", Evidence: "§2.4", Fault: answering(http.StatusForbidden, "DENIED", "retrieving permissions failed", nil, RouteOAuthExchange),
			Summary: "the identity has no role on the registry",
		},
		{
			Name: "firewall", Evidence: "§6", Fault: from(firewallError("203.0.113.7"), on.everywhere...),
			Summary: "network rules shut the client's address out",
		},
		{
			Name: "denied", Evidence: "§6", Fault: from(errDenied, on.resources...),
			Summary: "the standard text of the code DENIED",
		},
		{
			Name: "cmk-inactive", Evidence: "§5.3", Fault: answering(http.StatusForbidden, "DENIED", "The identity associated with the registry is inactive. This could be due to attempted removal of the identity.", nil, on.resources...),
			Summary: "the registry cannot use its customer-managed key",
		},
		{
			Name: "disallowed", Evidence: "§6", Fault: from(errDisallowed, on.resources...),
			Summary: "locked, quarantined, or out of storage",
		},
		{
			Name: "delete-by-tag", Evidence: "§4.3", Fault: from(errDeleteByDigestOnly, RouteDeleteManifest),
			Summary: "a manifest cannot be deleted by tag",
		},
		{
			Name: "unsupported", Evidence: "§6", Fault: from(errUnsupported, on.resources...),
			Summary: "the route does not have the method",
		},
	}
}

func notFoundPresets(on presetRoutes) []FaultPreset {
	plain := Fault{Routes: on.resources, Respond: &FaultResponse{
		Status: http.StatusNotFound, Body: "404 page not found\n", ContentType: "text/plain; charset=utf-8",
	}}
	accept := func(kind, kinds string) Fault {
		return answering(http.StatusNotFound, "MANIFEST_UNKNOWN", kind+" found, but accept header does not support "+kinds, nil, RouteGetManifest)
	}
	return []FaultPreset{
		{
			Name: "plain-404", Evidence: "§1.5", Fault: plain,
			Summary: "the path does not route, as with a malformed name or digest",
		},
		{
			Name: "repository-not-found", Evidence: "§3.2", Fault: from(errNameUnknown.withMessage("repository %q is not found", "wrong-name"),
				RouteGetRepository, RoutePatchRepository, RouteListManifests, RouteListTags),
			Summary: "the repository does not exist",
		},
		{
			Name: "name-unknown", Evidence: "§3.4", Fault: from(errNameUnknown.withDetail(map[string]string{"name": "does_not_exist"}), RouteDeleteRepository, RouteTagsList),
			Summary: "the repository to delete or to list does not exist",
		},
		{
			Name: "tag-unknown", Evidence: "§3.6", Fault: from(errTagUnknown, RouteGetTag, RoutePatchTag, RouteDeleteTag),
			Summary: "the tag does not exist",
		},
		{
			Name: "manifest-tag-unknown", Evidence: "§4.3", Fault: from(errManifestUnknown.withMessage("manifest tagged by %q is not found", "wrong-tag").
				withDetail(map[string]string{"Tag": "wrong-tag"}), RouteGetManifest),
			Summary: "no manifest has the tag",
		},
		{
			Name: "manifest-digest-unknown", Evidence: "§4.3", Fault: from(errManifestUnknown.withMessage(
				"manifest sha256:%064d is not found", 0), RouteGetManifest, RouteDeleteManifest),
			Summary: "no manifest has the digest",
		},
		{
			Name: "manifest-unknown", Evidence: "§3.9", Fault: from(errManifestUnknown, RouteGetManifestProperties, RoutePatchManifestProperties),
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
			Name: "blob-unknown", Evidence: "§4.4", Fault: from(errBlobUnknown, RouteGetBlob, RouteHeadBlob, RouteDeleteBlob),
			Summary: "the repository does not have the blob",
		},
		{
			Name: "blob-upload-invalid", Evidence: "§4.5", Fault: from(errUploadInvalid, RouteUploadChunk, RouteUploadStatus, RouteFinishUpload),
			Summary: "the upload's state is stale after a transient failure: it has to start again",
		},
		{
			Name: "blob-upload-unknown", Evidence: "§4.5", Fault: from(errUploadUnknown.withDetail(struct{}{}), RouteUploadChunk, RouteUploadStatus, RouteFinishUpload, RouteCancelUpload),
			Summary: "the upload is gone",
		},
	}
}

func requestPresets() []FaultPreset {
	put, finish := RoutePutManifest, RouteFinishUpload
	return []FaultPreset{
		{
			Name: "manifest-blob-unknown", Evidence: "§4.3", Fault: from(errManifestBlob.withDetail("sha256:0000000000000000000000000000000000000000000000000000000000000000"), put),
			Summary: "a blob that the manifest names is not there, or not yet on this replica",
		},
		{
			Name: "manifest-invalid", Evidence: "§4.3", Fault: from(errManifestInvalid.withDetail(map[string]any{"Reason": struct{}{}}), put),
			Summary: "the manifest is malformed",
		},
		{
			Name: "manifest-too-large", Evidence: "§4.3", Fault: answering(http.StatusRequestEntityTooLarge, "MANIFEST_INVALID", errManifestInvalid.message, nil, put),
			Summary: "the manifest is over 4 MiB",
		},
		{
			Name: "manifest-unverified", Evidence: "§6", Fault: from(errManifestUnverified, put),
			Summary: "a schema 1 manifest has a wrong signature",
		},
		{
			Name: "tag-invalid", Evidence: "§6", Fault: from(errTagInvalid, put),
			Summary: "a schema 1 manifest names another tag",
		},
		{
			Name: "digest-invalid", Evidence: "§4.5", Fault: from(errDigestInvalid.withDetail("digest parsing failed"), finish),
			Summary: "the digest does not match what was uploaded",
		},
		{
			Name: "size-invalid", Evidence: "§6", Fault: from(errSizeInvalid, finish, RouteUploadChunk),
			Summary: "the Content-Length does not match what was uploaded",
		},
		{
			Name: "name-invalid", Evidence: "§6", Fault: from(errNameInvalid, RouteMountBlob),
			Summary: "the name of the repository to mount from is malformed",
		},
		{
			Name: "pagination-invalid", Evidence: "§6", Fault: from(errPaginationInvalid.withDetail(map[string]int{"n": -1}),
				RouteCatalog, RouteTagsList, RouteListRepositories, RouteListTags, RouteListManifests),
			Summary: "the page size is malformed",
		},
		{
			Name: "blob-upload-range-invalid", Evidence: "§4.5", Fault: from(errUploadRange.withDetail(struct{ Range, Reason string }{"-1--1", "the Content-Range header format is invalid"}), RouteUploadChunk),
			Summary: "the chunk's range is malformed or out of order",
		},
	}
}

func servicePresets(on presetRoutes) []FaultPreset {
	throttled := from(errTooManyRequests, on.everywhere...)
	throttled.Respond.RetryAfter = 1
	gateway := func(status int, title string) Fault {
		return Fault{Routes: on.everywhere, Respond: &FaultResponse{
			Status: status, ContentType: "text/html",
			Body: htmlPage(title),
		}}
	}
	return []FaultPreset{
		{
			Name: "throttled", Evidence: "§5.1", Fault: throttled,
			Summary: "too many requests; Retry-After says one second",
		},
		{
			Name: "internal-error", Evidence: "§5.3", Fault: from(errInternal, on.everywhere...),
			Summary: "the service fails",
		},
		{
			Name: "unavailable", Evidence: "§6", Fault: answering(http.StatusServiceUnavailable, "UNAVAILABLE", "service unavailable", nil, on.everywhere...),
			Summary: "the service is unavailable for a while",
		},
		{
			Name: "html-502", Evidence: "§5.3", Fault: gateway(http.StatusBadGateway, "502 Bad Gateway"),
			Summary: "a gateway answers with a page of HTML",
		},
		{
			Name: "html-503", Evidence: "§5.3", Fault: gateway(http.StatusServiceUnavailable, "503 Service Temporarily Unavailable"),
			Summary: "a gateway answers with a page of HTML",
		},
		{
			Name: "html-504", Evidence: "§5.3", Fault: gateway(http.StatusGatewayTimeout, "504 Gateway Time-out"),
			Summary: "a gateway gives up waiting",
		},
		{Name: "proxy-login-page", Evidence: "§5.3", Fault: Fault{Routes: on.everywhere, Respond: &FaultResponse{
			Status: http.StatusOK, ContentType: "text/html", Body: "<html><body>Please sign in to the network.</body></html>\n",
		}}, Summary: "a captive portal answers 200 with a page of HTML"},
		{Name: "half-json", Evidence: "§5.3", Fault: Fault{
			Routes:  []Route{RouteListRepositories, RouteListTags, RouteListManifests, RouteGetRepository, RouteGetTag, RouteGetManifestProperties, RouteCatalog, RouteTagsList},
			Respond: &FaultResponse{Status: http.StatusOK, Body: `{"registry":"acrkit.azurecr.io","imageName":"te`},
		}, Summary: "a JSON answer ends in the middle"},
		{Name: "lost-answer", Evidence: "§5.3", Fault: Fault{
			Routes:  []Route{RouteUploadChunk, RouteFinishUpload, RoutePutManifest, RouteStartUpload},
			Respond: &FaultResponse{Status: http.StatusServiceUnavailable, Code: "UNAVAILABLE", Message: "service unavailable", AfterHandling: true},
		}, Summary: "the registry does its work, and its answer is lost"},
		{
			Name: "replica-lag", Evidence: "§4.3", Status: 0, Fault: Fault{Routes: on.resources, Replica: &FaultReplica{Lag: Duration(10 * time.Second)}},
			Summary: "every other request meets a replica that is ten seconds behind",
		},
		{
			Name: "lost-chunk", Evidence: "§4.5", Fault: Fault{Routes: []Route{RouteUploadChunk}, LoseChunk: true},
			Summary: "a chunk is acknowledged and lost",
		},
		{Name: "storage-auth", Evidence: "§4.4", Fault: Fault{Routes: []Route{RouteData}, Respond: &FaultResponse{
			Status: http.StatusBadRequest, ContentType: "application/xml", Body: storageBody(errStorageAuthorization),
		}}, Summary: "the storage account refuses a registry's Authorization header"},
		{Name: "expired-signed-url", Evidence: "§4.4", Fault: Fault{Routes: []Route{RouteData}, Respond: &FaultResponse{
			Status: http.StatusForbidden, ContentType: "application/xml", Body: storageBody(errStorageSignature),
		}}, Summary: "the signed URL has expired"},
	}
}

// storageBody is an error body of Azure Storage (ACR protocol §4.4).
func storageBody(err *storageError) string {
	return `<?xml version="1.0" encoding="utf-8"?><Error><Code>` + err.code + "</Code><Message>" + err.message +
		"\nRequestId:00000000-0000-4000-8000-000000000000\nTime:2026-01-01T00:00:00.0000000Z</Message></Error>"
}

// breakAfter is where the breaking presets cut: late enough that a client has
// begun to believe in the answer.
const breakAfter = 1000

func networkPresets(on presetRoutes) []FaultPreset {
	uploads := []Route{RouteUploadChunk, RouteFinishUpload}
	breaking := func(on, how string, after int64, routes ...Route) Fault {
		return Fault{Routes: routes, Break: &FaultBreak{On: on, After: after, How: how}}
	}
	return []FaultPreset{
		{
			Name: "cut-upload", Evidence: "§4.5", Fault: breaking(OnRequest, BreakCut, breakAfter, uploads...),
			Summary: "the connection closes in the middle of a chunk",
		},
		{
			Name: "reset-upload", Evidence: "§4.5", Fault: breaking(OnRequest, BreakReset, breakAfter, uploads...),
			Summary: "the connection is reset in the middle of a chunk",
		},
		{
			Name: "cut-download", Evidence: "§5.3", Fault: breaking(OnResponse, BreakCut, breakAfter, RouteData),
			Summary: "the connection closes in the middle of a blob",
		},
		{
			Name: "reset-download", Evidence: "§5.3", Fault: breaking(OnResponse, BreakReset, breakAfter, RouteData),
			Summary: "the connection is reset in the middle of a blob",
		},
		{
			Name: "reset", Evidence: "§5.3", Fault: breaking(OnRequest, BreakReset, 0, append(slices.Clone(on.everywhere), RouteData)...),
			Summary: "the connection is reset before an answer",
		},
		{
			Name: "no-answer", Evidence: "§5.3", Fault: breaking(OnResponse, BreakCut, 0, append(slices.Clone(on.everywhere), RouteData)...),
			Summary: "the request is handled, and the connection closes before the answer",
		},
		{
			Name: "stall", Evidence: "§5.3", Fault: breaking(OnRequest, BreakStall, 0, append(slices.Clone(on.everywhere), RouteData)...),
			Summary: "nothing is ever answered",
		},
		{
			Name: "stall-download", Evidence: "§5.3", Fault: breaking(OnResponse, BreakStall, breakAfter, RouteData),
			Summary: "a blob stops coming in the middle",
		},
		{
			Name: "slow", Evidence: "§5.3", Fault: Fault{BytesPerSecond: 64 << 10, Routes: append([]Route{RouteData}, uploads...)},
			Summary: "blobs move at 64 KiB a second",
		},
		{
			Name: "corrupt-download", Evidence: "§4.4", Fault: Fault{Routes: []Route{RouteData}, Corrupt: &FaultCorrupt{On: OnResponse}},
			Summary: "a byte of a blob is wrong",
		},
		{
			Name: "corrupt-manifest", Evidence: "§4.3", Fault: Fault{Routes: []Route{RouteGetManifest}, Corrupt: &FaultCorrupt{On: OnResponse, Offset: 1}},
			Summary: "a byte of a manifest is wrong",
		},
		{
			Name: "dead-data-host", Evidence: "§1.1", Fault: Fault{Routes: []Route{RouteGetBlob}, RedirectHost: "acrkit.unreachable.data.azurecr.io"},
			Summary: "blobs are redirected to a host that does not exist",
		},
		{
			Name: "foreign-location", Evidence: "§4.5", Fault: Fault{Routes: []Route{RouteStartUpload, RouteUploadChunk}, RedirectHost: "https://elsewhere.example"},
			Summary: "an upload's Location leads to another origin",
		},
	}
}
