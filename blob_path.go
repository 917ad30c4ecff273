package azcontainerregistry

import "strconv"

// acceptBlob is what a blob is asked for as: its type says nothing.
const acceptBlob = "application/octet-stream, */*"

func blobPath(repository, digest string) string { return "/v2/" + repository + "/blobs/" + digest }

func uploadsPath(repository string) string { return "/v2/" + repository + "/blobs/uploads/" }

func manifestPath(repository, reference string) string {
	return "/v2/" + repository + "/manifests/" + reference
}

// rangeHeader writes a Range header's value for bytes first to last, both
// included; a negative last means to the end.
func rangeHeader(first, last int64) string {
	switch {
	case last >= 0:
		return "bytes=" + strconv.FormatInt(first, 10) + "-" + strconv.FormatInt(last, 10)
	case first > 0:
		return "bytes=" + strconv.FormatInt(first, 10) + "-"
	}
	return ""
}
