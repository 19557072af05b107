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
	return uint64(sum(c.stripes))
}

// Gauge is a sum that rises and falls, such as a number of open connections. A
// single stripe may be negative (opened in one shard, closed in another); the
// sum is not. Make it with NewGauge.
type Gauge struct {
	stripes []stripe
}

// NewGauge returns a gauge at 0 for shards 0 to shards-1. Fewer than one shard
// means one.
func NewGauge(shards int) *Gauge {
	return &Gauge{stripes: make([]stripe, max(shards, 1))}
}

// Add adds n, which may be negative, in the stripe of shard.
func (g *Gauge) Add(shard int, n int64) {
	g.stripes[shard].n.Add(n)
}

// Sum returns the value over all shards. A rise and its fall in two shards may
// be seen in the wrong order by a concurrent reader; the result is then shown
// as 0 instead of a negative number.
func (g *Gauge) Sum() int64 {
	return max(sum(g.stripes), 0)
}

func sum(stripes []stripe) int64 {
	var total int64
	for i := range stripes {
		total += stripes[i].n.Load()
	}
	return total
}
