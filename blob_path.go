package azcontainerregistry

// acceptBlob is what a blob is asked for as: its type says nothing.
const acceptBlob = "application/octet-stream, */*"

func blobPath(repository, digest string) string { return "/v2/" + repository + "/blobs/" + digest }

func uploadsPath(repository string) string { return "/v2/" + repository + "/blobs/uploads/" }

func manifestPath(repository, reference string) string {
	return "/v2/" + repository + "/manifests/" + reference
}
