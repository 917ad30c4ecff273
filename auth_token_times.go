package azcontainerregistry

import (
	"time"

	"github.com/acrkit/azcontainerregistry/internal/wire"
)

const (
	// unknownLifetime is assumed of a token that doesn't tell: what Docker's
	// token specification guarantees.
	unknownLifetime = time.Minute

	// maxLifetime bounds a lifetime that no registry gives, so that no
	// arithmetic overflows.
	maxLifetime = 30 * 24 * time.Hour
)

// freshExpiry is when a token that has just been fetched expires by this
// machine's clock. A token that tells its lifetime is right whatever the clock
// says.
func freshExpiry(token string, now time.Time) time.Time {
	issued, expires, ok := wire.TokenTimes(token)
	switch {
	case !ok || issued.IsZero() && !expires.After(now):
		// Nobody issues a token that has expired: a clock is wrong.
		return now.Add(unknownLifetime)
	case !issued.IsZero():
		return now.Add(min(expires.Sub(issued), maxLifetime))
	case expires.After(now.Add(maxLifetime)):
		return now.Add(maxLifetime)
	default:
		return expires
	}
}
