package protocol

import "net/http"

// StorageError is an error of the storage host, which responds in XML.
type StorageError struct {
	Status  int
	Code    string
	Message string
}

var (
	ErrStorageAuthorization = &StorageError{http.StatusBadRequest, "InvalidAuthenticationInfo", "Authentication information is not given in the correct format. Check the value of Authorization header."}
	ErrStorageSignature     = &StorageError{http.StatusForbidden, "AuthenticationFailed", "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature."}
	ErrStorageRange         = &StorageError{http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The range specified is invalid for the current size of the resource."}
	ErrStorageNotFound      = &StorageError{http.StatusNotFound, "BlobNotFound", "The specified blob does not exist."}
	ErrStorageMethod        = &StorageError{http.StatusMethodNotAllowed, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb."}
	ErrStorageInternal      = &StorageError{http.StatusInternalServerError, "InternalError", "The server encountered an internal error. Please retry the request."}
)

// StorageBody is an error body of Azure Storage (ACR protocol §4.4).
func StorageBody(err *StorageError) string {
	return `<?xml version="1.0" encoding="utf-8"?><Error><Code>` + err.Code + "</Code><Message>" + err.Message +
		"\nRequestId:00000000-0000-4000-8000-000000000000\nTime:2026-01-01T00:00:00.0000000Z</Message></Error>"
}
