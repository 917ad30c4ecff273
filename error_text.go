package azcontainerregistry

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/acrkit/azcontainerregistry/internal/redact"
)

// maxMessage bounds what of a server's text goes into one of our messages.
const maxMessage = 400

// describe says what err is in one line, without secrets. azcore's own text
// for a [*azcore.ResponseError] takes a dozen.
func describe(err error) string {
	if err == nil {
		return "unknown cause"
	}
	respErr, ok := err.(*azcore.ResponseError)
	if !ok {
		return redact.Text(err.Error())
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d", respErr.StatusCode)
	if respErr.ErrorCode != "" {
		b.WriteString(" " + oneLine(respErr.ErrorCode))
	} else if text := http.StatusText(respErr.StatusCode); text != "" {
		b.WriteString(" " + text)
	}
	if resp := respErr.RawResponse; resp != nil {
		if message := errorMessage(resp); message != "" {
			b.WriteString(": " + message)
		}
		if home := resp.Request; home != nil && home.URL != nil && isDataHost(resp) {
			b.WriteString(" (from " + home.URL.Host + ")")
		}
		if id := resp.Header.Get(headerCorrelationID); id != "" {
			b.WriteString(" (correlation id " + oneLine(id) + ")")
		}
	}
	return redact.Text(b.String())
}

// isDataHost reports whether a response came from a storage host: a login
// server always names itself by this header (ACR protocol §1.3), storage by
// the other (§4.4).
func isDataHost(resp *http.Response) bool {
	return resp.Header.Get("X-Ms-Version") != "" || resp.Header.Get("X-Ms-Blob-Type") != "" ||
		strings.HasPrefix(resp.Header.Get("Content-Type"), "application/xml")
}

func errorMessage(resp *http.Response) string {
	body, err := runtime.Payload(resp)
	if err != nil {
		return ""
	}
	if message := firstError(body).Message; message != "" {
		return oneLine(message)
	}
	if !utf8.Valid(body) {
		return ""
	}
	return oneLine(string(body))
}

// oneLine makes a server's text fit into a message: no line breaks, no control
// characters, no more than maxMessage bytes.
func oneLine(s string) string {
	if len(s) > 4*maxMessage {
		s = s[:4*maxMessage]
	}
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError
	}), " ")
	if len(s) > maxMessage {
		cut := maxMessage
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return s
}

// startOf is as much of a body as tells what it is.
func startOf(body []byte) string {
	const most = 80
	return redact.Text(string(body[:min(len(body), most)]))
}
