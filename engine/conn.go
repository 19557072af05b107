package engine

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/engine/certs"
	"github.com/isame-lb/isame-lb/engine/http2"
	"github.com/isame-lb/isame-lb/engine/http3"
	"github.com/isame-lb/isame-lb/engine/observe"
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
	subject   *string      // of that certificate, likewise
	countedIP bool
	over      bool     // its exchange has ended in a goroutine, and the loop is to end it
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
	leaveIdle    atomic.Bool                 // or the connection itself, unless a request has come, and its session even if it is new
	// acceptedNanos is when it was; 0 once its first byte has come.
	acceptedNanos int64
	lot           uint8        // when that is, among all: see departure; drawn before anybody else has the connection
	running       atomic.Int32 // exchanges of its session
	left          atomic.Bool  // the client has gone, and nobody needs the answer
	cutOff        atomic.Bool  // by the drain, whatever it looks like
	leaveBy       atomic.Int64 // it has ended its half: left if the backend says nothing until then; 0 is not
	graced        atomic.Bool  // a timer will look at leaveBy
}

func newConn(s *shard, sock *socket.Conn, peer netip.Addr) *conn {
	c := &conn{Conn: sock, shard: s}
	if peer.IsValid() {
		c.setPeer(peer)
	}
	return c
}

// end closes the connection; the loop calls it once.
func (c *conn) end() {
	c.close()
	if c.stream != nil {
		c.stream.Recycle()
	}
}

// endElsewhere is end for a goroutine: the memory of a stream of HTTP/2 belongs to its loop, which ends it.
func (c *conn) endElsewhere() {
	if _, recycles := c.stream.(*http2.Stream); !recycles {
		c.close()
		return
	}
	c.over = true
	c.SetReadBy(0)
	c.Hand(c, true)
}

// close is end for a goroutine that owns the connection.
func (c *conn) close() {
	if c.ended { // the end of one that has met a bug, maybe in the middle of this
		return
	}
	c.ended = true
	defer c.leaveShard()             // these two also where a bug is met before
	defer func() { _ = c.Close() }() // nothing is left to be lost
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

var schemeHTTP, schemeHTTPS = []byte("http"), []byte("https")

// scheme is what the client speaks.
func (c *conn) scheme() []byte {
	if c.Secure() {
		return schemeHTTPS
	}
	return schemeHTTP
}

// preamble is what a client's connection still has to say before its first
// request. All of it must come within timeouts.header of the connection's
// beginning. Until then the connection counts as idle.
type preamble uint8

const (
	preambleNone  preamble = iota
	preambleProxy          // a PROXY header, which may or must come
	preambleTLS            // a TLS handshake
)

// clientStream is a stream of HTTP/2 or HTTP/3, that a conn may be made of.
type clientStream interface {
	// Recycle gives the memory of a stream back whose exchange has ended.
	Recycle()
	// IsTunnel reports an extended CONNECT.
	IsTunnel() bool
	// Accepts reports that a Sec-WebSocket-Accept belongs to the key that we have
	// made for the client, which cannot check it.
	Accepts(answer []byte) bool
}

// clientLines is what backends are told of the certificate of a connection's
// client. It is rendered at the first request, and again when a generation asks
// for other fields: a head of 1 KiB of base64 costs a microsecond or two.
type clientLines struct {
	of   *certs.ClientFields
	text []byte
}

// failed counts a connection that ends before its first request, and says so.
func (c *conn) failed(policy *listenerPolicy, why observe.Failure, err error) turn {
	c.shard.engine.connFailed(c, policy, why, err)
	return turnEnd
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

// firstByte counts how long the connection was silent since it was accepted. Streams and
// connections over QUIC were not.
func (c *conn) firstByte(nowNanos int64) {
	c.shard.engine.registry.Phases.Add(c.shard.index, observe.PhaseAccept, nowNanos-c.acceptedNanos)
	c.acceptedNanos = 0
}

// deadline is start plus a limit; 0, no limit, stays 0.
func deadline(startNanos int64, limit time.Duration) int64 {
	if limit <= 0 {
		return 0
	}
	return socket.After(startNanos, limit)
}

// setPeer says who the client is: the peer of the socket, or whom a proxy in
// front named.
func (c *conn) setPeer(ip netip.Addr) {
	c.ip = ip.Unmap().WithZone("") // networks have no zones
	c.peer = c.ip.String()
}

// unknownPeer stands for the client of a unix socket (RFC 7239 section 6.2).
const unknownPeer = "unknown"

// peerName is the peer's address as text.
func (c *conn) peerName() string {
	if c.peer == "" {
		return unknownPeer
	}
	return c.peer
}

// The pseudonym in Via (RFC 9110 section 7.6.3).
const (
	via11 = "Via: 1.1 isame\r\n"
	via10 = "Via: 1.0 isame\r\n"
	via20 = "Via: 2.0 isame\r\n"
	via30 = "Via: 3.0 isame\r\n"
)
