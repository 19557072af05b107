package attempt

import (
	"fmt"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/socket"
)

// leaser takes connections from a HostClient's pool and gives them back. The
// type HostClient.AcquireConn returns is not exported, so it is captured by
// inference and kept in reuse.lease, a pointer in an interface: no allocation.
type leaser interface {
	// take returns a pooled or a fresh connection; dialing is bounded by the
	// HostClient's dialer.
	take(hc *fasthttp.HostClient) (*socket.Conn, error)
	// put returns a connection that may carry another request.
	put(hc *fasthttp.HostClient, c *socket.Conn)
	// drop closes a connection.
	drop(hc *fasthttp.HostClient, c *socket.Conn)
}

type lessor[L interface{ Conn() net.Conn }] struct {
	acquire func(*fasthttp.HostClient, time.Duration, bool) (L, error)
	release func(*fasthttp.HostClient, L)
	discard func(*fasthttp.HostClient, L)
}

func newLeaser[L interface{ Conn() net.Conn }](
	acquire func(*fasthttp.HostClient, time.Duration, bool) (L, error),
	release, discard func(*fasthttp.HostClient, L),
) leaser {
	return &lessor[L]{acquire: acquire, release: release, discard: discard}
}

var leases = newLeaser((*fasthttp.HostClient).AcquireConn, (*fasthttp.HostClient).ReleaseConn,
	(*fasthttp.HostClient).CloseConn)

func (s *lessor[L]) take(hc *fasthttp.HostClient) (*socket.Conn, error) {
	l, err := s.acquire(hc, 0, false)
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

func (s *lessor[L]) put(hc *fasthttp.HostClient, c *socket.Conn) { s.release(hc, s.leaseOf(c)) }

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
