package session

import (
	"fmt"
	"net/http"
	"time"

	"github.com/acrkit/azcontainerregistry/cmd/acrkit/internal/output"
	"github.com/acrkit/azcontainerregistry/internal/pattern"
	"github.com/acrkit/azcontainerregistry/internal/redact"
)

// warning is the text of a Warning header (RFC 7234 §5.5): a code, an agent, and
// the text in quotes. The distribution specification uses 299 alone.
var warning = pattern.New(`^\s*(\d{3})\s+\S+\s+"((?:[^"\\]|\\.)*)"`)

// maxWarnings bounds how many different warnings are shown of a command.
const maxWarnings = 10

// noticeWarnings shows what a server warns of, each text once.
func (s *Session) noticeWarnings() around {
	return func(request *http.Request, next func() (*http.Response, error)) (*http.Response, error) {
		response, err := next()
		if response == nil {
			return response, err
		}
		for _, value := range response.Header.Values("Warning") {
			text := value
			if m := warning.FindStringSubmatch(value); m != nil {
				text = m[2]
			}
			line := fmt.Sprintf("warning: %s: %s", request.URL.Host, output.Clean(redact.Text(text)))
			s.hearing.Lock()
			if s.heard == nil {
				s.heard = map[string]bool{}
			}
			if !s.heard[line] && len(s.heard) < maxWarnings {
				s.heard[line] = true
				s.Note("%s", line)
			}
			s.hearing.Unlock()
		}
		return response, err
	}
}

// waitingAfter is how long a request goes without a response before that is said.
const waitingAfter = 5 * time.Second

// noticeWaiting says that a command waits, and for what, where nothing else
// shows it. It says so once a request.
func (s *Session) noticeWaiting() around {
	return func(request *http.Request, next func() (*http.Response, error)) (*http.Response, error) {
		if s.Busy {
			return next()
		}
		timer := time.AfterFunc(waitingAfter, func() {
			s.Note("waiting for %s to respond to a %s; no response for %s (--timeout sets a limit)", request.URL.Host, request.Method, waitingAfter)
		})
		defer timer.Stop()
		return next()
	}
}
