package engine

import (
	"time"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// How an exchange waits. What a socket of its own will tell is waited for at that
// socket, whose deadline is set, and which is aborted from outside (conn.backend).
// Everything else (a dial, also that of another exchange, a place in a queue, the time
// before another attempt, a rival) is waited for with patience: until the deadline, and
// until the connection's bell rings. Both end when the client leaves (conn.leave) and
// when the drain cuts the connection (conn.cut). A goroutine waits; the loop never does.

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

// pause waits for d; false when nobody waits for the exchange any more. The caller has
// seen that the deadline allows it.
func (x *exchange) pause(d time.Duration) bool {
	return socket.Await(x.patience(socket.After(socket.Nanos(), d)), nil) == socket.ErrLate //nolint:errorlint // unwrapped
}
