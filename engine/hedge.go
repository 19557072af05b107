package engine

import (
	"slices"
	"time"

	"github.com/isame-lb/isame-lb/engine/retry"
	"github.com/isame-lb/isame-lb/pool/attempt"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// hedgeTime is the moment after which the attempt gets a rival; 0 is never. Only
// the first attempt of a request that may be sent twice, and is here as a whole,
// gets one, and not that of a client which belongs to its backend.
func (x *exchange) hedgeTime() int64 {
	h := x.route.hedge
	if h == nil || x.attempts != 1 || x.upgrading || x.fwd.stuck != nil || !x.body.Done() || x.upload.begun || !x.safeToRepeat() {
		return 0
	}
	wait := h.Wait()
	if wait == 0 {
		return 0
	}
	return socket.After(x.fwd.beganNanos, time.Duration(wait))
}

// hedge asks another backend, because the answer is late: atHedge.
func (x *exchange) hedge() phase {
	x.fwd.hedgeBy = x.nextRival()
	return atAwait
}

// hedgeDial is hedge for an attempt whose connection is late. Who waits for that calls
// it, and once more at the moment that it returns; 0 is never.
func (x *exchange) hedgeDial() int64 {
	f := &x.fwd
	if f.hedgeBy != 0 && socket.Nanos() >= f.hedgeBy {
		f.hedgeBy = x.nextRival()
	}
	return f.hedgeBy
}

// nextRival starts a rival, if it may, and returns when the next one is due; 0 is never.
func (x *exchange) nextRival() int64 {
	f, h := &x.fwd, x.route.hedge
	if f.race == nil {
		f.race = newRace(h.Max, x.patience(0).Bell)
		if f.open {
			f.race.opened(x.attempt.Conn())
		}
	}
	if !x.startRival(f.race) || len(f.race.rivals) == h.Max {
		return 0
	}
	return socket.After(socket.Nanos(), time.Duration(h.Wait()))
}

// hedgeDue reports that it is time for a rival, and not the end of the attempt.
func (x *exchange) hedgeDue() bool {
	f, nowNanos := &x.fwd, socket.Nanos()
	return f.hedgeBy != 0 && nowNanos >= f.hedgeBy && (f.headBy == 0 || nowNanos < f.headBy) && !x.nobodyWaits()
}

// claimRace ends the race, if there is one, by the answer of the exchange's own attempt;
// false: a rival was faster.
func (x *exchange) claimRace() bool {
	r := x.fwd.race
	if r == nil {
		return true
	}
	if !r.state.CompareAndSwap(raceOpen, raceOver) {
		return false
	}
	x.endRace()
	return true
}

// settle ends a race in which the exchange's own attempt has ended without an answer: a
// rival that has one, or gets one, takes its place. atSettle.
func (x *exchange) settle() phase {
	f, r := &x.fwd, x.fwd.race
	if r.state.Load() == raceWon {
		f.outcome = attempt.Outrun
	}
	x.c.bell.Store(nil) // the winner rings the one that the attempt has waited with
	r.winner = r.await(x.patience(0).Bell)
	if r.winner == nil {
		x.noteRivals(r)
	}
	x.endRace()
	if r.winner == nil {
		return atJudge
	}
	x.replace(r.winner, f.outcome)
	return atAnswer
}

// replace makes a rival's attempt the exchange's own. The one it replaces has
// ended with out.
func (x *exchange) replace(v *rival, out attempt.Outcome) {
	f := &x.fwd
	x.release(out)
	x.attempt, v.attempt = v.attempt, attempt.Attempt{}
	f.trying = trying{member: v.member, permit: v.permit, open: true, headNanos: socket.Nanos()}
	f.beganNanos = v.beganNanos
	x.backendName = v.member.Address()
	x.noteWinner(v)
	x.c.backend.Store(x.attempt.Conn())
	if x.nobodyWaits() {
		x.attempt.Conn().Abort()
	}
	v.route.hedges[retry.HedgeWon].Add(v.shard)
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
	head := slices.Clone(x.out)
	if host := x.hostFor(m); host != "" {
		head = wire.ReplaceHost(head, host)
	}
	v := &rival{
		race: r, attempt: attempt.Attempt{Client: x.attempt.Client}, bell: socket.NewBell(),
		head: head, toHEAD: x.isHEAD, route: x.route, pool: f.pool,
		member: m, permit: permit, shard: x.c.shard.index, beganNanos: nowNanos,
		byNanos: x.headBefore(nowNanos),
	}
	x.noteRival(v)
	if x.spanEnd > 0 { // it stands behind Host
		x.traceSpan.Put(v.head, x.spanEnd+len(v.head)-len(x.out), v.place)
	}
	r.rivals = append(r.rivals, v)
	safely.New("hedge", v.run, v.broken).Go()
	return true
}
