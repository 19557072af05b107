package attempt

import (
	"context"
	"errors"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// takePooled takes a connection of hc's pool, or answers errWouldDial: an errand of its own
// costs 2 us, and in most cases there is one.
func (k *link) takePooled(hc *fasthttp.HostClient) (*socket.Conn, error) {
	k.noDial.Add(1)
	defer k.noDial.Add(-1)
	return leases.take(hc)
}

// fetchPooled takes a connection of hc's pool, or dials one for it.
func (k *link) fetchPooled(hc *fasthttp.HostClient, p socket.Patience) (*socket.Conn, error) {
	return k.clients.errands.Fetch(p, false, func(context.Context) (*socket.Conn, error) {
		for {
			c, err := leases.take(hc)
			if !errors.Is(err, errWouldDial) {
				return c, err
			} // else somebody has asked at the same moment who does not wait
		}
	}, func(c *socket.Conn) { k.keepUnused(hc, c) })
}

// fetchSingle dials a connection outside the pool: see dialSingle.
func (k *link) fetchSingle(hc *fasthttp.HostClient, client wire.ProxyHeader, p socket.Patience) (*socket.Conn, error) {
	return k.clients.errands.Fetch(p, true, func(ctx context.Context) (*socket.Conn, error) {
		return k.dialSingle(ctx, hc, &client)
	}, k.endSingle)
}

// keepUnused gives a connection that nobody waited for to the pool. From there on it is
// like one that was used: the backend may close it at any time. One that came from the
// pool goes back as it is: the loop may have closed it in the meantime.
func (k *link) keepUnused(hc *fasthttp.HostClient, c *socket.Conn) {
	r := reuseOf(c)
	if r.used {
		leases.put(hc, c)
		return
	}
	r.used = true
	if c.Rest(socket.Nanos()) {
		leases.put(hc, c)
		return
	}
	leases.drop(hc, c)
}
