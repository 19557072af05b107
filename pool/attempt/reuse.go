package attempt

import (
	"github.com/isame-lb/isame-lb/pool/socket"
)

// Reuse says which pooled connections an attempt may take.
type Reuse uint8

const (
	// ReuseFree is for a request that can be sent again should the connection
	// turn out to be dead.
	ReuseFree Reuse = iota
	// ReuseSafe is for one that cannot: connections that are as old as those the
	// backend closes are not for it.
	ReuseSafe
	// ReuseNone dials, for the retry after a pooled connection died.
	ReuseNone
)

// retiredMax bounds the connections that one look of the loop throws away.
const retiredMax = 16

// reuse is what is known of a connection to a backend that is used again. Whoever uses
// the connection owns it, as what it has of a Kept.
type reuse struct {
	socket.Kept

	home      *Clients
	madeNanos int64
	lease     any     // what HostClient.AcquireConn returned, for its release
	used      bool    // a request was sent on it
	shelved   bool    // nobody uses it: see shelf
	ending    endedBy // of the last answer on it
}

// keep makes conn a connection to a backend that can be used again.
func (c *Clients) keep(conn *socket.Conn) {
	r, age := &reuse{home: c, madeNanos: socket.Nanos()}, c.Options.connections.MaxAge
	if age > 0 {
		age = socket.Sooner(age)
	}
	conn.Keep(&r.Kept, r, age)
}

// reuseOf is what keep has made for c.
func reuseOf(c *socket.Conn) *reuse {
	r, ok := c.Keeper().(*reuse)
	if !ok {
		panic("BUG: a connection that is not made to be used again")
	}
	return r
}

// Met implements Keeper.
func (r *reuse) Met(f socket.Found, nowNanos int64) { r.learn(f, nowNanos, true) }

// learn draws the conclusion from what was found on an idle connection at a time.
// prompt says that it has come just then, and was not only found.
func (r *reuse) learn(f socket.Found, nowNanos int64, prompt bool) {
	switch f {
	case socket.FoundEnd:
		r.home.ages.observe(nowNanos, nowNanos-r.IdleNanos(), r.RoundTripNanos())
	case socket.FoundStray:
		late := int64(0)
		if prompt {
			late = nowNanos - r.IdleNanos()
		}
		r.home.strays.met(r.ending, late)
	case socket.FoundSilence, socket.FoundAborted:
	}
}
