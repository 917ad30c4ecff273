package printed

// phrasingsStatus tell the status of a response, and not its reason.
var phrasingsStatus = []Phrasing{
	{
		Tool: "Docker", Text: "error parsing http 403 response body: unexpected end of json input", Code: "DENIED_WITHOUT_REASON", Weight: Said,
		Example: `error parsing HTTP 403 response body: unexpected end of JSON input: ""`,
	},
	{
		Tool: "Docker", Text: "error parsing http 403 response body: invalid character '<'", Code: "FORBIDDEN_IN_BETWEEN", Weight: Said,
		Example: `error parsing HTTP 403 response body: invalid character '<' looking for beginning of value: "<!DOCTYPE html><html><head><title>Blocked</title>"`,
	},
	{
		Tool: "Docker", Text: "error parsing http 403 response body", Code: "FORBIDDEN_IN_BETWEEN", Weight: Status,
		Example: `error parsing HTTP 403 response body: no error details found in HTTP response body: "{}"`,
	},
	{
		Tool: "Docker", Text: "error parsing http 429 response body", Code: "THROTTLED", Weight: Said,
		Example: `error parsing HTTP 429 response body: invalid character 'R' looking for beginning of value: "Ref A: 1 Ref B: 2"`,
	},
	{
		Tool: "Docker", Text: "error parsing http 413 response body", Code: "REQUEST_TOO_LARGE", Weight: Said,
		Example: `error parsing HTTP 413 response body: invalid character '<' looking for beginning of value: "<html>"`,
	},
	{
		Tool: "Docker", Text: "error parsing http 407 response body", Code: "PROXY_AUTHENTICATION", Weight: Said,
		Example: `error parsing HTTP 407 response body: invalid character '<' looking for beginning of value: "<html>"`,
	},
	{
		Tool: "Docker", Text: "error parsing http 404 response body", Code: "NOT_A_REGISTRY", Weight: Said,
		Example: `error parsing HTTP 404 response body: invalid character '<' looking for beginning of value: "<html>"`,
	},
	{
		Tool: "Docker", Text: "error parsing http 401 response body", Code: "UNAUTHORIZED", Weight: Status,
		Example: `error parsing HTTP 401 response body: unexpected end of JSON input: ""`,
	},
	{
		Tool: "Docker", Text: "error parsing http 5", Code: "SERVICE_ERROR", Weight: Said,
		Example: `error parsing HTTP 500 response body: invalid character '<' looking for beginning of value: "<html>"`,
	},
	{
		Tool: "Docker", Text: "invalid character '<' looking for beginning of value", Code: "NOT_A_REGISTRY", Weight: Said,
		Example: `Error response from daemon: invalid character '<' looking for beginning of value`,
	},
	{
		Tool: "skopeo, podman", Text: "invalid status code from registry 403", Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `pinging container registry shop.azurecr.io: invalid status code from registry 403 (Forbidden)`,
	},
	{
		Tool: "all", Text: "authentication required, visit https://aka.ms/acr/authorization", Code: "UNAUTHORIZED", Weight: Status,
		Example: `Error response from daemon: Head "https://shop.azurecr.io/v2/web/manifests/1.0": unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information.`,
	},
	{
		Tool: "all", Text: "unauthorized: authentication required", Code: "UNAUTHORIZED", Weight: Status,
		Example: `Get https://shop.azurecr.io/v2/web/manifests/1.0: unauthorized: authentication required`,
	},
	{
		Tool: "all", Text: "\"unauthorized\"", Code: "UNAUTHORIZED", Weight: Status,
		Example: `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":[{"Type":"repository","Name":"web","Action":"pull"}]}]}`,
	},
	{
		Tool: "all", Text: "authentication required", Code: "UNAUTHORIZED", Weight: Status,
		Example: `(UNAUTHORIZED) authentication required`,
	},
	{
		Tool: "all", Text: "authorization failed", Code: "UNAUTHORIZED", Weight: Status,
		Example: `failed to solve: authorization status: 401: authorization failed`,
	},
	{
		Tool: "all", Text: "401 unauthorized", Code: "UNAUTHORIZED", Weight: Status, None: []string{"response status: \"401 unauthorized\""},
		Example: `unexpected status from HEAD request to https://shop.azurecr.io/v2/web/manifests/1.0: 401 Unauthorized`,
	},
	{
		Tool: "oras, helm", Text: "response status code 401", Code: "UNAUTHORIZED", Weight: Status,
		Example: `HEAD "https://shop.azurecr.io/v2/web/manifests/1.0": response status code 401: Unauthorized`,
	},
	{
		Tool: "regctl", Text: "[http 401]", Code: "UNAUTHORIZED", Weight: Status,
		Example: `failed to get manifest shop.azurecr.io/web:1.0: request failed: unauthorized [http 401]`,
	},
	{
		Tool: "Docker", Text: "\": unauthorized", Code: "UNAUTHORIZED", Weight: Status,
		Example: `Head "https://shop.azurecr.io/v2/web/manifests/1.0": unauthorized`,
	},
	{
		Tool: "all", Text: "statuscode=401", Code: "UNAUTHORIZED", Weight: Status,
		Example: `acr.BaseClient#GetManifest: Failure responding to request: StatusCode=401`,
	},
	{
		Tool: ".NET, Java", Text: "status code 401", Code: "UNAUTHORIZED", Weight: Status,
		Example: `com.azure.core.exception.ClientAuthenticationException: Status code 401, (empty body)`,
	},
	{
		Tool: "Docker", Text: "unauthorized: ", Code: "UNAUTHORIZED", Weight: Status,
		Example: `unauthorized: access to the requested resource is not authorized`,
	},
	{
		Tool: "containerd, buildx", Text: "head request to…403 forbidden", Code: "DENIED_WITHOUT_REASON", Weight: Status,
		Example: `unexpected status from HEAD request to https://shop.azurecr.io/v2/web/manifests/1.0: 403 Forbidden`,
	},
	{
		Tool: "oras", Text: "head \"https://…403", Code: "DENIED_WITHOUT_REASON", Weight: Status,
		Example: `HEAD "https://shop.azurecr.io/v2/web/manifests/1.0": response status code 403: Forbidden`,
	},
	{
		Tool: "all", Text: "403 forbidden", Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `unexpected status from GET request to https://shop.azurecr.io/v2/web/manifests/1.0: 403 Forbidden`,
	},
	{
		Tool: "oras, helm", Text: "response status code 403", Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `GET "https://shop.azurecr.io/v2/web/manifests/1.0": response status code 403: denied`,
	},
	{
		Tool: "regctl", Text: "[http 403]", Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `failed to get manifest shop.azurecr.io/web:1.0: request failed: forbidden [http 403]`,
	},
	{
		Tool: "all", Text: "\"denied\"", Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `{"errors":[{"code":"DENIED","message":"requested access is denied"}]}`,
	},
	{
		Tool: "crane", Text: ": denied: ", Code: "ACCESS_DENIED", Weight: Status, Causes: forbiddenCauses,
		Example: `Error: GET https://shop.azurecr.io/v2/web/manifests/1.0: DENIED: the request is denied by a policy`,
	},
	{
		Tool: "all", Text: "toomanyrequests", Code: "THROTTLED", Weight: Said,
		Example: `PUT https://shop.azurecr.io/v2/web/manifests/1.0: TOOMANYREQUESTS: too many requests; map[]`,
	},
	{
		Tool: "all", Text: "too many requests", Code: "THROTTLED", Weight: Said,
		Example: `unexpected status from PUT request to https://shop.azurecr.io/v2/web/manifests/1.0: 429 Too Many Requests`,
	},
	{
		Tool: "regctl, oras", Text: "status code 429", Code: "THROTTLED", Weight: Said,
		Example: `GET "https://shop.azurecr.io/v2/web/tags/list": response status code 429`,
	},
	{
		Tool: "regctl", Text: "[http 429]", Code: "THROTTLED", Weight: Said,
		Example: `failed to list tags: request failed: rate limit exceeded [http 429]`,
	},
	{
		Tool: "all", Text: "service unavailable", Code: "SERVICE_UNAVAILABLE", Weight: Status,
		Example: `received unexpected HTTP status: 503 Service Unavailable`,
	},
	{
		Tool: "oras, regctl", Text: "http 503]", Code: "SERVICE_UNAVAILABLE", Weight: Status,
		Example: `request failed: unexpected http status code [http 503]`,
	},
	{
		Tool: "all", Text: "502 bad gateway", Code: "GATEWAY_ERROR", Weight: Status,
		Example: `received unexpected HTTP status: 502 Bad Gateway`,
	},
	{
		Tool: "all", Text: "504 gateway", Code: "GATEWAY_ERROR", Weight: Status,
		Example: `received unexpected HTTP status: 504 Gateway Time-out`,
	},
	{
		Tool: "all", Text: "500 internal server error", Code: "SERVICE_ERROR", Weight: Status,
		Example: `failed commit on ref "layer-sha256:9c6b": unexpected status: 500 Internal Server Error`,
	},
	{
		Tool: "oras", Text: "response status code 500", Code: "SERVICE_ERROR", Weight: Status,
		Example: `PUT "https://shop.azurecr.io/v2/web/manifests/1.0": response status code 500: Internal Server Error`,
	},
	{
		Tool: "regctl", Text: "[http 500]", Code: "SERVICE_ERROR", Weight: Status,
		Example: `request failed: unexpected http status code [http 500]`,
	},
	{
		Tool: "all", Text: "internal_error", Code: "SERVICE_ERROR", Weight: Status, None: []string{"stream error", "stream id"},
		Example: `{"errors":[{"code":"INTERNAL_ERROR","message":"internal error"}]}`,
	},
	{
		Tool: "all", Text: "413 request entity too large", Code: "REQUEST_TOO_LARGE", Weight: Said,
		Example: `unexpected status from PATCH request to https://shop.azurecr.io/v2/web/blobs/uploads/1: 413 Request Entity Too Large`,
	},
	{
		Tool: "oras, regctl", Text: "status code 413", Code: "REQUEST_TOO_LARGE", Weight: Status,
		Example: `PUT "https://shop.azurecr.io/v2/web/blobs/uploads/1": response status code 413`,
	},
	{
		Tool: "all", Text: "416 requested range not satisfiable", Code: "UPLOAD_RANGE_INVALID", Weight: Said,
		Example: `unexpected status from PATCH request to https://shop.azurecr.io/v2/web/blobs/uploads/1: 416 Requested Range Not Satisfiable`,
	},
	{
		Tool: "all", Text: "412 precondition failed", Code: "PRECONDITION_FAILED", Weight: Status,
		Example: `PUT "https://shop.azurecr.io/v2/web/manifests/1.0": response status code 412 Precondition Failed: 412 precondition failed`,
	},
	{
		Tool: "all", Text: "409 conflict", Code: "CONFLICT", Weight: Status,
		Example: `unexpected status from PUT request to https://shop.azurecr.io/v2/web/manifests/1.0: 409 Conflict`,
	},
	{
		Tool: "all", Text: "405 method not allowed", Code: "UNSUPPORTED", Weight: Status,
		Example: `DELETE "https://shop.azurecr.io/v2/web/manifests/1.0": response status code 405: 405 Method Not Allowed`,
	},
	{
		Tool: "all", Text: "400 bad request", Code: "BAD_REQUEST", Weight: Status,
		Example: `unexpected status from PUT request to https://shop.azurecr.io/v2/web/manifests/1.0: 400 Bad Request`,
	},
	{
		Tool: "kubelet, containerd", Text: "failed to resolve…not found", Code: "TAG_NOT_FOUND", Weight: Said, Reference: true,
		Example: `failed to resolve reference "shop.azurecr.io/web:1.0": shop.azurecr.io/web:1.0: not found`,
	},
	{
		Tool: "Docker", Text: "manifest for…not found", Code: "TAG_NOT_FOUND", Weight: Said,
		Example: `Error response from daemon: manifest for shop.azurecr.io/web:1.0 not found: manifest unknown: manifest unknown`,
	},
	{
		Tool: "all", Text: "manifest unknown", Code: "TAG_NOT_FOUND", Weight: Said,
		Example: `reading manifest 1.0 in shop.azurecr.io/web: manifest unknown`,
	},
	{
		Tool: "crane, az", Text: "manifest_unknown", Code: "TAG_NOT_FOUND", Weight: Said,
		Example: `GET https://shop.azurecr.io/v2/web/manifests/1.0: MANIFEST_UNKNOWN: manifest unknown`,
	},
	{
		Tool: "all", Text: "tag_unknown", Code: "TAG_NOT_FOUND", Weight: Said,
		Example: `{"errors":[{"code":"TAG_UNKNOWN","message":"the specified tag does not exist"}]}`,
	},
	{
		Tool: "Azure CLI", Text: "the specified tag does not exist", Code: "TAG_NOT_FOUND", Weight: Said, Proven: true,
		Example: `ERROR: the specified tag does not exist. Correlation ID: 9c32da6b-62c2-4417-90a8-fd1f50e45d79.`,
	},
	{
		Tool: "regctl", Text: "[http 404]", Code: "TAG_NOT_FOUND", Weight: Status,
		Example: `failed to get manifest shop.azurecr.io/web:1.0: request failed: not found [http 404]`,
	},
	{
		Tool: "all", Text: "404 not found", Code: "TAG_NOT_FOUND", Weight: Status,
		Example: `unexpected status code https://shop.azurecr.io/v2/web/manifests/1.0: 404 Not Found`,
	},
	{
		Tool: "oras", Text: "response status code 404", Code: "TAG_NOT_FOUND", Weight: Status,
		Example: `HEAD "https://shop.azurecr.io/v2/web/manifests/1.0": response status code 404: Not Found`,
	},
	{
		Tool: "oras, helm, buildx", Text: ": not found", Code: "TAG_NOT_FOUND", Weight: Status, Reference: true,
		Example: `Error: failed to find "shop.azurecr.io/web:1.0": shop.azurecr.io/web:1.0: not found`,
	},
	{
		Tool: "regctl", Text: "failed to get manifest…: unauthorized", Code: "UNAUTHORIZED", Weight: Status,
		Example: `failed to get manifest shop.azurecr.io/web:1.0: unauthorized`,
	},
	{
		Tool: "regctl", Text: "failed to list tags…: unauthorized", Code: "UNAUTHORIZED", Weight: Status,
		Example: `failed to list tags shop.azurecr.io/web: unauthorized`,
	},
	{
		Tool: "oras", Text: "status code 405", Code: "UNSUPPORTED", Weight: Status,
		Example: `HEAD "https://shop.azurecr.io/v2/web/manifests/1.0": response status code 405: Method Not Allowed`,
	},
	{
		Tool: "skopeo, podman", Text: "status code from registry 405", Code: "UNSUPPORTED", Weight: Status,
		Example: `pinging container registry shop.azurecr.io: invalid status code from registry 405 (Method Not Allowed)`,
	},
	{
		Tool: "skopeo, podman", Text: "error fetching blob: invalid status code from registry 404", Code: "BLOB_NOT_FOUND", Weight: Said,
		Example: `Error fetching blob: invalid status code from registry 404 (Not Found)`,
	},
	{
		Tool: "skopeo, podman", Text: "pinging container registry…status code from registry 404", Code: "NOT_A_REGISTRY", Weight: Status,
		Example: `pinging container registry shop.azurecr.io: invalid status code from registry 404 (Not Found)`,
	},
	{
		Tool: "oras, podman", Text: "pagination number invalid", Code: "PAGE_SIZE_INVALID", Weight: Said,
		Example: `response status code 400: pagination number invalid: invalid number of results requested`,
	},
	{
		Tool: "skopeo, podman", Text: "status code from registry 400", Code: "BAD_REQUEST", Weight: Status,
		Example: `fetching tags list from shop.azurecr.io/web: invalid status code from registry 400 (Bad Request)`,
	},
	{
		Tool: "oras, helm", Text: "response status code 400: bad request", Code: "BAD_REQUEST", Weight: Status,
		Example: `GET "https://shop.azurecr.io/v2/web/tags/list": response status code 400: Bad Request`,
	},
	{
		Tool: "oras, helm", Text: "\"fetch\" on source: sha256:…: not found", Code: "BLOB_NOT_FOUND", Weight: Said,
		Example: `Error: failed to perform "Fetch" on source: sha256:dc6ebb6b2c973073c0bf453ae8b5e5e7d7b4fc1df8d2ce5c54d9de2c636e0a52: not found`,
	},
	{
		Tool: "skopeo, podman", Text: "status code from registry 500", Code: "SERVICE_ERROR", Weight: Status,
		Example: `pinging container registry shop.azurecr.io: invalid status code from registry 500 (Internal Server Error)`,
	},
	{
		Tool: "oras", Text: "status code 502", Code: "GATEWAY_ERROR", Weight: Status,
		Example: `HEAD "https://shop.azurecr.io/v2/web/manifests/1.0": response status code 502: Bad Gateway`,
	},
	{
		Tool: "oras", Text: "status code 504", Code: "GATEWAY_ERROR", Weight: Status,
		Example: `HEAD "https://shop.azurecr.io/v2/web/manifests/1.0": response status code 504: Gateway Timeout`,
	},
	{
		Tool: "skopeo, podman", Text: "status code from registry 502", Code: "GATEWAY_ERROR", Weight: Status,
		Example: `pinging container registry shop.azurecr.io: invalid status code from registry 502 (Bad Gateway)`,
	},
	{
		Tool: "skopeo, podman", Text: "status code from registry 504", Code: "GATEWAY_ERROR", Weight: Status,
		Example: `pinging container registry shop.azurecr.io: invalid status code from registry 504 (Gateway Timeout)`,
	},
	{
		Tool: "crane", Text: "unknown: unknown error", Code: "SERVICE_ERROR", Weight: Status,
		Example: `Error: GET https://shop.azurecr.io/v2/web/manifests/1.0: UNKNOWN: unknown error`,
	},
	{
		Tool: "regctl", Text: "failed to unmarshal…unexpected end of json input", Code: "RESPONSE_UNREADABLE", Weight: Said,
		Example: `failed to list tags shop.azurecr.io/web: failed to unmarshal tag list for shop.azurecr.io/web: unexpected end of JSON input`,
	},
	{
		Tool: "oras", Text: "missing required header \"docker-content-digest\"", Code: "NOT_A_REGISTRY", Weight: Status,
		Example: `Error: HTTP HEAD request missing required header "Docker-Content-Digest"`,
	},
	{
		Tool: "regctl", Text: "unsupported media type: \"text/html\"", Code: "NOT_A_REGISTRY", Weight: Status,
		Example: `failed to get manifest shop.azurecr.io/web:1.0: unsupported media type: "text/html"`,
	},
}
