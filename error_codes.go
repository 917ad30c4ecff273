package azcontainerregistry

import (
	"errors"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// ErrorCode is the code of an error that the registry returned
// (ACR protocol §6). [HasCode] finds it in an error's chain.
type ErrorCode string

// The codes of ACR protocol §6.
const (
	// ErrorCodeUnauthorized is 401: no token, an expired one, or one without the action.
	ErrorCodeUnauthorized ErrorCode = "UNAUTHORIZED"
	// ErrorCodeDenied is 403: the identity has no role, or a network rule forbids the request.
	ErrorCodeDenied ErrorCode = "DENIED"
	// ErrorCodeNameUnknown is 404: no such repository.
	ErrorCodeNameUnknown ErrorCode = "NAME_UNKNOWN"
	// ErrorCodeTagUnknown is 404: no such tag.
	ErrorCodeTagUnknown ErrorCode = "TAG_UNKNOWN"
	// ErrorCodeManifestUnknown is 404: no such manifest, or none of an accepted type.
	ErrorCodeManifestUnknown ErrorCode = "MANIFEST_UNKNOWN"
	// ErrorCodeBlobUnknown is 404: no such blob in the repository.
	ErrorCodeBlobUnknown ErrorCode = "BLOB_UNKNOWN"
	// ErrorCodeBlobUploadInvalid is 404: the upload's state is stale; start again.
	ErrorCodeBlobUploadInvalid ErrorCode = "BLOB_UPLOAD_INVALID"
	// ErrorCodeBlobUploadUnknown is 404: the upload no longer exists; start again.
	ErrorCodeBlobUploadUnknown ErrorCode = "BLOB_UPLOAD_UNKNOWN"
	// ErrorCodeBlobUploadRangeInvalid is 416: the chunk doesn't begin where the upload ends.
	ErrorCodeBlobUploadRangeInvalid ErrorCode = "BLOB_UPLOAD_RANGE_INVALID"
	// ErrorCodeManifestBlobUnknown is 400: the manifest refers to something that isn't there.
	ErrorCodeManifestBlobUnknown ErrorCode = "MANIFEST_BLOB_UNKNOWN"
	// ErrorCodeManifestInvalid is 400: the manifest is malformed or mistyped.
	ErrorCodeManifestInvalid ErrorCode = "MANIFEST_INVALID"
	// ErrorCodeManifestUnverified is 400: a schema 1 signature is wrong.
	ErrorCodeManifestUnverified ErrorCode = "MANIFEST_UNVERIFIED"
	// ErrorCodeDigestInvalid is 400: the digest is malformed or not that of the content.
	ErrorCodeDigestInvalid ErrorCode = "DIGEST_INVALID"
	// ErrorCodeSizeInvalid is 400: the length isn't that of the content.
	ErrorCodeSizeInvalid ErrorCode = "SIZE_INVALID"
	// ErrorCodeNameInvalid is 400: a repository name is malformed.
	ErrorCodeNameInvalid ErrorCode = "NAME_INVALID"
	// ErrorCodeTagInvalid is 400: a schema 1 tag isn't that of the URL.
	ErrorCodeTagInvalid ErrorCode = "TAG_INVALID"
	// ErrorCodePaginationNumberInvalid is 400: the page size is no number.
	ErrorCodePaginationNumberInvalid ErrorCode = "PAGINATION_NUMBER_INVALID"
	// ErrorCodeUnsupported is 405: the registry doesn't do this.
	ErrorCodeUnsupported ErrorCode = "UNSUPPORTED"
	// ErrorCodeRegistryDisallowedOperation is 405: locked, quarantined, or out of storage.
	ErrorCodeRegistryDisallowedOperation ErrorCode = "REGISTRY_DISALLOWED_OPERATION"
	// ErrorCodeTooManyRequests is 429: throttled.
	ErrorCodeTooManyRequests ErrorCode = "TOOMANYREQUESTS"
	// ErrorCodeUnknown is 500: a fault of the service.
	ErrorCodeUnknown ErrorCode = "UNKNOWN"
	// ErrorCodeInternalError is 500: a fault of the service.
	ErrorCodeInternalError ErrorCode = "INTERNAL_ERROR"
	// ErrorCodeUnavailable is 503: a fault of the service.
	ErrorCodeUnavailable ErrorCode = "UNAVAILABLE"
	// ErrorCodeResourceUnknown is 404 of the classic registries of 2018.
	ErrorCodeResourceUnknown ErrorCode = "RESOURCE_UNKNOWN"
	// ErrorCodeInvalidAuthenticationInfo is 400 of the storage host: it was sent credentials.
	ErrorCodeInvalidAuthenticationInfo ErrorCode = "InvalidAuthenticationInfo"
	// ErrorCodeAuthenticationFailed is 403 of the storage host: the signed URL has expired.
	ErrorCodeAuthenticationFailed ErrorCode = "AuthenticationFailed"
	// ErrorCodeInvalidRange is 416 of the storage host: the range is beyond the blob's end.
	ErrorCodeInvalidRange ErrorCode = "InvalidRange"
)

// HasCode reports whether err's chain holds a response of the registry with one
// of the codes.
func HasCode(err error, codes ...ErrorCode) bool {
	var respErr *azcore.ResponseError
	if !errors.As(err, &respErr) {
		return false
	}
	for _, c := range codes {
		if respErr.ErrorCode == string(c) {
			return true
		}
	}
	return false
}

// CorrelationID returns the X-Ms-Correlation-Request-Id of the response in err's
// chain, which Azure's support asks for, or "" (ACR protocol §1.3).
func CorrelationID(err error) string {
	resp := responseOf(err)
	if resp == nil {
		return ""
	}
	return resp.Header.Get(headerCorrelationID)
}
