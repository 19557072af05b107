package engine

import (
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/safely"
)

// turnsMax is how many pipelined exchanges of one connection are carried before
// the other connections of the loop have their turn.
const turnsMax = 16

// Crashed is called by the loop when an event of the connection has met a bug that no
// exchange has caught. A stream ends alone, and is not used again.
func (c *conn) Crashed() {
	switch {
	case c.session != nil:
		c.session.Crashed()
	case c.quic != nil:
		c.quic.Crashed()
	case c.tunnel != nil:
		c.tunnel.end(end.InternalError, c.tunnel.attempt.Conn())
	case !c.Looped(): // a goroutine has it, and finds it cut, or it has ended
		c.cut()
	default:
		defer c.close()
		if x := c.x; x != nil {
			x.crashed()
			c.after(false)
		}
	}
}

// Ready is called by the loop: bytes may be there, the client may have gone, or
// a deadline may have passed.
func (c *conn) Ready() {
	safely.Enter("event")
	switch {
	case c.session != nil:
		c.sessionTurn()
		return
	case c.quic != nil:
		c.quicTurn()
		return
	case c.tunnel != nil:
		c.tunnel.turn()
		return
	case c.over:
		c.over = false
		c.end()
		return
	}
	if c.x != nil && c.x.at != atHead {
		c.carryOn(c.x.clientEvent())
		return
	}
	c.carryOn(turnAgain)
}

// carryOn goes on after t for as long as nothing has to be waited for.
func (c *conn) carryOn(t turn) {
	for range turnsMax {
		switch t {
		case turnAgain:
			t = c.step()
		case turnWait, turnTaken, turnTunnel:
			return
		case turnEnd:
			c.end()
			return
		}
	}
	switch t {
	case turnAgain:
		c.Again()
	case turnEnd:
		c.end()
	case turnWait, turnTaken, turnTunnel:
	}
}

// step is one step of the connection in its loop.
func (c *conn) step() turn {
	if c.x == nil {
		if c.preamble != preambleNone {
			if t := c.introduce(); t != turnAgain {
				return t
			}
		}
		if c.refused == nil {
			if t := c.awaitRequest(); t != turnAgain {
				return t
			}
		}
		c.x = acquireExchange(c)
	}
	return c.x.step()
}

// awaitRequest reads the first bytes of the next request. turnEnd: the client
// closed, said nothing for too long, or has to leave in a drain.
func (c *conn) awaitRequest() turn {
	p := c.policy()
	if c.in.Len() == 0 {
		if p == nil {
			return turnEnd
		}
		c.beginWait(p)
		if t := c.readFirst(); t != turnAgain {
			return t
		}
	}
	if p != nil && p.h2c {
		for yes, sure := c.speaksHTTP2(p); yes || !sure; yes, sure = c.speaksHTTP2(p) {
			if yes {
				c.beginSession(p)
				c.sessionTurn()
				return turnWait
			}
			if t := c.readMore(); t != turnAgain {
				return t
			}
		}
	}
	c.waiting = false
	c.state.Store(stateActive)
	return turnAgain
}
