package engine

import (
	"slices"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// hedging is a route's hedge section, compiled: when the first attempt has no
// answer in time a second one is sent to another backend, and the first answer
// wins ("The Tail at Scale", Dean and Barroso 2013). The live percentile is a
// fact of the route's name and survives reloads.
type hedging struct {
	after time.Duration // 0: the live percentile
	live  *retry.Quantile
	max   int // rivals of one exchange
}

// hedgeP95 is the value of hedge.after that stands for the live percentile.
const hedgeP95 = "p95"

func newHedging(c *config.Hedge, live *retry.Quantile) *hedging {
	if c == nil {
		return nil
	}
	h := &hedging{live: live, max: c.Max}
	if c.After != hedgeP95 {
		h.after, _ = time.ParseDuration(c.After) // config has checked it
	}
	return h
}

// wait is how long an attempt stays alone; 0 is for ever.
func (h *hedging) wait() int64 {
	if h.after > 0 {
		return int64(h.after)
	}
	return h.live.Estimate()
}

// hedgeTime is the moment after which the attempt gets a rival; 0 is never. Only
// the first attempt of a request that may be sent twice, and is here as a whole,
// gets one, and not that of a client which belongs to its backend.
func (x *exchange) hedgeTime() int64 {
	h := x.route.hedge
	if h == nil || x.attempts != 1 || x.upgrading || x.fwd.stuck != nil || !x.body.Done() || x.upload.begun || !x.safeToRepeat() {
		return 0
	}
	wait := h.wait()
	if wait == 0 {
		return 0
	}
	return socket.After(x.fwd.beganNanos, time.Duration(wait))
}

// hedge goes on with an attempt whose answer is late: rivals are started as the
// policy says, and the first answer is the exchange's. A goroutine calls it. It
// returns the outcome of the attempt that is the exchange's then.
func (x *exchange) hedge() attempt.Outcome {
	f, h := &x.fwd, x.route.hedge
	r := &race{primary: x.attempt.Conn(), ended: make(chan *rival, h.max)}
	defer r.end()
	for {
		more := x.startRival(r) && len(r.rivals) < h.max
		f.hedgeBy = 0
		if more {
			f.hedgeBy = socket.After(socket.Nanos(), time.Duration(h.wait()))
		}
		out := x.awaitHead(x.lookBy())
		if out == attempt.Timeout && x.hedgeDue() {
			continue
		}
		if out == attempt.OK && r.state.CompareAndSwap(raceOpen, raceOver) {
			return out
		}
		if r.state.Load() == raceWon {
			out = attempt.Outrun
		}
		return x.settleRace(r, out)
	}
}

// hedgeDue reports that it is time for a rival, and not the end of the attempt.
func (x *exchange) hedgeDue() bool {
	f, nowNanos := &x.fwd, socket.Nanos()
	return f.hedgeBy != 0 && nowNanos >= f.hedgeBy && (f.headBy == 0 || nowNanos < f.headBy) && !x.nobodyWaits()
}

// nobodyWaits reports that the client has gone, or was cut by the drain.
func (x *exchange) nobodyWaits() bool { return x.clientGone || x.c.left.Load() || x.c.Aborted() }

// settleRace ends a race in which this attempt has ended with out and without an
// answer: a rival that has one, or gets one, takes its place.
func (x *exchange) settleRace(r *race, out attempt.Outcome) attempt.Outcome {
	left := x.patience(0).Bell.Rung()
	for range r.rivals {
		select {
		case v := <-r.ended:
			if v != nil {
				r.winner = v
				x.replace(v, out)
				return attempt.OK
			}
		case <-left:
			return out
		}
	}
	return out
}

// replace makes a rival's attempt the exchange's own. The one it replaces has
// ended with out.
func (x *exchange) replace(v *rival, out attempt.Outcome) {
	f := &x.fwd
	x.release(out)
	x.attempt, v.attempt = v.attempt, attempt.Attempt{}
	f.member, f.permit, f.beganNanos, f.open = v.member, v.permit, v.beganNanos, true
	f.judged = false
	f.headNanos = socket.Nanos()
	x.backendName = v.member.Address()
	x.c.backend.Store(x.attempt.Conn())
	if x.nobodyWaits() {
		x.attempt.Conn().Abort()
	}
	v.route.hedges[hedgeWon].Add(v.shard)
}

// startRival begins a hedged attempt on a backend that was not asked yet, within
// the route's retry budget.
func (x *exchange) startRival(r *race) bool {
	f := &x.fwd
	q, nowNanos := f.query, socket.Nanos()
	q.Random, q.NowNanos = random(), nowNanos
	q.Tried.Add(f.member.Index())
	m, _ := f.pool.Pick(q)
	if m == nil {
		return false
	}
	if !x.route.retry.Budget.Take(nowNanos) {
		x.refuse(retry.RefusalBudget)
		return false
	}
	permit, ok := m.Acquire(nowNanos)
	if !ok {
		return false
	}
	f.query.Tried.Add(m.Index())
	x.repeats[retry.CauseHedge]++
	v := &rival{
		race: r, attempt: attempt.Attempt{Client: x.attempt.Client}, bell: socket.NewBell(),
		head: slices.Clone(x.out), toHEAD: x.isHEAD, route: x.route, pool: f.pool,
		member: m, permit: permit, shard: x.c.shard.index, beganNanos: nowNanos,
		byNanos: socket.Earlier(f.byNanos, socket.Earlier(deadline(nowNanos, x.route.retry.PerTry), deadline(nowNanos, f.pool.timeouts.Read))),
	}
	r.rivals = append(r.rivals, v)
	safely.New("hedge", v.run, v.broken).Go()
	return true
}
