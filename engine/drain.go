package engine

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/isame-lb/isame-lb/config"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// How listeners end, those of a shutdown and those that a reload has removed. No
// request that a client may count as sent is lost:
//
//	at once         answers say Connection: close. Connections that wait for a request
//	                stay, for it may be on its way: closing them would reset it. New
//	                connections are refused, those in the kernel's queue are accepted.
//	                Sessions of HTTP/2 and HTTP/3 are told by GOAWAY, new ones behind their
//	                first request.
//	idleShare       in its second half those that still wait leave, one after the
//	                other, each after a last look into its socket.
//
// With shutdown.jitter both happen to one connection after the other, by lot, over that
// share of the drain, so that clients do not all come to the next proxy at once: it is told
// with its next answer, and leaves an eighth of the drain later if it had none.
//
//	untilGoodbye    tunnels are asked to end.
//	end of the ctx  whatever is left is cut.
//
// Measured (drain_test.go, two cores): of 1,280 kept connections whose clients send all
// the time each lost its next request, and of 1,373 new connections 502 were accepted by
// the kernel and reset, when sockets and idle connections were closed at once. Now 0.

// The share of a drain in which idle connections leave: a quarter, and no more than
// idleShareMax. Clients that send every few seconds learn by Connection: close.
const (
	idleSharePart = 4
	idleShareMax  = 5 * time.Second
)

// keepLast remembers now for the connections of those listeners that cfg removes.
func (e *Engine) keepLast(now *table, cfg *config.Config) {
	kept := map[string]bool{}
	for name, l := range cfg.Listeners {
		kept[listenerKey(name, l.Address)] = true
	}
	for key, l := range e.apply.listeners {
		if !kept[key] {
			e.last.Store(l.slot, now)
		}
	}
}

// Shutdown stops accepting and lets exchanges finish until ctx ends; then it cuts
// what is left and returns how many connections that were. Ready is false from its
// beginning.
func (e *Engine) Shutdown(ctx context.Context) (cut int) {
	e.stopping.Store(true)
	e.soon("a reload under way", e.apply.Lock) // it ends first, and none begins any more
	ls := slices.Collect(maps.Values(e.apply.listeners))
	if e.apply.tidy != nil {
		e.apply.tidy.Stop()
	}
	e.apply.Unlock()
	e.stopKeepers(e.table.Load(), nil)
	cut = e.drain(ctx, ls)
	e.soon("stages", e.apply.stages.Close)
	e.soon("files", e.files.Close)
	for _, l := range ls {
		l.release()
	}
	close(e.stopped)
	e.soon("dials", e.errands.Close)
	e.soon("pools", func() {
		if t := e.table.Load(); t != nil {
			t.pools.Retire(nil, 0)
		}
		e.retirement.Wait()
	})
	e.soon("spans", func() { e.tracer.Close(ctx) })
	e.soon("metrics", func() { e.pusher.Close(ctx) })
	e.soon("event loops", e.closeLoops)
	e.forgetPanics()
	return cut
}

// soonAtMost is more than a step of the end takes behind the drain: the last export to a collector has
// five seconds (engine/otlp), and nothing else waits for anybody outside.
const soonAtMost = 6 * time.Second

// soon calls f, and says what it is where that takes longer than it should: whoever waits for the end
// of a process is to know what for.
func (e *Engine) soon(what string, f func()) {
	slow := safely.After(soonAtMost, "slow shutdown", func() {
		e.log.Warn().Str("waits_for", what).Msg("shutdown: this should have ended long ago; a goroutine dump (SIGQUIT) tells more")
	})
	defer slow.Stop()
	f()
}

// drain closes ls and lets their exchanges finish until ctx ends, then cuts the rest
// and returns how many connections were cut.
func (e *Engine) drain(ctx context.Context, ls []*listener) (cut int) {
	each := func(f func(*shard)) {
		for _, l := range ls {
			for _, s := range l.shards {
				f(s)
			}
		}
	}
	idle := newDeparture(ctx, e.jitter())
	each(func(s *shard) { s.drain(idle.toldAtOnce()) })
	for _, l := range ls {
		l.finish(idle.backlog)
	}
	leave := time.NewTimer(untilGoodbye(ctx))
	defer leave.Stop()
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for !ended(ls) || open(ls) > 0 {
		select {
		case <-ctx.Done():
			for _, l := range ls {
				l.close()
			}
			each(func(s *shard) {
				<-s.ended // before the last look
				cut += s.cut()
			})
			return cut
		case <-leave.C:
			each((*shard).leaveTunnels)
		case now := <-tick.C:
			for _, l := range ls {
				if l.hasEnded() {
					l.close() // its address is free for whoever comes next
				}
			}
			if told, leaving := idle.due(now); told+leaving > 0 {
				each(func(s *shard) { s.leave(told, leaving) })
			}
		}
	}
	for _, l := range ls {
		l.close()
	}
	return 0
}

