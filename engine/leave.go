package engine

import (
	"time"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/observe"
	records "github.com/isame-lb/isame-lb/engine/record"
	"github.com/isame-lb/isame-lb/pool"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// How an exchange waits. What a socket of its own will tell is waited for at that
// socket, whose deadline is set, and which is aborted from outside (conn.backend).
// Everything else (a dial, also that of another exchange, a place in a queue, the time
// before another attempt, a rival) is waited for with patience: until the deadline, and
// until the connection's bell rings. Both end when the client leaves (conn.leave) and
// when the drain cuts the connection (conn.cut). A goroutine waits; the loop never does.

// nobodyWaits is the one question whether anybody still wants the answer: the client has
// left (conn.leave), or we have cut its connection (conn.cut), or its stream was reset.
func (x *exchange) nobodyWaits() bool { return x.c.left.Load() || x.c.Aborted() }

// patience is how long the exchange waits for what is none of its sockets' business,
// byNanos at the latest.
func (x *exchange) patience(byNanos int64) socket.Patience {
	c := x.c
	b := c.bell.Load()
	if b == nil {
		b = socket.NewBell()
		c.bell.Store(b)
	}
	if x.nobodyWaits() { // before there was a bell to ring
		b.Ring()
	}
	return socket.Patience{ByNanos: byNanos, Bell: b}
}

// attemptBy is the deadline of the attempt under way: the route's, or its own.
func (x *exchange) attemptBy() int64 {
	return socket.Earlier(x.fwd.byNanos, deadline(x.fwd.beganNanos, x.route.retry.PerTry))
}

// waitFor waits for d; false when nobody waits for the exchange any more. The caller has
// seen that the deadline allows it.
func (x *exchange) waitFor(d time.Duration) bool {
	return socket.Await(x.patience(socket.After(socket.Nanos(), d)), nil) == socket.ErrLate //nolint:errorlint // unwrapped
}

// A client that leaves ends its exchange, wherever that stands: a backend must not work
// for nobody, and hold its place meanwhile. A reset, or the reset of a stream, says so at
// once. The end of the client's half does not: most have gone and cannot say so, a few
// still read (half-close). Those get what comes, and are given up when the backend says
// nothing for leaveGrace. A client that has gone meets the first bytes that come with a
// reset, so it is a silent backend alone that this is about: nginx ends the exchange at
// the end of the half already, HAProxy, asked to (abortonclose), before the answer alone.

// leaveGrace is how long a backend may be silent once its client has ended its half.
const leaveGrace = time.Second

// Hung is called when the client has left, or has ended its half, while a backend is
// asked for it: by the loop, also where a goroutine carries the exchange, and once more
// by the timer that this sets.
func (c *conn) Hung() {
	safely.Enter("leave")
	switch {
	case c.Broken(), c.graceIsOver():
		c.leave()
	default:
		nowNanos := socket.Nanos()
		c.leaveBy.CompareAndSwap(0, socket.After(nowNanos, leaveGrace))
		if !c.graced.CompareAndSwap(false, true) {
			return
		}
		wait := time.Duration(c.leaveBy.Load() - nowNanos)
		if wait <= 0 { // the client has not taken what there is
			wait = leaveGrace
		}
		safely.New("leave", c.lookAgain, c.lookAgain).After(wait)
	}
}

// lookAgain is the timer. It belongs to the connection and not to the exchange that set
// it, which may be over: what it finds is judged as if it were seen for the first time.
func (c *conn) lookAgain() {
	c.graced.Store(false)
	if c.leaveBy.Load() != 0 {
		c.Again()
	}
}

// graceIsOver reports that the backend was silent for the whole grace. Bytes that the
// client has not taken are its own affair: whoever has gone resets them.
func (c *conn) graceIsOver() bool {
	by := c.leaveBy.Load()
	return by != 0 && socket.Nanos() >= by && c.Queued() == 0
}

// leave ends the attempt under way and whatever else the exchange waits for.
func (c *conn) leave() {
	c.left.Store(true) // first: who wakes must see it
	c.endWaits()
}

// stays begins the grace anew: the backend has said something, and the client has taken
// it.
func (c *conn) stays() {
	if c.leaveBy.Load() != 0 {
		c.leaveBy.Store(socket.After(socket.Nanos(), leaveGrace))
	}
}

// forgetLeaving ends the grace with its exchange, or with what becomes a tunnel.
func (c *conn) forgetLeaving() {
	c.Unmind()
	if c.leaveBy.Load() != 0 {
		c.leaveBy.Store(0)
	}
}

// leave ends an exchange whose client has gone: nobody is there to answer.
func (x *exchange) leave() phase {
	x.status, x.end = attempt.ClientGone.Status(), end.ClientGone
	x.endRace()
	x.release(attempt.ClientGone)
	x.keep = false
	return atFinish
}

const (
	// answerDropMax bounds what is read of an answer that nobody gets, to keep its
	// connection, and answerDropTime how long a goroutine waits for it.
	answerDropMax  = 64 << 10
	answerDropTime = 50 * time.Millisecond
)

// dropAnswer reads the rest of an answer that another one is given for, where that is here
// or comes at once.
func (x *exchange) dropAnswer() {
	if !x.fwd.open || x.fwd.outcome != attempt.OK {
		return
	}
	a, byNanos := &x.attempt, socket.After(socket.Nanos(), answerDropTime)
	for dropped := 0; !a.Done() && dropped < answerDropMax; {
		data, out := a.Next(byNanos)
		if out != attempt.OK {
			return
		}
		dropped += len(data)
	}
}

// release ends the attempt under way: the upload is stopped, the connection
// given back or closed, the member told the outcome. It does nothing between
// attempts.
func (x *exchange) release(out attempt.Outcome) {
	f := &x.fwd
	whole := x.upload.stop(x)
	if f.open {
		ours := x.c.backend.Swap(nil) != nil
		f.open = false
		x.attempt.Conn().Unwatch()
		x.attempt.Close(ours && whole && x.body.Done() && out == attempt.OK, max(x.relayNanos, f.headNanos))
	}
	m := f.member
	if m == nil {
		return
	}
	f.member = nil
	nowNanos := socket.Nanos()
	status, latency := 0, int64(0)
	switch out { //nolint:exhaustive // the others teach nothing
	case attempt.OK:
		status, latency = x.attempt.Response.Status, f.headNanos-f.beganNanos
		if h := x.route.hedge; h != nil {
			h.Live.Observe(latency)
		}
	case attempt.Outrun:
		latency = nowNanos - f.beganNanos
	}
	b := f.pool.backends[m.Index()]
	b.Codes.Add(x.c.shard.index, status)
	x.measureAttempt(b, out)
	if out == attempt.OK && latency > 0 {
		f.pool.stats.Durations.Observe(x.c.shard.index, time.Duration(latency))
	}
	x.trail.Ended(x.endOf(out), x.attempt.Response.Status, f.headNanos, nowNanos)
	x.trail.Met(breakerOf(f.permit, m.Release(f.permit, out, status, nowNanos, latency)))
	f.last = answer.ForOutcome(out)
	f.query.Tried.Add(m.Index())
}

// endOf is how an attempt has ended: what looks like a client that has left may be a
// connection that we have cut.
func (x *exchange) endOf(out attempt.Outcome) end.End {
	if out == attempt.ClientGone && x.c.wasCut() {
		return end.Drained
	}
	return out.End()
}

// breakerOf is what an attempt was to a breaker, as the recorder says it.
func breakerOf(k pool.Permit, e pool.Effect) (b records.Breaker) {
	if k.IsTrial() {
		b = records.BreakerTrial
	}
	switch e {
	case pool.EffectOpened:
		b |= records.BreakerOpened
	case pool.EffectClosed:
		b |= records.BreakerClosed
	case pool.EffectNone:
	}
	return b
}

// measureAttempt counts how an attempt has ended, and what its backend took.
func (x *exchange) measureAttempt(b *observe.BackendStats, out attempt.Outcome) {
	f, shard := &x.fwd, x.c.shard.index
	if out == attempt.OK {
		took := f.headNanos - max(f.openNanos, f.beganNanos)
		b.FirstByte.Add(shard, took)
		x.c.shard.engine.registry.Phases.Add(shard, observe.PhaseFirstByte, took)
	}
	countFailure(b, shard, out)
}

// queued counts a wait for a turn in the pool, since then.
func (x *exchange) queued(sinceNanos int64) {
	shard, nanos := x.c.shard.index, socket.Nanos()-sinceNanos
	x.fwd.pool.stats.Waits.Observe(shard, time.Duration(nanos))
	x.c.shard.engine.registry.Phases.Add(shard, observe.PhaseQueue, nanos)
}

// abandon is release for an exchange that panicked.
func (x *exchange) abandon() {
	x.endRace()
	x.release(attempt.ClientGone)
	x.leavePool()
	if x.staged {
		x.endStages()
	}
}
