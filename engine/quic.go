package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/isame-lb/isame-lb/engine/http2"
	"github.com/isame-lb/isame-lb/engine/http3"
	"github.com/isame-lb/isame-lb/engine/http3/errcode"
	"github.com/isame-lb/isame-lb/engine/limit"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/packets"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// quicPort is the UDP side of a listener with http3: one socket, whose connections go
// to the shards by turns. It may come and go while the listener stays.
type quicPort struct {
	engine    *Engine
	ln        *listener
	at        netip.AddrPort
	socket    *packets.Socket // nil until it is taken: see take
	transport *quic.Transport
	from      *quic.Listener
	ended     chan struct{} // closed when nothing is accepted any more; nil before
	stopped   chan struct{} // closed by stop
	stopOnce  sync.Once
	using     sync.Mutex // guards socket, transport and from until the port is taken
	turn      atomic.Uint32
	sessions  atomic.Int64 // that have not ended
	attempts  limit.Rate   // of handshakes that begin
	begun     atomic.Int64 // connections that have not ended, and handshakes
	handed    atomic.Bool  // the next process reads the socket
}

// openQUIC binds the UDP port of l, or takes it over from the process before or from a
// supervisor; it does not answer yet. One that somebody else has, as a process does that drains and was not asked
// to hand over, is taken later: clients are served over TCP meanwhile.
func (e *Engine) openQUIC(name string, l *listener) (*quicPort, error) {
	at, err := netip.ParseAddrPort(l.Addr())
	p := &quicPort{engine: e, ln: l, at: at, stopped: make(chan struct{})}
	if err == nil {
		p.socket, err = packets.Inherit(e.handedPackets(l))
	}
	if err == nil && p.socket == nil {
		p.socket, err = packets.Listen(at)
	}
	if p.socket != nil {
		p.socket.Count(&l.packets)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		e.log.Warn().Str("listener", name).Stringer("address", at).
			Msg("the UDP port of http3 is in use by another process (ss -lnup shows which): it is taken when it is free, and announced then")
	case err != nil:
		return nil, fmt.Errorf("listeners.%s.http3: cannot listen on UDP %q: %w", name, l.Addr(), err)
	}
	return p, nil
}

// handedPackets is the UDP port of l as somebody else has opened it; nothing where nobody has.
func (e *Engine) handedPackets(l *listener) []socket.Part {
	if parts := e.heritage.TakeParts(socket.PacketsKey(l.key)); len(parts) > 0 {
		return parts
	}
	if fd, ok := e.heritage.TakePackets(l.Addr()); ok {
		return packets.Given(fd)
	}
	return nil
}

// take binds the port, unless that was done, and begins to answer handshakes. Nothing
// else uses p until it has.
func (p *quicPort) take() error {
	p.using.Lock()
	defer p.using.Unlock()
	select {
	case <-p.stopped:
		return net.ErrClosed
	default:
	}
	if p.socket == nil {
		bound, err := packets.Listen(p.at)
		if err != nil {
			return err
		}
		bound.Count(&p.ln.packets)
		p.socket = bound
	}
	if p.transport == nil {
		keys := p.socket.Keys()
		p.transport = &quic.Transport{
			Conn: p.socket, VerifySourceAddress: p.doubts, ConnContext: p.count,
			ConnectionIDGenerator: p.socket.IDs(), StatelessResetKey: &keys.Reset, TokenGeneratorKey: &keys.Token,
		}
	}
	from, err := p.transport.Listen(p.tlsConfig(), p.quicConfig())
	p.from = from
	return err //nolint:wrapcheck // likewise
}

// attemptsMax is how many handshakes may begin in a second before clients have to show
// that they are where they say, which costs them a round trip (RFC 9000 section 8.1.2):
// who lies cannot make us work for it.
const attemptsMax = 200

// doubts counts a handshake, and reports that its client has to show where it is.
func (p *quicPort) doubts(net.Addr) (high bool) {
	safely.Do("QUIC address", func() { high = p.attempts.Count(socket.Nanos()) > attemptsMax }, nil)
	return high
}

