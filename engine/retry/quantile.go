package retry

import "sync/atomic"

// Steps of a quantile, as shares of the estimate: large while little is known.
const (
	quantileLearning = 500 // samples
	quantileCoarse   = 64
	quantileFine     = 512
)

// Quantile follows the 95th percentile of a stream of durations without keeping
// them: each sample above the estimate moves it up by nineteen steps, each one
// below down by one step, so that it rests where 5 % lie above (stochastic
// approximation, Robbins and Monro 1951). A step is a share of the estimate, so
// it follows a change of scale within some hundred samples.
//
// Any goroutine may use it. Loads and stores are not one operation: a sample
// that is lost to another one moves nothing, which a stream survives.
type Quantile struct {
	nanos atomic.Int64
	seen  atomic.Uint32
}

// Observe adds a sample.
func (q *Quantile) Observe(nanos int64) {
	seen := q.seen.Load()
	if seen < quantileLearning {
		q.seen.Store(seen + 1)
	}
	at := q.nanos.Load()
	step := at / quantileFine
	if seen < quantileLearning {
		step = at / quantileCoarse
	}
	switch {
	case seen == 0:
		at = nanos
	case nanos > at:
		at += 19 * max(step, 1)
	default:
		at -= min(max(step, 1), at)
	}
	q.nanos.Store(at)
}

// Estimate is the percentile, 0 as long as too little is known.
func (q *Quantile) Estimate() int64 {
	if q.seen.Load() < quantileLearning/5 {
		return 0
	}
	return q.nanos.Load()
}
