package attempt

import (
	"fmt"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// leaser takes connections from a HostClient and gives them back. The
// type HostClient.AcquireConn returns is not exported, so it is captured by
// inference and kept in reuse.lease, a pointer in an interface: no allocation.
type leaser interface {
	// take returns an idle connection (shelf) or a fresh one; dialing is bounded by the
	// HostClient's dialer, and their number by its MaxConns.
	take(hc *fasthttp.HostClient) (*socket.Conn, error)
	// put returns a connection that may carry another request.
	put(hc *fasthttp.HostClient, c *socket.Conn)
	// drop closes a connection.
	drop(hc *fasthttp.HostClient, c *socket.Conn)
}

type lessor[L interface{ Conn() net.Conn }] struct {
	acquire func(*fasthttp.HostClient, time.Duration, bool) (L, error)
	discard func(*fasthttp.HostClient, L)
}

func newLeaser[L interface{ Conn() net.Conn }](
	acquire func(*fasthttp.HostClient, time.Duration, bool) (L, error),
	discard func(*fasthttp.HostClient, L),
) leaser {
	return &lessor[L]{acquire: acquire, discard: discard}
}

var leases = newLeaser((*fasthttp.HostClient).AcquireConn, (*fasthttp.HostClient).CloseConn)

// take asks the HostClient as for a connection that is closed after its request, which
// is the one way in which it starts no sweeper of its own: the shelf has one.
func (s *lessor[L]) take(hc *fasthttp.HostClient) (*socket.Conn, error) {
	if c := linkOf(hc).shelf.pop(); c != nil {
		reuseOf(c).shelved = false
		return c, nil
	}
	l, err := s.acquire(hc, 0, true)
	if err != nil {
		return nil, err
	}
	c, ok := l.Conn().(*socket.Conn)
	if !ok {
		s.discard(hc, l)
		return nil, fmt.Errorf("cannot use connection of backend %q: its dialer made a %T", hc.Addr, l.Conn())
	}
	reuseOf(c).lease = l
	return c, nil
}

func (s *lessor[L]) put(hc *fasthttp.HostClient, c *socket.Conn) {
	r := reuseOf(c)
	if r.shelved || r.lease == nil {
		panic("BUG: connection given back that was not taken")
	}
	r.shelved = true
	k := linkOf(hc)
	k.shelf.push(shelved{c, r.IdleNanos()}, k.clients.Options.connections.Idle)
}

func (s *lessor[L]) drop(hc *fasthttp.HostClient, c *socket.Conn) { s.discard(hc, s.leaseOf(c)) }

func (s *lessor[L]) leaseOf(c *socket.Conn) L {
	r := reuseOf(c)
	l, ok := r.lease.(L)
	if !ok {
		panic("BUG: connection given back that was not taken")
	}
	r.lease = nil
	return l
}
