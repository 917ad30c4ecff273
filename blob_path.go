package azcontainerregistry

import "net/url"

// acceptBlob is what a blob is asked for as: its type says nothing.
const acceptBlob = "application/octet-stream, */*"

func blobPath(repository, digest string) string {
	return "/v2/" + url.PathEscape(repository) + "/blobs/" + url.PathEscape(digest)
}

func uploadsPath(repository string) string {
	return "/v2/" + url.PathEscape(repository) + "/blobs/uploads/"
}

func manifestPath(repository, reference string) string {
	return "/v2/" + url.PathEscape(repository) + "/manifests/" + url.PathEscape(reference)
}
