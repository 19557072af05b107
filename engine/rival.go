package engine

import (
	"sync/atomic"

	"github.com/isame-lb/isame-lb/engine/observe"
	records "github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// States of a race. Open to over is the exchange's step: its first attempt has
// the answer, or nobody wants one any more. Open to won is the step of the rival
// that has an answer. Whoever takes it owns what follows; nothing leads back.
const (
	raceOpen int32 = iota
	raceOver
	raceWon
)

// race is what the attempts of one exchange that run side by side share. A rival
// that finds it decided cleans up after itself and never touches the exchange,
// which may be another one's by then.
type race struct {
	state   atomic.Int32
	primary atomic.Pointer[socket.Conn] // of the exchange's attempt, once that has one
	bell    *socket.Bell                // what that waits with before
	ended   chan *rival                 // once for each rival: itself when it has won, else nil
	rivals  []*rival                    // the exchange's goroutine alone reads and writes these
	heard   int                         // how much has come through ended
	winner  *rival                      // whose attempt the exchange has taken over
}

func newRace(rivals int, bell *socket.Bell) *race {
	return &race{bell: bell, ended: make(chan *rival, rivals)}
}

// opened notes the connection of the exchange's attempt.
func (r *race) opened(c *socket.Conn) {
	r.primary.Store(c)
	if r.state.Load() == raceWon { // the winner may not have seen it
		c.AbortRead()
	}
}

// outrun ends what the exchange's attempt waits for. The rival that has won calls it.
func (r *race) outrun() {
	if c := r.primary.Load(); c != nil {
		c.AbortRead()
	}
	r.bell.Ring()
}

// await waits for a rival that has an answer; nil: none gets one, or the bell has rung.
func (r *race) await(bell *socket.Bell) *rival {
	for r.heard < len(r.rivals) {
		select {
		case v := <-r.ended:
			r.heard++
			if v != nil {
				return v
			}
		case <-bell.Rung():
			return nil
		}
	}
	return nil
}

// end decides a race that is open, and stops every rival but the winner.
func (r *race) end() {
	unclaimed := !r.state.CompareAndSwap(raceOpen, raceOver) && r.state.Load() == raceWon && r.winner == nil
	for _, v := range r.rivals {
		if v == r.winner {
			continue
		}
		v.bell.Ring()
		if c := v.conn.Load(); c != nil {
			c.Abort()
		}
	}
	for unclaimed && r.heard < len(r.rivals) { // one has won just now, and nobody waits for it
		v := <-r.ended
		r.heard++
		if v != nil {
			v.end(attempt.Outrun)
			return
		}
	}
}

// rival is one hedged attempt. Its goroutine owns it until it has won.
type rival struct {
	race    *race
	conn    atomic.Pointer[socket.Conn] // for the end of the race
	bell    *socket.Bell                // likewise, before it has one
	attempt attempt.Attempt
	open    bool   // the attempt holds a connection
	head    []byte // of the request: the exchange may be gone while it is sent
	toHEAD  bool

	route      *routeEntry
	pool       *poolEntry
	member     *pool.Member
	permit     pool.Permit
	shard      int
	beganNanos int64
	byNanos    int64 // until then its response head is awaited

	place       uint8           // in the exchange's trail
	openedNanos int64           // when it had a connection
	out         attempt.Outcome // of one that has not won, once it has ended
	breaker     records.Breaker // likewise
}

// run is the goroutine.
func (v *rival) run() {
	r, out := v.race, v.try(attempt.ReuseFree)
	again := out.Retry() == attempt.RetryReusedIdle || out.Retry() == attempt.RetryNeverReceived
	if again && r.state.Load() == raceOpen {
		v.attempt.Close(false, 0)
		out = v.try(attempt.ReuseNone)
	}
	if out == attempt.OK && r.state.CompareAndSwap(raceOpen, raceWon) {
		r.outrun()
		r.ended <- v
		return
	}
	v.end(out)
	r.ended <- nil
}

// broken is the end of a goroutine that has met a bug.
func (v *rival) broken() {
	v.end(attempt.Reset)
	v.race.ended <- nil
}

// try makes the attempt, up to the head of the final answer. Interim answers are
// left out: which attempt they belong to would not be known.
func (v *rival) try(which attempt.Reuse) attempt.Outcome {
	a := &v.attempt
	v.open = false
	a.Patience = socket.Patience{ByNanos: v.byNanos, Bell: v.bell}
	if out := a.Open(v.member.Client(v.shard), which); out != attempt.OK {
		return out
	}
	v.open, v.openedNanos = true, socket.Nanos()
	v.conn.Store(a.Conn())
	if v.race.state.Load() != raceOpen { // who ends the race stops those it sees
		return attempt.Outrun
	}
	if out := a.Send(v.head, v.pool.timeouts.Write); out != attempt.OK {
		return out
	}
	for range interimMax + 1 { // the last one has to be final
		out := a.Head(v.toHEAD, v.byNanos)
		if out != attempt.OK {
			return out
		}
		if a.Response.Status >= 200 {
			return attempt.OK
		}
		if a.Response.Status == 101 {
			break
		}
	}
	return attempt.BadResponse
}

// end gives back what an attempt that has not won holds.
func (v *rival) end(out attempt.Outcome) {
	result := retry.HedgeFailed
	if out == attempt.OK || v.race.state.Load() != raceOpen {
		out, result = attempt.Outrun, retry.HedgeLost
	}
	v.out = out
	if v.open {
		v.attempt.Close(false, 0)
	}
	b := v.pool.backends[v.member.Index()]
	b.Codes.Add(v.shard, 0)
	countFailure(b, v.shard, out)
	v.breaker = breakerOf(v.permit, v.member.Release(v.permit, out, 0, socket.Nanos(), -1))
	v.route.hedges[result].Add(v.shard)
}

// interimMax bounds the 1xx answers of one attempt.
const interimMax = 32

// endRace stops the rivals, if there are any.
func (x *exchange) endRace() {
	if r := x.fwd.race; r != nil {
		x.fwd.race = nil
		r.end()
	}
}

// noteRival notes a rival that begins.
func (x *exchange) noteRival(v *rival) {
	v.place = x.trail.Rival(v.pool.recordedAs(v.member, &x.c.shard.engine.recorder.Names), x.startNanos, v.beganNanos)
}

// noteWinner notes that a rival's attempt, whose connection is the exchange's now, has
// taken the place of its own.
func (x *exchange) noteWinner(v *rival) {
	x.trail.Won(v.place, v.pool.recordedAs(v.member, &x.c.shard.engine.recorder.Names), x.startNanos, v.beganNanos)
	c := records.Connection{TookNanos: v.openedNanos - v.beganNanos, Reused: x.attempt.Reused()}
	c.MadeNanos, c.IdledNanos = x.attempt.Past()
	x.trail.Opened(c)
	if x.fwd.openNanos = v.openedNanos; !c.Reused {
		x.connected(v.member, c.TookNanos)
	}
}

// noteRivals notes how those of a race have ended that nobody has won. Where the client has
// left, some have not.
func (x *exchange) noteRivals(r *race) {
	if r.heard < len(r.rivals) {
		return
	}
	for _, v := range r.rivals {
		x.trail.Failed(v.place, v.out.End(), v.breaker)
	}
}

// countFailure counts an attempt that has failed, and not by its client's doing.
func countFailure(b *observe.BackendStats, shard int, out attempt.Outcome) {
	if out != attempt.OK && out != attempt.Outrun && out.Side() != end.SideClient {
		b.Failed(shard, out.End())
	}
}

// connected counts a new connection to a backend, that took so long.
func (x *exchange) connected(m *pool.Member, nanos int64) {
	shard := x.c.shard.index
	x.fwd.pool.backends[m.Index()].Connect.Add(shard, nanos)
	x.c.shard.engine.registry.Phases.Add(shard, observe.PhaseConnect, nanos)
}
