package session

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Each client of a session has policies of its own, and they share what was
// shown.
func TestAWarningIsShownTwiceByTwoClients(t *testing.T) {
	var shown bytes.Buffer
	s := &Session{Stderr: &shown}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://myreg.azurecr.io/v2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for client := range 4 {
		notice := s.noticeWarnings()
		group.Go(func() {
			for _, text := range []string{"all", fmt.Sprint("client ", client)} {
				_, _ = notice(request, func() (*http.Response, error) {
					return &http.Response{Header: http.Header{"Warning": {`299 - "` + text + `"`}}}, nil
				})
			}
		})
	}
	group.Wait()
	if lines := strings.Count(shown.String(), "warning: myreg.azurecr.io: "); lines != 5 || strings.Count(shown.String(), ": all\n") != 1 {
		t.Errorf("%d warnings are shown, want 5 with one of them once:\n%s", lines, &shown)
	}
}
