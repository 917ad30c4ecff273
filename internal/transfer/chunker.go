package transfer

import "time"

const (
	// firstCap is the size tried after a 413: some 20 MB were reported as the
	// limit of one request on Basic registries.
	firstCap = 16 << 20

	// leastCap is where a 413 is no longer answered with less.
	leastCap = 256 << 10

	// leastChunk and mostChunk bound the chunks after a broken connection. Less
	// than 4 MiB, the chunk of ACR's other libraries, costs more in round trips
	// than a fault costs in repetition.
	leastChunk = 4 << 20
	mostChunk  = 512 << 20
)

// chunker decides how much one request carries: everything, until the registry
// or the link says otherwise.
type chunker struct {
	fixed  int64 // by option
	cap    int64 // what the registry takes, after a 413
	size   int64 // what the link bears, after a break
	steady int
}

// next returns the size of the next request, -1 for everything there is.
func (c *chunker) next(rest int64) int64 {
	limit := int64(-1)
	for _, l := range []int64{c.fixed, c.cap, c.size} {
		if l > 0 && (limit < 0 || l < limit) {
			limit = l
		}
	}
	if rest >= 0 && (limit < 0 || rest < limit) {
		return rest
	}
	return limit
}

// failed learns from a request that broke off after sent bytes. It reports
// false when there is nothing smaller to try.
func (c *chunker) failed(class Class, asked, sent int64) bool {
	c.steady = 0
	switch {
	case class == TooLarge:
		if asked < 0 {
			asked = max(sent, 2*leastCap)
		}
		if asked <= leastCap {
			return false
		}
		c.cap = max(min(asked/2, firstCap), leastCap)
	case !rules[class].smaller:
	case c.size == 0:
		// A fourth of what got through: most chunks will.
		c.size = max(min(sent/4, mostChunk/8), leastChunk)
	default:
		c.size = max(c.size/2, leastChunk)
	}
	return true
}

// passed learns from a chunk that got through.
func (c *chunker) passed(n int64, took time.Duration) {
	if c.size == 0 || n < c.size {
		return
	}
	// A chunk of less than a second is mostly round trip.
	if c.steady++; c.steady < 2 && took >= time.Second {
		return
	}
	c.steady = 0
	if c.size *= 2; c.size > mostChunk {
		c.size = 0
	}
}