// departure is when the idle connections of a drain leave. Each has a lot below
// lotsMax, so that clients that have to connect anew do not all come at once.
type departure struct {
	from, to, next time.Time
	lag            time.Duration // from the moment when a lot is told until it leaves; 0: all are told at once
	backlog        time.Duration // for the queue of accepted connections
}

// departureTick is how often idle connections are asked to leave: those that
// were busy the first time, too.
const departureTick = 100 * time.Millisecond

// newDeparture begins now. jitter is the share of the drain over which connections are
// told; 0: all of them are at once.
func newDeparture(ctx context.Context, jitter float64) departure {
	now := time.Now()
	end, ok := ctx.Deadline()
	share := min(end.Sub(now)/idleSharePart, idleShareMax)
	if !ok || share < 0 {
		share = 0 // there is nothing to wait for
	}
	d := departure{from: now.Add(share / 2), to: now.Add(share), backlog: min(share, backlogTime)}
	if jitter > 0 && share > 0 {
		d.lag = share / 2
		d.to = d.from.Add(time.Duration(jitter * float64(untilGoodbye(ctx)-d.lag)))
	}
	return d
}

// toldAtOnce is how many of the lots are told from the beginning.
func (d *departure) toldAtOnce() int {
	if d.lag == 0 {
		return lotsMax
	}
	return 0
}

// jitter is that of the running configuration.
func (e *Engine) jitter() float64 {
	if t := e.table.Load(); t != nil {
		return t.cfg.Shutdown.Jitter
	}
	return 0
}

// due is how many of the lots are told, and how many have to leave, where it is time to ask.
func (d *departure) due(now time.Time) (told, leaving int) {
	if now.Before(d.from.Add(-d.lag)) || now.Before(d.next) {
		return 0, 0
	}
	d.next = now.Add(departureTick)
	return d.lots(now.Add(d.lag)), d.lots(now)
}

func (d *departure) lots(at time.Time) int {
	switch {
	case at.Before(d.from):
		return 0
	case !at.Before(d.to):
		return lotsMax
	}
	return int(lotsMax * at.Sub(d.from) / d.to.Sub(d.from))
}

// ended reports that nobody accepts any more.
func ended(ls []*listener) bool {
	return !slices.ContainsFunc(ls, func(l *listener) bool { return !l.hasEnded() })
}

// hasEnded reports that everything in the queue of the kernel was accepted, and that
// nobody accepts any more.
func (l *listener) hasEnded() bool {
	for _, s := range l.shards {
		select {
		case <-s.ended:
		default:
			return false
		}
	}
	return true
}

func open(ls []*listener) (n int64) {
	for _, l := range ls {
		n += l.connections.Load() + l.streams.Load()
		if l.quic != nil {
			n += l.quic.unfinished()
		}
	}
	return n
}

// finish takes no new connections; those that the kernel has accepted are served.
// Sockets stay open until then: see hasEnded. All of them refuse first, for the kernel chooses
// among them.
func (l *listener) finish(backlog time.Duration) {
	if l.handed.Load() {
		l.abandon()
		return
	}
	for _, ln := range l.sockets {
		ln.Refuse()
	}
	for _, ln := range l.sockets {
		if ln.Loopback() {
			backlog = min(backlog, backlogTimeLocal)
		}
		ln.Finish(backlog)
	}
	l.stopQUIC()
}

// drain begins the drain: exchanges of connections whose lot is below lots are their last
// ones, and their sessions end.
func (s *shard) drain(lots int) {
	s.draining.Store(true)
	s.tell(lots)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaveSessionsLocked(lots)
}

// tell makes those exchanges the last ones of their connections whose lot is below lots.
func (s *shard) tell(lots int) {
	if int(s.leaving.Load()) < lots { // the drain alone writes it
		s.leaving.Store(int32(lots))
	}
}

func (s *shard) leaveSessionsLocked(lots int) {
	for c := s.mu.first; c != nil; c = c.next {
		if int(c.lot) < lots && c.state.Load() == stateSession && !c.leaveSession.Swap(true) {
			c.Again()
		}
	}
}

// leave tells those connections to leave with their next answer whose lot is below told,
// and asks those to leave at once that wait for a request and whose lot is below lots. When
// it is everybody's turn handshakes end, too.
func (s *shard) leave(told, lots int) {
	s.tell(told)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaveSessionsLocked(told)
	for c := s.mu.first; c != nil; c = c.next {
		switch state := c.state.Load(); {
		case (state == stateIdle || state == stateSession) && int(c.lot) < lots:
			c.leaveIdle.Store(true)
			c.Again()
		case state == stateHandshake && lots == lotsMax:
			c.Abort()
		}
	}
}

// leaveTunnels asks every tunnel to end.
func (s *shard) leaveTunnels() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.mu.first; c != nil; c = c.next {
		if state := c.state.Load(); state == stateTunnel || state == stateSession {
			c.leaveTunnel.Store(true)
			c.Again()
		}
	}
}

// cut ends every connection that is left and returns how many there were.
func (s *shard) cut() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.mu.first; c != nil; c = c.next {
		c.cut()
	}
	return s.mu.count
}
