package transfer

import "time"

const (
	// firstCap is the size tried after a 413: some 20 MB were reported as the
	// limit of one request on Basic registries.
	firstCap = 16 << 20

	// leastCap is the smallest request size that follows from a 413, in bytes.
	leastCap = 256 << 10

	// leastChunk and mostChunk bound the chunks after a broken connection.
	leastChunk = 1 << 20
	mostChunk  = 512 << 20

	// partTime is how long one request should take: what breaks costs no more
	// than that, and an upload that is told to stop can finish it. A round trip
	// of 50 ms between two requests is then a thirtieth of the time.
	partTime = 1500 * time.Millisecond

	// firstPart is the size of the first request, while the rate isn't known,
	// and firstResumablePart that of an upload that may have to stop after it:
	// on a link of 1 MB/s it takes a second.
	firstPart          = 16 << 20
	firstResumablePart = 1 << 20

	// leastPart and mostPart bound what one request carries, and partGrowth how
	// much more than the one before.
	leastPart  = 64 << 10
	mostPart   = 256 << 20
	partGrowth = 8
)

// chunker decides how much one request carries: as much as goes in partTime,
// or less when the registry or the link asks for it.
type chunker struct {
	fixed  int64 // by option
	part   int64 // what goes in partTime
	cap    int64 // what the registry takes, after a 413
	size   int64 // what the link carries without breaking, after a break
	steady int
	budget *Budget
}

func newChunker(o UploadOptions) chunker {
	c := chunker{fixed: o.ChunkSize, part: firstPart, budget: o.Budget}
	if o.OnCheckpoint != nil {
		c.part = firstResumablePart
	}
	if rate := o.Budget.uploadRate(); rate > 0 {
		c.part = partFor(rate, mostPart)
	}
	return c
}

// partFor returns what goes in partTime at a rate in bytes a second.
func partFor(rate float64, most int64) int64 {
	return int64(max(min(rate*partTime.Seconds(), float64(most), mostPart), leastPart))
}

// next returns the size of the next request, -1 for everything there is.
func (c *chunker) next(rest int64) int64 {
	limit := int64(-1)
	for _, l := range []int64{c.fixed, c.cap, c.size} {
		if l > 0 && (limit < 0 || l < limit) {
			limit = l
		}
	}
	if c.part > 0 && (limit < 0 || c.part < limit) {
		if rest >= 0 && rest <= c.part+c.part/4 && (limit < 0 || rest <= limit) {
			return rest // a small remainder is no request of its own
		}
		limit = c.part
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
	if c.part > 0 && n >= leastPart {
		c.part = partGrowth * c.part
		if took > 0 {
			rate := float64(n) / took.Seconds()
			c.part = partFor(rate, c.part)
			c.budget.noteUploadRate(rate)
		}
		c.part = min(c.part, mostPart)
	}
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
