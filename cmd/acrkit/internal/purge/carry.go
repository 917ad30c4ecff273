package purge

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// notThere reports that the registry has no such thing.
func notThere(err error) bool { return hasStatus(err, http.StatusNotFound) }

func hasStatus(err error, status int) bool {
	var response *azcore.ResponseError
	return errors.As(err, &response) && response.StatusCode == status
}

// rateHeader is how many calls are left in this second, as the registry says on
// its responses to deletions (ACR protocol §1.3).
const rateHeader = "X-Ms-Ratelimit-Remaining-Calls-Per-Second"

// Pace waits as long as the registry's header of a deletion asks for: with less
// than two calls left, until one is left again at the least that registries
// allow. Without the header it doesn't wait.
func Pace(ctx context.Context, response *http.Response) error {
	if response == nil {
		return nil
	}
	left, err := strconv.ParseFloat(response.Header.Get(rateHeader), 64)
	if err != nil || left >= 2 {
		return nil
	}
	const refill = time.Second // the count is of calls a second
	timer := time.NewTimer(refill)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
