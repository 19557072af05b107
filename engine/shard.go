package engine

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"

	"github.com/isame-lb/isame-lb/engine/answer"
	"github.com/isame-lb/isame-lb/engine/http2"
	"github.com/isame-lb/isame-lb/engine/observe"
	"github.com/isame-lb/isame-lb/engine/worker"
	"github.com/isame-lb/isame-lb/pool/end"
	"github.com/isame-lb/isame-lb/pool/safely"
	"github.com/isame-lb/isame-lb/pool/socket"
)

// Accepting pauses while the process is out of descriptors or memory.
const (
	acceptPauseFirst = 5 * time.Millisecond
	acceptPauseLast  = time.Second
)

// connectionsMax bounds the goroutines of one shard. The configured limits are
// far below; this one only keeps fasthttp from setting its own, lower one.
const connectionsMax = 1 << 20

// ownLoop is the protocol name under which fasthttp's server hands a connection
// to our keep-alive loop.
const ownLoop = "isame-http/1.1"

// shard is what one core serves of one listener: a socket, a fasthttp server
// whose worker pool lends the goroutines, and the set of its connections.
type shard struct {
	engine  *Engine
	ln      *listener
	index   int
	loop    *socket.Loop
	from    *socket.Acceptor
	server  *fasthttp.Server
	ended   chan struct{}
	streams *http2.Shard // of its loop
	workers *worker.Pool // of its core

	mu struct {
		sync.Mutex
		first *conn // doubly linked through conn.next and conn.prev
		count int
	}
	draining atomic.Bool
}

func newShard(e *Engine, ln *listener, index int, from *socket.Acceptor) *shard {
	s := &shard{
		engine: e, ln: ln, index: index, loop: e.loops[index], from: from, ended: make(chan struct{}),
		streams: e.streams[index], workers: e.workers[index],
	}
	s.server = &fasthttp.Server{
		Name:        "isame",
		Concurrency: connectionsMax,
		// The handler is only reached if a connection did not ask for ownLoop,
		// which acceptor makes impossible.
		Handler:               func(*fasthttp.RequestCtx) { panic("BUG: a connection bypassed the exchange loop") },
		MaxIdleWorkerDuration: 10 * time.Second,
		Logger:                serverLogger{log: e.log},
		// Deadlines, limits and parsing are ours: see conn.go.
		ReadTimeout: 0, WriteTimeout: 0, IdleTimeout: 0,
	}
	s.server.NextProto(ownLoop, serveConn)
	return s
}

// serverLogger is where fasthttp's server writes: accept and worker trouble.
type serverLogger struct{ log zerolog.Logger }

// Printf implements fasthttp.Logger.
func (l serverLogger) Printf(format string, args ...any) {
	l.log.Warn().Msg(fmt.Sprintf(format, args...))
}

// start accepts in its own goroutine until the socket is closed.
func (s *shard) start() {
	safely.New("accept", func() {
		if err := s.server.Serve(&acceptor{Acceptor: s.from, shard: s}); err != nil && !errors.Is(err, net.ErrClosed) {
			s.engine.log.Error().Err(err).Str("address", s.ln.address).Int("shard", s.index).Msg("accepting ended")
		}
		close(s.ended)
	}, s.startAnew).Go()
}

// startAnew is start after a bug: one connection was lost, others still come.
func (s *shard) startAnew() {
	s.engine.wait(acceptPauseFirst)
	s.start()
}

// acceptor turns accepted sockets into conns. It never returns a temporary
// error: fasthttp would end the accept loop on it.
type acceptor struct {
	*socket.Acceptor

	shard *shard
}

// Accept waits for a connection that may be served.
func (a *acceptor) Accept() (net.Conn, error) {
	pause := acceptPauseFirst
	for {
		sock, peer, err := a.Acceptor.Accept(a.shard.loop)
		switch {
		case err == nil:
			var c *conn
			safely.Do("admit", func() { c = a.shard.admit(sock, peer) }, func() { _ = sock.Close() })
			if c != nil {
				return c, nil
			}
			pause = acceptPauseFirst
		case errors.Is(err, net.ErrClosed):
			return nil, net.ErrClosed
		case passing(err):
		default:
			a.shard.engine.acceptPaused(a.shard.ln, err, pause)
			if !a.shard.engine.wait(pause) {
				return nil, net.ErrClosed
			}
			pause = min(2*pause, acceptPauseLast)
		}
	}
}

