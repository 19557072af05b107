package ctl

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/pool/safely"
)

// rateSeconds is how many seconds requests_per_second looks back.
const rateSeconds = 10

// rate is the mean of a counter's growth over the last seconds. run is its
// only writer; perSecond may be read by any goroutine. The zero value is 0/s.
type rate struct {
	totals [rateSeconds + 1]uint64 // ring of samples, a second apart
	taken  int                     // samples so far
	bits   atomic.Uint64           // the float64 that is shown
}

// run samples total once a second until stop is closed.
func (r *rate) run(total func() uint64, stop <-chan struct{}) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	sample := func() { r.add(total()) }
	safely.Do("rate", sample, nil)
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			safely.Do("rate", sample, nil)
		}
	}
}

// add takes the sample of this second. A counter that fell back counts as 0/s.
func (r *rate) add(total uint64) {
	r.totals[r.taken%len(r.totals)] = total
	r.taken++
	span := min(r.taken-1, rateSeconds)
	if span == 0 {
		return
	}
	oldest := r.totals[(r.taken-1-span)%len(r.totals)]
	perSecond := 0.0
	if total > oldest {
		perSecond = float64(total-oldest) / float64(span)
	}
	r.bits.Store(math.Float64bits(perSecond))
}

// perSecond is the mean over the last ten seconds, or since the start.
func (r *rate) perSecond() float64 {
	return math.Float64frombits(r.bits.Load())
}
