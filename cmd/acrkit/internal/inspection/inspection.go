// Package inspection says in the emulator's inspector why a request failed, in
// the words that the commands have for it.
package inspection

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/acrkit/azcontainerregistry/diagnose"
	"github.com/acrkit/azcontainerregistry/emulator"
)

// Diagnose explains one request by what it and its response said. A request
// whose connection was broken before a response has nothing to explain it by.
func Diagnose(r emulator.Request, x emulator.Exchange) []string {
	if r.Status == 0 {
		return []string{"the connection was broken before there was a response"}
	}
	request := &http.Request{
		Method: r.Method, URL: &url.URL{Scheme: "https", Host: r.Host, Path: r.Path}, Host: r.Host, Header: http.Header{}, Body: http.NoBody,
	}
	if path, err := url.PathUnescape(r.Path); err == nil {
		request.URL.Path, request.URL.RawPath = path, r.Path
	}
	for _, h := range x.RequestHeaders {
		request.Header.Add(h.Name, h.Value)
	}
	response := &http.Response{
		StatusCode: r.Status, Status: http.StatusText(r.Status), Header: http.Header{}, Request: request,
		Body: io.NopCloser(strings.NewReader(x.ResponseBody)),
	}
	for _, h := range x.ResponseHeaders {
		response.Header.Add(h.Name, h.Value)
	}
	d, known := diagnose.Explain(runtime.NewResponseError(response))
	if !known {
		return nil
	}
	lines := []string{d.Title + " (" + string(d.Code) + ")"}
	for _, seen := range d.Seen {
		lines = append(lines, "seen: "+seen.Text)
	}
	for _, cause := range d.Causes {
		lines = append(lines, "cause: "+cause.Text)
	}
	for _, fix := range d.Fix {
		lines = append(lines, "fix: "+fix)
	}
	return lines
}
