package engine

import (
	"errors"
	"io"
	"net/netip"

	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
	"github.com/isame-lb/isame-lb/pool/wire"
)

// introduce reads what comes before the first request: in the loop, but for the
// handshake, which has a goroutine from the client's first byte to its end.
func (c *conn) introduce() turn {
	policy := c.policy()
	if policy == nil {
		return turnEnd
	}
	if c.preamble == preambleProxy {
		if t := c.readProxyHeader(policy); t != turnAgain {
			return t
		}
		c.preamble = policy.afterProxy()
	}
	if c.preamble != preambleTLS {
		return turnAgain
	}
	if policy.tls == nil {
		return turnEnd // the listener has changed meanwhile
	}
	if c.in.Len() == 0 {
		if t := c.readFirst(); t != turnAgain {
			return t
		}
	}
	c.state.Store(stateHandshake)
	c.Take()
	safely.New("handshake", func() { c.handshake(policy) }, c.close).Go()
	return turnTaken
}

// readProxyHeader goes on with the PROXY header; turnAgain is its end, or that
// there is none and need not be one.
func (c *conn) readProxyHeader(policy *listenerPolicy) turn {
	for {
		var h wire.ProxyHeader
		n, err := h.Parse(c.in.Bytes())
		switch {
		case n > 0:
			c.in.Discard(n)
			if h.Source.IsValid() {
				c.setPeer(h.Source.Addr())
				c.named = &wire.ProxyHeader{Source: h.Source, Destination: h.Destination} // h stays on the stack
			}
			return c.countPeer(policy)
		case errors.Is(err, wire.ErrNotProxyHeader) && !policy.proxy.Require:
			return c.countPeer(policy)
		case err != nil:
			return c.failed(policy, observe.FailureProxyHeader, inWords(err))
		}
		leaving := c.leaveIdle.Load()
		if leaving {
			c.Suspect()
		}
		_, err = c.in.ReadFrom(c.Conn, wire.ProxyHeaderBytesMax)
		switch {
		case err == nil:
		case errors.Is(err, socket.ErrWouldBlock) && leaving:
			return turnEnd
		case errors.Is(err, socket.ErrWouldBlock):
			return turnWait
		case c.in.Len() == 0 && errors.Is(err, io.EOF):
			return turnEnd // somebody looks whether we listen
		default:
			return c.failed(policy, observe.FailureProxyHeader, err)
		}
	}
}

// What the log says of PROXY headers that are refused.
var (
	errBadProxyHeader = errors.New("the PROXY header is malformed")
	errNoProxyHeader  = errors.New("the connection does not begin with a PROXY header")
)

// inWords is what the log says of a refusal of a PROXY header.
func inWords(err error) error {
	switch {
	case errors.Is(err, wire.ErrBadProxyHeader):
		return errBadProxyHeader
	case errors.Is(err, wire.ErrNotProxyHeader):
		return errNoProxyHeader
	}
	return err
}

// countPeer applies the limits of connections of one address, once the address
// is known.
func (c *conn) countPeer(policy *listenerPolicy) turn {
	if r := c.shard.overPeerLimit(c, policy); r != nil {
		c.shard.sayRefused(c, policy, r)
		return turnEnd
	}
	return turnAgain
}

func (c *conn) localAddr() []byte {
	return []byte(c.LocalAddr().String()) // HTTP/1.0 without Host only
}

// announced is the client's connection as backends are told of it: from where it
// came, and to where. That is what a proxy in front said of it, or the socket.
// X-Forwarded-For plays no part: a PROXY header speaks of connections, and the
// field of requests. A unix socket's peer has no address, and is nobody known.
func (c *conn) announced() wire.ProxyHeader {
	if c.named != nil {
		return *c.named
	}
	from, fromOK := c.RemoteAddr().(addrPort)
	to, toOK := c.LocalAddr().(addrPort)
	if !fromOK || !toOK {
		return wire.ProxyHeader{}
	}
	return wire.ProxyHeader{Source: from.AddrPort(), Destination: to.AddrPort()}
}

// addrPort is an address of TCP or of UDP.
type addrPort interface{ AddrPort() netip.AddrPort }
