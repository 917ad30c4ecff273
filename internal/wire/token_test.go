package wire

import (
	"encoding/base64"
	"testing"
	"time"
)

func jwt(payload string) string {
	return "h." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".s"
}

func TestTokenTimes(t *testing.T) {
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
	for _, test := range []struct {
		token           string
		issued, expires time.Time
		ok              bool
	}{
		{jwt(`{"iat":100,"exp":200}`), at(100), at(200), true},
		{jwt(`{"nbf":100,"exp":200.0}`), at(100), at(200), true},
		{jwt(`{"iat":300,"exp":200}`), time.Time{}, at(200), true},
		{jwt(`{"exp":200}`), time.Time{}, at(200), true},
		{"h." + base64.StdEncoding.EncodeToString([]byte(`{"exp":200,"x":"??>>"}`)) + ".s", time.Time{}, at(200), true},
		{jwt(`{"iat":100}`), time.Time{}, time.Time{}, false},
		{jwt(`{"exp":-1}`), time.Time{}, time.Time{}, false},
		{jwt(`{"exp":1e300}`), time.Time{}, time.Time{}, false},
		{jwt(`{"exp":"soon"}`), time.Time{}, time.Time{}, false},
		{"opaque", time.Time{}, time.Time{}, false},
		{"a.!.c", time.Time{}, time.Time{}, false},
		{"", time.Time{}, time.Time{}, false},
	} {
		issued, expires, ok := TokenTimes(test.token)
		if ok != test.ok || !issued.Equal(test.issued) || !expires.Equal(test.expires) {
			t.Errorf("%s: %s, %s, %v", test.token, issued, expires, ok)
		}
	}
}

func FuzzTokenTimes(f *testing.F) {
	for _, seed := range []string{jwt(`{"iat":100,"exp":200}`), jwt(`{"exp":1e308}`), "a.b.c", "..", jwt(`[]`)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		issued, expires, ok := TokenTimes(token)
		if !ok && !(issued.IsZero() && expires.IsZero()) || ok && (expires.Year() > 9999 || issued.After(expires)) {
			t.Errorf("%q: %s, %s, %v", token, issued, expires, ok)
		}
	})
}
