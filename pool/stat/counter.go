// Package stat holds the counters of the hot path: striped by shard, padded,
// lock-free and without allocation once a cell exists. Who counts writes the
// stripe of its own shard; who reads sums all of them.
//
// Every room may import it; it imports the standard library only. Start with
// Counter, then Codes (a table of status codes) and Histogram (durations).
//
// All readers are weakly consistent: a sum taken while others count lies
// between the value at its begin and the value at its end, and never falls.
package stat

import "sync/atomic"

// lineBytes is the size of a cache line. Two stripes never share one, so that
// shards on different cores do not take it from each other.
const lineBytes = 64

// stripe is the cell of one shard, alone on its cache line.
type stripe struct {
	n atomic.Int64
	_ [lineBytes - 8]byte
}

// Counter is a sum that only grows. Make it with NewCounter; the zero value has
// no stripes and must not be used. It must not be copied after first use.
type Counter struct {
	stripes []stripe
}

// NewCounter returns a counter at 0 for shards 0 to shards-1. Fewer than one
// shard means one.
func NewCounter(shards int) *Counter {
	return &Counter{stripes: make([]stripe, max(shards, 1))}
}

// Add adds n, which must not be negative, in the stripe of shard. Any number of
// goroutines may call it at the same time, also for the same shard.
func (c *Counter) Add(shard int, n int64) {
	c.stripes[shard].n.Add(n)
}

// Sum returns what was added in all shards.
func (c *Counter) Sum() uint64 {
	var total int64
	for i := range c.stripes {
		total += c.stripes[i].n.Load()
	}
	return uint64(total)
}
