package attempt

import (
	"sync"
	"time"

	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// park holds the connections of one shard that nobody takes before they have been
// silent for a while: see strays. To the HostClient they are in use. The oldest is
// in front. The zero value, with release, is ready.
type park struct {
	release safely.Func // its timer: link.releaseParked
	mu      struct {
		sync.Mutex
		conns []*socket.Conn
		timer *time.Timer // runs while there are any
	}
}

// keep gives a connection, whose last answer was read to its end at lastNanos, to
// whoever comes next; at once, or when it has been silent.
func (k *link) keep(c *socket.Conn, e endedBy, lastNanos int64) {
	r, s := reuseOf(c), &k.clients.strays
	r.ending = e
	parked := false
	if s.doubts(e) {
		proven := s.owed[e].Load() <= 0
		parked = s.enter(proven)
		if !parked && !proven {
			c.LeavesNoPort()
			leases.drop(k.hc, c)
			return
		}
	}
	if !c.Rest(lastNanos) || r.IsOld() && c.Wake() {
		if parked {
			s.parked.Add(-1)
		}
		leases.drop(k.hc, c)
		return
	}
	if !parked {
		leases.put(k.hc, c)
		return
	}
	k.park.add(c, s.silence())
	for parked = true; parked && k.shelf.isClosed(); { // Close may have looked here before
		parked = k.closeParked()
	}
}

func (p *park) add(c *socket.Conn, waitNanos int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.conns = append(p.mu.conns, c)
	switch {
	case len(p.mu.conns) > 1:
	case p.mu.timer == nil:
		p.mu.timer = p.release.After(time.Duration(waitNanos))
	default:
		p.mu.timer.Reset(time.Duration(waitNanos))
	}
}

// due takes the oldest connection, if it was silent since dueNanos; else the timer
// is set for it.
func (p *park) due(nowNanos, silenceNanos int64) *socket.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.mu.conns) == 0 {
		return nil
	}
	wait := reuseOf(p.mu.conns[0]).IdleNanos() + silenceNanos - nowNanos
	if wait > 0 {
		p.mu.timer.Reset(max(time.Duration(wait), parkTick))
		return nil
	}
	return p.popLocked()
}

func (p *park) pop() *socket.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.popLocked()
}

func (p *park) popLocked() *socket.Conn {
	if len(p.mu.conns) == 0 {
		return nil
	}
	c := p.mu.conns[0]
	p.mu.conns[0] = nil
	if p.mu.conns = p.mu.conns[1:]; len(p.mu.conns) == 0 {
		p.mu.conns = nil
		p.mu.timer.Stop()
	}
	return c
}

func (p *park) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.mu.conns)
}

// releaseParked gives those that were silent for long enough to the pool. The
// park's timer calls it.
func (k *link) releaseParked() {
	s, nowNanos := &k.clients.strays, socket.Nanos()
	for c := k.park.due(nowNanos, s.silence()); c != nil; c = k.park.due(nowNanos, s.silence()) {
		s.parked.Add(-1)
		if !c.Wake() { // the loop has closed it
			leases.drop(k.hc, c)
			continue
		}
		r := reuseOf(c)
		if found := c.Look(); found != socket.FoundSilence {
			r.learn(found, nowNanos, false)
			leases.drop(k.hc, c)
			continue
		}
		s.silent(r.ending)
		if !c.Rest(r.IdleNanos()) {
			leases.drop(k.hc, c)
			continue
		}
		leases.put(k.hc, c)
	}
}

// dropIdle closes a connection that nobody uses any more; the loop may have done so.
func (k *link) dropIdle(c *socket.Conn) {
	c.Wake()
	leases.drop(k.hc, c)
}

// closeParked closes the oldest connection that is parked, for one that is needed
// now, and reports whether there was one.
func (k *link) closeParked() bool {
	c := k.park.pop()
	if c == nil {
		return false
	}
	k.clients.strays.parked.Add(-1)
	k.dropIdle(c)
	return true
}