// count has begun be right: the context of a connection ends with it, also where its
// handshake fails.
func (p *quicPort) count(ctx context.Context, _ *quic.ClientInfo) (context.Context, error) {
	p.begun.Add(1)
	done := &greeting{}
	safely.AfterDone(ctx, "QUIC count", func() {
		p.begun.Add(-1)
		p.noteEnd(done)
	})
	return context.WithValue(ctx, greetingKey{}, done), nil
}

// greeting is how far a handshake over QUIC has come. The library tells nobody how one ends
// that leads to nothing.
type greeting struct {
	over    atomic.Bool // there are keys, and the connection was accepted
	unknown atomic.Bool // it was refused for the name that it asks for, and counted
}

// greetingKey is that of the greeting in the context of a connection.
type greetingKey struct{}

// noteEnd counts a connection that has ended before its handshake had. Those that ended as we
// ended the port have not failed.
func (p *quicPort) noteEnd(g *greeting) {
	if g.over.Load() || g.unknown.Load() || p.isStopped() {
		return
	}
	if l := p.engine.table.Load().listener(p.ln.slot); l != nil {
		l.stats.Failed[observe.FailureQUIC].Add(0, 1)
	}
}

func (p *quicPort) isStopped() bool {
	select {
	case <-p.stopped:
		return true
	default:
		return false
	}
}

// Pauses between two looks at a port that somebody else has.
const (
	takePauseFirst = 50 * time.Millisecond
	takePauseLast  = 2 * time.Second
)

// await takes the port once it is free; false: stop came first.
func (p *quicPort) await() bool {
	for pause := takePauseFirst; p.from == nil; pause = min(2*pause, takePauseLast) {
		t := time.NewTimer(pause)
		select {
		case <-p.stopped:
			t.Stop()
			return false
		case <-t.C:
		}
		if p.take() == nil {
			p.engine.log.Info().Stringer("address", p.at).Msg("the UDP port of http3 is free, and taken")
		}
	}
	return true
}

// tlsConfig answers every handshake with the current generation's certificates.
func (p *quicPort) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, // QUIC has no other
		NextProtos: []string{http3.Protocol},
		GetConfigForClient: caught("QUIC keys", func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			l := p.engine.table.Load().listener(p.ln.slot)
			switch {
			case l == nil:
				return nil, errNoListener
			case l.tls == nil:
				return nil, errNoTLS
			}
			t, refused := l.tls.terms.Handshake(hello)
			if refused {
				l.stats.Failed[observe.FailureUnknownSNI].Add(0, 1)
				if g, ok := hello.Context().Value(greetingKey{}).(*greeting); ok {
					g.unknown.Store(true)
				}
			}
			return t.QUIC, nil
		}),
	}
}

// quicIdleFloor is the least time after which a client that says nothing at all is taken
// for gone. It is asked in the middle of it.
const quicIdleFloor = 10 * time.Second

// quicConfig is how QUIC is spoken; the idle time is that of the generation which a
// connection begins in. That one only finds clients that have gone: one that is there
// and asks nothing is closed by its session.
func (p *quicPort) quicConfig() *quic.Config {
	c := &quic.Config{
		MaxIncomingStreams: http3.StreamsMax, MaxIncomingUniStreams: http3.UniStreamsMax,
		RequireStreamCreditRelease: true, // a stream that was reset counts until its exchange has ended
		InitialStreamReceiveWindow: http3.StreamWindow, MaxStreamReceiveWindow: http3.StreamWindow,
		InitialConnectionReceiveWindow: http3.SessionWindow, MaxConnectionReceiveWindow: http3.SessionWindow,
		Allow0RTT: false, // what can be replayed would be a request
	}
	c.GetConfigForClient = caught("QUIC limits", func(*quic.ClientInfo) (*quic.Config, error) {
		l := p.engine.table.Load().listener(p.ln.slot)
		if l == nil {
			return nil, errNoListener
		}
		own := c.Clone()
		own.GetConfigForClient = nil
		own.HandshakeIdleTimeout = l.header // 0 is the library's own limit
		own.MaxIdleTimeout = max(l.idle, quicIdleFloor)
		if l.idle == 0 {
			own.MaxIdleTimeout = time.Minute
		}
		own.KeepAlivePeriod = own.MaxIdleTimeout / 2
		return own, nil
	})
	return c
}

