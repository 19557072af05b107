package engine

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/engine/http2"
	"github.com/isame-lb/isame-lb/engine/http3"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// States of a conn, as others may see it.
const (
	stateIdle      int32 = iota // waits for a request
	stateHandshake              // of TLS: a goroutine has it
	stateActive                 // inside an exchange
	stateTunnel                 // switched to another protocol
	stateSession                // speaks HTTP/2 or HTTP/3
)

// Lingering: for how long what the client still sends is read and dropped after an
// early answer, so that the answer is not lost to a reset: not longer than lingerTime
// without a byte, nor when what comes is below lingerRate, nor than lingerMax in all.
// Most clients look at the answer only when they have sent all of their body, or when
// sending fails: a bound in bytes loses the answer to large uploads.
const (
	lingerTime = 2 * time.Second
	lingerRate = 4 << 10 // bytes a second
	lingerMax  = 30 * time.Second
)

// turnsMax is how many pipelined exchanges of one connection are carried before
// the other connections of the loop have their turn.
const turnsMax = 16

// conn is one client connection. The shard's loop owns it while nothing has to
// be waited for, or only one of the two sockets; an exchange that needs more
// (a dial, a long body, a retry, a client that reads slowly) takes it to a
// goroutine and gives it back. next and prev belong to the shard. While it is
// idle it holds neither buffer nor exchange nor goroutine.
type conn struct {
	*socket.Conn

	shard   *shard
	in      socket.Buffer  // bytes read from the client and not consumed
	x       *exchange      // under way; nil while the connection is idle
	session *http2.Session // nil unless it speaks HTTP/2
	quic    *http3.Session // nil unless it speaks HTTP/3
	port    *quicPort      // where it came in then
	stream  clientStream   // what it is, where it is not a socket
	refused error          // why the request of the stream is refused unread
	via     string         // what backends are told of the stream's protocol
	parent  *conn          // the connection of the stream
	tunnel  *tunnel        // what the last exchange has become; then there are no more

	ip        netip.Addr   // the client's address, as setPeer says; invalid on a unix socket
	peer      string       // the same as text
	sni       string       // the name the client asked for in its TLS handshake
	client    *clientLines // about its certificate; nil until a request needs them
	countedIP bool
	ended     bool     // close was called
	served    bool     // an exchange is behind it
	waiting   bool     // for a request, until the moment that beginWait has set
	preamble  preamble // what must come before the first request

	named *wire.ProxyHeader // its two ends, by a proxy in front; nil where the socket says them

	next, prev *conn
	state      atomic.Int32
	// backend is set while an attempt is open. Whoever takes it out may abort
	// it; an attempt that finds it taken must not keep its connection.
	backend      atomic.Pointer[socket.Conn]
	bell         atomic.Pointer[socket.Bell] // ends its waits for what is no socket of its own; nil before the first
	leaveTunnel  atomic.Bool                 // the drain asks its tunnel, or those of its streams, to end
	leaveSession atomic.Bool                 // and its session
	leaveIdle    atomic.Bool                 // or the connection itself, unless a request has come
	lot          uint8                       // when that is, among all: see departure; under the shard's mu
	running      atomic.Int32                // exchanges of its session
	left         atomic.Bool                 // the client has gone, and nobody needs the answer
	cutOff       atomic.Bool                 // by the drain, whatever it looks like
	leaveBy      atomic.Int64                // it has ended its half: left if the backend says nothing until then; 0 is not
	graced       atomic.Bool                 // a timer will look at leaveBy
}

func newConn(s *shard, sock *socket.Conn, peer netip.Addr) *conn {
	c := &conn{Conn: sock, shard: s}
	if peer.IsValid() {
		c.setPeer(peer)
	}
	return c
}

// Handshake and ConnectionState make fasthttp's server ask for the protocol and
// hand the connection to serveConn: its accept loop and worker pool are what we
// use of it. Its own exchange loop costs one header parse, one rendering of a
// response and four deadline calls a request more.
func (c *conn) Handshake() error { return nil }

// ConnectionState names our own loop as the negotiated protocol.
func (c *conn) ConnectionState() tls.ConnectionState {
	return tls.ConnectionState{NegotiatedProtocol: ownLoop}
}

// Close is called by fasthttp's worker when serveConn has returned, which is
// when the connection begins to live: end closes it.
func (c *conn) Close() error { return nil }

// serveConn gives the connection to its loop.
func serveConn(nc net.Conn) error {
	c, ok := nc.(*conn)
	if !ok {
		panic("BUG: the accept loop made something that is not a conn")
	}
	defer func() {
		if safely.Caught("worker", recover()) { // the library's goroutine has no guard
			c.close()
		}
	}()
	safely.Enter("worker")
	c.beginWait(c.policy())
	c.Hand(c, false)
	return nil
}