// passing reports an error that concerns one connection only.
func passing(err error) bool {
	return errors.Is(err, syscall.ECONNABORTED) || errors.Is(err, syscall.EINTR) || errors.Is(err, syscall.EPROTO)
}

// admit makes a conn of an accepted socket, or refuses it and returns nil.
func (s *shard) admit(sock *socket.Conn, peer netip.Addr) *conn {
	c := newConn(s, sock, peer)
	_, policy := s.engine.generation(s.ln.slot)
	if policy != nil {
		var ok bool
		if c.preamble, ok = policy.expects(c.ip); !ok {
			s.engine.connFailed(c, policy, observe.FailureProxyPeer, errProxyPeer)
			_ = c.Conn.Close()
			return nil
		}
	}
	if r := s.overLimit(c, policy); r != nil {
		s.sayRefused(c, policy, r)
		_ = c.Conn.Close()
		return nil
	}
	s.add(c)
	return c
}

// errProxyPeer is why a connection of a listener with proxy_protocol: require
// was refused.
var errProxyPeer = errors.New("the peer is not in proxy_protocol_from or trusted_proxies")

// overLimit counts c in and reports the limit it breaks, if any; then it is not
// counted.
func (s *shard) overLimit(c *conn, p *listenerPolicy) *answer.Reject {
	n := s.ln.connections.Add(1)
	if p != nil && p.connectionsMax > 0 && n > p.connectionsMax {
		s.ln.connections.Add(-1)
		return answer.Connections
	}
	if p != nil && c.preamble != preambleProxy && s.overPeerLimit(c, p) {
		s.ln.connections.Add(-1)
		return answer.ConnectionsPerIP
	}
	return nil
}

// overPeerLimit counts c for its client's address, or reports that it has as
// many connections as it may.
func (s *shard) overPeerLimit(c *conn, p *listenerPolicy) bool {
	if p.perIPMax <= 0 {
		return false
	}
	c.countedIP = s.ln.perIP.Begin(c.ip, p.perIPMax)
	return !c.countedIP
}

// sayRefused says why a connection will be closed, without waiting for anybody.
// Who is about to speak TLS would not understand.
func (s *shard) sayRefused(c *conn, p *listenerPolicy, r *answer.Reject) {
	if p != nil && p.tls != nil {
		s.endedEarly(r)
		return
	}
	c.SetWriteBy(socket.Nanos() + int64(acceptPauseFirst))
	s.sayWhy(c, r)
}

// sayWhy answers a connection that is refused before its first request, if its socket
// takes that.
func (s *shard) sayWhy(c *conn, r *answer.Reject) {
	s.endedEarly(r)
	_, _ = c.Write(r.Append(nil, answer.Options{Connection: answer.Close, Date: s.engine.date()}))
}

// endedEarly counts such a connection.
func (s *shard) endedEarly(r *answer.Reject) {
	s.engine.registry.Ends.Add(s.index, r.End, end.PhaseAccept)
}

func (s *shard) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.next = s.mu.first
	if c.next != nil {
		c.next.prev = c
	}
	s.mu.first = c
	s.mu.count++
}

// remove forgets c; called once, by conn.Close.
func (s *shard) remove(c *conn) {
	s.mu.Lock()
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.mu.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.next, c.prev = nil, nil
	s.mu.count--
	s.mu.Unlock()

	s.ln.connections.Add(-1)
	if c.countedIP {
		s.ln.perIP.End(c.ip)
	}
}

// counts returns how many connections are inside an exchange and how many wait
// for a request.
func (s *shard) counts() (active, idle int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := s.mu.first; c != nil; c = c.next {
		switch state := c.state.Load(); {
		case state == stateIdle, state == stateHandshake, state == stateSession && c.running.Load() == 0:
			idle++
		default:
			active++
		}
	}
	return active, idle
}

// connFailed counts a connection that ended before its first request, and says
// why, at most once a second.
func (e *Engine) connFailed(c *conn, policy *listenerPolicy, why observe.Failure, err error) {
	policy.stats.Failed[why].Add(c.shard.index, 1)
	if !e.failureSaid.Take(socket.Nanos()) {
		return
	}
	e.log.Warn().Err(err).Str("listener", policy.name).Str("client", c.peerName()).Str("reason", why.String()).
		Msg("a connection ended before its first request; isame_connections_failed_total counts all")
}
