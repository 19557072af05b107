package retry

import (
	"time"

	"github.com/isame-lb/isame-lb/config"
)

// Hedging is a route's hedge section, compiled: when the first attempt has no
// answer in time a second one is sent to another backend, and the first answer
// wins ("The Tail at Scale", Dean and Barroso 2013). The live percentile is a
// fact of the route's name and survives reloads.
type Hedging struct {
	// Live is what attempts of the route take.
	Live *Quantile
	// Max bounds the rivals of one exchange.
	Max int

	after time.Duration // 0: the live percentile
}

// hedgeP95 is the value of hedge.after that stands for the live percentile.
const hedgeP95 = "p95"

// NewHedging compiles a section; nil, which hedges nothing, for nil.
func NewHedging(c *config.Hedge, live *Quantile) *Hedging {
	if c == nil {
		return nil
	}
	h := &Hedging{Live: live, Max: c.Max}
	if c.After != hedgeP95 {
		h.after, _ = time.ParseDuration(c.After) // config has checked it
	}
	return h
}

// Wait is how long an attempt stays alone, in nanoseconds; 0 is for ever.
func (h *Hedging) Wait() int64 {
	if h.after > 0 {
		return int64(h.after)
	}
	return h.Live.Estimate()
}

// Results of a hedged attempt, as isame_hedges_total names them.
const (
	HedgeWon = iota
	HedgeLost
	HedgeFailed
	HedgeResults
)

// HedgeNames are the words for them.
var HedgeNames = [HedgeResults]string{"won", "lost", "failed"}
