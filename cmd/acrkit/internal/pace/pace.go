// Package pace slows down for a registry that says how many calls it has left.
package pace

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// rateHeader is how many calls are left in this second, as the registry says on
// its responses (ACR protocol §1.3).
const rateHeader = "X-Ms-Ratelimit-Remaining-Calls-Per-Second"

// After waits as long as the registry's header of a response asks for: with less
// than two calls left, until one is left again at the least that registries
// allow. Without the header it doesn't wait.
func After(ctx context.Context, response *http.Response) error {
	if response == nil {
		return nil
	}
	left, err := strconv.ParseFloat(response.Header.Get(rateHeader), 64)
	if err != nil || left >= 2 {
		return nil
	}
	const refill = time.Second // the count is of calls a second
	return Wait(ctx, refill)
}

// Wait waits, or ends with the cause of the context's end.
func Wait(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
