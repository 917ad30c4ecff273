package wire

import (
	"bytes"
	"strings"
	"time"
)

// Time reads a timestamp: RFC 3339 in any case, with any number of fractional digits; one
// without a zone is UTC (ACR protocol §1.7).
func (s *Scanner) Time() time.Time {
	s.Peek()
	at := s.at
	raw := s.Bytes()
	if s.err != nil {
		return time.Time{}
	}
	if len(raw) > 0 && bytes.Equal(raw, s.latest) {
		return s.latestTime
	}
	t, ok := usualTime(raw)
	if !ok {
		var err error
		if t, err = anyTime(string(raw)); err != nil {
			s.at = at
			s.Fail("a timestamp")
			return time.Time{}
		}
	}
	s.latest, s.latestTime = raw, t
	return t
}

func anyTime(text string) (time.Time, error) {
	text = strings.ToUpper(text)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05", text)
	}
	return t, err
}

// usualTime reads a timestamp in the form that ACR writes,
// 2006-01-02T15:04:05.0000000Z with up to nine fractional digits or none, a
// quarter of the work that package time has with any form. Whatever else it is
// given, and every date that isn't one, it leaves to that.
func usualTime(raw []byte) (time.Time, bool) {
	const whole = len("2006-01-02T15:04:05")
	if len(raw) <= whole || raw[4] != '-' || raw[7] != '-' || raw[10] != 'T' || raw[13] != ':' || raw[16] != ':' || raw[len(raw)-1] != 'Z' {
		return time.Time{}, false
	}
	ok := true
	number := func(from, to int) int {
		n := 0
		for _, c := range raw[from:to] {
			if c < '0' || c > '9' {
				ok = false
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := number(0, 4), number(5, 7), number(8, 10)
	hour, minute, second := number(11, 13), number(14, 16), number(17, 19)
	nanoseconds := 0
	if fraction := raw[whole : len(raw)-1]; len(fraction) > 0 {
		if fraction[0] != '.' || len(fraction) == 1 || len(fraction) > 10 {
			return time.Time{}, false
		}
		nanoseconds = number(whole+1, len(raw)-1)
		for range 10 - len(fraction) {
			nanoseconds *= 10
		}
	}
	// The 29th to the 31st are days of some months only.
	if !ok || month < 1 || month > 12 || day < 1 || day > 28 && day > lastDay(year, month) || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nanoseconds, time.UTC), true
}

func lastDay(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
