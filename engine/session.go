package engine

import (
	"github.com/isame-lb/isame-lb/engine/http2"
	"github.com/isame-lb/isame-lb/pool/wire/frame"
)

// A connection that speaks HTTP/2 has a session, and every stream of that is a conn
// of its own: the same steps as for a connection of HTTP/1.1 carry its one exchange.
// The shard's list has the connection, not its streams. quic.go is the same for HTTP/3.

// h2 is the protocol's name in TLS (RFC 9113 section 3.2).
const h2 = "h2"

// beginSession makes the connection speak HTTP/2. Its loop owns it, or a goroutine
// that hands it over next.
func (c *conn) beginSession(p *listenerPolicy) {
	c.preamble, c.waiting = preambleNone, false
	c.state.Store(stateSession)
	if c.mayLeave() { // the drain may have passed this one by
		c.leaveSession.Store(true)
	}
	c.session = &http2.Session{}
	c.session.Begin(c.Conn, c, c.shard.streams, http2.Options{
		HeaderBytes: p.headerBytesMax, Header: p.header, Idle: p.idle, Write: p.write, BytesPerSecond: p.bytesPerSecond,
	}, c.in.Bytes())
	c.in.Release()
}

// sessionTurn is Ready for a session.
func (c *conn) sessionTurn() {
	if c.leaveSession.Load() {
		c.session.Drain(c.leaveIdle.Load())
	}
	if c.leaveTunnel.Swap(false) {
		c.session.Each(func(st *http2.Stream) {
			leaveTunnel(st.Host)
		})
	}
	if c.session != nil { // it may have ended
		c.session.Ready()
	}
}

// leaveTunnel asks the tunnel that a stream may have become to end.
func leaveTunnel(host any) {
	if of, ok := host.(*conn); ok { // it may be a tunnel, or become one yet
		of.leaveTunnel.Store(true)
		of.Again()
	}
}

// RoundEnd is called by the loop when a session has frames to write.
func (c *conn) RoundEnd() {
	if c.session != nil {
		c.session.Flush()
	}
}

// Open is called by the session: a stream begins.
func (c *conn) Open(st *http2.Stream) {
	of, ok := st.Host.(*conn)
	if !ok {
		of = &conn{Conn: &st.Conn, stream: st, via: via20}
		st.Host = of
	}
	of.refused = st.Refusal
	c.openStream(of)
}

// openStream begins the exchange of a stream of c.
func (c *conn) openStream(of *conn) {
	c.running.Add(1)
	c.shard.ln.streams.Add(1)
	of.parent = c
	of.shard, of.ip, of.peer, of.sni, of.named = c.shard, c.ip, c.peer, c.sni, c.named
	of.served, of.waiting, of.over, of.ended = false, false, false, false
	of.left.Store(false)
	of.bell.Store(nil)
	of.leaveTunnel.Store(false)
	of.state.Store(stateIdle)
	of.Wait(false)
	of.Watch(of)
	of.Arrived(true)
}

// Failed is called by the session: an error was sent to the client.
func (c *conn) Failed(code frame.Code) {
	if p := c.policy(); p != nil {
		p.stats.HTTP2Errors.Add(c.shard.index, code)
	}
}

// Closed is called by the session when it is over.
func (c *conn) Closed() {
	c.session = nil
	c.end()
}

// Prior knowledge: the first bytes of a client that speaks HTTP/2 in clear text
// without asking (RFC 9113 section 3.3). No method begins with them.
const priorKnowledge = "PRI"

// speaksHTTP2 reports that the first bytes of a connection begin HTTP/2, where the
// listener speaks that in clear text; sure is false while there are too few.
func (c *conn) speaksHTTP2(p *listenerPolicy) (yes, sure bool) {
	if !p.h2c || c.served || c.stream != nil || c.Secure() {
		return false, true
	}
	b := c.in.Bytes()
	n := min(len(b), len(priorKnowledge))
	if string(b[:n]) != priorKnowledge[:n] {
		return false, true
	}
	return n == len(priorKnowledge), n == len(priorKnowledge)
}