// accept takes connections in its own goroutine until stop.
func (p *quicPort) accept() {
	p.ended = make(chan struct{})
	if p.from != nil {
		p.ln.overUDP.Store(true)
	}
	p.acceptAnew()
}

// acceptAnew begins accepting, also after a bug: one connection was lost, others still
// come.
func (p *quicPort) acceptAnew() {
	safely.New("accept", func() {
		if p.await() {
			p.ln.overUDP.Store(true)
			for p.acceptOne(context.Background()) {
			}
		}
		close(p.ended)
	}, func() {
		p.engine.wait(acceptPauseFirst)
		p.acceptAnew()
	}).Go()
}

// acceptOne takes one connection; false: there are no more.
func (p *quicPort) acceptOne(ctx context.Context) bool {
	q, err := p.from.Accept(ctx)
	if err != nil {
		if !errors.Is(err, quic.ErrServerClosed) {
			p.engine.log.Error().Err(err).Str("address", p.ln.address).Msg("accepting over UDP ended")
		}
		return false
	}
	if g, ok := q.Context().Value(greetingKey{}).(*greeting); ok {
		g.over.Store(true)
	}
	safely.Do("admit", func() { p.admit(q) }, func() {
		_ = q.CloseWithError(quic.ApplicationErrorCode(errcode.Internal), "")
	})
	return true
}

// admit makes a conn of a connection, or refuses it.
func (p *quicPort) admit(q *quic.Conn) {
	shards := p.ln.shards
	s := shards[int(p.turn.Add(1)%uint32(len(shards)))]
	policy := p.engine.table.Load().listener(p.ln.slot)
	if policy == nil || s.draining.Load() && !p.handed.Load() { // one that began before the handover is served
		_ = q.CloseWithError(quic.ApplicationErrorCode(errcode.None), "")
		return
	}
	session := &http3.Session{}
	c := newConn(s, &session.Conn, addrOf(q.RemoteAddr()))
	if r := s.overLimit(c, policy); r != nil {
		policy.stats.HTTP3Errors.Add(s.index, errcode.ExcessiveLoad)
		s.endedEarly(r)
		_ = q.CloseWithError(quic.ApplicationErrorCode(errcode.ExcessiveLoad), r.End.Word())
		return
	}
	c.quic, c.port = session, p
	c.sni = q.ConnectionState().TLS.ServerName
	c.state.Store(stateSession)
	session.Begin(q, s.loop, (*quicHost)(c), http3.Options{
		HeaderBytes: policy.headerBytesMax, Header: policy.header, Idle: policy.idle, Write: policy.write,
	})
	p.sessions.Add(1)
	policy.stats.Accepted.Add(s.index, 1)
	state := q.ConnectionState().TLS
	policy.stats.Handshakes.Add(s.index, &state)
	s.add(c)
	if c.mayLeave() { // the drain may have passed this one by
		c.leaveSession.Store(true)
	}
	c.Hand(c, true)
	safely.New("session", session.Run, session.Broken).Go()
}

func addrOf(a net.Addr) netip.Addr {
	if u, ok := a.(*net.UDPAddr); ok {
		return u.AddrPort().Addr()
	}
	return netip.Addr{}
}

// stop ends accepting, and waiting for the port; connections go on.
func (p *quicPort) stop() {
	p.stopOnce.Do(func() {
		close(p.stopped)
		p.ln.overUDP.Store(false)
	})
	p.using.Lock()
	defer p.using.Unlock()
	if p.from != nil {
		_ = p.from.Close()
	}
}

