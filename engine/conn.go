package engine

import (
	"crypto/tls"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/isame-lb/isame-lb/pool"
)

// States of a conn. Idle to closing is taken by drain, idle to active by the
// connection's own goroutine; whoever loses the race goes the other's way.
const (
	stateIdle    int32 = iota // waits for a request
	stateActive               // inside an exchange
	stateClosing              // drained while idle
)

// Lingering: how much of what the client still sends is read and dropped after
// an early answer, so that the answer is not lost to a reset.
const (
	lingerBytesMax = 1 << 20
	lingerTime     = 2 * time.Second
)

// conn is one client connection. Its goroutine, lent by the shard's fasthttp
// worker pool, owns everything but state; next and prev belong to the shard.
// While it is idle it holds no buffer.
type conn struct {
	*pool.Conn

	shard *shard
	in    pool.Buffer // bytes read from the client and not consumed

	ip        netip.Addr // the peer's address; invalid on a unix socket
	peer      string     // the same as text
	countedIP bool
	served    bool // an exchange is behind it

	next, prev *conn
	state      atomic.Int32
	backend    atomic.Pointer[pool.Conn] // set while an attempt is open, for cut
}

func newConn(s *shard, sock *pool.Conn) *conn {
	c := &conn{Conn: sock, shard: s}
	if a, ok := sock.RemoteAddr().(*net.TCPAddr); ok {
		c.ip = a.AddrPort().Addr().Unmap()
		c.peer = c.ip.WithZone("").String()
	}
	return c
}

// Handshake and ConnectionState make fasthttp's server ask for the protocol and
// hand the connection to serveConn: its worker pool is what we use of it.
// Measured against serving through its own loop: one header parse, one response
// rendering and four deadline calls a request less.
func (c *conn) Handshake() error { return nil }

// ConnectionState names our own loop as the negotiated protocol.
func (c *conn) ConnectionState() tls.ConnectionState {
	return tls.ConnectionState{NegotiatedProtocol: ownLoop}
}

// Close is called by fasthttp's worker when serveConn has returned.
func (c *conn) Close() error {
	c.in.Release()
	c.shard.remove(c)
	return c.Conn.Close() //nolint:wrapcheck // fasthttp's worker reads it
}

// cut ends the connection from outside at whatever point it is.
func (c *conn) cut() {
	if b := c.backend.Load(); b != nil {
		b.Abort()
	}
	c.Abort()
}

// serveConn is the keep-alive loop: one turn is one exchange. Pipelined
// requests wait in c.in and are answered in order.
func serveConn(nc net.Conn) error {
	c, ok := nc.(*conn)
	if !ok {
		panic("BUG: the accept loop made something that is not a conn")
	}
	for c.awaitRequest() {
		x := acquireExchange(c)
		keep := x.serve()
		releaseExchange(x)
		c.served = true
		if !keep {
			break
		}
		c.state.Store(stateIdle)
	}
	return nil
}

// awaitRequest waits for the first byte of the next request; false ends the
// connection: the client closed it, said nothing for too long, or we drain.
func (c *conn) awaitRequest() bool {
	if c.in.Len() == 0 {
		policy := c.policy()
		if policy == nil || c.shard.draining.Load() {
			return false
		}
		wait := policy.idle
		if !c.served {
			wait = policy.header
		}
		c.SetReadBy(deadline(pool.Nanos(), wait))
		c.in.Sized(policy.headerBytesMax)
		if _, err := c.in.ReadFrom(c.Conn, roomMax); err != nil {
			return false
		}
	}
	return c.state.CompareAndSwap(stateIdle, stateActive)
}

// policy is what the current generation says of the listener; nil when it is gone.
func (c *conn) policy() *listenerPolicy {
	return c.shard.engine.table.Load().listener(c.shard.ln.slot)
}

// linger sends the end of our side and drops what the client still sends,
// within bounds. Closing with unread bytes would make the kernel send a reset,
// which can overtake the answer (RFC 9112 section 9.6).
func (c *conn) linger() {
	if hc, ok := c.Conn.Conn.(interface{ CloseWrite() error }); !ok || hc.CloseWrite() != nil {
		return
	}
	c.Resume()
	c.SetReadBy(pool.Nanos() + int64(lingerTime))
	c.in.Discard(c.in.Len())
	for dropped := 0; dropped < lingerBytesMax; {
		n, err := c.in.ReadFrom(c.Conn, roomMax)
		if err != nil {
			return
		}
		c.in.Discard(n)
		dropped += n
	}
}

// deadline is start plus a limit; 0, no limit, stays 0.
func deadline(startNanos int64, limit time.Duration) int64 {
	if limit <= 0 {
		return 0
	}
	return startNanos + int64(limit)
}
