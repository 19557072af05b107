package load

import (
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/bench/hist"
)

// Cause says why a request got no valid answer.
type Cause uint8

// The causes, in the order in which they are printed.
const (
	CauseRefused  Cause = iota // connect: refused
	CauseConnect               // connect: any other failure
	CauseTLS                   // handshake failed
	CauseTimeout               // no complete answer in time
	CauseReset                 // connection reset while a request was under way
	CauseClosed                // closed before the first byte of an answer
	CauseCut                   // closed inside an answer
	CauseFraming               // the answer is not well-framed HTTP/1.1
	CauseNoSocket              // this machine has no descriptor or port left
	CauseOther                 // any other read or write error
	causes
)

// String names the cause as it stands in JSON.
func (c Cause) String() string {
	return [causes]string{
		"refused", "connect", "tls", "timeout", "reset", "closed", "cut", "framing", "no_socket", "other",
	}[c]
}

// slots is how many intervals of a run are kept; when they are full, each pair
// becomes one and they last twice as long.
const (
	slots     = 240
	slotStart = 100 * time.Millisecond
)

// slot is one interval of a run.
type slot struct {
	latency *hist.H
	errors  uint64
}

// recorder counts what one worker sees. The worker owns it, apart from live.
type recorder struct {
	latency *hist.H
	connect *hist.H
	lag     *hist.H // open loop: how late we sent although a connection was free
	status  [600]uint64
	errors  [causes]uint64
	samples [causes]string // first error text seen for each cause

	answers  uint64
	handled  uint64 // answers, those of the warm-up too
	inTime   uint64 // answers within the measured time, whenever they were asked for
	bytesIn  uint64
	bytesOut uint64
	opened   uint64 // connections
	resumed  uint64 // TLS sessions
	unsent   uint64 // due, but no connection was free until the end

	series  []slot
	slotLen int64
	slotEnd int64
	slotNow int

	live live
}

// live is what others may read during the run.
type live struct {
	answers, errors atomic.Uint64
	p50, p99        atomic.Int64
}

func newRecorder(warm int64) *recorder {
	r := &recorder{
		latency: hist.New(hist.Fine), connect: hist.New(hist.Fine), lag: hist.New(hist.Fine),
		series: make([]slot, slots), slotLen: int64(slotStart), slotEnd: warm + int64(slotStart),
	}
	for i := range r.series {
		r.series[i].latency = hist.New(hist.Coarse)
	}
	return r
}

// answer counts a complete answer.
func (r *recorder) answer(status int, latency, now int64) {
	r.status[status]++
	r.answers++
	r.latency.Record(latency)
	r.advance(now)
	r.series[r.slotNow].latency.Record(latency)
}

// fail counts a request without a valid answer. Its latency is not recorded,
// except for a timeout, which is at least as slow as it was waited for.
func (r *recorder) fail(cause Cause, err error, latency, now int64) {
	r.errors[cause]++
	if r.samples[cause] == "" && err != nil {
		r.samples[cause] = err.Error()
	}
	r.advance(now)
	r.series[r.slotNow].errors++
	if cause == CauseTimeout {
		r.latency.Record(latency)
		r.series[r.slotNow].latency.Record(latency)
	}
}

// late counts a request that was due but never sent. It has waited for at least
// the given time, which is recorded: leaving it out would hide the worst.
func (r *recorder) late(waited int64) {
	r.unsent++
	r.latency.Record(waited)
}

// advance moves to the slot that now falls into.
func (r *recorder) advance(now int64) {
	for now >= r.slotEnd {
		s := &r.series[r.slotNow]
		r.live.p50.Store(s.latency.Quantile(0.5))
		r.live.p99.Store(s.latency.Quantile(0.99))
		if r.slotNow == slots-1 {
			r.halve()
			continue
		}
		r.slotNow++
		r.slotEnd += r.slotLen
	}
}

// halve joins each pair of slots, all of them over, and opens the next one.
func (r *recorder) halve() {
	for i := range slots {
		from := r.series[i]
		to := &r.series[i/2]
		if i%2 == 0 {
			to.latency, from.latency = from.latency, to.latency
			to.errors = from.errors
			r.series[i].latency = from.latency
			continue
		}
		to.latency.Merge(from.latency)
		to.errors += from.errors
	}
	for i := slots / 2; i < slots; i++ {
		r.series[i].latency.Reset()
		r.series[i].errors = 0
	}
	r.slotNow = slots / 2
	r.slotLen *= 2
	r.slotEnd += r.slotLen
}

// publish lets others see the counters.
func (r *recorder) publish() {
	errors := uint64(0)
	for _, n := range r.errors {
		errors += n
	}
	r.live.answers.Store(r.answers)
	r.live.errors.Store(errors)
}
