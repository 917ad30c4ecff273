package signin

import (
	"fmt"
	"sync"
	"time"

	"github.com/acrkit/azcontainerregistry/emulator/internal/protocol"
)

// RateClass is a class of requests that share a limit (ACR protocol §5.1).
type RateClass int

const (
	ClassRead RateClass = iota
	ClassWrite
	ClassDelete
	ClassReferrers
	classOAuth
)

// throttleWindow is the time that the limits count for.
const throttleWindow = time.Minute

// rateLimit is the limits of a class in requests a minute: for a whole
// registry, and for one identity. Zero means no limit.
type rateLimit struct{ registry, identity int }

// rateLimits are the documented limits (ACR protocol §5.1).
var rateLimits = map[bool]map[RateClass]rateLimit{
	false: { // Basic and Standard
		ClassRead:      {10_000, 5_000},
		ClassWrite:     {2_000, 1_000},
		ClassDelete:    {1_000, 500},
		ClassReferrers: {500, 250},
		classOAuth:     {10_000, 0},
	},
	true: { // Premium
		ClassRead:      {20_000, 10_000},
		ClassWrite:     {4_000, 2_000},
		ClassDelete:    {4_000, 2_000},
		ClassReferrers: {2_000, 1_000},
		classOAuth:     {20_000, 0},
	},
}

// throttle counts requests in windows of a minute. Its zero value is ready.
type throttle struct {
	mu     sync.Mutex
	start  time.Time
	counts map[throttleKey]int
}

type throttleKey struct {
	registry, identity string
	class              RateClass
}

// take counts one request of a registry, or of an identity in it when
// identity is not empty, and refuses it when the window is full.
func (t *throttle) take(now time.Time, sku SKU, registry, identity string, class RateClass) *protocol.Refusal {
	classes := []RateClass{class}
	if class == ClassReferrers {
		classes = append(classes, ClassRead)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	// A clock that was turned back starts a new window too.
	if age := now.Sub(t.start); t.counts == nil || age >= throttleWindow || age < 0 {
		t.start, t.counts = now, map[throttleKey]int{}
	}
	limits := rateLimits[isPremium(sku)]
	for _, class := range classes {
		limit := limits[class].registry
		if identity != "" {
			limit = limits[class].identity
		}
		if limit > 0 && t.counts[throttleKey{registry, identity, class}] >= limit {
			left := throttleWindow - now.Sub(t.start)
			return &protocol.Refusal{Err: protocol.ErrTooManyRequests, RetryAfter: int((left + time.Second - 1) / time.Second)}
		}
	}
	for _, class := range classes {
		t.counts[throttleKey{registry, identity, class}]++
	}
	return nil
}

// oauthCalls counts a call of the token endpoints and returns the remaining
// rate that the response reports: a sixtieth less a call, out of the tier's
// calls a minute (ACR protocol §1.4, §12).
func (t *throttle) oauthCalls(now time.Time, sku SKU, registry string) float64 {
	perMinute := rateLimits[isPremium(sku)][classOAuth].registry
	t.mu.Lock()
	defer t.mu.Unlock()
	if age := now.Sub(t.start); t.counts == nil || age >= throttleWindow || age < 0 {
		t.start, t.counts = now, map[throttleKey]int{}
	}
	// Identity "rate" cannot be mistaken for a caller's: the class has no
	// limit by identity.
	key := throttleKey{registry, "rate", classOAuth}
	t.counts[key]++
	return max(0, float64(perMinute-t.counts[key])/60)
}

// isPremium reports whether a tier has the limits of Premium, which is the
// default.
func isPremium(sku SKU) bool { return sku == "" || sku == SKUPremium }

// callRates count down what is left of the calls of a kind that a registry may
// make in a second. They refill with time (ACR protocol §12).
type callRates struct {
	mu    sync.Mutex
	rates map[rateKey]*leakyRate
}

type rateKey struct{ registry, kind string }

type leakyRate struct {
	left float64
	at   time.Time
}

// rateRefill is how many seconds an empty rate takes to be full again.
const rateRefill = 8

// take counts one call and returns the value of the header that reports what
// is left: a whole number with six decimals.
func (c *callRates) take(now time.Time, key rateKey, full float64) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rates == nil {
		c.rates = map[rateKey]*leakyRate{}
	}
	rate := c.rates[key]
	if rate == nil {
		rate = &leakyRate{left: full, at: now}
		c.rates[key] = rate
	}
	if elapsed := now.Sub(rate.at).Seconds(); elapsed > 0 {
		rate.left = min(full, rate.left+elapsed*full/rateRefill)
	}
	rate.at = now
	rate.left = max(0, rate.left-1)
	return fmt.Sprintf("%d.000000", int(rate.left))
}

// RemainingDeletes counts a deletion and returns the value of the header that
// reports what is left of its rate.
func (s *Service) RemainingDeletes(reg *Registry) string {
	// The limits of an identity a second: 32 are left after the first deletion
	// on Premium, 8 otherwise.
	full := 9.0
	if isPremium(reg.Policies().SKU) {
		full = 33
	}
	return s.calls.take(s.clock.Now(), rateKey{reg.Name, "delete"}, full)
}

// RemainingQueries counts a query of the metadata and returns the value of the
// header that reports what is left of its rate (ACR protocol §13).
func (s *Service) RemainingQueries(reg *Registry) string {
	return s.calls.take(s.clock.Now(), rateKey{reg.Name, "query"}, 10)
}
