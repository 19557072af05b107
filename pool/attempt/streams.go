package attempt

import (
	"context"
	"errors"

	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// speaksStreams reports that a backend may be spoken to in HTTP/2.
func speaksStreams(protocol string, secure bool) bool {
	return protocol == "h2c" || secure && (protocol == "h2" || protocol == protocolAuto)
}

// protocolAuto is the value of pools.*.protocol that leaves it to ALPN.
const protocolAuto = "auto"

// errHTTP1 is a backend that has chosen HTTP/1.1.
var errHTTP1 = errors.New("the backend has chosen HTTP/1.1")

// multiplexing is what a Multiplexer needs of the link.
func (k *link) multiplexing(hc *fasthttp.HostClient) socket.Multiplexing {
	o := &k.clients.Options
	return socket.Multiplexing{
		Loop: k.loop, Dial: func(ctx context.Context) (*socket.Conn, error) { return k.dialStreams(ctx, hc) },
		Hangup: k.endSingle, Errands: k.clients.errands,
		Connect: o.timeouts.Connect, Idle: o.connections.Idle, MaxAge: o.connections.MaxAge,
		HeaderBytes: o.headerBytes,
	}
}

// errNoHTTP1 is a backend that has learnt HTTP/2 since it was asked last.
var errNoHTTP1 = errors.New("the backend has chosen HTTP/2")

// speaksHTTP1 reports that a fresh connection is for HTTP/1.1.
func (k *link) speaksHTTP1(c *socket.Conn) bool {
	if k.clients.Options.protocol != protocolAuto || c.Protocol() != ProtocolHTTP2 {
		return true
	}
	k.clients.onlyHTTP1.Store(false)
	return false
}

// dialStreams makes a connection that speaks HTTP/2. A backend that has chosen
// HTTP/1.1, where it had the choice, is spoken to in that until it chooses anew.
func (k *link) dialStreams(ctx context.Context, hc *fasthttp.HostClient) (*socket.Conn, error) {
	c, err := k.dialSingle(ctx, hc, &wire.ProxyHeader{})
	if err != nil || !c.Secure() || c.Protocol() == ProtocolHTTP2 {
		return c, err
	}
	k.endSingle(c)
	if k.clients.Options.protocol == protocolAuto {
		k.clients.onlyHTTP1.Store(true)
	}
	return nil, errHTTP1
}
