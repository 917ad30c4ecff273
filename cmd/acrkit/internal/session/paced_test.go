package session

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestAPacedClientWaitsWhereFewCallsAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://myreg.azurecr.io/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		for left, want := range map[string]time.Duration{"0.5": time.Second, "": 0, "100": 0} {
			begun := time.Now()
			response, err := paced(request, func() (*http.Response, error) {
				return &http.Response{Header: http.Header{"X-Ms-Ratelimit-Remaining-Calls-Per-Second": {left}}, Body: http.NoBody}, nil
			})
			if err != nil || response == nil || time.Since(begun) != want {
				t.Errorf("%q calls left: %v after %v, want %v", left, err, time.Since(begun), want)
			}
		}
	})
	count := func(s *Session) int { return len(s.clientOptions().PerRetryPolicies) }
	if count(&Session{Paced: true}) != count(&Session{})+1 {
		t.Error("a paced session has clients that aren't")
	}
}