// end closes the connection; the loop calls it once.
func (c *conn) end() {
	c.close()
	if c.stream != nil {
		c.stream.Recycle()
	}
}

// close is end for a goroutine that owns the connection.
func (c *conn) close() {
	if c.ended { // the end of one that has met a bug, maybe in the middle of this
		return
	}
	c.ended = true
	defer c.leaveShard()                  // these two also where a bug is met before
	defer func() { _ = c.Conn.Close() }() // nothing is left to be lost
	c.in.Release()
}

// leaveShard is the end of what counts the connection, or the stream.
func (c *conn) leaveShard() {
	if c.stream == nil {
		c.shard.remove(c)
		return
	}
	c.parent.running.Add(-1)
	c.shard.ln.streams.Add(-1)
}

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

// cut ends the connection from outside at whatever point it is.
func (c *conn) cut() {
	c.cutOff.Store(true) // first: who sees that the connection has ended asks why
	c.Abort()            // first: who wakes from the other must see it
	c.endWaits()
}

// endWaits ends whatever the exchange waits for. What makes nobodyWaits true comes
// first: who begins to wait later looks at that.
func (c *conn) endWaits() {
	c.abortBackend()
	if b := c.bell.Load(); b != nil {
		b.Ring()
	}
}

// wasCut reports that we have ended the connection, or that of the stream, and not
// its client.
func (c *conn) wasCut() bool { return c.cutOff.Load() || c.parent != nil && c.parent.cutOff.Load() }

func (c *conn) abortBackend() {
	if b := c.backend.Swap(nil); b != nil {
		b.Abort()
	}
}

// turn is how one step of a connection ended.
type turn uint8

const (
	turnAgain  turn = iota // an exchange is finished, and the next may be here
	turnWait               // the loop calls again
	turnTaken              // a goroutine has it
	turnEnd                // the connection has to be closed
	turnTunnel             // a tunnel begins
)

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

// beginWait sets until when the next request may begin, once for each wait.
func (c *conn) beginWait(policy *listenerPolicy) {
	if c.waiting || policy == nil {
		return
	}
	wait := policy.idle
	if !c.served {
		wait = policy.header
	}
	c.waiting = true
	c.SetReadBy(deadline(socket.Nanos(), wait))
	c.in.Sized(policy.headerBytesMax)
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

// readFirst is readMore for a connection that owes nobody anything. One that has to
// leave does so when its socket itself says that nothing is there: what the loop
// was told may be older.
func (c *conn) readFirst() turn {
	leaving := c.leaveIdle.Load()
	if leaving {
		c.Suspect()
	}
	t := c.readMore()
	if leaving && t == turnWait {
		return turnEnd
	}
	return t
}

// readMore reads what the client has sent.
func (c *conn) readMore() turn {
	_, err := c.in.ReadFrom(c.Conn, roomMax)
	switch {
	case err == nil:
		return turnAgain
	case errors.Is(err, socket.ErrWouldBlock):
		return turnWait
	}
	return turnEnd
}

// after is the end of an exchange: what it held is given back.
func (c *conn) after(keep bool) turn {
	releaseExchange(c.x)
	c.x, c.served = nil, true
	c.forgetLeaving()
	if !keep {
		return turnEnd
	}
	c.state.Store(stateIdle)
	return turnAgain
}

// switched is the end of an exchange that has become a tunnel.
func (c *conn) switched() turn {
	releaseExchange(c.x)
	c.x, c.served = nil, true
	return turnTunnel
}

// policy is what the current generation says of the listener, or the last one that
// had it; nil when the listener is gone and drained.
func (c *conn) policy() *listenerPolicy {
	slot := c.shard.ln.slot
	_, p := c.shard.engine.generation(slot)
	return p
}

// linger sends the end of our side and drops what the client still sends,
// within bounds. Closing with unread bytes would make the kernel send a reset,
// which can overtake the answer (RFC 9112 section 9.6). A goroutine calls it.
func (c *conn) linger() {
	if c.CloseWrite() != nil {
		return
	}
	c.Resume()
	c.in.Discard(c.in.Len())
	c.in.Sized(roomMax)
	var pace socket.Pace
	pace.Begin(lingerTime, lingerRate)
	now := socket.Nanos()
	for last := socket.After(now, lingerMax); now < last; {
		c.SetReadBy(min(pace.By(now), last))
		n, err := c.in.ReadFrom(c.Conn, roomMax)
		if err != nil {
			return
		}
		c.in.Discard(n)
		began := now
		now = socket.Nanos()
		if !pace.Took(now-began, int64(n)) {
			return
		}
	}
}
