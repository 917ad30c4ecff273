package azcontainerregistry

import "errors"

// errPending is for the calls of upload.go and download.go that are being written.
var errPending = errors.New("not implemented yet")
