package pace

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestARegistryWithFewCallsLeftIsGivenASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for value, want := range map[string]time.Duration{"0": time.Second, "1.99": time.Second, "2": 0, "166.65": 0, "": 0, "many": 0} {
			response := &http.Response{Header: http.Header{}}
			response.Header.Set(rateHeader, value)
			begun := time.Now()
			if err := After(t.Context(), response); err != nil || time.Since(begun) != want {
				t.Errorf("%q: %v after %v, want %v", value, err, time.Since(begun), want)
			}
		}
		if err := After(t.Context(), nil); err != nil {
			t.Error(err)
		}
	})
}

func TestAnEndedCommandDoesNotWait(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	cancel(reason)
	response := &http.Response{Header: http.Header{http.CanonicalHeaderKey(rateHeader): {"0"}}}
	if err := After(ctx, response); !errors.Is(err, reason) {
		t.Error(err)
	}
}
