package wire

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"time"
)

// TokenClaims reads the payload of a JSON Web Token (RFC 7519) into v and
// reports whether there was one. It verifies no signature: claims are to be
// shown, or used as hints, never to be trusted. The payload is base64url; some
// issuers pad it or use the standard alphabet.
func TokenClaims(token string, v any) bool {
	parts := strings.Split(token, ".")
	if len(parts) < 2 {
		return false
	}
	payload := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(parts[1], "="))
	data, err := base64.RawURLEncoding.DecodeString(payload)
	return err == nil && json.Unmarshal(data, v) == nil
}

// TokenTimes reads when a token was issued and when it expires (ACR protocol
// §2.8). ok is false when it doesn't say when it expires; issued is zero when it
// doesn't say when it was issued.
func TokenTimes(token string) (issued, expires time.Time, ok bool) {
	var claims struct {
		Exp, Iat, Nbf *float64
	}
	if !TokenClaims(token, &claims) || claims.Exp == nil {
		return time.Time{}, time.Time{}, false
	}
	expires, ok = NumericDate(*claims.Exp)
	if !ok {
		return time.Time{}, time.Time{}, false
	}
	for _, from := range []*float64{claims.Iat, claims.Nbf} {
		if from != nil {
			if issued, ok := NumericDate(*from); ok && issued.Before(expires) {
				return issued, expires, true
			}
		}
	}
	return time.Time{}, expires, true
}

// NumericDate converts a claim's seconds since 1970 to a time. ok is false
// before 1970 and after the year 9999.
func NumericDate(seconds float64) (t time.Time, ok bool) {
	// NaN compares false.
	if !(seconds > 0 && seconds < 253402300800) {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}
