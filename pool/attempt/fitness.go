package attempt

import (
	"time"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// fitness is what becomes of a connection that was taken from the pool.
type fitness uint8

const (
	fits fitness = iota
	fitsOthers
	fitsNobody
)

// fit judges c by its age, where one is known, and by a look at its socket.
func (a *Attempt) fit(c *socket.Conn, which Reuse) fitness {
	r := reuseOf(c)
	if !r.used {
		return fits
	}
	if !c.Wake() || r.IsOld() {
		return fitsNobody // the loop has closed it, or it has had its time
	}
	r.Begin()
	if r.home.deaths.Load() > 0 {
		a.openNanos = socket.Nanos()
	}
	if r.home.ages.known() {
		a.openNanos = socket.Nanos()
		age, limit := a.openNanos-r.IdleNanos(), r.home.ages.limit(a.openNanos)
		switch {
		case age > max(limit, retiredFloor):
			return fitsNobody
		case age > limit && which == ReuseSafe:
			return fitsOthers
		}
	}
	if found := c.Look(); found != socket.FoundSilence {
		r.learn(found, a.opened(), false)
		return fitsNobody
	}
	return fits
}

// opened is when the connection was taken. Where that was not noted, as nothing was
// known, it is later than it was, so it teaches less.
func (a *Attempt) opened() int64 {
	if a.openNanos == 0 {
		return socket.Nanos()
	}
	return a.openNanos
}

// observe learns from a pooled connection that the backend has closed, as its proof
// is, before the request was there.
func (a *Attempt) observe(c *socket.Conn) {
	r := reuseOf(c)
	r.home.ages.observe(socket.Nanos(), a.opened()-r.IdleNanos(), r.RoundTripNanos())
}

// mourn follows on a connection in use again that died when the backend may have had
// the request. One death says nothing of its age: the request may have been too much
// for the backend. One after the other, each at once, look like a backend that closes
// whatever is used again.
func (a *Attempt) mourn() {
	r := reuseOf(a.conn)
	again := r.home.deaths.Add(1) > 1
	if again && a.openNanos != 0 && socket.Nanos()-a.openNanos <= r.RoundTripNanos()+diedAtOnceNanos {
		a.observe(a.conn)
	}
}

// diedAtOnceNanos bounds the time, beside the way there and back, in which nobody can
// have done much about a request.
const diedAtOnceNanos = int64(5 * time.Millisecond)

// putBack returns c to the pool as if it had not been taken.
func (a *Attempt) putBack(c *socket.Conn) {
	if c.Rest(reuseOf(c).IdleNanos()) {
		leases.put(a.hc, c)
		return
	}
	a.observe(c)
	leases.drop(a.hc, c)
}

// unasked reports that the response was sent before the request was there: the
// last word of a backend that closes an idle connection (408), or stray bytes that
// crossed the request on their way, which must not become its answer. The kernel is
// asked, which costs a system call, where that is likely: a 408, the end of the
// connection behind it, and whoever is known for stray bytes, or may still send some.
func (a *Attempt) unasked() bool {
	r := reuseOf(a.conn)
	likely := a.Response.Status == statusRequestTimeout || a.conn.Ended() || !r.HasSent() || r.home.strays.doubts(r.ending)
	return likely && a.conn.Unreceived(nil)
}

const statusRequestTimeout = 408

// neverAsked draws the conclusion from an unasked response.
func (a *Attempt) neverAsked() Outcome {
	if r := reuseOf(a.conn); a.Response.Status == statusRequestTimeout {
		a.observe(a.conn)
	} else {
		r.home.strays.met(r.ending, 0)
	}
	return ReusedNeverReceived
}

// noHead is what bytes mean that are no response head. Where they are the first on a
// connection in use again they may be stray ones, and not what the backend says to
// this request: no byte of them has reached a client, and a request that may be sent
// twice is repeated once, on a fresh connection, where nobody has left anything. If
// the backend answers there, stray bytes they were.
func (a *Attempt) noHead() Outcome {
	if !a.reused || a.headed || a.conn.IsStream() {
		return BadResponse
	}
	r := reuseOf(a.conn)
	if a.conn.Unreceived(nil) {
		r.home.strays.met(r.ending, 0)
		return ReusedNeverReceived
	}
	a.suspect = doubt{a.link, r.ending}
	return ReusedBad
}

// confirm follows on an answer behind an attempt whose connection had said something
// else.
func (a *Attempt) confirm() {
	if s := a.suspect; s.link == a.link && !a.reused {
		a.link.clients.strays.met(s.ending, 0)
	}
	a.suspect = doubt{}
}
