package azcontainerregistry

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"time"
)

const (
	// unknownLifetime is assumed of a token that doesn't tell: what Docker's
	// token specification guarantees.
	unknownLifetime = time.Minute

	// maxLifetime bounds a lifetime that no registry gives, so that no
	// arithmetic overflows.
	maxLifetime = 30 * 24 * time.Hour
)

// tokenTimes reads issue and expiry of a token (ACR protocol §2.8). The
// payload is base64url; some issuers pad it, or use the standard alphabet.
func tokenTimes(token string) (issued, expires time.Time, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) < 2 {
		return time.Time{}, time.Time{}, false
	}
	payload := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(parts[1], "="))
	data, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return time.Time{}, time.Time{}, false
	}
	var claims struct {
		Exp, Iat, Nbf *float64
	}
	if json.Unmarshal(data, &claims) != nil || claims.Exp == nil {
		return time.Time{}, time.Time{}, false
	}
	expires, ok = unixTime(*claims.Exp)
	if !ok {
		return time.Time{}, time.Time{}, false
	}
	for _, from := range []*float64{claims.Iat, claims.Nbf} {
		if from != nil {
			if issued, ok := unixTime(*from); ok && issued.Before(expires) {
				return issued, expires, true
			}
		}
	}
	return time.Time{}, expires, true
}

func unixTime(seconds float64) (time.Time, bool) {
	// The year 9999; beyond it nothing is a time, and NaN compares false.
	if !(seconds > 0 && seconds < 253402300800) {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}

// freshExpiry is when a token that has just been fetched expires by this
// machine's clock. A token that tells its lifetime is right whatever the clock
// says.
func freshExpiry(token string, now time.Time) time.Time {
	issued, expires, ok := tokenTimes(token)
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
