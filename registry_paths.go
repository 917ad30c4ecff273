package azcontainerregistry

import (
	"net/url"
	"strings"
)

func blobPath(repository, digest string) string {
	return "/v2/" + url.PathEscape(repository) + "/blobs/" + url.PathEscape(digest)
}

func uploadsPath(repository string) string {
	return "/v2/" + url.PathEscape(repository) + "/blobs/uploads/"
}

func manifestPath(repository, reference string) string {
	return "/v2/" + url.PathEscape(repository) + "/manifests/" + url.PathEscape(reference)
}

// uploadRepository returns the repository that an upload's address is in.
func uploadRepository(u *url.URL) (string, bool) {
	_, rest, ok := strings.Cut(u.Path, "/v2/")
	if !ok {
		return "", false
	}
	// A repository's own name may have the words in it, the upload's id can't.
	at := strings.LastIndex(rest, "/blobs/uploads/")
	if at < 0 || checkRepository("location", rest[:at]) != nil {
		return "", false
	}
	return rest[:at], true
}

// repositoryPath returns the path of a repository in the /acr/v1 API.
func repositoryPath(name string) string { return "/acr/v1/" + url.PathEscape(name) }

func tagPath(name, tag string) string { return repositoryPath(name) + "/_tags/" + url.PathEscape(tag) }

func manifestPropertiesPath(name, digest string) string {
	return repositoryPath(name) + "/_manifests/" + url.PathEscape(digest)
}

func deletedPath(name string) string { return "/acr/v1/_deleted/" + url.PathEscape(name) }