// handover is what the next process needs of the port; nothing where it was not taken.
func (p *quicPort) handover() ([]socket.Part, error) {
	p.using.Lock()
	defer p.using.Unlock()
	if p.from == nil {
		return nil, nil
	}
	return p.socket.Handover()
}

// retain says that there is no next process.
func (p *quicPort) retain() {
	p.using.Lock()
	defer p.using.Unlock()
	if p.socket != nil {
		p.socket.Retain()
	}
}

// unfinished counts handshakes that end here although another process has the port: their
// clients would not be heard there.
func (p *quicPort) unfinished() int64 {
	if !p.handed.Load() {
		return 0
	}
	return max(0, p.begun.Load()-p.sessions.Load())
}

// give leaves the socket to the next process. Handshakes that have begun here end here, and
// connections go on: their packets come by way of that process.
func (p *quicPort) give() {
	p.using.Lock()
	defer p.using.Unlock()
	p.handed.Store(true)
	if p.socket != nil {
		p.socket.Give()
	}
}

// releaseWait is how long connections that were cut may take to tell their clients.
const releaseWait = time.Second

// release closes the socket, and whatever is left.
func (p *quicPort) release() {
	p.stop()
	for by := time.Now().Add(releaseWait); p.sessions.Load() > 0 && time.Now().Before(by); {
		if !p.engine.wait(drainPoll) {
			break
		}
	}
	p.using.Lock()
	if p.transport != nil {
		_ = p.transport.Close()
	}
	if p.socket != nil {
		_ = p.socket.Close()
	}
	p.using.Unlock()
	if p.ended != nil {
		<-p.ended
	}
}

// retire drains a port whose listener stays.
func (p *quicPort) retire(ctx context.Context) {
	each := func(f func(*conn)) {
		for _, s := range p.ln.shards {
			s.eachOf(p, f)
		}
	}
	each(func(c *conn) {
		c.leaveSession.Store(true)
		c.Again()
	})
	leave := time.NewTimer(untilGoodbye(ctx))
	defer leave.Stop()
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for p.sessions.Load() > 0 {
		select {
		case <-ctx.Done():
			each((*conn).cut)
			return
		case <-leave.C:
			each(func(c *conn) {
				c.leaveTunnel.Store(true)
				c.Again()
			})
		case <-tick.C:
		}
	}
}

// eachOf calls f for the connections of a port.
func (s *shard) eachOf(p *quicPort, f func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.mu.first; c != nil; c = c.next {
		if c.port == p {
			f(c)
		}
	}
}

// quicHost is a conn as the host of a session of HTTP/3.
type quicHost conn

// Open is called by the session: a stream begins.
func (h *quicHost) Open(st *http3.Stream) {
	of := &conn{Conn: &st.Conn, stream: st, refused: st.Refusal, via: via30}
	st.Host = of
	(*conn)(h).openStream(of)
}

// Failed is called by the session: an error was sent to the client.
func (h *quicHost) Failed(code errcode.Code) {
	if p := (*conn)(h).policy(); p != nil {
		p.stats.HTTP3Errors.Add(h.shard.index, code)
	}
}

// Closed is called by the session when it is over.
func (h *quicHost) Closed() {
	c := (*conn)(h)
	c.quic = nil
	c.port.sessions.Add(-1)
	c.end()
}

// quicTurn is Ready for a session of HTTP/3.
func (c *conn) quicTurn() {
	if c.leaveSession.Load() {
		c.quic.Drain(c.leaveIdle.Load())
	}
	if c.leaveTunnel.Swap(false) {
		c.quic.Each(func(st *http3.Stream) { leaveTunnel(st.Host) })
	}
	c.quic.Ready()
}

var (
	_ clientStream = (*http2.Stream)(nil)
	_ clientStream = (*http3.Stream)(nil)
)
