package diagnose

import "strings"

func tooLarge(ev *evidence) bool { return ev.status == 413 && ev.phase != phaseStorage }

func parsingFailed(ev *evidence) bool {
	return len(ev.entries) > 0 && strings.Contains(string(ev.entries[0].Detail), "parsing failed")
}

// uploadRange reports a 416 to a request that sends content. The service of
// 2024 gives no body with it (ACR protocol §4.5), so the request tells.
func uploadRange(ev *evidence) bool {
	if ev.status != 416 || ev.phase == phaseStorage {
		return false
	}
	if ev.code == "BLOB_UPLOAD_RANGE_INVALID" || strings.Contains(ev.path, "/blobs/uploads/") {
		return true
	}
	return ev.method == "PATCH" || ev.method == "PUT" || ev.method == "POST"
}
